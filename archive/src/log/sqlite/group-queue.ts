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
 *     call ──► waiting ──► group under way ──► durable ──► answered, call by call
 *                 ▲             │                              │
 *                 └── meanwhile ┘ ◄───── calls again ──────────┘
 *
 * Answering takes this thread about half as long as writing takes the other, so the next group is on
 * its way before the last one is answered; and a first half is answered early if nothing waits yet.
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
    let unanswered: readonly (() => void)[] = []
    while (this.#waiting.length > 0) {
      const written = this.#write(this.#takeGroup())
      for (const answer of unanswered) answer()
      unanswered = await written
      if (this.#waiting.length === 0) unanswered = await this.#answerHalf(unanswered)
    }
    this.#running = undefined
    for (const answer of unanswered) answer()
  }

  /** Gives the answers, which are due from then on. Never rejects. */
  async #write(calls: readonly Call[]): Promise<readonly (() => void)[]> {
    const items: GroupItem[] = []
    for (const call of calls) for (const item of call.items) items.push(item)
    try {
      const outcomes = await this.#options.write(items)
      let at = 0
      return calls.map((call) => {
        const own = outcomes.slice(at, (at += call.items.length))
        return () => this.#settle(call, () => call.resolve(own))
      })
    } catch (error) {
      return calls.map((call) => () => this.#settle(call, () => call.reject(error)))
    }
  }

  #settle({ bytes }: Call, settle: () => void): void {
    this.#queuedBytes -= bytes
    settle()
  }

  /** Lets those who call again as soon as they are answered do so. Gives the other half. */
  async #answerHalf(answers: readonly (() => void)[]): Promise<readonly (() => void)[]> {
    const half = Math.ceil(answers.length / 2)
    for (const answer of answers.slice(0, half)) answer()
    for (let turn = 0; turn < turnsToCallAgain && this.#waiting.length === 0; turn++) {
      await Promise.resolve()
    }
    return answers.slice(half)
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

/** Promises between our answer and the caller's next call: `append`'s own, and those of a caller. */
const turnsToCallAgain = 8

const tooMuchQueued: Refusal = {
  code: 'unavailable',
  detail: 'too much is waiting to be written',
}

function sizeOf(items: readonly GroupItem[]): number {
  let bytes = 0
  for (const item of items) if (item.kind !== 'delete') bytes += item.bytes.length
  return bytes
}
