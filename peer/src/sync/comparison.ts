/*
 * Finds out what differs between the two sides of a link.
 *
 *   summary ──► judged: equal documents are proven, those that differ are found: they are exchanged
 *               compared ◄── after all that was asked because of it, in the same lane
 *
 * By pages where there are few documents, by a tree of digests where there are many, and by number
 * where both sides follow one archive.
 */
import type { Channel } from '../links/channel.js'
import {
  messageBounds,
  type Cursor,
  type DocumentId,
  type DocumentRef,
  type Held,
  type MessageOf,
} from '../protocol/index.js'
import { DocumentExchange, type ExchangeOptions } from './document-exchange.js'
import { syncBounds as bounds } from './limits.js'
import { Outgoing } from './outgoing.js'

export interface ComparisonOptions extends Omit<ExchangeOptions, 'outgoing' | 'tellPage'> {
  readonly channel: Channel
  /** What they said that they follow. */
  readonly theirCursors: readonly Cursor[]
}

export class Comparison {
  readonly #options: ComparisonOptions
  readonly #outgoing: Outgoing
  readonly exchange: DocumentExchange
  /** Our summaries that were not answered by `compared`, and under which prefix they told all. */
  readonly #summaryByRequest = new Map<number, { readonly under: string | undefined }>()
  /** Pages of a summary by number that is not complete yet. */
  #theirDirty: Held[] = []
  #roundsByNumber = 0
  #hasRound = false
  #heardRounds = 0

  constructor(options: ComparisonOptions) {
    this.#options = options
    this.#outgoing = new Outgoing(options.channel, () => this.exchange.mayAsk)
    this.exchange = new DocumentExchange({
      ...options,
      outgoing: this.#outgoing,
      tellPage: (under) => this.#tellPage(under),
    })
  }

  close(): void {
    this.exchange.close()
    this.#outgoing.close()
  }

  /** Nothing that was compared is known to differ, and all was compared once. */
  get isDone(): boolean {
    return this.#hasRound && this.#summaryByRequest.size === 0 && this.exchange.isDone
  }

  /** All was compared once, from this side or from the other. */
  get hasRound(): boolean {
    return this.#hasRound
  }

  /** How often the other side has told all that it holds. */
  get heardRounds(): number {
    return this.#heardRounds
  }

  /** A summary of ours is not answered. */
  get isBusy(): boolean {
    return this.#summaryByRequest.size > 0
  }

  get waiting(): number {
    return this.#outgoing.waitingAnswers + this.#outgoing.waitingQuestions
  }

  /** Tells what may differ, of the whole collection. */
  compareAll(isOpening: boolean): void {
    this.exchange.startOver()
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

  /** Tells what is held of one document now. */
  tellAgain(document: DocumentRef): void {
    this.#tellPage(this.#options.tree.prefixOf(document.id))
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
    if (differing === 0 && summary.under !== undefined)
      this.exchange.equalUnder(summary.under, request)
    this.#outgoing.pump()
    this.#options.changed()
  }

  // Telling ----------------------------------------------------------------------------------------

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
    const request = this.exchange.nextRequest()
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
      this.exchange.mentioned(id)
      if (this.#judge(held)) differing++
    }
    for (const { document } of this.#options.tree.under(under)) {
      if (told.has(document.id) || this.exchange.isDeclined(document.id)) continue
      this.exchange.found(document)
      differing++
    }
    return differing
  }

  /** True where it differs; then what is to be done about it is under way. */
  #judge(theirs: Held): boolean {
    const { document, digest } = theirs
    const mine = this.exchange.learnGeneration(document)
    if (mine === undefined) {
      if (digest === undefined || !this.#options.documents.accepts(document)) return false
      this.exchange.found(document)
      return true
    }
    if (mine.document.generation < document.generation) return false
    if (mine.document.generation === document.generation) {
      const areBothEmpty = digest === undefined && !mine.hasContent
      if (areBothEmpty || (digest !== undefined && digest === mine.digest)) {
        this.exchange.proven(document)
        return false
      }
      const wouldTake = mine.hasContent || this.#options.documents.accepts(document)
      if (!wouldTake) return false
    }
    this.exchange.found(mine.document)
    return true
  }

  #judgeNodes(nodes: readonly { readonly under: string; readonly digest: string }[]): number {
    const { tree } = this.#options
    let differing = 0
    for (const { under, digest } of nodes) {
      if (tree.digestUnder(under) === digest) {
        this.exchange.equalUnder(under)
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
      this.exchange.mentioned(held.document.id)
      if (this.#judge(held)) differing++
    }
    this.#theirDirty = []
    for (const ids of [position.after(cursor.seq), position.dirty()]) {
      for (const id of ids) {
        const holding = this.#options.documents.holding(id)
        if (told.has(id) || this.exchange.isDeclined(id) || holding === undefined) continue
        told.add(id)
        this.exchange.found(holding.document)
        differing++
      }
    }
    return differing
  }
}

const hexDigits = Array.from('0123456789abcdef')
/** Dirty documents of one neighbour that are taken in: pages of 1,024. */
const maxDirty = 65_536
