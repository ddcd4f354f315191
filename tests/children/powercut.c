/*
 * A disk that forgets, for one process: what a power cut at any moment would have left.
 *
 * `kill -9` cannot see a missing fsync, because what a process has written outlives it in the
 * kernel's memory. This library, preloaded, keeps beside a folder what a disk owes it by contract
 * and no more:
 *
 *     HOLDFAST_DISK/<n>       the bytes of file n as of its last fsync
 *     HOLDFAST_DISK/names     which name is which file, as of the last fsync of the folder
 *     HOLDFAST_DISK/live      the same, as it is now
 *     HOLDFAST_DISK/count     how many fsyncs of files have returned: 8 bytes, little endian
 *
 *     write, truncate ──► noted ──── fsync(file) ────► bytes in <n>
 *     create, rename, unlink ──────── fsync(folder) ──► names
 *
 * The test fills HOLDFAST_DISK before it starts the process, kills the process, and puts together
 * what was left. HOLDFAST_FOLDER is the folder that is watched, absolute and without links; its
 * files are not in folders of their own. The real fsync is left out: the copy stands for the disk.
 *
 * HOLDFAST_LIE makes fsyncs lies, as disks and hypervisors tell them: nothing is copied, nothing is
 * counted. Of files whose names end with it; empty: of all, and of the folder. With it a test shows
 * that it can fail.
 *
 * Never closes a second descriptor of a watched file: POSIX would drop SQLite's locks with it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FILES 4096       /* ever seen by one process */
#define MAX_DESCRIPTORS 65536
#define MAX_EXTENTS 4096     /* beyond it a file is copied whole */
/* What a descriptor is, beside index + 1 of a file. Zero before anything has run. */
#define IS_NOTHING 0
#define IS_FOLDER (-1)
#define NO_FILE (-1)

typedef struct {
  off_t from, to;
} Extent;

typedef struct {
  char name[NAME_MAX + 1]; /* empty: unlinked, or replaced by a rename */
  long number;             /* its name on the disk that forgets */
  int disk;                /* descriptor of its copy there; -1 before the first fsync */
  off_t cut;               /* shortest length since the last fsync; -1: never shortened */
  int whole;               /* too many extents to remember */
  int count;
  Extent extents[MAX_EXTENTS];
} File;

static char folder[PATH_MAX], disk[PATH_MAX];
static const char *lie; /* NULL: none */
static File *files[MAX_FILES];
static int file_count;
static long next_number;
static int role_of[MAX_DESCRIPTORS];
static uint64_t *synced;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, int, off_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);

static void fail(const char *what) {
  fprintf(stderr, "powercut: %s: %s\n", what, strerror(errno));
  abort();
}

static void *next(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (found == NULL) fail(name);
  return found;
}

static void read_names(void);
static void write_names(const char *list);
static void map_count(void);

__attribute__((constructor)) static void start(void) {
  real_open = next("open64");
  real_openat = next("openat64");
  real_close = next("close");
  real_write = next("write");
  real_pwrite = next("pwrite64");
  real_writev = next("writev");
  real_pwritev = next("pwritev64");
  real_ftruncate = next("ftruncate64");
  real_fallocate = next("fallocate64");
  real_fsync = next("fsync");
  real_fdatasync = next("fdatasync");
  real_rename = next("rename");
  real_unlink = next("unlink");
  const char *folder_name = getenv("HOLDFAST_FOLDER"), *disk_name = getenv("HOLDFAST_DISK");
  if (folder_name == NULL || disk_name == NULL) return;
  snprintf(disk, sizeof disk, "%s", disk_name);
  lie = getenv("HOLDFAST_LIE");
  read_names();
  map_count();
  snprintf(folder, sizeof folder, "%s", folder_name); /* last: from here on it watches */
}

/* ---------------------------------------------------------------- names and files */

