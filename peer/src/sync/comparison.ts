/*
 * Finds out what differs between the two sides of a link, and brings it across, in both directions.
 *
 *   summary ──► judged: equal documents are proven, of the others
 *                 state ──► update (what the asker lacks)
 *                 ◄── state in return ──► update
 *               compared ◄──
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
  messageBounds,
  messageKinds,
  readStateVector,
  type Access,
  type Cursor,
  type DocumentId,
  type DocumentRef,
  type ErrorCode,
  type Held,
  type MessageOf,
} from '../protocol/index.js'
import type { Clock } from '../ports/index.js'
import type { DigestTree } from './digest-tree.js'
import type { Documents, Holding, Outcome } from './documents.js'
import { Exchanges, type Ask, type Exchange } from './exchanges.js'
import { syncBounds as bounds } from './limits.js'
import type { Outgoing } from './outgoing.js'

export interface ComparisonOptions {
  readonly documents: Documents
  readonly tree: DigestTree
  readonly clock: Clock
  /** What the two sides may do. */
  readonly ours: Access
  readonly theirs: Access
  /** What they said that they follow. */
  readonly theirCursors: readonly Cursor[]
  /** The longest message that they take. */
  readonly theirMaxMessageBytes: number
  /** Something was done, or found: look at `isDone`. */
  readonly changed: () => void
  readonly gapped: (document: DocumentRef) => void
  /** They say what makes no sense: the link has to end. */
  readonly refuse: (code: ErrorCode) => void
}

export class Comparison {
  readonly #options: ComparisonOptions
  readonly #outgoing: Outgoing
  readonly #exchanges = new Exchanges()
  /** Our summaries that were not answered by `compared`, and under which prefix they told all. */
  readonly #summaryByRequest = new Map<number, { readonly under: string | undefined }>()
  /** Documents that they do not hold, and do not want. Of ids that are held here alone. */
  readonly #declined = new Set<DocumentId>()
  /** Pages of a summary by number that is not complete yet. */
  #theirDirty: Held[] = []
  #lastRequest = 0
  #roundsByNumber = 0
  #hasRound = false
  #wasDone = false
  #heardRounds = 0

  constructor(options: ComparisonOptions, createOutgoing: (mayAsk: () => boolean) => Outgoing) {
    this.#options = options
    this.#outgoing = createOutgoing(() => this.#exchanges.openAsks < bounds.maxOpenAsks)
  }

  close(): void {
    this.#exchanges.close()
    this.#outgoing.close()
  }

  /** Nothing that was compared is known to differ, and all was compared once. */
  get isDone(): boolean {
    return this.#hasRound && this.#summaryByRequest.size === 0 && this.#exchanges.size === 0
  }

  /** All was compared once, from this side or from the other. */
  get hasRound(): boolean {
    return this.#hasRound
  }

  /** How often the other side has told all that it holds. */
  get heardRounds(): number {
    return this.#heardRounds
  }

  get differing(): readonly DocumentRef[] {
    return this.#exchanges.all().map(({ document }) => document)
  }

  get isBusy(): boolean {
    return this.#summaryByRequest.size > 0
  }

  get oldestAskAtMs(): number | undefined {
    return this.#exchanges.oldestAskAtMs
  }

  get waiting(): number {
    return this.#outgoing.waitingAnswers + this.#outgoing.waitingQuestions
  }

