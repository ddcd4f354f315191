/*
 * Brings the documents of one link that differ across, in both directions.
 *
 *   found ── state ──► ◄── update, state in return ── update ──► done
 *     ▲                                                  │
 *     └───────── looked at again, a few times ◄──────────┘ not a fact yet
 *
 * A document is done when it is a fact that each side holds what the other held when they began:
 * - equal digests are such a fact, for both; or
 * - their answer to our `state` was integrated, whole; and it was asked behind our own answer, in the
 *   same lane, so that they had taken that when they answered.
 * Anything else is looked at again, a few times with growing pauses, and then with the next
 * comparison of the whole link. So nothing is called the same early, and no resync runs for ever.
 */
import {
  canWrite,
  copyOf,
  readStateVector,
  type Access,
  type DocumentId,
  type DocumentRef,
  type ErrorCode,
  type MessageOf,
} from '../protocol/index.js'
import type { Clock, Logger } from '../ports/index.js'
import type { DigestTree } from './digest-tree.js'
import type { Documents, Holding, Outcome } from './documents.js'
import { errorAbout, ExchangeMessages } from './exchange-messages.js'
import { Exchanges, type Ask, type Exchange } from './exchanges.js'
import { syncBounds as bounds } from './limits.js'
import type { Outgoing } from './outgoing.js'

export interface ExchangeOptions {
  readonly documents: Documents
  readonly tree: DigestTree
  readonly outgoing: Outgoing
  readonly clock: Clock
  readonly logger: Logger
  /** What the two sides may do. */
  readonly ours: Access
  readonly theirs: Access
  /** The longest message that they take. */
  readonly theirMaxMessageBytes: number
  /** Tells all that is held under a prefix: a page of a summary. */
  readonly tellPage: (under: string) => void
  /** Something was done, or found: look at what is left. */
  readonly changed: () => void
  readonly gapped: (document: DocumentRef) => void
  /** They say what makes no sense: the link has to end. */
  readonly refuse: (code: ErrorCode) => void
}