/* The part of a path that is a name in the folder; "" for the folder itself; NULL elsewhere. */
static const char *name_in_folder(const char *path) {
  size_t length = strlen(folder);
  if (length == 0 || strncmp(path, folder, length) != 0) return NULL;
  if (path[length] == '\0') return "";
  if (path[length] != '/') return NULL;
  const char *name = path + length + 1;
  return strchr(name, '/') == NULL ? name : NULL;
}

static int find_file(const char *name) {
  for (int at = 0; at < file_count; at++)
    if (strcmp(files[at]->name, name) == 0) return at;
  return NO_FILE;
}

static int add_file(const char *name, long number) {
  if (file_count == MAX_FILES) fail("too many files");
  File *file = calloc(1, sizeof(File));
  if (file == NULL) fail("memory");
  snprintf(file->name, sizeof file->name, "%s", name);
  file->number = number;
  file->disk = -1;
  file->cut = -1;
  files[file_count] = file;
  return file_count++;
}

static void read_names(void) {
  char path[PATH_MAX + 8], name[NAME_MAX + 1];
  long number;
  snprintf(path, sizeof path, "%s/names", disk);
  FILE *names = fopen(path, "r");
  if (names == NULL) fail(path);
  while (fscanf(names, "%ld %255[^\n]", &number, name) == 2) {
    add_file(name, number);
    if (number >= next_number) next_number = number + 1;
  }
  fclose(names);
  write_names("live");
}

