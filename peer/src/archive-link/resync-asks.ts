/** What an archive is asked for in a resync: few at a time, and as fast as it takes questions. */
import type { Undo } from '../ports/index.js'
import type { Digest, DocumentId, DocumentRef } from '../protocol/index.js'
import { ask, type SessionContext } from './context.js'
import { archiveBounds as bounds } from './limits.js'

export interface Ask {
  readonly document: DocumentRef
  readonly inReturn: boolean
}

export interface ResyncAsksOptions {
  readonly context: SessionContext
  readonly requests: { last: number }
  /** Of what is held here. */
  readonly digestOf: (id: DocumentId) => Digest | undefined
}

export class ResyncAsks {
  readonly #options: ResyncAsksOptions
  readonly #waiting: Ask[] = []
  readonly #openByRequest = new Map<number, Ask>()
  /** Those of them whose answer has come and waits to be handled. */
  readonly #answers = new Set<number>()
  readonly #asked = new Set<DocumentId>()
  #pace: Undo | undefined
  #found = 0
  #settled = 0
  #isClosed = false

  constructor(options: ResyncAsksOptions) {
    this.#options = options
  }

  get isDone(): boolean {
    return this.#openByRequest.size === 0 && this.#waiting.length === 0
  }

  /** Documents that differ, and those of them that are settled. */
  get recovery(): { readonly done: number; readonly total: number } {
    return { done: Math.min(this.#settled, this.#found), total: this.#found }
  }

  has(id: DocumentId): boolean {
    return this.#asked.has(id)
  }

  get(request: number): Ask | undefined {
    return this.#openByRequest.get(request)
  }

  async add(asked: Ask): Promise<void> {
    if (this.#asked.size >= bounds.maxAskedDocuments) {
      this.#options.context.fail('too-many', 'more documents than any collection has')
      return
    }
    this.#asked.add(asked.document.id)
    this.#waiting.push(asked)
    await this.#next()
  }

  /** An answer has come. False: to no question, or the second one to it; such wait nowhere. */
  comes(request: number): boolean {
    if (!this.#openByRequest.has(request) || this.#answers.has(request)) return false
    this.#answers.add(request)
    return true
  }

  /** Its answer is handled. */
  answered(request: number): void {
    this.#openByRequest.delete(request)
    this.#answers.delete(request)
    this.#settled++
    void this.#next()
  }

  close(): void {
    this.#isClosed = true
    this.#pace?.()
  }

  async #next(): Promise<void> {
    const { context, digestOf, requests } = this.#options
    const { sender, clock } = context
    while (this.#openByRequest.size < bounds.maxOpenAsks && this.#waiting.length > 0) {
      if (sender.waitMs > 0) {
        this.#pace ??= clock.after(sender.waitMs, () => {
          this.#pace = undefined
          void this.#next()
        })
        return
      }
      const next = this.#waiting.shift()
      if (next === undefined) return
      const { document, inReturn } = next
      const request = ++requests.last
      this.#openByRequest.set(request, next)
      this.#found++
      const vector = await ask(context, context.ledger.stateVector(document))
      if (vector === undefined || this.#isClosed) return
      const digest = digestOf(document.id)
      sender.say({
        type: 'state',
        request,
        document,
        stateVector: vector.value ?? emptyStateVector,
        ...(digest === undefined ? {} : { digest }),
        inReturn,
      })
    }
  }
}

/** Of a document of which nothing is held. */
export const emptyStateVector = new Uint8Array([0])
