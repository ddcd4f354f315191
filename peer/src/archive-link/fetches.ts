import type { Undo } from '../ports/index.js'
import { copyOf, nextAfter, type DocumentRef, type MessageOf } from '../protocol/index.js'
import type { FetchedEntry } from './ledger.js'
import type { SessionContext } from './context.js'
import { archiveBounds as bounds } from './limits.js'

/** An entry of the log that the page did not carry: by its place, or as what a state lacks. */
export type Wanted =
  | { readonly by: 'seq'; readonly seq: number }
  | { readonly by: 'difference'; readonly document: DocumentRef; readonly stateVector: Uint8Array }

/**
 * Fetches single entries, a few at a time, each with a deadline. What may be asked for again is; what
 * cannot be had ends the link, because the cursor must not pass it.
 */
export class Fetches {
  readonly #context: SessionContext
  readonly #openByRequest = new Map<number, Open>()
  #waiting: Open[] = []
  #lastRequest = 0
  readonly #pauses = new Set<Undo>()
  #pace: Undo | undefined

  constructor(context: SessionContext) {
    this.#context = context
  }

  /** Resolves with undefined when the link ends first. */
  fetch(wanted: Wanted): Promise<FetchedEntry | undefined> {
    return new Promise((resolve) => {
      this.#waiting.push({ wanted, resolve, tries: 0, deadline: () => {} })
      this.#pump()
    })
  }

  fetched({ request, seq, content }: MessageOf<'fetched'>): void {
    const open = this.#answered(request)
    if (open === undefined) return
    if (open.wanted.by === 'seq' && seq < open.wanted.seq) {
      this.#context.fail('unexpected-message', 'fetched: an entry from before the one asked for')
      return
    }
    open.resolve(entryOf(seq, content))
    this.#pump()
  }

  /** False: it is not about a fetch. */
  error({ request, code, retryAfterMs }: MessageOf<'error'>): boolean {
    const open = request === undefined ? undefined : this.#answered(request)
    if (open === undefined) return false
    open.tries++
    if (nextAfter(code) !== 'retry' || open.tries >= bounds.maxFetchTries) {
      this.#context.fail(code, 'an entry of the log cannot be had')
      return true
    }
    const pauseMs = Math.min(retryAfterMs ?? bounds.fetchAgainAfterMs, bounds.mostAskedPauseMs)
    const undo = this.#context.clock.after(pauseMs, () => {
      this.#pauses.delete(undo)
      this.#waiting.push(open)
      this.#pump()
    })
    this.#pauses.add(undo)
    return true
  }

  close(): void {
    for (const undo of this.#pauses) undo()
    this.#pace?.()
    const all = [...this.#openByRequest.values(), ...this.#waiting]
    this.#openByRequest.clear()
    this.#waiting = []
    for (const { deadline, resolve } of all) {
      deadline()
      resolve(undefined)
    }
  }

  #pump(): void {
    const { clock, sender, fail } = this.#context
    while (this.#openByRequest.size < bounds.maxOpenFetches && this.#waiting.length > 0) {
      if (sender.waitMs > 0) {
        this.#pace ??= clock.after(sender.waitMs, () => {
          this.#pace = undefined
          this.#pump()
        })
        return
      }
      const open = this.#waiting.shift()
      if (open === undefined) return
      const request = ++this.#lastRequest
      open.deadline = clock.after(bounds.fetchWithinMs, () =>
        fail('timeout', 'no answer to a fetch'),
      )
      this.#openByRequest.set(request, open)
      sender.say({ type: 'fetch', request, what: open.wanted })
    }
  }

  #answered(request: number): Open | undefined {
    const open = this.#openByRequest.get(request)
    open?.deadline()
    this.#openByRequest.delete(request)
    return open
  }
}

interface Open {
  readonly wanted: Wanted
  readonly resolve: (entry: FetchedEntry | undefined) => void
  tries: number
  deadline: Undo
}

/** With bytes of its own: it is kept until the whole page can be taken. */
function entryOf(seq: number, content: MessageOf<'fetched'>['content']): FetchedEntry {
  switch (content.kind) {
    case 'row':
      return { ...content, seq, bytes: copyOf(content.bytes) }
    case 'snapshot':
      return { ...content, seq, bytes: copyOf(content.bytes), parked: content.parked.map(copyOf) }
    case 'difference':
      return { ...content, bytes: copyOf(content.bytes), parked: content.parked.map(copyOf) }
    default:
      return { ...content, seq }
  }
}