static void write_names(const char *list) {
  char text[NAME_MAX + 32], from[PATH_MAX + 32], to[PATH_MAX + 16];
  snprintf(from, sizeof from, "%s/%s.next", disk, list);
  snprintf(to, sizeof to, "%s/%s", disk, list);
  int out = real_open(from, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (out < 0) fail(from);
  for (int at = 0; at < file_count; at++) {
    if (files[at]->name[0] == '\0') continue;
    int length = snprintf(text, sizeof text, "%ld %s\n", files[at]->number, files[at]->name);
    if (real_write(out, text, (size_t)length) != length) fail(from);
  }
  real_close(out);
  if (real_rename(from, to) != 0) fail(to);
}

static void map_count(void) {
  char path[PATH_MAX + 8];
  snprintf(path, sizeof path, "%s/count", disk);
  int descriptor = real_open(path, O_RDWR | O_CLOEXEC);
  if (descriptor < 0) fail(path);
  synced = mmap(NULL, sizeof *synced, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (synced == MAP_FAILED) fail(path);
  real_close(descriptor);
}

static void watch(int descriptor, const char *path, int flags) {
  if (descriptor < 0 || descriptor >= MAX_DESCRIPTORS) return;
  const char *name = name_in_folder(path);
  if (name == NULL) return;
  pthread_mutex_lock(&lock);
  if (name[0] == '\0') {
    role_of[descriptor] = IS_FOLDER;
  } else {
    int file = find_file(name);
    if (file == NO_FILE) {
      file = add_file(name, next_number++);
      write_names("live");
    }
    if (flags & O_TRUNC) files[file]->cut = 0;
    role_of[descriptor] = file + 1;
  }
  pthread_mutex_unlock(&lock);
}

static int is_watched(int descriptor) {
  return descriptor >= 0 && descriptor < MAX_DESCRIPTORS && role_of[descriptor] > 0;
}

static File *file_at(int descriptor) {
  return files[role_of[descriptor] - 1];
}

/* ---------------------------------------------------------------- what is not on disk yet */

static void note(int descriptor, off_t from, ssize_t length) {
  if (length <= 0) return;
  pthread_mutex_lock(&lock);
  File *file = file_at(descriptor);
  Extent *last = file->count > 0 ? &file->extents[file->count - 1] : NULL;
  if (last != NULL && last->to == from) {
    last->to = from + length;
  } else if (file->count < MAX_EXTENTS) {
    file->extents[file->count++] = (Extent){from, from + length};
  } else {
    file->whole = 1;
  }
  pthread_mutex_unlock(&lock);
}


/* ---------------------------------------------------------------- onto the disk */

static void copy_range(int from, int to, off_t at, off_t end) {
  static char buffer[1 << 18]; /* under the lock */
  while (at < end) {
    size_t want = (size_t)(end - at) < sizeof buffer ? (size_t)(end - at) : sizeof buffer;
    ssize_t got = pread(from, buffer, want, at);
    if (got < 0) fail("reading what is to be synced");
    if (got == 0) return;
    if (real_pwrite(to, buffer, (size_t)got, at) != got) fail("writing the disk");
    at += got;
  }
}

static void sync_file(int descriptor) {
  File *file = file_at(descriptor);
  if (file->disk < 0) {
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%ld", disk, file->number);
    file->disk = real_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file->disk < 0) fail(path);
  }
  struct stat stat;
  if (fstat(descriptor, &stat) != 0) fail("fstat");
  /* Files that SQLite locks are open for reading and writing; others may be opened once more. */
  int reader = descriptor;
  if ((fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_WRONLY) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    reader = real_open(path, O_RDONLY | O_CLOEXEC);
    if (reader < 0) fail(path);
  }
  if (file->cut >= 0 && real_ftruncate(file->disk, file->cut) != 0) fail("cutting");
  if (real_ftruncate(file->disk, stat.st_size) != 0) fail("sizing");
  if (file->whole) {
    copy_range(reader, file->disk, 0, stat.st_size);
  } else {
    for (int at = 0; at < file->count; at++)
      copy_range(reader, file->disk, file->extents[at].from, file->extents[at].to);
  }
  if (reader != descriptor) real_close(reader);
  file->cut = -1;
  file->whole = 0;
  file->count = 0;
}

static int is_lie(int role) {
  if (lie == NULL) return 0;
  if (lie[0] == '\0') return 1;
  if (role == IS_FOLDER) return 0;
  const char *name = files[role - 1]->name;
  size_t length = strlen(name), ending = strlen(lie);
  return length >= ending && strcmp(name + length - ending, lie) == 0;
}

static int synchronize(int descriptor, int (*real)(int)) {
  if (folder[0] == '\0' || descriptor < 0 || descriptor >= MAX_DESCRIPTORS) return real(descriptor);
  int role = role_of[descriptor];
  if (role == IS_NOTHING) return real(descriptor);
  if (is_lie(role)) return 0;
  pthread_mutex_lock(&lock);
  if (role == IS_FOLDER) {
    write_names("names");
  } else {
    sync_file(descriptor);
    __atomic_add_fetch(synced, 1, __ATOMIC_SEQ_CST);
  }
  pthread_mutex_unlock(&lock);
  return 0;
}

/* ---------------------------------------------------------------- the calls */

static mode_t mode_of(int flags, va_list rest) {
  return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = mode_of(flags, rest);
  va_end(rest);
  if (real_open == NULL) real_open = next("open64");
  int descriptor = real_open(path, flags, mode);
  watch(descriptor, path, flags);
  return descriptor;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return open64(path, flags | O_LARGEFILE, mode);
}

int openat64(int at, const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = mode_of(flags, rest);
  va_end(rest);
  if (real_openat == NULL) real_openat = next("openat64");
  int descriptor = real_openat(at, path, flags, mode);
  watch(descriptor, path, flags);
  return descriptor;
}

int openat(int at, const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return openat64(at, path, flags | O_LARGEFILE, mode);
}

int close(int descriptor) {
  if (real_close == NULL) real_close = next("close");
  if (descriptor >= 0 && descriptor < MAX_DESCRIPTORS) role_of[descriptor] = IS_NOTHING;
  return real_close(descriptor);
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
  if (real_write == NULL) real_write = next("write");
  ssize_t written = real_write(descriptor, bytes, length);
  if (is_watched(descriptor)) {
    off_t end = lseek(descriptor, 0, SEEK_CUR);
    note(descriptor, end - written, written);
  }
  return written;
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
  if (real_writev == NULL) real_writev = next("writev");
  ssize_t written = real_writev(descriptor, parts, count);
  if (is_watched(descriptor)) {
    off_t end = lseek(descriptor, 0, SEEK_CUR);
    note(descriptor, end - written, written);
  }
  return written;
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off_t at) {
  if (real_pwrite == NULL) real_pwrite = next("pwrite64");
  ssize_t written = real_pwrite(descriptor, bytes, length, at);
  if (is_watched(descriptor)) note(descriptor, at, written);
  return written;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t at) {
  return pwrite64(descriptor, bytes, length, at);
}

ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off_t at) {
  if (real_pwritev == NULL) real_pwritev = next("pwritev64");
  ssize_t written = real_pwritev(descriptor, parts, count, at);
  if (is_watched(descriptor)) note(descriptor, at, written);
  return written;
}

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t at) {
  return pwritev64(descriptor, parts, count, at);
}

