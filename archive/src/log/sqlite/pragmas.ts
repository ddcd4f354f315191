import { LogError } from '../errors.js'
import { sizeOf, walOf } from './files.adapter.js'
import { defaultBusyTimeoutMs, type Sql } from './sql.adapter.js'

/**
 * 4 KiB, a sector of today's disks: a smaller page would share one with a neighbour that no journal
 * covers, a larger one makes each table and each small commit larger. Counts only for a file that is
 * still empty.
 */
const pageBytes = 4_096

/**
 * Pages in the write-ahead log at which they are carried over into the file beside the writer: 12 MiB.
 * Less writes pages more often that are changed again right after; more makes the log longer.
 */
export const checkpointPages = 3_000

/** At so many a commit does it, and everybody waits: where nobody has done it beside, or not in time. */
const latestCheckpointPages = 5_000

/** After a checkpoint the write-ahead log is cut back to this, whatever it had grown to. */
const maxIdleWalBytes = 64 * 1024 * 1024

/** For the pages that the writer changes again and again. */
const writerCacheKib = 32 * 1024

/**
 * Each checkpoint empties the write-ahead log, unless a reader still needs it. Our own readers are
 * gone in milliseconds; at several times the usual size it is somebody else's.
 */
const maxWalBytes = 64 * 1024 * 1024

/**
 * Empties a write-ahead log that has grown beyond all measure; waits for its readers, but not long.
 * Gives whether it is bounded.
 */
export function boundWal(sql: Sql): boolean {
  const wal = walOf(sql.file)
  if (sizeOf(wal) <= maxWalBytes) return true
  sql.pragma('busy_timeout = 100')
  try {
    sql.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    sql.pragma(`busy_timeout = ${defaultBusyTimeoutMs}`)
  }
  return sizeOf(wal) <= maxWalBytes
}

/** Makes `commit` mean "on disk", and verifies that it does. For a connection that writes. */
export function makeSafe(sql: Sql): void {
  sql.pragma(`page_size = ${pageBytes}`)
  // Counts only before the first table: lets `FreePages` shorten the file.
  sql.pragma('auto_vacuum = INCREMENTAL')
  sql.pragma('journal_mode = WAL')
  // After the journal: better-sqlite3 is built to turn a WAL database to NORMAL.
  sql.pragma('synchronous = FULL')
  sql.pragma(`wal_autocheckpoint = ${latestCheckpointPages}`)
  sql.pragma(`journal_size_limit = ${maxIdleWalBytes}`)
  sql.pragma(`cache_size = -${writerCacheKib}`)
  sql.pragma('foreign_keys = OFF')
  guard(sql)
  expect(sql, 'journal_mode', 'wal')
  expect(sql, 'synchronous', full)
}

/** For a connection that only reads. */
export function makeReader(sql: Sql): void {
  sql.pragma('query_only = ON')
  guard(sql)
}

/** Finds damaged pages early, and runs nothing that somebody has hidden in the schema. */
function guard(sql: Sql): void {
  sql.pragma('cell_size_check = ON')
  sql.pragma('trusted_schema = OFF')
}

/** `synchronous` reads back as a number. */
const full = 2

function expect(sql: Sql, pragma: string, wanted: string | number): void {
  const got = sql.pragma(pragma)
  if (got !== wanted) {
    throw new LogError(
      'storage-failed',
      `${sql.file}: ${pragma} is ${String(got)} instead of ${wanted}: commits would not be safe here`,
    )
  }
}
