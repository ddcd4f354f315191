import type { Undo } from '@holdfast/peer/ports'

/**
 * What SQLite keeps, in the few shapes that every driver has. Blobs are copied at the border. Numbers
 * are finite and below 2^53; text has neither NUL nor half a surrogate pair. Columns need a declared
 * type: without one, drivers differ in whether a number is kept as INTEGER or REAL.
 */
export type SqlValue = string | number | null | Uint8Array

/**
 * One statement, its values in the order of its question marks. `transact` takes INSERT, UPDATE, DELETE,
 * REPLACE, CREATE, DROP, ALTER and `PRAGMA user_version = n`; `query` takes what only reads. A statement
 * must not ask for chance, time or the last rowid: what it does has to follow from the content alone
 * (`INSERT … SELECT` needs an ORDER BY). Foreign keys are not enforced.
 */
export interface Statement {
  readonly sql: string
  readonly parameters?: readonly SqlValue[]
}

/**
 * How much a transaction has to survive when its promise resolves: `strict`, the death of the
 * machine; `relaxed`, the death of the page and the process. What the user made is strict.
 */
export type Durability = 'strict' | 'relaxed'

/**
 * One SQLite database, wherever it lives. One contract suite, `describeDriver`, holds each kind to
 * what is written here.
 *
 * Guarantees:
 * - Calls are carried out one after the other, in the order in which they were made.
 * - `transact` is all or nothing, and durable when it resolves; when it rejects, nothing of it is
 *   there, now or after a crash. A rejection does not harm the calls behind it.
 * - A result of a shape that nobody expected is a rejection, never an empty list.
 * - Whoever has lost the ownership of the database (another tab or process took it) can neither read
 *   nor write it any more: calls reject with `store-taken`.
 * - `close` waits for what was begun. Idempotent; later calls reject with `closed`.
 */
export interface Driver {
  /** What stands behind it, for logs and statistics. */
  readonly kind: 'sql.js' | 'better-sqlite3' | 'op-sqlite' | 'memory' | 'simulated'
  /** False: nothing outlives this process (a private window, tests), and nothing is called saved. */
  readonly isDurable: boolean
  /** Answers how many rows each statement has changed; 0 where it is of another kind. */
  transact(statements: readonly Statement[], durability?: Durability): Promise<readonly number[]>
  /** Rows in the order of the result, each with its columns in order. */
  query(sql: string, parameters?: readonly SqlValue[]): Promise<readonly SqlRow[]>
  /** Bytes that the database takes, about; and what the platform allows, where it says so. */
  size(): Promise<{ readonly bytes: number; readonly quotaBytes?: number }>
  /** Something has gone wrong that no call is waiting for; or has been repaired. */
  onEvent(listener: (event: DriverEvent) => void): Undo
  close(): Promise<void>
}

export type SqlRow = readonly SqlValue[]

export type DriverEvent =
  /** Another owner has the database. */
  | { readonly kind: 'taken' }
  /** The stored image was damaged: it was set aside under this name, and an empty one begun. */
  | { readonly kind: 'damaged'; readonly setAside: string; readonly cause: unknown }
  /**
   * Storage fails (`cause` has the code): a call, which rejects as well, or a checkpoint or other work
   * behind the calls, which is tried again.
   */
  | { readonly kind: 'trouble'; readonly cause: unknown }
  /** Storage works again after `trouble`. */
  | { readonly kind: 'recovered' }