int ftruncate64(int descriptor, off_t length) {
  if (real_ftruncate == NULL) real_ftruncate = next("ftruncate64");
  if (!is_watched(descriptor)) return real_ftruncate(descriptor, length);
  pthread_mutex_lock(&lock);
  int result = real_ftruncate(descriptor, length);
  File *file = file_at(descriptor);
  if (result == 0 && (file->cut < 0 || length < file->cut)) file->cut = length;
  pthread_mutex_unlock(&lock);
  return result;
}

int ftruncate(int descriptor, off_t length) {
  return ftruncate64(descriptor, length);
}

int fallocate64(int descriptor, int mode, off_t from, off_t length) {
  /* Zeros that sync_file adds by setting the size; holes punched in the middle are not used here. */
  if (is_watched(descriptor) && mode != 0) {
    errno = EOPNOTSUPP;
    return -1;
  }
  if (real_fallocate == NULL) real_fallocate = next("fallocate64");
  return real_fallocate(descriptor, mode, from, length);
}

int fallocate(int descriptor, int mode, off_t from, off_t length) {
  return fallocate64(descriptor, mode, from, length);
}

int fsync(int descriptor) {
  if (real_fsync == NULL) real_fsync = next("fsync");
  return synchronize(descriptor, real_fsync);
}

int fdatasync(int descriptor) {
  if (real_fdatasync == NULL) real_fdatasync = next("fdatasync");
  return synchronize(descriptor, real_fdatasync);
}

int rename(const char *from, const char *to) {
  if (real_rename == NULL) real_rename = next("rename");
  int result = real_rename(from, to);
  const char *old_name = name_in_folder(from), *new_name = name_in_folder(to);
  if (result != 0 || (old_name == NULL && new_name == NULL)) return result;
  pthread_mutex_lock(&lock);
  int replaced = new_name == NULL ? NO_FILE : find_file(new_name);
  if (replaced != NO_FILE) files[replaced]->name[0] = '\0';
  int moved = old_name == NULL ? NO_FILE : find_file(old_name);
  /* A file that comes from outside is not known: it counts as new and empty, which is the worst. */
  if (moved == NO_FILE && new_name != NULL) add_file(new_name, next_number++);
  if (moved != NO_FILE)
    snprintf(files[moved]->name, sizeof files[moved]->name, "%s", new_name == NULL ? "" : new_name);
  write_names("live");
  pthread_mutex_unlock(&lock);
  return result;
}

int unlink(const char *path) {
  if (real_unlink == NULL) real_unlink = next("unlink");
  int result = real_unlink(path);
  const char *name = name_in_folder(path);
  if (result != 0 || name == NULL || name[0] == '\0') return result;
  pthread_mutex_lock(&lock);
  int file = find_file(name);
  if (file != NO_FILE) files[file]->name[0] = '\0';
  write_names("live");
  pthread_mutex_unlock(&lock);
  return result;
}
