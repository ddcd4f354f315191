import { hostname } from 'node:os'
import { LogError } from '../errors.js'
import { isBusy, logErrorOf, Sql } from './sql.adapter.js'

/**
 * One process a log: held from opening to closing, and by the operating system, so that the lock of
 * a process that died is no obstacle to the next.
 *
 * It is SQLite's own lock on a second, tiny database beside the log: a write transaction that stays
 * open. Others can still read in it who holds it. The log itself cannot be locked so, because its
 * readers have connections of their own.
 */
export class FileLock {
  readonly #sql: Sql
  #isHeld = true

  /** Throws `in-use`, saying by whom, if another connection, of this process or another, holds it. */
  static acquire(logFile: string, nowMs: number): FileLock {
    let sql: Sql | undefined
    try {
      sql = new Sql({ file: lockFileOf(logFile), busyTimeoutMs: 0 })
      take(sql, nowMs)
      return new FileLock(sql)
    } catch (error) {
      const inUse = sql !== undefined && isBusy(error) ? inUseError(logFile, sql) : undefined
      sql?.close()
      throw inUse ?? logErrorOf(error, `locking ${lockFileOf(logFile)}`)
    }
  }

  private constructor(sql: Sql) {
    this.#sql = sql
  }

  /** The file stays: deleting it could take it from under somebody who is just locking it. */
  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#sql.rollback()
    this.#sql.close()
  }
}

function lockFileOf(logFile: string): string {
  return `${logFile}.lock`
}

/**
 * Writes down who we are, which has to be committed to be readable, and takes the lock again. Between
 * the two another process may have been quicker: then it is the holder.
 */
function take(sql: Sql, nowMs: number): void {
  sql.write(() => {
    sql.execute(
      'make the lock',
      `CREATE TABLE IF NOT EXISTS holder (
         id INTEGER PRIMARY KEY CHECK (id = 1), pid INTEGER NOT NULL, host TEXT NOT NULL, since_ms INTEGER NOT NULL
       )`,
    )
    sql
      .prepare('write the holder', 'INSERT OR REPLACE INTO holder VALUES (1, ?, ?, ?)')
      .run(process.pid, hostname(), nowMs)
  })
  sql.begin()
}

interface Holder {
  readonly pid: number
  readonly host: string
  readonly since_ms: number
}

function inUseError(logFile: string, sql: Sql): LogError {
  const holder = holderOf(sql)
  const by =
    holder === undefined
      ? 'another process'
      : `process ${holder.pid} on ${holder.host} since ${new Date(holder.since_ms).toISOString()}`
  return new LogError('in-use', `${logFile} is in use by ${by}: one process a log`)
}

/** Undefined where the other is just about to write it. */
function holderOf(sql: Sql): Holder | undefined {
  try {
    return sql.read<Holder>('SELECT pid, host, since_ms FROM holder').get()
  } catch (error) {
    if (isBusy(error) || isMissingTable(error)) return undefined
    throw error
  }
}

function isMissingTable(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('no such table')
}