  /** Tells what may differ, of the whole collection. */
  compareAll(isOpening: boolean): void {
    for (const exchange of this.#exchanges.all()) {
      exchange.looks = 0
      this.#isWanted(exchange)
    }
    this.#hasRound = true
    const position = this.#options.documents.position()
    const isByNumber =
      position !== undefined &&
      this.#sharesTerm(position.cursor) &&
      this.#roundsByNumber++ % (bounds.comparisonsByNumber + 1) < bounds.comparisonsByNumber
    if (isByNumber) {
      this.#tellDirty()
      return
    }
    const pageSize = isOpening ? bounds.maxOpeningPageDocuments : bounds.maxUnaskedPageDocuments
    if (this.#options.tree.countUnder('') <= pageSize) this.#tellPage('')
    else this.#tellNodes([''])
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

  summary(message: MessageOf<'summary'>): void {
    if (this.#outgoing.waitingQuestions > bounds.maxWaitingQuestions) {
      this.#options.refuse('too-many')
      return
    }
    const { request, by } = message
    let differing: number
    if (by.kind === 'page') {
      if (by.under === '') this.#heardRound()
      differing = this.#judgePage(by.under, by.documents)
    } else if (by.kind === 'tree') {
      if (by.nodes.some(({ under }) => under === '')) this.#heardRound()
      differing = this.#judgeNodes(by.nodes)
    } else {
      differing = this.#judgeDirty(by.cursor, by.dirty, by.more)
    }
    this.#outgoing.ask(() => ({ type: 'compared', request, differing }))
    this.#options.changed()
  }

  compared({ request, differing }: MessageOf<'compared'>): void {
    const summary = this.#summaryByRequest.get(request)
    if (summary === undefined) {
      this.#options.refuse('unexpected-message')
      return
    }
    this.#summaryByRequest.delete(request)
    if (differing === 0 && summary.under !== undefined) this.#equalUnder(summary.under, request)
    this.#outgoing.pump()
    this.#options.changed()
  }

  state(message: MessageOf<'state'>): void {
    const { request, document, inReturn } = message
    const vector = copyOf(message.stateVector)
    if (this.#outgoing.hasTooManyAnswers) return this.#options.refuse('too-many')
    if (!readStateVector(vector).ok) return this.#options.refuse('malformed')
    const mine = this.#learnGeneration(document)
    if (mine !== undefined && mine.document.generation > document.generation) {
      this.#fail(request, document, 'document-deleted')
      // They learn the generation from our own question.
      if (!inReturn) this.#found(mine.document)
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
    this.#outgoing.answer(() => this.#updateFor(request, document, vector))
    if (message.digest !== undefined && message.digest === mine?.digest) {
      this.#proven(document, this.#lastRequest)
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

  // Telling ----------------------------------------------------------------------------------------

  get #takesTheirs(): boolean {
    return canWrite(this.#options.theirs)
  }

  get #givesOurs(): boolean {
    return canWrite(this.#options.ours)
  }

  #sharesTerm({ archive, term }: Cursor): boolean {
    return this.#options.theirCursors.some(
      (theirs) => theirs.archive === archive && theirs.term === term,
    )
  }

  #tellPage(under: string): void {
    this.#tell(under, () => ({
      kind: 'page',
      under,
      documents: this.#options.tree
        .under(under)
        .map(({ document, digest }) => ({
          document,
          ...(digest === undefined ? {} : { digest }),
        }))
        .slice(0, messageBounds.maxDocuments),
    }))
  }

