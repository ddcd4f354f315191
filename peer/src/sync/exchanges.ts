import type { Undo } from '../ports/index.js'
import type { DocumentRef, ErrorCode } from '../protocol/index.js'
import { keyOf } from './documents.js'

/** A document that is not known to be the same on both sides of a link, and what is lacking. */
export interface Exchange {
  readonly document: DocumentRef
  /** What they hold is not known to be here. */
  lacksTheirs: boolean
  /** What is held here is not known to be there. */
  lacksOurs: boolean
  /** A fact about either has to come from a question that was asked after this one. */
  theirsSince: number
  oursSince: number
  /** Their last answer was not taken: they are told so when they ask in return. */
  failure: ErrorCode | undefined
  /** Times that the document was looked at again by itself. */
  looks: number
  looking: Undo | undefined
}

/** A `state` of ours that is not answered. */
export interface Ask {
  readonly document: DocumentRef
  readonly request: number
  readonly askedAtMs: number
  /** It follows an update of ours in the same lane: the answer shows that this was taken. */
  readonly confirms: boolean
}

/** The book of one link: which documents are being exchanged, and what was asked. */
export class Exchanges {
  readonly #exchangeByKey = new Map<string, Exchange>()
  readonly #askByRequest = new Map<number, Ask>()
  readonly #askByKey = new Map<string, Ask>()

  get size(): number {
    return this.#exchangeByKey.size
  }

  get openAsks(): number {
    return this.#askByRequest.size
  }

  get(document: DocumentRef): Exchange | undefined {
    return this.#exchangeByKey.get(keyOf(document))
  }

  all(): readonly Exchange[] {
    return [...this.#exchangeByKey.values()]
  }

  /** The exchange of this document, with what is lacking added to it. */
  open(document: DocumentRef, lacks: { theirs: boolean; ours: boolean; since: number }): Exchange {
    const known = this.get(document)
    if (known !== undefined) {
      known.lacksTheirs ||= lacks.theirs
      known.lacksOurs ||= lacks.ours
      if (lacks.theirs) known.theirsSince = Math.max(known.theirsSince, lacks.since)
      if (lacks.ours) known.oursSince = Math.max(known.oursSince, lacks.since)
      return known
    }
    const exchange: Exchange = {
      document,
      lacksTheirs: lacks.theirs,
      lacksOurs: lacks.ours,
      theirsSince: lacks.theirs ? lacks.since : 0,
      oursSince: lacks.ours ? lacks.since : 0,
      failure: undefined,
      looks: 0,
      looking: undefined,
    }
    this.#exchangeByKey.set(keyOf(document), exchange)
    return exchange
  }

  delete(document: DocumentRef): boolean {
    this.get(document)?.looking?.()
    return this.#exchangeByKey.delete(keyOf(document))
  }

  askOf(document: DocumentRef): Ask | undefined {
    return this.#askByKey.get(keyOf(document))
  }

  asked(ask: Ask): void {
    this.#askByRequest.set(ask.request, ask)
    this.#askByKey.set(keyOf(ask.document), ask)
  }

  /** The ask with this number, which is answered now. */
  answered(request: number): Ask | undefined {
    const ask = this.#askByRequest.get(request)
    if (ask === undefined) return undefined
    this.#askByRequest.delete(request)
    this.#askByKey.delete(keyOf(ask.document))
    return ask
  }

  /** When the oldest ask that is open was made. */
  get oldestAskAtMs(): number | undefined {
    for (const { askedAtMs } of this.#askByRequest.values()) return askedAtMs
    return undefined
  }

  close(): void {
    for (const { looking } of this.#exchangeByKey.values()) looking?.()
    this.#exchangeByKey.clear()
    this.#askByRequest.clear()
    this.#askByKey.clear()
  }
}
