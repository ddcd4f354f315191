import type Database from 'better-sqlite3'
import { ClientError } from '../../../errors.js'
import type { SqlRow } from '../../driver.js'
import type { SqlEngine } from '../engine.js'
import type { CheckedStatement } from '../statement.js'
import { StatementCache } from '../statement-cache.js'
import { checkedCount, checkedRow } from '../values.js'

/**
 * A file in better-sqlite3. A commit is on disk when it returns: `synchronous` is set to FULL after
 * `journal_mode`, because better-sqlite3's SQLite lowers it to NORMAL with WAL, and both are read back.
 *
 * The connection holds the file alone, by a lock of the operating system (`locking_mode = EXCLUSIVE`):
 * the lock of a process that died is no obstacle.
 */
export class FileEngine implements SqlEngine {
  readonly #database: Database.Database
  readonly #statements: StatementCache<Database.Statement>

  /** Throws SQLite's own error where the file is locked, damaged or cannot be opened. */
  constructor(Sqlite: typeof Database, file: string, busyTimeoutMs: number) {
    this.#database = new Sqlite(file, { timeout: busyTimeoutMs })
    this.#statements = new StatementCache((sql) => this.#database.prepare(sql))
    try {
      this.#database.pragma('locking_mode = EXCLUSIVE')
      this.#set('journal_mode', 'WAL', 'wal')
      this.#set('synchronous', 'FULL', 2)
      // Where `fsync` alone leaves bytes in the drive (macOS); elsewhere it does nothing.
      this.#database.pragma('fullfsync = 1')
      this.#set('foreign_keys', 'OFF', 0)
      // Takes the lock, and reads every page: damage is found while nothing depends on them.
      this.#database.exec('BEGIN IMMEDIATE')
      const checked: unknown = this.#database.pragma('quick_check(1)', { simple: true })
      this.#database.exec('COMMIT')
      if (checked !== 'ok') {
        throw new ClientError('store-damaged', `${file} is damaged: ${String(checked)}`)
      }
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  begin(): void {
    this.#statements.get('BEGIN IMMEDIATE').run()
  }

  commit(): void {
    this.#statements.get('COMMIT').run()
  }

  rollback(): void {
    if (this.#database.inTransaction) this.#statements.get('ROLLBACK').run()
  }

  run({ sql, parameters, changesRows }: CheckedStatement): number {
    const statement = this.#statements.get(sql)
    // Rows of a RETURNING, which nobody asked for, still have to be stepped through.
    if (statement.reader) return statement.all(...parameters).length
    const { changes } = statement.run(...parameters)
    return changesRows ? checkedCount(changes) : 0
  }

  query({ sql, parameters }: CheckedStatement): readonly SqlRow[] {
    const statement = this.#statements.get(sql)
    if (!statement.readonly) throw new ClientError('internal', 'query takes what only reads')
    return statement
      .raw()
      .all(...parameters)
      .map(checkedRow)
  }

  close(): void {
    this.#database.close()
  }

  #set(pragma: string, value: string, expected: unknown): void {
    this.#database.pragma(`${pragma} = ${value}`)
    const got: unknown = this.#database.pragma(pragma, { simple: true })
    if (got !== expected) {
      throw new ClientError('storage-failed', `${pragma} stays ${String(got)} instead of ${value}`)
    }
  }
}
