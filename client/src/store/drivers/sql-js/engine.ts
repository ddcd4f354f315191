import type { SqlRow } from '../../driver.js'
import type { SqlEngine } from '../engine.js'
import type { CheckedStatement } from '../statement.js'
import { StatementCache } from '../statement-cache.js'
import { checkedCount, checkedRow } from '../values.js'

/** What is used of sql.js. */
export interface SqlJs {
  readonly Database: new (image?: Uint8Array) => SqlJsDatabase
}

interface SqlJsDatabase {
  prepare(sql: string): SqlJsStatement
  exec(sql: string): unknown
  getRowsModified(): number
  export(): Uint8Array
  close(): void
}

interface SqlJsStatement {
  bind(values: (string | number | null | Uint8Array)[]): boolean
  step(): boolean
  get(): unknown
  reset(): void
  free(): boolean
}

/** A database in the memory of sql.js, in which queries cannot write. */
export class SqlJsEngine implements SqlEngine {
  readonly #database: SqlJsDatabase
  readonly #statements: StatementCache<SqlJsStatement>
  #isInTransaction = false
  #isClosed = false

  constructor(sqlJs: SqlJs, image?: Uint8Array) {
    this.#database = image === undefined ? new sqlJs.Database() : new sqlJs.Database(image)
    this.#statements = new StatementCache(
      (sql) => this.#database.prepare(sql),
      (statement) => void statement.free(),
    )
    this.#settle()
  }

  begin(): void {
    this.#database.exec('PRAGMA query_only = 0; BEGIN')
    this.#isInTransaction = true
  }

  commit(): void {
    this.#database.exec('COMMIT; PRAGMA query_only = 1')
    this.#isInTransaction = false
  }

  rollback(): void {
    if (!this.#isInTransaction) return
    this.#isInTransaction = false
    try {
      this.#database.exec('ROLLBACK')
    } catch (error) {
      // Some errors undo the transaction by themselves.
      if (!String(error).includes('no transaction is active')) throw error
    }
    this.#database.exec('PRAGMA query_only = 1')
  }

  run(statement: CheckedStatement): number {
    this.#step(statement, () => {})
    return statement.changesRows ? checkedCount(this.#database.getRowsModified()) : 0
  }

  query(statement: CheckedStatement): readonly SqlRow[] {
    const rows: SqlRow[] = []
    this.#step(statement, (row) => rows.push(checkedRow(row)))
    return rows
  }

  /** The database as a file's bytes. Not within a transaction. */
  image(): Uint8Array {
    this.#statements.clear()
    const image = this.#database.export()
    this.#settle()
    return image
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#statements.clear()
    this.#database.close()
  }

  #settle(): void {
    // Durability is the business of the log; what could be undone stays in memory. Deferred foreign
    // keys would make COMMIT fail when the log already has the transaction.
    this.#database.exec(
      'PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA query_only = 1',
    )
  }

  #step({ sql, parameters }: CheckedStatement, take: (row: unknown) => void): void {
    const statement = this.#statements.get(sql)
    try {
      statement.bind([...parameters])
      while (statement.step()) take(statement.get())
    } finally {
      // Ends its reading, and frees what was bound.
      statement.reset()
    }
  }
}