  #tellNodes(prefixes: readonly string[]): void {
    const [first] = prefixes
    // Equal nodes are proven one by one only where there is one.
    this.#tell(prefixes.length === 1 ? first : undefined, () => ({
      kind: 'tree',
      nodes: prefixes.map((under) => ({ under, digest: this.#options.tree.digestUnder(under) })),
    }))
  }

  #tellDirty(): void {
    const position = this.#options.documents.position()
    if (position === undefined) return
    const { cursor } = position
    const dirty: Held[] = []
    for (const id of position.dirty()) {
      const holding = this.#options.documents.holding(id)
      if (holding !== undefined) dirty.push(this.#options.tree.held(holding))
    }
    for (let at = 0; at === 0 || at < dirty.length; at += messageBounds.maxDocuments) {
      const page = dirty.slice(at, at + messageBounds.maxDocuments)
      const more = at + messageBounds.maxDocuments < dirty.length
      this.#tell(undefined, () => ({ kind: 'cursor', cursor, dirty: page, more }))
    }
  }

  #tell(under: string | undefined, by: () => MessageOf<'summary'>['by']): void {
    const request = ++this.#lastRequest
    this.#summaryByRequest.set(request, { under })
    this.#outgoing.ask(() => ({ type: 'summary', request, by: by() }))
  }

  // Judging ----------------------------------------------------------------------------------------

  #heardRound(): void {
    this.#hasRound = true
    this.#heardRounds++
  }

  #judgePage(under: string, documents: readonly Held[]): number {
    const told = new Set<DocumentId>()
    let differing = 0
    for (const held of documents) {
      const { id } = held.document
      if (told.has(id) || !this.#options.tree.isUnder(id, under)) continue
      told.add(id)
      this.mentioned(id)
      if (this.#judge(held)) differing++
    }
    for (const { document } of this.#options.tree.under(under)) {
      if (told.has(document.id) || this.#declined.has(document.id)) continue
      this.#found(document)
      differing++
    }
    return differing
  }

  /** True where it differs; then what is to be done about it is under way. */
  #judge(theirs: Held): boolean {
    const { document, digest } = theirs
    const mine = this.#learnGeneration(document)
    if (mine === undefined) {
      if (digest === undefined || !this.#options.documents.accepts(document)) return false
      this.#found(document)
      return true
    }
    if (mine.document.generation < document.generation) return false
    if (mine.document.generation === document.generation) {
      const areBothEmpty = digest === undefined && !mine.hasContent
      if (areBothEmpty || (digest !== undefined && digest === mine.digest)) {
        this.#proven(document, this.#lastRequest)
        return false
      }
      const wouldTake = mine.hasContent || this.#options.documents.accepts(document)
      if (!wouldTake) return false
    }
    this.#found(mine.document)
    return true
  }

  #judgeNodes(nodes: readonly { readonly under: string; readonly digest: string }[]): number {
    const { tree } = this.#options
    let differing = 0
    for (const { under, digest } of nodes) {
      if (tree.digestUnder(under) === digest) {
        this.#equalUnder(under, this.#lastRequest)
        continue
      }
      differing++
      const isLeaf =
        tree.countUnder(under) <= bounds.maxPageDocuments ||
        under.length === messageBounds.maxPrefixDigits
      if (isLeaf) this.#tellPage(under)
      else this.#tellNodes(hexDigits.map((digit) => under + digit))
    }
    return differing
  }

  #judgeDirty(cursor: Cursor, dirty: readonly Held[], more: boolean): number {
    const position = this.#options.documents.position()
    if (
      position === undefined ||
      position.cursor.archive !== cursor.archive ||
      position.cursor.term !== cursor.term
    ) {
      // By number there is nothing to say: by digests, then.
      if (!more) this.#tellNodes([''])
      this.#theirDirty = []
      return 1
    }
    if (this.#theirDirty.length < maxDirty) this.#theirDirty.push(...dirty)
    if (more) return dirty.length
    const told = new Set<DocumentId>()
    let differing = 0
    for (const held of this.#theirDirty) {
      told.add(held.document.id)
      this.mentioned(held.document.id)
      if (this.#judge(held)) differing++
    }
    this.#theirDirty = []
    for (const ids of [position.after(cursor.seq), position.dirty()]) {
      for (const id of ids) {
        const holding = this.#options.documents.holding(id)
        if (told.has(id) || this.#declined.has(id) || holding === undefined) continue
        told.add(id)
        this.#found(holding.document)
        differing++
      }
    }
    return differing
  }

  /** What is held here, after taking in which generations they say have ended. */
  #learnGeneration(theirs: DocumentRef): Holding | undefined {
    const { documents } = this.#options
    const mine = documents.holding(theirs.id)
    const isNews = theirs.generation > (mine?.document.generation ?? 0)
    if (!isNews || !this.#takesTheirs) return mine
    if (!documents.end({ id: theirs.id, generation: theirs.generation - 1 })) return mine
    if (mine !== undefined) this.#exchanges.delete(mine.document)
    return documents.holding(theirs.id)
  }

  // Exchanging -------------------------------------------------------------------------------------

  /** It differs: both directions are to be exchanged. */
  #found(document: DocumentRef): void {
    if (this.#takesTheirs) {
      this.#openExchange(document)
      if (this.#exchanges.askOf(document) === undefined) this.#ask(document)
    } else if (this.#givesOurs) {
      // A reader asks for what it lacks once it sees our digest.
      this.#tellPage(this.#options.tree.prefixOf(document.id))
    }
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

  #stateOf(document: DocumentRef, request: number, inReturn: boolean): MessageOf<'state'> {
    const { documents } = this.#options
    const digest = documents.holding(document.id)?.digest
    return {
      type: 'state',
      request,
      document,
      stateVector: documents.stateVector(document) ?? emptyStateVector,
      ...(digest === undefined ? {} : { digest }),
      inReturn,
    }
  }

  #updateFor(
    request: number,
    document: DocumentRef,
    vector: Uint8Array,
  ): MessageOf<'update'> | MessageOf<'error'> {
    const bytes = this.#options.documents.difference(document, vector) ?? emptyUpdate
    const isTooLarge =
      bytes.length > messageBounds.maxUpdateBytes ||
      bytes.length + headerBytes > this.#options.theirMaxMessageBytes
    return isTooLarge
      ? errorAbout(request, document, 'document-too-large')
      : { type: 'update', document, cause: { kind: 'state', request }, bytes }
  }

  #answered({ document, confirms, request }: Ask, outcome: Outcome): void {
    const exchange = this.#exchanges.get(document)
    if (outcome.kind === 'elsewhere') {
      this.#exchanges.delete(document)
      return
    }
    if (outcome.kind === 'gapped') this.#options.gapped(document)
    if (exchange === undefined) return
    if (outcome.kind === 'whole') {
      exchange.failure = undefined
      exchange.lacksTheirs = false
      if (confirms && request > exchange.since) exchange.lacksOurs = false
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
      else this.#tellPage(this.#options.tree.prefixOf(exchange.document.id))
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

  #proven(document: DocumentRef, request: number): void {
    const exchange = this.#exchanges.get(document)
    if (exchange === undefined || exchange.since > request) return
    const holding = this.#options.documents.holding(document.id)
    if (holding?.hasContent === true && holding.digest === undefined) return
    this.#exchanges.delete(document)
  }

  #equalUnder(under: string, request: number): void {
    for (const { document } of this.#exchanges.all()) {
      if (this.#options.tree.isUnder(document.id, under)) this.#proven(document, request)
    }
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

function errorAbout(request: number, document: DocumentRef, code: ErrorCode): MessageOf<'error'> {
  return { type: 'error', code, message: messageKinds.state.number, request, document }
}

const emptyStateVector = Uint8Array.of(0)
const emptyUpdate = Uint8Array.of(0, 0)
const hexDigits = Array.from('0123456789abcdef')
/** What stands around an update in its message. */
const headerBytes = 512
/** Dirty documents of one neighbour that are taken in: pages of 1,024. */
const maxDirty = 65_536
