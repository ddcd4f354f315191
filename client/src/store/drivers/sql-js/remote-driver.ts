import type { Undo } from '@holdfast/peer/ports'
import { ClientError } from '../../../errors.js'
import type { Driver, DriverEvent, Durability, SqlRow, SqlValue, Statement } from '../../driver.js'
import { DriverEvents } from '../driver-events.js'
import { checkedRead, checkedWrite } from '../statement.js'
import { checkedCount, unexpected } from '../values.js'
import {
  fromWireError,
  fromWireEvent,
  transferables,
  type Call,
  type MessageEnd,
  type ToPage,
} from './rpc.js'

export interface RemoteDriverOptions {
  readonly end: MessageEnd
  /** The database's name. */
  readonly name: string
  /** Lets go of the worker. */
  readonly release: () => void
}

/** The page's half of a driver in a worker. */
export class RemoteDriver implements Driver {
  readonly kind = 'sql.js'
  readonly #end: MessageEnd
  readonly #release: () => void
  readonly #events = new DriverEvents()
  readonly #waiting = new Map<number, Waiting>()
  #calls = 0
  #isDurable = false
  #closing: Promise<void> | undefined
  #gone: ClientError | undefined

  static async open(options: RemoteDriverOptions): Promise<RemoteDriver> {
    const driver = new RemoteDriver(options)
    try {
      driver.#isDurable = (await driver.#call({ call: 'open', args: [options.name] })) === true
      return driver
    } catch (error) {
      options.release()
      throw error
    }
  }

  private constructor({ end, release }: RemoteDriverOptions) {
    this.#end = end
    this.#release = release
    end.onmessage = ({ data }: MessageEvent<ToPage>) => this.#receive(data)
  }

  get isDurable(): boolean {
    return this.#isDurable
  }

  async transact(
    statements: readonly Statement[],
    durability: Durability = 'strict',
  ): Promise<readonly number[]> {
    this.#throwIfClosed()
    const checked = statements.map(checkedWrite)
    const values = checked.flatMap(({ parameters }) => parameters)
    const plain = checked.map(({ sql, parameters }) => ({ sql, parameters }))
    const changes = await this.#call({ call: 'transact', args: [plain, durability] }, values)
    if (!Array.isArray(changes)) throw unexpected('numbers of rows', changes)
    return changes.map(checkedCount)
  }

  async query(sql: string, parameters: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    this.#throwIfClosed()
    const checked = checkedRead(sql, parameters)
    const call: Call = { call: 'query', args: [sql, checked.parameters] }
    const rows = await this.#call(call, checked.parameters)
    // The worker has looked at the values; what has crossed belongs to nobody else.
    if (!Array.isArray(rows) || !rows.every(Array.isArray)) throw unexpected('rows', rows)
    return rows as readonly SqlRow[]
  }

  async size(): Promise<{ readonly bytes: number; readonly quotaBytes?: number }> {
    this.#throwIfClosed()
    return (await this.#call({ call: 'size', args: [] })) as Awaited<ReturnType<Driver['size']>>
  }

  onEvent(listener: (event: DriverEvent) => void): Undo {
    return this.#events.on(listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** The worker has died, or is not to be trusted: what it had not answered may be stored or not. */
  fail(cause: unknown): void {
    if (this.#gone !== undefined) return
    this.#gone = new ClientError('storage-failed', 'the worker of the store has died', { cause })
    for (const waiting of this.#waiting.values()) waiting.reject(this.#gone)
    this.#waiting.clear()
    this.#release()
    this.#events.trouble(this.#gone)
  }

  async #close(): Promise<void> {
    try {
      if (this.#gone === undefined) await this.#call({ call: 'close', args: [] })
    } finally {
      if (this.#gone === undefined) this.#release()
    }
  }

  #throwIfClosed(): void {
    if (this.#closing !== undefined) throw new ClientError('closed', 'the sql.js store was closed')
  }

  #call(call: Call, values: readonly unknown[] = []): Promise<unknown> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone)
    const id = ++this.#calls
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#end.postMessage({ ...call, id }, transferables(values))
    })
  }

  #receive(message: ToPage): void {
    if (message.kind === 'event') {
      this.#events.tell(fromWireEvent(message.event))
      return
    }
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.kind === 'answer') waiting?.resolve(message.value)
    else waiting?.reject(fromWireError(message.error))
  }
}

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}
