import type { Undo } from '@holdfast/peer/ports'
import { ClientError } from '../../../errors.js'
import type { Driver, DriverEvent, SqlRow, SqlValue, Statement } from '../../driver.js'
import { CallQueue } from '../call-queue.js'
import { DriverEvents } from '../driver-events.js'
import { databaseBytes } from '../engine-driver.js'
import { checkedRead, checkedWrite, type CheckedStatement } from '../statement.js'
import { storeErrorOf } from '../store-error.js'
import { checkedCount, checkedRow, unexpected } from '../values.js'

/** What is used of `@op-engineering/op-sqlite`, which the app installs and gives. */
export interface OpSqlite {
  open(options: { readonly name: string; readonly location?: string }): OpSqliteDatabase
}

export interface OpSqliteDatabase {
  executeRaw(sql: string, parameters?: OpSqliteValue[]): Promise<unknown>
  close(): void
}

export type OpSqliteValue = string | number | null | ArrayBuffer

export interface OpSqliteDriverOptions {
  readonly sqlite: OpSqlite
  /** The file's name, and the folder that it is in. Default: the app's own for databases. */
  readonly name: string
  readonly location?: string
}

/**
 * A file in op-sqlite, on a connection of its own. Statements go one after the other through one queue:
 * op-sqlite joins whatever is executed while a transaction is open into that transaction.
 *
 * A file has one connection: a second opening rejects as `store-in-use`. A damaged file stays where it
 * is and is reported as `damaged`; the file with the next free number behind its name is used instead.
 */
export async function openOpSqliteDriver(options: OpSqliteDriverOptions): Promise<Driver> {
  const early: DriverEvent[] = []
  for (let attempt = 1; ; attempt++) {
    const name = attempt === 1 ? options.name : `${options.name}-${attempt}`
    try {
      const connection = await Connection.open({ ...options, name })
      return new OpSqliteDriver({ ...options, name }, connection, early)
    } catch (error) {
      const typed = storeErrorOf(error, `opening ${name}`)
      if (typed.code !== 'store-damaged' || attempt >= maxDamagedFiles) throw typed
      early.push({ kind: 'damaged', setAside: name, cause: typed })
    }
  }
}

/** Whoever has so many has a device that damages files, and should hear of it as an error. */
const maxDamagedFiles = 10

class OpSqliteDriver implements Driver {
  readonly kind = 'op-sqlite'
  readonly isDurable = true
  readonly #options: OpSqliteDriverOptions
  readonly #queue = new CallQueue('the op-sqlite store')
  readonly #events = new DriverEvents()
  /** Undefined: dropped, because nobody knows what is begun on it. The next call opens another. */
  #connection: Connection | undefined

  constructor(
    options: OpSqliteDriverOptions,
    connection: Connection,
    early: readonly DriverEvent[],
  ) {
    this.#options = options
    this.#connection = connection
    for (const event of early) this.#events.tell(event)
  }

  async transact(statements: readonly Statement[]): Promise<readonly number[]> {
    const checked = statements.map(checkedWrite)
    return this.#queue.run(async () => {
      try {
        const changes = await this.#transact(await this.#connected(), checked)
        this.#events.works()
        return changes
      } catch (error) {
        const typed = storeErrorOf(error, 'storing')
        if (typed.code !== 'internal') this.#events.trouble(typed)
        throw typed
      }
    })
  }

  async query(sql: string, parameters: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    const checked = checkedRead(sql, parameters)
    return this.#queue.run(async () => {
      try {
        const connection = await this.#connected()
        return await connection.rows(checked)
      } catch (error) {
        throw storeErrorOf(error, 'reading')
      }
    })
  }

  async size(): Promise<{ readonly bytes: number }> {
    const [row] = await this.query(databaseBytes)
    return { bytes: Number(row?.[0]) }
  }

  onEvent(listener: (event: DriverEvent) => void): Undo {
    return this.#events.on(listener)
  }

  close(): Promise<void> {
    return this.#queue.close(() => this.#drop())
  }

  async #transact(
    connection: Connection,
    statements: readonly CheckedStatement[],
  ): Promise<readonly number[]> {
    try {
      await connection.do('BEGIN IMMEDIATE')
      const changes: number[] = []
      for (const statement of statements) changes.push(await connection.changes(statement))
      await connection.do('COMMIT')
      return changes
    } catch (error) {
      await this.#undo(connection)
      throw error
    }
  }

  async #undo(connection: Connection): Promise<void> {
    try {
      await connection.do('ROLLBACK')
    } catch (error) {
      // Some errors undo the transaction by themselves.
      if (String(error).includes('no transaction is active')) return
      this.#events.trouble(storeErrorOf(error, 'rolling back'))
      this.#drop()
    }
  }

  async #connected(): Promise<Connection> {
    this.#connection ??= await Connection.open(this.#options)
    return this.#connection
  }

  #drop(): void {
    this.#connection?.close()
    this.#connection = undefined
  }
}

