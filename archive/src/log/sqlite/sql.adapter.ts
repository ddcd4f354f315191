import Database from 'better-sqlite3'
import { LogError } from '../errors.js'

/** What SQLite stores and gives back here: numbers are whole and below 2^53. */
export type Value = number | string | Uint8Array | null

/** A prepared statement. Values are bound in the order of its question marks. */
export interface Statement<Row = unknown> {
  run(...values: Value[]): { readonly changes: number }
  get(...values: Value[]): Row | undefined
  all(...values: Value[]): Row[]
  /** Lazily: a row is read when it is asked for. The statement is busy until the end or `return`. */
  iterate(...values: Value[]): IterableIterator<Row>
}

/**
 * Called before and after each statement that writes, with its name. A test that throws here, or
 * copies the files, sees the log as a crash at this point would leave it.
 */
export type StatementHook = (statement: string, phase: 'before' | 'after') => void

/** For tests. */
export interface SqlHooks {
  readonly onStatement?: StatementHook
  /** Hears the text of each statement when it is made. */
  readonly onPrepare?: (sql: string) => void
}

export interface SqlOptions extends SqlHooks {
  readonly file: string
  readonly readonly?: boolean
  /** How long a statement waits for another process' lock before it fails. */
  readonly busyTimeoutMs?: number
}

/**
 * Another process that looks into the file, as a backup does, is gone after some milliseconds; and
 * whoever waits for an append has to hear within two seconds that it cannot be stored.
 */
export const defaultBusyTimeoutMs = 1_000

/**
 * One connection to one database file: the only place where statements are made, so that each has
 * a name and passes the same hook. Errors are SQLite's own; `logErrorOf` gives them their type.
 */
export class Sql {
  readonly file: string
  readonly #database: Database.Database
  readonly #hook: StatementHook | undefined
  readonly #onPrepare: ((sql: string) => void) | undefined
  readonly #begin: Statement
  readonly #beginRead: Statement
  readonly #commit: Statement
  readonly #rollback: Statement

  constructor({
    file,
    readonly = false,
    busyTimeoutMs = defaultBusyTimeoutMs,
    ...hooks
  }: SqlOptions) {
    this.file = file
    this.#hook = hooks.onStatement
    this.#onPrepare = hooks.onPrepare
    this.#database = new Database(file, { readonly, timeout: busyTimeoutMs })
    this.#begin = this.prepare('begin', 'BEGIN IMMEDIATE')
    this.#beginRead = this.read('BEGIN')
    this.#commit = this.prepare('commit', 'COMMIT')
    this.#rollback = this.read('ROLLBACK')
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction
  }

  /** A statement that writes. Its name is what the hook hears. */
  prepare<Row = unknown>(name: string, sql: string): Statement<Row> {
    const statement = this.read<Row>(sql)
    return this.#hook === undefined ? statement : hooked(statement, name, this.#hook)
  }

  /** A statement that only reads; rows are objects. */
  read<Row = unknown>(sql: string): Statement<Row> {
    this.#onPrepare?.(sql)
    return this.#database.prepare<Value[], Row>(sql)
  }

  /** A statement that only reads; rows are arrays, which cost less to make. */
  readTuples<Row extends readonly Value[]>(sql: string): Statement<Row> {
    this.#onPrepare?.(sql)
    return this.#database.prepare<Value[], Row>(sql).raw()
  }

  /** Several statements at once, for making and changing tables. */
  execute(name: string, sql: string): void {
    this.#hook?.(name, 'before')
    this.#database.exec(sql)
    this.#hook?.(name, 'after')
  }

  /** Sets or asks one pragma; gives the first column of the first row. */
  pragma(pragma: string): unknown {
    return this.#database.pragma(pragma, { simple: true })
  }

  /** Pages in the write-ahead log that are not in the file yet. Costs microseconds. */
  get walPages(): number {
    return pagesLeft(this.#database.pragma('wal_checkpoint(NOOP)'))
  }

  /**
   * Carries over into the file what is in the write-ahead log, as far as no reader needs it there;
   * holds up neither readers nor another connection that writes. Gives the pages that are left.
   */
  checkpoint(): number {
    return pagesLeft(this.#database.pragma('wal_checkpoint(PASSIVE)'))
  }

  /** Starts a write transaction now: no other connection can write until it ends. */
  begin(): void {
    this.#begin.run()
  }

  /** Returns once the transaction is on disk. */
  commit(): void {
    this.#commit.run()
  }

  /** Also right after an error that already undid the transaction, as a full disk does. */
  rollback(): void {
    if (this.inTransaction) this.#rollback.run()
  }

  /** Runs `work` in a write transaction: all of it, or, when it throws, nothing. */
  write<Result>(work: () => Result): Result {
    try {
      this.begin()
      const result = work()
      this.commit()
      return result
    } catch (error) {
      this.rollback()
      throw error
    }
  }

  /** Runs `work` on one unchanging view of the database. It must not start other transactions. */
  snapshot<Result>(work: () => Result): Result {
    this.#beginRead.run()
    try {
      return work()
    } finally {
      this.rollback()
    }
  }

  close(): void {
    this.#database.close()
  }
}

/** What a checkpoint answers; −1 is no write-ahead log at all. */
function pagesLeft(answer: unknown): number {
  const [row] = answer as readonly { readonly log: number; readonly checkpointed: number }[]
  return row === undefined ? 0 : Math.max(0, row.log) - Math.max(0, row.checkpointed)
}

function hooked<Row>(statement: Statement<Row>, name: string, hook: StatementHook): Statement<Row> {
  function around<Result>(run: () => Result): Result {
    hook(name, 'before')
    const result = run()
    hook(name, 'after')
    return result
  }
  return {
    run: (...values) => around(() => statement.run(...values)),
    get: (...values) => around(() => statement.get(...values)),
    all: (...values) => around(() => statement.all(...values)),
    iterate: (...values) => around(() => statement.iterate(...values)),
  }
}

/** The typed error for whatever went wrong `doing` something; a `LogError` stays what it is. */
export function logErrorOf(error: unknown, doing: string): LogError {
  if (error instanceof LogError) return error
  const cause = error instanceof Error ? error : new Error(String(error))
  const code = isSqliteError(error) ? error.code : ''
  const message = `${doing}: ${cause.message}${code === '' ? '' : ` (${code})`}`
  if (code === 'SQLITE_FULL') return new LogError('storage-full', message, { cause })
  if (isDamage(error)) return new LogError('damaged', message, { cause })
  return new LogError('storage-failed', message, { cause })
}

/** What a check of ours found wrong with the file's structure. */
export class DamageFound extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DamageFound'
  }
}

/** Whether the file's structure is broken, or it is no database at all. */
export function isDamage(error: unknown): boolean {
  if (error instanceof DamageFound) return true
  if (!isSqliteError(error)) return false
  return error.code.startsWith('SQLITE_CORRUPT') || error.code === 'SQLITE_NOTADB'
}

export function isBusy(error: unknown): boolean {
  return isSqliteError(error) && error.code.startsWith('SQLITE_BUSY')
}

/** Errors that crossed from another thread are no instances, but keep their name and code. */
function isSqliteError(error: unknown): error is Error & { readonly code: string } {
  return (
    error instanceof Error &&
    error.name === 'SqliteError' &&
    'code' in error &&
    typeof error.code === 'string'
  )
}
