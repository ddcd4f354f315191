/*
 * In the place of op-sqlite's C++ layer, which does not run here: `globalThis.__OPSQLiteProxy`, over
 * better-sqlite3, with the habits of the native one as its sources have them (OPBridge.cpp, OPUtils.cpp,
 * 18.2): blobs come out as ArrayBuffers; all numbers are doubles; `rowsAffected` is what the last
 * change had changed, also after a statement that changes nothing; errors are texts; a call answers
 * later, and what is executed meanwhile joins the open transaction.
 */
import Sqlite from 'better-sqlite3'
import { join } from 'node:path'

interface OpenOptions {
  readonly name: string
  readonly location?: string
}

interface RawResult {
  readonly rowsAffected: number
  readonly rawRows: readonly (readonly unknown[])[]
  readonly columnNames: readonly string[]
}

export function installNativeProxy(): void {
  Reflect.set(globalThis, '__OPSQLiteProxy', {
    open: (options: OpenOptions) => new NativeDatabase(options).host(),
    isSQLCipher: () => false,
    isLibsql: () => false,
    isTurso: () => false,
  })
}

function nothing(): void {}

class NativeDatabase {
  readonly #database: Sqlite.Database
  /** One thread: calls are carried out in their order. */
  #last: Promise<unknown> = Promise.resolve()

  constructor({ name, location = '.' }: OpenOptions) {
    this.#database = new Sqlite(join(location, name), { timeout: 0 })
  }

  /** The members of a host object: they work without `this`. */
  host(): object {
    return {
      executeRaw: (sql: string, values?: readonly unknown[]) =>
        this.#later(() => this.#execute(sql, values)),
      executeRawSync: (sql: string, values?: readonly unknown[]) => this.#execute(sql, values),
      execute: (sql: string, values?: readonly unknown[]) =>
        this.#later(() => asObjects(this.#execute(sql, values))),
      executeSync: (sql: string, values?: readonly unknown[]) =>
        asObjects(this.#execute(sql, values)),
      flushPendingReactiveQueries: async () => {},
      close: () => this.#database.close(),
      updateHook: nothing,
      commitHook: nothing,
      rollbackHook: nothing,
    }
  }

  #later<Result>(work: () => Result): Promise<Result> {
    const result = this.#last.then(() => new Promise((turn) => setImmediate(turn))).then(work)
    this.#last = result.catch(() => undefined)
    return result
  }

  #execute(sql: string, values: readonly unknown[] = []): RawResult {
    try {
      const statement = this.#database.prepare(sql)
      const bound = values.map(toSqlite)
      const rows = statement.reader ? (statement.raw().all(...bound) as unknown[][]) : []
      if (!statement.reader) statement.run(...bound)
      return {
        rowsAffected: this.#database.prepare('SELECT changes()').pluck().get() as number,
        rawRows: rows.map((row) => row.map(fromSqlite)),
        columnNames: statement.reader ? statement.columns().map(({ name }) => name) : [],
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw new Error(`[op-sqlite] statement execution error: ${message}`, { cause: error })
    }
  }
}

function toSqlite(value: unknown): unknown {
  if (value instanceof ArrayBuffer) return Buffer.from(value.slice(0))
  if (ArrayBuffer.isView(value)) throw new Error('a view: some versions took its whole buffer')
  if (typeof value === 'boolean') return Number(value)
  return value
}

function fromSqlite(value: unknown): unknown {
  return value instanceof Uint8Array ? new Uint8Array(value).buffer : value
}

function asObjects({ rowsAffected, rawRows, columnNames }: RawResult): object {
  const rows = rawRows.map((row) =>
    Object.fromEntries(columnNames.map((name, at) => [name, row[at]])),
  )
  return { rowsAffected, rows }
}
