import type { ArchiveId, TermId } from '@holdfast/peer/protocol'
import type { Logger } from '@holdfast/peer/ports'
import { LogError } from '../errors.js'
import {
  canonicalPath,
  clearSuspicion,
  isSuspect,
  readHeader,
  setAside,
  sizeOf,
  walOf,
} from './files.adapter.js'
import { FileLock } from './lock.adapter.js'
import { makeSafe } from './pragmas.js'
import { startTerm } from './terms.js'
import { applicationId, checkVersion, migrate } from './schema.js'
import { DamageFound, isDamage, logErrorOf, Sql, type SqlHooks } from './sql.adapter.js'

export interface LogFileOptions {
  readonly file: string
  /** Becomes the archive's id if the file is new. */
  readonly freshArchive: ArchiveId
  /** Of this opening. */
  readonly term: TermId
  readonly nowMs: number
  readonly logger: Logger
  readonly hooks?: SqlHooks
}

/** A log's file, locked, checked, of this version, and with this opening's term written down. */
export interface LogFile {
  readonly file: string
  readonly sql: Sql
  readonly archive: ArchiveId
  readonly term: TermId
  /** Terms are numbered in the order of the openings. */
  readonly termOrdinal: number
  /** Closes the connection, then lets go of the lock. Idempotent. */
  close(): void
}

/**
 * Opens or makes a log's file for writing.
 *
 *     lock ─► look ─► probe ─► connect ─► make safe ─► migrate ─► write down the term
 *      │        └───────┼─► not a log: unsupported-file, untouched
 *      │                └─► damaged: set aside as it is, named
 *      └─► in-use
 */
export function openLogFile(options: LogFileOptions): LogFile {
  const file = canonicalFile(options.file)
  const lock = FileLock.acquire(file, options.nowMs)
  let sql: Sql | undefined
  try {
    look(file, options)
    if (sizeOf(file) > 0) probe(file, options.logger)
    sql = new Sql({ file, ...options.hooks })
    const opened = prepare(sql, options)
    return { file, sql, term: options.term, ...opened, close: closing(sql, lock) }
  } catch (error) {
    sql?.close()
    const aside = isDamage(error) ? setAsideLoudly(file, error, options) : undefined
    lock.release()
    throw aside ?? logErrorOf(error, `opening ${file}`)
  }
}

function canonicalFile(file: string): string {
  try {
    return canonicalPath(file)
  } catch (error) {
    throw logErrorOf(error, `finding ${file}`)
  }
}

/** Looks at the file before SQLite does, which would change what it takes for its own. */
function look(file: string, { nowMs, logger }: LogFileOptions): void {
  if (sizeOf(file) === 0) {
    if (sizeOf(walOf(file)) === 0) return
    const aside = setAside(file, nowMs)
    logger.error('the log is gone, but not its recent commits: set aside', { file, aside })
    return
  }
  const { isSqlite, applicationId: found } = readHeader(file)
  // With a mark beside it, it was a log once: its beginning is overwritten, and SQLite will say so.
  if (!isSqlite && !isSuspect(file)) throw unsupported(`${file} is not an SQLite database`)
  // Not yet written to the file itself when its very first commits are still beside it.
  if (isSqlite && found !== applicationId && found !== 0) throw foreign(file)
}

/**
 * Reads what every opening needs, by a connection that cannot write: one that can would carry recent
 * commits over into a damaged file when it is closed.
 */
function probe(file: string, logger: Logger): void {
  const sql = new Sql({ file, readonly: true })
  try {
    // A file without tables is one whose making was interrupted.
    if (sql.read('SELECT 1 FROM sqlite_schema').get() === undefined) return
    if (sql.pragma('application_id') !== applicationId) throw foreign(file)
    checkVersion(sql, file)
    for (const needed of ['archive', 'terms WHERE collection = 0']) {
      sql.read(`SELECT * FROM ${needed}`).all()
    }
    if (!isSuspect(file)) return
    // A running log has found it damaged: every page is looked at.
    const found = sql.pragma('quick_check(1)')
    if (found !== 'ok') throw new DamageFound(String(found))
  } finally {
    sql.close()
  }
  clearSuspicion(file)
  logger.info('the log was marked as damaged and is whole', { file })
}

function prepare(
  sql: Sql,
  { freshArchive, term, nowMs }: LogFileOptions,
): Pick<LogFile, 'archive' | 'termOrdinal'> {
  makeSafe(sql)
  migrate(sql)
  return { archive: identify(sql, freshArchive, nowMs), termOrdinal: startTerm(sql, term, nowMs) }
}

function identify(sql: Sql, freshArchive: ArchiveId, nowMs: number): ArchiveId {
  const find = sql.read<{ readonly archive: ArchiveId }>('SELECT archive FROM archive')
  const found = find.get()
  if (found !== undefined) return found.archive
  return sql.write(() => {
    sql
      .prepare(
        'insert archive',
        'INSERT INTO archive (id, archive, created_at_ms) VALUES (1, ?, ?)',
      )
      .run(freshArchive, nowMs)
    return freshArchive
  })
}

function setAsideLoudly(file: string, cause: unknown, { nowMs, logger }: LogFileOptions): LogError {
  const aside = setAside(file, nowMs)
  clearSuspicion(file)
  const { message } = logErrorOf(cause, 'found')
  logger.error('the log is damaged and was set aside: the next opening starts an empty one', {
    file,
    aside,
    reason: message,
  })
  return new LogError('damaged', `${file} is damaged and was set aside as ${aside}`, { cause })
}

/** Undoes the opening once. A term without entries stays: it costs a row. */
function closing(sql: Sql, lock: FileLock): () => void {
  let isClosed = false
  return () => {
    if (isClosed) return
    isClosed = true
    try {
      sql.close()
    } finally {
      lock.release()
    }
  }
}

function unsupported(message: string): LogError {
  return new LogError('unsupported-file', message)
}

function foreign(file: string): LogError {
  return unsupported(`${file} is an SQLite database, but not a log of Holdfast`)
}
