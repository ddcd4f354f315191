import type { ArchiveId } from '@holdfast/peer/protocol'
import { LogError } from '../log/errors.js'
import { canonicalPath, readHeader, sizeOf } from '../log/sqlite/files.adapter.js'
import { makeReader } from '../log/sqlite/pragmas.js'
import { applicationId, checkVersion, schemaVersion, versionOf } from '../log/sqlite/schema.js'
import { logErrorOf, Sql } from '../log/sqlite/sql.adapter.js'

/** A log's file, open for a look. */
export interface LogReading {
  /** Its one name. */
  readonly file: string
  /** Can only read. */
  readonly sql: Sql
  readonly archive: ArchiveId
  readonly version: number
  /**
   * Holds the view: what an archive writes from now on is not seen. Until the log is closed here, that
   * archive's write-ahead log cannot be cut back.
   */
  readonly holdView: () => void
  /** Idempotent. */
  readonly close: () => void
}

/**
 * Opens a log's file without its lock, also beside the archive that is writing it, and changes
 * nothing in it.
 */
export function openForReading(given: string): LogReading {
  const file = find(given)
  let sql: Sql | undefined
  try {
    sql = new Sql({ file, readonly: true })
    makeReader(sql)
    if (sql.pragma('application_id') !== applicationId) throw foreign(file)
    checkVersion(sql, file)
    const version = versionOf(sql)
    if (version !== schemaVersion) {
      throw new LogError(
        'unsupported-file',
        `${file} has version ${version} of the log, and this program reads version ${schemaVersion}: start an archive with it once, which brings it there`,
      )
    }
    const archive = archiveOf(sql)
    const opened = sql
    return {
      file,
      sql: opened,
      archive,
      version,
      holdView: () => holdView(opened),
      close: closing(opened),
    }
  } catch (error) {
    sql?.close()
    throw logErrorOf(error, `opening ${file}`)
  }
}

function find(given: string): string {
  let file: string
  try {
    file = canonicalPath(given)
  } catch {
    throw noFile(given)
  }
  if (sizeOf(file) === 0) throw noFile(given)
  let header
  try {
    header = readHeader(file)
  } catch (error) {
    throw logErrorOf(error, `reading ${file}`)
  }
  if (!header.isSqlite) throw foreign(file)
  return file
}

function noFile(given: string): LogError {
  return new LogError('invalid-argument', `there is no log at ${given}`)
}

function foreign(file: string): LogError {
  return new LogError('unsupported-file', `${file} is not a log of Holdfast`)
}

function archiveOf(sql: Sql): ArchiveId {
  const found = sql.read<{ readonly archive: ArchiveId }>('SELECT archive FROM archive').get()
  if (found === undefined) throw new LogError('damaged', 'the log does not say whose it is')
  return found.archive
}

function holdView(sql: Sql): void {
  sql.execute('begin', 'BEGIN')
  // The view is that of the first read.
  versionOf(sql)
}

function closing(sql: Sql): () => void {
  let isClosed = false
  return () => {
    if (isClosed) return
    isClosed = true
    sql.rollback()
    sql.close()
  }
}