/** One connection, whose results are looked at: their shapes have changed between versions. */
class Connection {
  readonly #database: OpSqliteDatabase

  static async open({ sqlite, name, location }: OpSqliteDriverOptions): Promise<Connection> {
    const place = location === undefined ? { name } : { name, location }
    const connection = new Connection(sqlite.open(place))
    try {
      await connection.#prepare(name)
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  private constructor(database: OpSqliteDatabase) {
    this.#database = database
  }

  async do(sql: string): Promise<void> {
    await this.#execute({ sql, parameters: [], changesRows: false })
  }

  async rows(statement: CheckedStatement): Promise<readonly SqlRow[]> {
    return (await this.#execute(statement)).rows
  }

  async changes(statement: CheckedStatement): Promise<number> {
    const { rowsAffected } = await this.#execute(statement)
    return statement.changesRows ? checkedCount(rowsAffected) : 0
  }

  close(): void {
    this.#database.close()
  }

  async #prepare(name: string): Promise<void> {
    // Before WAL: then the file is locked for this connection alone.
    await this.do('PRAGMA locking_mode = EXCLUSIVE')
    await this.#set('journal_mode', 'WAL', 'wal')
    await this.#set('synchronous', 'FULL', 2)
    // Where `fsync` alone leaves bytes in the drive (iOS, macOS); elsewhere it does nothing.
    await this.do('PRAGMA fullfsync = 1')
    await this.#set('foreign_keys', 'OFF', 0)
    // Takes the lock, and reads every page: damage is found while nothing depends on them.
    await this.do('BEGIN IMMEDIATE')
    const [found] = await this.#ask('PRAGMA quick_check(1)')
    await this.do('COMMIT')
    if (found?.[0] !== 'ok') {
      throw new ClientError('store-damaged', `${name} is damaged: ${String(found?.[0])}`)
    }
  }

  async #set(pragma: string, value: string, expected: string | number): Promise<void> {
    await this.do(`PRAGMA ${pragma} = ${value}`)
    const [row] = await this.#ask(`PRAGMA ${pragma}`)
    if (row?.[0] === expected) return
    const message = `${pragma} stays ${String(row?.[0])} instead of ${value}`
    throw new ClientError('storage-failed', message)
  }

  #ask(sql: string): Promise<readonly SqlRow[]> {
    return this.rows({ sql, parameters: [], changesRows: false })
  }

  async #execute({ sql, parameters }: CheckedStatement): Promise<OpSqliteResult> {
    const values = parameters.map((value) =>
      // A copy that was made for this call: the whole of its buffer.
      value instanceof Uint8Array ? (value.buffer as ArrayBuffer) : value,
    )
    const result: unknown = await this.#database.executeRaw(sql, values)
    if (typeof result !== 'object' || result === null) throw unexpected('a result', result)
    const { rawRows, rowsAffected } = result as Partial<Record<string, unknown>>
    if (!Array.isArray(rawRows)) throw unexpected('rows', rawRows)
    return { rows: rawRows.map(checkedRow), rowsAffected }
  }
}

interface OpSqliteResult {
  readonly rows: readonly SqlRow[]
  readonly rowsAffected: unknown
}