export class DocumentExchange {
  readonly #options: ExchangeOptions
  readonly #outgoing: Outgoing
  readonly #messages: ExchangeMessages
  readonly #exchanges = new Exchanges()
  /** Documents that they do not hold, and do not want. Of ids that are held here alone. */
  readonly #declined = new Set<DocumentId>()
  #lastRequest = 0
  #wasDone = false

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.#outgoing = options.outgoing
    this.#messages = new ExchangeMessages(options)
  }

  close(): void {
    this.#exchanges.close()
  }

  /** Numbers of summaries and states ascend together, so that facts have an order. */
  nextRequest(): number {
    return ++this.#lastRequest
  }

  /** Few enough states are open that another may be asked for. */
  get mayAsk(): boolean {
    return this.#exchanges.openAsks < bounds.maxOpenAsks
  }

  get isDone(): boolean {
    return this.#exchanges.size === 0
  }

  get differing(): readonly DocumentRef[] {
    return this.#exchanges.all().map(({ document }) => document)
  }

  get oldestAskAtMs(): number | undefined {
    return this.#exchanges.oldestAskAtMs
  }

  isDeclined(id: DocumentId): boolean {
    return this.#declined.has(id)
  }

  /** The whole link is compared: what was given up is looked at again. */
  startOver(): void {
    for (const exchange of this.#exchanges.all()) {
      exchange.looks = 0
      this.#isWanted(exchange)
    }
  }

  /** It differs: both directions are to be exchanged. */
  found(document: DocumentRef): void {
    if (this.#takesTheirs) {
      this.#openExchange(document)
      if (this.#exchanges.askOf(document) === undefined) this.#ask(document)
    } else if (this.#givesOurs) {
      // A reader asks for what it lacks once it sees our digest.
      this.#options.tellPage(this.#options.tree.prefixOf(document.id))
    }
  }

  /** This side takes part in it from now on: nothing is known of what they hold of it. */
  opened(document: DocumentRef): void {
    if (!this.#takesTheirs && !this.#givesOurs) return
    this.#exchanges.open(document, {
      theirs: this.#takesTheirs,
      ours: this.#givesOurs,
      since: this.#lastRequest,
    })
    this.found(document)
    this.#options.changed()
  }

  /** What is held here, after taking in which generations they say have ended. */
  learnGeneration(theirs: DocumentRef): Holding | undefined {
    const { documents } = this.#options
    const mine = documents.holding(theirs.id)
    const isNews = theirs.generation > (mine?.document.generation ?? 0)
    if (!isNews || !this.#takesTheirs) return mine
    if (!documents.end({ id: theirs.id, generation: theirs.generation - 1 })) return mine
    if (mine !== undefined) this.#exchanges.delete(mine.document)
    return documents.holding(theirs.id)
  }

  /** Equal digests were seen, in the answer to `request` or, without one, just now. */
  proven(document: DocumentRef, request = Infinity): void {
    const exchange = this.#exchanges.get(document)
    if (exchange === undefined) return
    // What was told before it was opened, or before an edit was lost, says nothing of either.
    if (request <= Math.max(exchange.theirsSince, exchange.oursSince)) return
    const holding = this.#options.documents.holding(document.id)
    if (holding?.hasContent === true && holding.digest === undefined) return
    this.#exchanges.delete(document)
  }

  equalUnder(under: string, request = Infinity): void {
    for (const { document } of this.#exchanges.all()) {
      if (this.#options.tree.isUnder(document.id, under)) this.proven(document, request)
    }
  }

  /** Something that was to reach them was not sent. */
  owe(document: DocumentRef): void {
    const exchange = this.#exchanges.open(document, {
      theirs: false,
      ours: true,
      since: this.#lastRequest,
    })
    this.#lookAgain(exchange)
    this.#options.changed()
  }

  /** "Send me what I lack": for a gap. False while it was asked before and not answered. */
  askFor(document: DocumentRef): boolean {
    if (!this.#takesTheirs || this.#exchanges.askOf(document) !== undefined) return false
    this.#ask(document)
    return true
  }

  // What they say ----------------------------------------------------------------------------------

  state(message: MessageOf<'state'>): void {
    const { request, document, inReturn } = message
    const vector = copyOf(message.stateVector)
    this.mentioned(document.id)
    if (this.#outgoing.hasTooManyAnswers) return this.#options.refuse('too-many')
    if (!readStateVector(vector).ok) return this.#options.refuse('malformed')
    const mine = this.learnGeneration(document)
    if (mine !== undefined && mine.document.generation > document.generation) {
      this.#fail(request, document, 'document-deleted')
      // They learn the generation from our own question.
      if (!inReturn) this.found(mine.document)
      return
    }
    // A reader may know of an ending that nobody here knows of, and is not believed.
    const isAhead = document.generation > (mine?.document.generation ?? 0)
    if (isAhead || (mine === undefined && !this.#options.documents.accepts(document))) {
      return this.#fail(request, document, 'unavailable')
    }
    const known = this.#exchanges.get(document)
    if (inReturn && known?.failure !== undefined) {
      this.#fail(request, document, known.failure)
      known.failure = undefined
      return
    }
    this.#outgoing.answer(() => this.#messages.update(request, document, vector))
    if (message.digest !== undefined && message.digest === mine?.digest) {
      this.proven(document)
    } else if (inReturn) {
      if (known !== undefined) this.#settle(known)
    } else {
      this.#askInReturn(document)
    }
    this.#options.changed()
  }

  /** Their answers to our states, applied; in order. */
  async updates(messages: readonly MessageOf<'update'>[], received: ReceiveAll): Promise<void> {
    const asks = []
    for (const message of messages) {
      const { cause } = message
      if (cause.kind !== 'state') continue
      const ask = this.#exchanges.answered(cause.request)
      if (ask === undefined) return this.#options.refuse('unexpected-message')
      asks.push({ ask, message })
    }
    this.#outgoing.pump()
    const outcomes = await received(asks.map(({ message }) => message))
    for (const [at, { ask }] of asks.entries()) {
      const outcome = outcomes[at]
      if (outcome !== undefined) this.#answered(ask, outcome)
    }
    this.#options.changed()
  }

  error({ code, request }: MessageOf<'error'>): void {
    const ask = request === undefined ? undefined : this.#exchanges.answered(request)
    if (ask === undefined) return
    this.#outgoing.pump()
    const { document } = ask
    if (code === 'unavailable' || code === 'document-deleted') {
      if (code === 'unavailable') this.#decline(document.id)
      this.#exchanges.delete(document)
    } else {
      const exchange = this.#exchanges.get(document)
      if (exchange !== undefined) this.#lookAgain(exchange)
    }
    this.#options.changed()
  }

  /** They spoke of it: they hold it now. */
  mentioned(id: DocumentId): void {
    this.#declined.delete(id)
  }

  /** For good: everything has been the same once, so what differs from now on is news. */
  noteDone(): void {
    this.#wasDone = true
  }

  get #takesTheirs(): boolean {
    return canWrite(this.#options.theirs)
  }

  get #givesOurs(): boolean {
    return canWrite(this.#options.ours)
  }

  #openExchange(document: DocumentRef): Exchange {
    return this.#exchanges.open(document, {
      theirs: this.#takesTheirs,
      ours: this.#givesOurs && !this.#wasDone,
      since: 0,
    })
  }

  #ask(document: DocumentRef): void {
    const request = ++this.#lastRequest
    this.#outgoing.ask(() => {
      if (this.#exchanges.askOf(document) !== undefined) return undefined
      const askedAtMs = this.#options.clock.monotonic()
      this.#exchanges.asked({ document, request, askedAtMs, confirms: false })
      return this.#stateOf(document, request, false)
    })
  }

  /** Behind our own answer, in the same lane. */
  #askInReturn(document: DocumentRef): void {
    if (!this.#takesTheirs) {
      if (this.#givesOurs) this.#settle(this.#openExchange(document))
      return
    }
    this.#openExchange(document)
    if (this.#exchanges.askOf(document) !== undefined) return
    const request = ++this.#lastRequest
    const askedAtMs = this.#options.clock.monotonic()
    this.#exchanges.asked({ document, request, askedAtMs, confirms: true })
    this.#outgoing.answer(() => this.#stateOf(document, request, true))
  }

  async #stateOf(
    document: DocumentRef,
    request: number,
    inReturn: boolean,
  ): Promise<MessageOf<'state'> | undefined> {
    const message = await this.#messages.state(document, request, inReturn)
    if (message === undefined && this.#exchanges.answered(request) !== undefined) this.owe(document)
    return message
  }

  #answered({ document, confirms, request }: Ask, outcome: Outcome): void {
    const known = this.#exchanges.get(document)
    // Opened since then, perhaps with another Y.Doc: they told what lacked in the one before.
    if (known !== undefined && request <= known.theirsSince) {
      if (this.#exchanges.askOf(document) === undefined) this.#ask(document)
      return
    }
    if (outcome.kind === 'elsewhere') {
      this.#exchanges.delete(document)
      return
    }
    if (outcome.kind === 'gapped') this.#options.gapped(document)
    if (known === undefined && outcome.kind === 'whole') return
    // What was asked for besides and not taken has to be told as well, when they ask in return.
    const exchange = known ?? this.#openExchange(document)
    if (outcome.kind === 'whole') {
      exchange.failure = undefined
      exchange.lacksTheirs = false
      if (confirms && request > exchange.oursSince) exchange.lacksOurs = false
    } else {
      exchange.failure = outcome.kind === 'refused' ? outcome.code : 'predecessors-first'
    }
    this.#settle(exchange)
  }

  /** Ends the exchange where nothing is lacking, and sees to it otherwise. */
  #settle(exchange: Exchange): void {
    if (!exchange.lacksTheirs && !exchange.lacksOurs) this.#exchanges.delete(exchange.document)
    else if (this.#exchanges.askOf(exchange.document) === undefined) this.#lookAgain(exchange)
  }

  #lookAgain(exchange: Exchange): void {
    if (exchange.looking !== undefined || exchange.looks >= bounds.maxLooks) return
    const delayMs = bounds.lookAgainAfterMs * 2 ** exchange.looks++
    exchange.looking = this.#options.clock.after(delayMs, () => {
      exchange.looking = undefined
      if (!this.#isWanted(exchange)) this.#options.changed()
      else this.#options.tellPage(this.#options.tree.prefixOf(exchange.document.id))
    })
  }

  /** False, and it ends, where the document was closed here meanwhile, or its generation ended. */
  #isWanted({ document }: Exchange): boolean {
    const { documents } = this.#options
    const holding = documents.holding(document.id)
    const isWanted =
      holding === undefined
        ? documents.accepts(document)
        : holding.document.generation === document.generation
    if (!isWanted) this.#exchanges.delete(document)
    return isWanted
  }

  #decline(id: DocumentId): void {
    if (this.#options.documents.holding(id) !== undefined) this.#declined.add(id)
  }

  #fail(request: number, document: DocumentRef, code: ErrorCode): void {
    this.#outgoing.answer(() => errorAbout(request, document, code))
  }
}

/** Takes what was answered, with one outcome for each, in order. */
export type ReceiveAll = (messages: readonly MessageOf<'update'>[]) => Promise<readonly Outcome[]>
