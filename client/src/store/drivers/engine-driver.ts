import type { Undo } from '@holdfast/peer/ports'
import type { Driver, DriverEvent, SqlRow, SqlValue, Statement } from '../driver.js'
import { CallQueue } from './call-queue.js'
import { DriverEvents } from './driver-events.js'
import { transaction, type SqlEngine } from './engine.js'
import { checkedRead, checkedWrite } from './statement.js'
import { storeErrorOf } from './store-error.js'

export interface EngineDriverOptions {
  readonly kind: Driver['kind']
  readonly isDurable: boolean
  readonly engine: SqlEngine
  /** What happened while it was opened. */
  readonly early?: readonly DriverEvent[]
}

/** A driver over an engine that is as durable as the driver has to be: memory, and files in Node. */
export class EngineDriver implements Driver {
  readonly kind: Driver['kind']
  readonly isDurable: boolean
  readonly #engine: SqlEngine
  readonly #queue: CallQueue
  readonly #events = new DriverEvents()

  constructor({ kind, isDurable, engine, early = [] }: EngineDriverOptions) {
    this.kind = kind
    this.isDurable = isDurable
    this.#engine = engine
    this.#queue = new CallQueue(`the ${kind} store`)
    for (const event of early) this.#events.tell(event)
  }

  async transact(statements: readonly Statement[]): Promise<readonly number[]> {
    const checked = statements.map(checkedWrite)
    return this.#queue.run(() => {
      try {
        const changes = transaction(this.#engine, checked)
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
    return this.#queue.run(() => {
      try {
        return this.#engine.query(checked)
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
    return this.#queue.close(() => this.#engine.close())
  }
}

/** Pages in use and free ones, by the database's own count. */
export const databaseBytes =
  'SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()'
