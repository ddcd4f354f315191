import type { Clock, Undo } from '@holdfast/peer/ports'
import type { ClientError } from '../../../errors.js'
import type { Driver, DriverEvent, Durability, SqlRow, SqlValue, Statement } from '../../driver.js'
import { CallQueue } from '../call-queue.js'
import { DriverEvents } from '../driver-events.js'
import { databaseBytes } from '../engine-driver.js'
import { checkedRead, checkedWrite, type CheckedStatement } from '../statement.js'
import { storeErrorOf } from '../store-error.js'
import { Checkpoints, defaultCheckpointPolicy, type CheckpointPolicy } from './checkpoints.js'
import type { SqlJs, SqlJsEngine } from './engine.js'
import type { RecordStore, Stored } from './record-store.js'
import { encodeRecord } from './record.js'
import { imageOf, recover } from './recover.js'

export interface RedoDriverOptions {
  readonly kind: 'sql.js' | 'simulated'
  readonly sqlJs: SqlJs
  readonly store: RecordStore
  readonly clock: Clock
  readonly checkpoints?: CheckpointPolicy
}

/**
 * A database in the memory of sql.js, made durable by a log of its transactions. What a transaction
 * costs depends on its own size; now and then the log is folded into an image of the database.
 *
 *            run in sql.js        append to the log         commit in sql.js
 *   transact ────────────► begun ───────────────────► stored ──────────► answered
 *                            │ a statement fails         │ (cannot fail; if it does all the same,
 *                            │ or the append does        │  memory is made anew from the log)
 *                            ▼                           ▼
 *                       rolled back ──► rejected      memory anew ──► answered
 *
 * Between begun and answered no other call runs: nobody reads what is not stored, and what could not
 * be stored is gone from memory before anybody can look.
 */
export class RedoDriver implements Driver {
  readonly kind: 'sql.js' | 'simulated'
  readonly isDurable = true
  readonly #sqlJs: SqlJs
  readonly #store: RecordStore
  readonly #queue: CallQueue
  readonly #events = new DriverEvents()
  readonly #checkpoints: Checkpoints
  /** Undefined: lost to another owner, or to a failure to make it anew, which the next call tries. */
  #engine: SqlJsEngine | undefined
  /** The last record of the log. */
  #through = 0
  #log = { bytes: 0, records: 0 }
  #taken: ClientError | undefined
  /** Queries made so far, and up to which of them the ownership was looked at. */
  #queries = 0
  #checkedThrough = 0
  #isCheckpointing = false

  /** Takes the ownership and makes the database of what is stored. Rejects with the store's error. */
  static async open(options: RedoDriverOptions): Promise<RedoDriver> {
    const driver = new RedoDriver(options)
    try {
      driver.#engine = await driver.#recover(options.store.open())
      return driver
    } catch (error) {
      await options.store.close()
      throw storeErrorOf(error, 'opening the store')
    }
  }

