import type { Refusal } from '@holdfast/peer/protocol'
import type { AppendOutcome, DeleteOutcome } from '../port.js'
import { maxGroupItems, type GroupItem } from './append.js'

export type ItemOutcome = AppendOutcome | DeleteOutcome

export interface GroupQueueOptions {
  /** Writes one group; its outcomes are in the order of the items. */
  readonly write: (items: readonly GroupItem[]) => Promise<readonly ItemOutcome[]>
  readonly maxQueuedBytes: number
}

/**
 * What waits for the writer. While a group is being written, everything that comes, of all
 * collections, waits to go into the next, in order.
 *
 *     call ──► waiting ──► under way ──► durable ──► answered, call by call
 *                 ▲                                      │
 *                 └──────────── calls again ─────────────┘
 *
 * Answering takes this thread about a third as long as writing takes the other, so neither waits for
 * the other if it can be helped: the next group is on its way before the last one is answered; and
 * when half as much has come as is under way, it is sent after it, and the writer takes it along if
 * it has not begun to commit.
 */
export class GroupQueue {
  readonly #options: GroupQueueOptions
  #waiting: Call[] = []
  #waitingItems = 0
  /** Sizes of the groups that are with the writer, which answers in order. */
  readonly #underWay: number[] = []
  /** Given to `add` and not answered yet. */
  #queuedBytes = 0
  #isSendingSoon = false
  /** Groups that are durable and not wholly answered. */
  #answering = 0
  readonly #onDrained: (() => void)[] = []

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
      this.#waitingItems += items.length
      if (!this.#isSendingSoon) void this.#sendSoon()
    })
  }

  /** Resolves when nothing waits or is under way. */
  drained(): Promise<void> {
    if (this.#isIdle) return Promise.resolve()
    return new Promise((resolve) => this.#onDrained.push(resolve))
  }

  get #isIdle(): boolean {
    return this.#waiting.length === 0 && this.#underWay.length === 0 && this.#answering === 0
  }

  /** What is called in the same turn, or by those who were answered in it, belongs together. */
  async #sendSoon(): Promise<void> {
    this.#isSendingSoon = true
    await turns(turnsToCallAgain)
    this.#isSendingSoon = false
    this.#sendIfDue()
  }

  #sendIfDue(): void {
    const [first] = this.#underWay
    const isDue =
      first === undefined || (this.#underWay.length === 1 && this.#waitingItems * 2 >= first)
    if (isDue && this.#waiting.length > 0) void this.#write(this.#takeGroup())
  }

  /** Never rejects: each call has its own answer. */
  async #write(calls: readonly Call[]): Promise<void> {
    const items: GroupItem[] = []
    for (const call of calls) for (const item of call.items) items.push(item)
    this.#underWay.push(items.length)
    let answers: readonly (() => void)[]
    try {
      const outcomes = await this.#options.write(items)
      let at = 0
      answers = calls.map((call) => {
        const own = outcomes.slice(at, (at += call.items.length))
        return () => call.resolve(own)
      })
    } catch (error) {
      answers = calls.map(
        ({ reject }) =>
          () =>
            reject(error),
      )
    }
    this.#underWay.shift()
    for (const { bytes } of calls) this.#queuedBytes -= bytes
    this.#answering++
    this.#sendIfDue()
    await this.#answer(answers)
    this.#answering--
    if (this.#isIdle) for (const resolve of this.#onDrained.splice(0)) resolve()
  }

  /** While there is nothing to write, those who are answered first may call again before the rest. */
  async #answer(answers: readonly (() => void)[]): Promise<void> {
    const first = this.#underWay.length > 0 ? answers.length : Math.ceil(answers.length / 2)
    for (const answer of answers.slice(0, first)) answer()
    if (first === answers.length) return
    await turns(2 * turnsToCallAgain)
    for (const answer of answers.slice(first)) answer()
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
    this.#waitingItems -= items
    return this.#waiting.splice(0, count)
  }
}

interface Call {
  readonly items: readonly GroupItem[]
  readonly bytes: number
  readonly resolve: (outcomes: readonly ItemOutcome[]) => void
  readonly reject: (error: unknown) => void
}

/** A group of large ops ends with the one that reaches this. */
const maxGroupBytes = 16 * 1024 * 1024

/** Promises between our answer and the caller's next call: `append`'s own, and those of a caller. */
const turnsToCallAgain = 8

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve()
}

const tooMuchQueued: Refusal = {
  code: 'unavailable',
  detail: 'too much is waiting to be written',
}

function sizeOf(items: readonly GroupItem[]): number {
  let bytes = 0
  for (const item of items) if (item.kind !== 'delete') bytes += item.bytes.length
  return bytes
}
