/**
 * What compares and exchanges states, in the order in which it came: also while the documents are
 * busy taking something in, because the order is what the facts are made of.
 */
import type { MessageOf } from '../protocol/index.js'
import { syncBounds as bounds } from './limits.js'

export type BulkMessage =
  | MessageOf<'summary'>
  | MessageOf<'compared'>
  | MessageOf<'state'>
  | MessageOf<'update'>
  | MessageOf<'error'>

interface InboxOptions {
  /** False: what waits is left alone. */
  readonly isOpen: () => boolean
  readonly handle: (message: Exclude<BulkMessage, MessageOf<'update'>>) => void
  /** The answers that stood next to each other: they are applied together. */
  readonly handleUpdates: (updates: readonly MessageOf<'update'>[]) => Promise<void>
  /** Everything that had come is handled. */
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

export class Inbox {
  readonly #options: InboxOptions
  #waiting: Waiting[] = []
  /** Of what waits and of what is being handled. */
  #bytes = 0
  #isWorking = false

  constructor(options: InboxOptions) {
    this.#options = options
  }

  get length(): number {
    return this.#waiting.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Nothing waits, and nothing is being handled. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && !this.#isWorking
  }

  /** Handled within the call, up to the first wait, unless something is being handled. False: too much. */
  push(message: BulkMessage, byteLength: number): boolean {
    this.#waiting.push({ message, byteLength })
    this.#bytes += byteLength
    if (this.#waiting.length > bounds.maxInboxMessages || this.#bytes > bounds.maxInboxBytes) {
      return false
    }
    if (!this.#isWorking) void this.#work()
    return true
  }

  clear(): void {
    this.#waiting = []
    this.#bytes = 0
  }

  async #work(): Promise<void> {
    const { isOpen, handle, handleUpdates, done, failed } = this.#options
    this.#isWorking = true
    try {
      while (isOpen()) {
        const taken = this.#take()
        const [first] = taken
        if (first === undefined) break
        if (first.message.type !== 'update') handle(first.message)
        else await handleUpdates(taken.flatMap(({ message }) => updateOf(message)))
        for (const { byteLength } of taken) this.#bytes -= byteLength
      }
    } catch (error) {
      failed(error)
    } finally {
      this.#isWorking = false
      if (this.#waiting.length === 0) this.#bytes = 0
    }
    done()
  }

  /** The next message, or the updates that stand next to each other. */
  #take(): readonly Waiting[] {
    const updates = this.#waiting.findIndex(({ message }) => message.type !== 'update')
    const count = updates < 0 ? this.#waiting.length : Math.max(1, updates)
    return this.#waiting.splice(0, count)
  }
}

interface Waiting {
  readonly message: BulkMessage
  readonly byteLength: number
}

function updateOf(message: BulkMessage): MessageOf<'update'> | [] {
  return message.type === 'update' ? message : []
}