  private constructor({ kind, sqlJs, store, clock, checkpoints }: RedoDriverOptions) {
    this.kind = kind
    this.#sqlJs = sqlJs
    this.#store = store
    this.#queue = new CallQueue(`the ${kind} store`)
    this.#checkpoints = new Checkpoints(clock, checkpoints ?? defaultCheckpointPolicy, () =>
      this.#beginCheckpoint(),
    )
  }

  async transact(
    statements: readonly Statement[],
    durability: Durability = 'strict',
  ): Promise<readonly number[]> {
    const checked = statements.map(checkedWrite)
    return this.#queue.run(() => this.#transact(checked, durability))
  }

  async query(sql: string, parameters: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    const checked = checkedRead(sql, parameters)
    const number = ++this.#queries
    return this.#queue.run(async () => {
      const engine = await this.#database()
      await this.#checkOwner(number)
      try {
        return engine.query(checked)
      } catch (error) {
        throw storeErrorOf(error, 'reading')
      }
    })
  }

  async size(): Promise<{ readonly bytes: number; readonly quotaBytes?: number }> {
    const [row] = await this.query(databaseBytes)
    const quotaBytes = await this.#store.quotaBytes()
    const bytes = Number(row?.[0])
    return quotaBytes === undefined ? { bytes } : { bytes, quotaBytes }
  }

  onEvent(listener: (event: DriverEvent) => void): Undo {
    return this.#events.on(listener)
  }

  close(): Promise<void> {
    this.#checkpoints.close()
    return this.#queue.close(async () => {
      this.#drop()
      await this.#store.close()
    })
  }

  async #transact(
    statements: readonly CheckedStatement[],
    durability: Durability,
  ): Promise<readonly number[]> {
    const engine = await this.#database()
    if (statements.length === 0) {
      await this.#storing(this.#store.checkOwner())
      return []
    }
    const changes = this.#begin(engine, statements)
    const n = this.#through + 1
    const record = encodeRecord({ n, statements, changes })
    try {
      await this.#storing(this.#store.append(n, record, durability))
    } catch (error) {
      this.#undo(engine)
      throw error
    }
    this.#through = n
    this.#log = { bytes: this.#log.bytes + record.length, records: this.#log.records + 1 }
    try {
      engine.commit()
    } catch (error) {
      // It is stored: the call has succeeded, and memory is made anew before the next one.
      this.#events.trouble(storeErrorOf(error, 'committing'))
      this.#drop()
    }
    this.#checkpoints.grown(this.#log)
    return changes
  }

  /** Runs the statements and leaves them uncommitted; of what throws nothing is left. */
  #begin(engine: SqlJsEngine, statements: readonly CheckedStatement[]): readonly number[] {
    try {
      engine.begin()
      return statements.map((statement) => engine.run(statement))
    } catch (error) {
      this.#undo(engine)
      throw storeErrorOf(error, 'storing')
    }
  }

  #undo(engine: SqlJsEngine): void {
    // The store may have said that there is nothing more to go on with.
    if (this.#engine !== engine) return
    try {
      engine.rollback()
    } catch (error) {
      // What cannot be rolled back is dropped, and made anew from the log.
      this.#events.trouble(storeErrorOf(error, 'rolling back'))
      this.#drop()
    }
  }

  /** The database, made anew where it was dropped. */
  async #database(): Promise<SqlJsEngine> {
    if (this.#taken !== undefined) throw this.#taken
    this.#engine ??= await this.#recover(this.#store.read())
    return this.#engine
  }

  async #recover(reading: Promise<Stored>): Promise<SqlJsEngine> {
    const stored = await this.#storing(reading)
    const recovered = recover(this.#sqlJs, stored)
    const { engine, through, damage } = recovered
    this.#through = through
    this.#log = { bytes: recovered.logBytes, records: recovered.records }
    if (damage !== undefined) {
      const image = through === 0 ? undefined : imageOf(engine.image(), through)
      const setAside = await this.#storing(this.#store.setAside(image))
      this.#log = { bytes: 0, records: 0 }
      this.#events.tell({ kind: 'damaged', setAside, cause: damage })
    }
    this.#checkpoints.grown(this.#log)
    return engine
  }

  /** One look serves all the queries that had been made when it was begun. */
  async #checkOwner(query: number): Promise<void> {
    if (this.#checkedThrough >= query) return
    const through = this.#queries
    await this.#storing(this.#store.checkOwner())
    this.#checkedThrough = through
  }

  #beginCheckpoint(): void {
    if (this.#isCheckpointing || this.#queue.isClosed) return
    this.#isCheckpointing = true
    // No call waits for it: what goes wrong with it has been told as an event.
    void this.#queue.run(async () => {
      try {
        const engine = await this.#database()
        await this.#storing(this.#checkpoint(engine))
        this.#log = { bytes: 0, records: 0 }
      } catch {
        this.#checkpoints.failed(this.#log)
      } finally {
        this.#isCheckpointing = false
      }
    })
  }

  async #checkpoint(engine: SqlJsEngine): Promise<void> {
    await this.#store.checkpoint(imageOf(engine.image(), this.#through))
  }

  /** Waits for the store; types what goes wrong with it, and tells it. */
  async #storing<Result>(work: Promise<Result>): Promise<Result> {
    try {
      const result = await work
      this.#events.works()
      return result
    } catch (error) {
      const typed = storeErrorOf(error, 'storing')
      if (typed.code === 'store-taken') this.#lose(typed)
      else this.#events.trouble(typed)
      // The log is not what this driver took it for.
      if (typed.code === 'store-damaged') this.#drop()
      throw typed
    }
  }

  #lose(error: ClientError): void {
    if (this.#taken !== undefined) return
    this.#taken = error
    this.#checkpoints.close()
    this.#drop()
    this.#events.tell({ kind: 'taken' })
  }

  #drop(): void {
    this.#engine?.close()
    this.#engine = undefined
  }
}
