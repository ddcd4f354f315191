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
  #messages: BulkMessage[] = []
  #bytes = 0
  #isWorking = false

  constructor(options: InboxOptions) {
    this.#options = options
  }

  get length(): number {
    return this.#messages.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Nothing waits, and nothing is being handled. */
  get isIdle(): boolean {
    return this.#messages.length === 0 && !this.#isWorking
  }

  /** Handled within the call, up to the first wait, unless something is being handled. False: too much. */
  push(message: BulkMessage, byteLength: number): boolean {
    this.#messages.push(message)
    this.#bytes += byteLength
    if (this.#messages.length > bounds.maxInboxMessages || this.#bytes > bounds.maxInboxBytes) {
      return false
    }
    if (!this.#isWorking) void this.#work()
    return true
  }

  clear(): void {
    this.#messages = []
  }

  async #work(): Promise<void> {
    const { isOpen, handle, handleUpdates, done, failed } = this.#options
    this.#isWorking = true
    try {
      while (isOpen()) {
        const updates = this.#takeUpdates()
        if (updates.length > 0) await handleUpdates(updates)
        else {
          const message = this.#messages.shift()
          if (message === undefined) break
          if (message.type !== 'update') handle(message)
        }
      }
    } catch (error) {
      failed(error)
    } finally {
      this.#isWorking = false
      if (this.#messages.length === 0) this.#bytes = 0
    }
    done()
  }

  #takeUpdates(): readonly MessageOf<'update'>[] {
    const updates: MessageOf<'update'>[] = []
    for (const message of this.#messages) {
      if (message.type !== 'update') break
      updates.push(message)
    }
    this.#messages.splice(0, updates.length)
    return updates
  }
}
