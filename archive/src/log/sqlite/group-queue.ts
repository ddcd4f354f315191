import type { Refusal } from '@holdfast/peer/protocol'
import type { AppendOutcome, DeleteOutcome } from '../port.js'
import type { GroupItem } from './append.js'

export type ItemOutcome = AppendOutcome | DeleteOutcome

export interface GroupQueueOptions {
  /** Writes one group; its outcomes are in the order of the items. */
  readonly write: (items: readonly GroupItem[]) => Promise<readonly ItemOutcome[]>
  readonly maxQueuedBytes: number
}

/**
 * What waits for the writer. One group is written at a time; everything that comes meanwhile, of all
 * collections, goes into the next, in order.
 *
 *     call ──► waiting ──► group under way ──► answered, call by call
 *                 ▲             │
 *                 └── meanwhile ┘
 */
export class GroupQueue {
  readonly #options: GroupQueueOptions
  #waiting: Call[] = []
  /** Given to `add` and not answered yet. */
  #queuedBytes = 0
  #running: Promise<void> | undefined

  constructor(options: GroupQueueOptions) {
    this.#options = options
  }

  /** Refuses all of them if too much is waiting: whoever sends has to slow down. */
  add(items: readonly GroupItem[]): Promise<readonly ItemOutcome[]> {
    const bytes = sizeOf(items)
    if (this.#queuedBytes + bytes > this.#options.maxQueuedBytes) {
      return Promise.resolve(items.map(() => ({ status: 'refused', refusal: tooMuchQueued })))
    }
    this.#queuedBytes += bytes
    return new Promise((resolve, reject) => {
      this.#waiting.push({ items, bytes, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Resolves when nothing waits or is under way. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    // What is called in the same turn belongs together.
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#writeNext()
    this.#running = undefined
  }

  async #writeNext(): Promise<void> {
    const calls = this.#takeGroup()
    const items =
      calls.length === 1 ? (calls[0] as Call).items : calls.flatMap((call) => call.items)
    try {
      const outcomes = await this.#options.write(items)
      let at = 0
      for (const { items, resolve } of calls) {
        resolve(calls.length === 1 ? outcomes : outcomes.slice(at, at + items.length))
        at += items.length
      }
    } catch (error) {
      for (const { reject } of calls) reject(error)
    } finally {
      for (const { bytes } of calls) this.#queuedBytes -= bytes
    }
  }

  /** Everything that waits, unless that would be too much for one transaction. */
  #takeGroup(): readonly Call[] {
    let items = 0
    let bytes = 0
    let count = 0
    for (const call of this.#waiting) {
      if (count > 0 && (items >= maxGroupItems || bytes >= maxGroupBytes)) break
      items += call.items.length
      bytes += call.bytes
      count++
    }
    return this.#waiting.splice(0, count)
  }
}

interface Call {
  readonly items: readonly GroupItem[]
  readonly bytes: number
  readonly resolve: (outcomes: readonly ItemOutcome[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * A larger group saves nothing more (from 64 on, an fsync costs less than the rows), and everybody in
 * it waits for all of it: 4,096 small rows take about 40 ms.
 */
const maxGroupItems = 4_096
const maxGroupBytes = 16 * 1024 * 1024

const tooMuchQueued: Refusal = {
  code: 'unavailable',
  detail: 'too much is waiting to be written',
}

function sizeOf(items: readonly GroupItem[]): number {
  let bytes = 0
  for (const item of items) if (item.kind !== 'delete') bytes += item.bytes.length
  return bytes
}
