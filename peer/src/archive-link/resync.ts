/*
 * Makes an archive and this replica hold the same, up to the head H that the archive fixed when this
 * subscription was registered.
 *
 *   holdings ──► summary ──► the archive's summaries, answered likewise
 *                   │        its states: an upload, and a state in return ──► its update
 *                   ▼
 *                compared ◄── all of that was asked before it
 *
 *   nothing open any more ──► the cursor (term, H), in the ledger ──► resynced
 *
 * Whatever differs is asked for by the archive; this side asks in return, because deletions and
 * parked bytes show in no state vector. So `compared` means that everything has been asked, and the
 * end can be seen. A reader who may not write offers instead of uploading.
 */
import type { Undo } from '../ports/index.js'
import {
  canWrite,
  copyOf,
  messageBounds,
  messageKinds,
  nextAfter,
  readStateVector,
  type Digest,
  type DocumentId,
  type DocumentRef,
  type ErrorCode,
  type Held,
  type InstanceId,
  type Message,
  type MessageOf,
} from '../protocol/index.js'
import type { HeldDocument } from './ledger.js'
import { ask, type SessionContext } from './context.js'
import { Holdings, isUnder, prefixOf } from './holdings.js'
import { archiveBounds as bounds } from './limits.js'
import type { ResyncPoint } from './subscription.js'
import type { Uploads } from './uploads.js'

export interface ResyncOptions {
  readonly context: SessionContext
  readonly instance: InstanceId
  readonly uploads: Uploads
  readonly at: ResyncPoint
  /** The last request of this link: what still comes of an earlier resync is told by its number. */
  readonly requests: { last: number }
  /** It is in the ledger. */
  readonly onDone: () => void
}

/** What the archive says in a resync. */
export type ResyncMessage = Extract<
  Message,
  { readonly type: 'summary' | 'compared' | 'state' | 'update' }
>

export class Resync {
  readonly #options: ResyncOptions
  readonly #context: SessionContext
  #holdings: Holdings | undefined
  /** Heard, and not handled: one after the other, because the order is what the end is made of. */
  #inbox: (ResyncMessage | MessageOf<'error'>)[] = []
  #isWorking = false
  #isOver = false
  readonly #firstRequest: number
  #heardSummaries = 0
  /** Under which prefixes all was told, and the summaries that are not `compared`. */
  readonly #told = new Set<string>()
  readonly #openSummaries = new Set<number>()
  readonly #waitingSummaries: (() => MessageOf<'summary'>['by'])[] = []
  readonly #waitingAsks: Ask[] = []
  readonly #openAsks = new Map<number, Ask>()
  readonly #asked = new Set<DocumentId>()
  #openUploads = 0
  /** What the archive told of documents that it asked for, for a reader's offer. */
  readonly #theirs = new Map<DocumentId, Theirs>()
  #found = 0
  #settled = 0
  #stall: Undo = () => {}
  #pace: Undo | undefined

  constructor(options: ResyncOptions) {
    this.#options = options
    this.#context = options.context
    this.#firstRequest = options.requests.last + 1
  }

  /** Documents that differ, and those of them that are settled. */
  get recovery(): { readonly done: number; readonly total: number } {
    return { done: Math.min(this.#settled, this.#found), total: this.#found }
  }

  async start(): Promise<void> {
    this.#moved()
    this.#isWorking = true
    const documents = await this.#readHoldings()
    if (documents === undefined || this.#isOver) return
    this.#holdings = new Holdings(documents, this.#options.instance)
    const isSmall = this.#holdings.countUnder('') <= bounds.maxOpeningPageDocuments
    if (isSmall) this.#tellPage('')
    else this.#tellNodes([''])
    this.#isWorking = false
    void this.#work()
  }

  close(): void {
    this.#isOver = true
    this.#stall()
    this.#pace?.()
    this.#inbox = []
  }

  hear(message: ResyncMessage): void {
    if (this.#isOver) return
    if (message.type === 'state') {
      this.#inbox.push({ ...message, stateVector: copyOf(message.stateVector) })
    } else if (message.type === 'update') {
      this.#inbox.push({ ...message, bytes: copyOf(message.bytes) })
    } else this.#inbox.push(message)
    void this.#work()
  }

  /** False: it is not about anything that was asked here. */
  error(message: MessageOf<'error'>): boolean {
    const isOurs = message.message === kindOf.state || message.message === kindOf.summary
    if (this.#isOver || !isOurs) return false
    this.#inbox.push(message)
    void this.#work()
    return true
  }

  async #work(): Promise<void> {
    if (this.#isWorking || this.#isOver) return
    this.#isWorking = true
    for (;;) {
      const message = this.#inbox.shift()
      if (message === undefined || this.#isOver) break
      this.#moved()
      await this.#handle(message)
    }
    this.#isWorking = false
    this.#context.progressed()
    if (this.#isSettled) await this.#finish()
  }

  #handle(message: ResyncMessage | MessageOf<'error'>): Promise<void> | void {
    switch (message.type) {
      case 'summary':
        return this.#hearSummary(message)
      case 'compared':
        this.#openSummaries.delete(message.request)
        this.#tellNext()
        return
      case 'state':
        return this.#hearState(message)
      case 'update':
        return this.#hearUpdate(message)
      case 'error':
        return this.#hearError(message)
    }
  }

  get #isSettled(): boolean {
    return (
      !this.#isOver &&
      this.#inbox.length === 0 &&
      this.#openSummaries.size === 0 &&
      this.#waitingSummaries.length === 0 &&
      this.#openAsks.size === 0 &&
      this.#waitingAsks.length === 0 &&
      this.#openUploads === 0
    )
  }

  // Telling ----------------------------------------------------------------------------------------

  async #readHoldings(): Promise<HeldDocument[] | undefined> {
    const documents: HeldDocument[] = []
    let after: string | undefined
    do {
      const page = await ask(
        this.#context,
        this.#context.ledger.holdings(after, messageBounds.maxDocuments),
      )
      if (page === undefined) return undefined
      this.#moved()
      documents.push(...page.value.documents)
      after = page.value.next
    } while (after !== undefined && !this.#isOver)
    return documents
  }

  /** All that is held under a prefix, in as many pages as that takes. */
  #tellPage(under: string): void {
    if (this.#told.has(under)) return
    this.#told.add(under)
    const isTooMuch = this.#held.countUnder(under) > messageBounds.maxDocuments
    if (isTooMuch && under.length < messageBounds.maxPrefixDigits) {
      for (const digit of hexDigits) this.#tellPage(under + digit)
      return
    }
    const documents = this.#held.under(under).slice(0, messageBounds.maxDocuments)
    this.#tell(() => ({ kind: 'page', under, documents }))
  }

  #tellNodes(prefixes: readonly string[]): void {
    this.#tell(() => ({
      kind: 'tree',
      nodes: prefixes.map((under) => ({ under, digest: this.#held.digestUnder(under) })),
    }))
  }

  #tell(by: () => MessageOf<'summary'>['by']): void {
    this.#waitingSummaries.push(by)
    this.#tellNext()
  }

  #tellNext(): void {
    while (this.#openSummaries.size < bounds.maxOpenSummaries) {
      const by = this.#waitingSummaries.shift()
      if (by === undefined) return
      const request = ++this.#options.requests.last
      this.#openSummaries.add(request)
      this.#context.sender.say({ type: 'summary', request, by: by() })
    }
  }

  get #held(): Holdings {
    if (this.#holdings === undefined) throw new Error('nothing is heard before start')
    return this.#holdings
  }

  // What the archive says --------------------------------------------------------------------------

  async #hearSummary({ request, by }: MessageOf<'summary'>): Promise<void> {
    if (++this.#heardSummaries > bounds.maxHeardSummaries || by.kind === 'cursor') {
      this.#context.fail('unexpected-message', 'summary: by cursor, or far too many')
      return
    }
    const differing =
      by.kind === 'page'
        ? await this.#judgePage(by.under, by.documents)
        : this.#judgeNodes(by.nodes)
    if (this.#isOver || this.#context.isOver()) return
    this.#context.sender.say({ type: 'compared', request, differing })
  }

  #judgeNodes(nodes: readonly { readonly under: string; readonly digest: Digest }[]): number {
    let differing = 0
    for (const { under, digest } of nodes) {
      if (this.#held.digestUnder(under) === digest) continue
      differing++
      const isLeaf =
        this.#held.countUnder(under) <= bounds.maxPageDocuments ||
        under.length === messageBounds.maxPrefixDigits
      if (isLeaf) this.#tellPage(under)
      else this.#tellNodes(hexDigits.map((digit) => under + digit))
    }
    return differing
  }

  /** Told what we hold there, the archive asks for what differs. */
  async #judgePage(under: string, documents: readonly Held[]): Promise<number> {
    const wasTold = this.#wasTold(under)
    const named = new Set<DocumentId>()
    const differing: Held[] = []
    for (const theirs of documents) {
      const { id } = theirs.document
      if (named.has(id) || !isUnder(id, under)) continue
      named.add(id)
      if (!isSame(this.#held.get(id), theirs)) differing.push(theirs)
    }
    this.#noteUnnamed(under, named)
    if (wasTold) for (const theirs of differing) await this.#settleOne(theirs)
    else this.#tellPage(under)
    return differing.length
  }

  /** Of what a page does not name the archive holds nothing: it asks a writer, and a reader offers. */
  #noteUnnamed(under: string, named: ReadonlySet<DocumentId>): void {
    for (const { document } of this.#held.under(under)) {
      const isUnheard = !named.has(document.id) && !this.#theirs.has(document.id)
      if (isUnheard) this.#theirs.set(document.id, { document })
    }
  }

  /**
   * The archive was told of this document, and says what it holds instead of asking: because nothing
   * is held here, or because it does not ask a reader. Otherwise it is told once more, of this one
   * alone; and then each side gives the other all that it has.
   */
  async #settleOne(theirs: Held): Promise<void> {
    const { document, digest } = theirs
    this.#theirs.set(document.id, theirs)
    if (!(await this.#alignGeneration(document))) return
    const ours = this.#held.get(document.id)
    const isHeld = ours?.digest !== undefined && ours.document.generation === document.generation
    const prefix = prefixOf(document.id)
    if (isHeld && canWrite(this.#context.access()) && !this.#told.has(prefix)) {
      this.#tellPage(prefix)
      return
    }
    if (this.#asked.has(document.id)) return
    if (isHeld) this.#give(document, emptyStateVector)
    if (digest !== undefined) await this.#ask({ document, inReturn: false })
  }

  /**
   * Whether both speak of the same generation now. False: what the archive holds has ended, and it
   * is given the end and what came after.
   */
  async #alignGeneration(theirs: DocumentRef): Promise<boolean> {
    const ours = this.#held.get(theirs.id)
    const generation = ours?.document.generation ?? 0
    if (ours !== undefined && generation > theirs.generation) {
      this.#giveTombstone({ id: theirs.id, generation: generation - 1 })
      if (ours.digest !== undefined) this.#give(ours.document, emptyStateVector)
      return false
    }
    if (theirs.generation === generation) return true
    const ended = { id: theirs.id, generation: theirs.generation - 1 }
    return (await ask(this.#context, this.#context.ledger.end(ended))) !== undefined
  }

  #wasTold(under: string): boolean {
    for (let digits = 0; digits <= under.length; digits++) {
      if (this.#told.has(under.slice(0, digits))) return true
    }
    return false
  }

  async #hearState(message: MessageOf<'state'>): Promise<void> {
    const { document, stateVector, digest, inReturn, request } = message
    if (!readStateVector(stateVector).ok) {
      this.#context.fail('malformed', 'state: no state vector')
      return
    }
    const ours = this.#held.get(document.id)
    if (!(await this.#alignGeneration(document))) {
      this.#answerNothing(request, document, 'document-deleted')
      return
    }
    this.#theirs.set(document.id, {
      document,
      ...(digest === undefined ? {} : { digest }),
      stateVector,
    })
    const isHeld = ours?.digest !== undefined && ours.document.generation === document.generation
    if (isHeld) this.#give(document, stateVector)
    else this.#answerNothing(request, document, 'unavailable')
    const isEqual = isHeld && digest === ours.digest
    if (!inReturn && !isEqual) await this.#ask({ document, inReturn: true })
  }

  async #hearUpdate({ document, cause, bytes }: MessageOf<'update'>): Promise<void> {
    if (cause.kind !== 'state') return
    if (cause.request < this.#firstRequest) return
    const asked = this.#openAsks.get(cause.request)
    if (asked === undefined || asked.document.id !== document.id) {
      this.#context.fail('unexpected-message', 'update: of what nobody asked for')
      return
    }
    const received = await ask(this.#context, this.#context.ledger.receive(document, [bytes]))
    if (received === undefined || this.#isOver) return
    this.#answered(cause.request)
  }

  #hearError({ request, code, document }: MessageOf<'error'>): void {
    if (request !== undefined && request < this.#firstRequest) return
    const asked = request === undefined ? undefined : this.#openAsks.get(request)
    if (request === undefined || asked === undefined) {
      this.#context.fail(nextAfter(code) === 'fatal' ? 'unavailable' : code, 'a resync was refused')
      return
    }
    if (nextAfter(code) === 'retry' && code !== 'unavailable') {
      this.#context.fail(code, 'what an archive holds cannot be had just now')
      return
    }
    if (code !== 'unavailable' && code !== 'document-deleted') {
      const refused = document ?? asked.document
      this.#context.trouble({ kind: 'download-refused', document: refused, code })
    }
    this.#answered(request)
  }

  // Asking and giving ------------------------------------------------------------------------------

  async #ask(asked: Ask): Promise<void> {
    this.#asked.add(asked.document.id)
    this.#waitingAsks.push(asked)
    await this.#askNext()
  }

  async #askNext(): Promise<void> {
    const { sender, clock } = this.#context
    while (this.#openAsks.size < bounds.maxOpenAsks && this.#waitingAsks.length > 0) {
      if (sender.waitMs > 0) {
        this.#pace ??= clock.after(sender.waitMs, () => {
          this.#pace = undefined
          void this.#askNext()
        })
        return
      }
      const next = this.#waitingAsks.shift()
      if (next === undefined) return
      const { document, inReturn } = next
      const request = ++this.#options.requests.last
      this.#openAsks.set(request, next)
      this.#found++
      const vector = await ask(this.#context, this.#context.ledger.stateVector(document))
      if (vector === undefined || this.#isOver) return
      const digest = this.#held.get(document.id)?.digest
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

  #answered(request: number): void {
    this.#openAsks.delete(request)
    this.#settled++
    void this.#askNext()
  }

  #give(document: DocumentRef, stateVector: Uint8Array): void {
    if (!canWrite(this.#context.access())) {
      if (!this.#theirs.has(document.id)) this.#theirs.set(document.id, { document, stateVector })
      return
    }
    this.#upload({ kind: 'upload', document, stateVector })
  }

  #giveTombstone(document: DocumentRef): void {
    if (canWrite(this.#context.access())) this.#upload({ kind: 'tombstone', document })
  }

  #upload(upload: Parameters<Uploads['add']>[0]): void {
    this.#openUploads++
    this.#options.uploads.add(upload, () => {
      this.#openUploads--
      this.#moved()
      void this.#work()
    })
  }

  #answerNothing(request: number, document: DocumentRef, code: ErrorCode): void {
    this.#context.sender.say({ type: 'error', code, message: kindOf.state, request, document })
  }

  // The end ----------------------------------------------------------------------------------------

  async #finish(): Promise<void> {
    // Nothing may end it a second time while it is being written.
    this.#isWorking = true
    const { context, at, onDone } = this.#options
    if (!canWrite(context.access())) await this.#offer()
    if (this.#isOver || context.isOver()) return
    const cursor = { archive: context.archive, term: at.term, seq: at.headSeq }
    const position = { cursor, isWhole: true, isCompared: true }
    const done = await ask(context, context.ledger.resynced(position))
    if (done === undefined || this.#isOver) return
    this.close()
    onDone()
  }

  /** What a reader still holds that the archive does not: said, for an administrator to accept. */
  async #offer(): Promise<void> {
    const { ledger, sender } = this.#context
    const documents = await this.#readHoldings()
    if (documents === undefined || this.#isOver) return
    const offers: { readonly document: DocumentRef; readonly bytes: number }[] = []
    for (const { document, digest, hasContent } of documents) {
      const theirs = this.#theirs.get(document.id)
      if (theirs === undefined || !hasContent || theirs.digest === digest) continue
      const difference = await ask(
        this.#context,
        ledger.difference(document, theirs.stateVector ?? emptyStateVector),
      )
      if (difference === undefined || this.#isOver) return
      const bytes = difference.value?.length ?? 0
      if (bytes > emptyUpdateBytes) offers.push({ document, bytes })
    }
    for (let at = 0; at < offers.length; at += messageBounds.maxDocuments) {
      const page = offers.slice(at, at + messageBounds.maxDocuments)
      // `resynced` goes in the other lane, and says that this was said.
      await new Promise<void>((resolve) => {
        sender.say({ type: 'offer', documents: page }, resolve)
      })
    }
  }

  #moved(): void {
    this.#stall()
    this.#stall = this.#context.clock.after(bounds.resyncStallMs, () =>
      this.#context.fail('timeout', 'a resync that does not move'),
    )
  }
}

interface Ask {
  readonly document: DocumentRef
  readonly inReturn: boolean
}

interface Theirs {
  readonly document: DocumentRef
  readonly digest?: Digest
  readonly stateVector?: Uint8Array
}

function isSame(ours: Held | undefined, theirs: Held): boolean {
  const generation = ours?.document.generation ?? 0
  return generation === theirs.document.generation && ours?.digest === theirs.digest
}

const kindOf = {
  state: messageKinds.state.number,
  summary: messageKinds.summary.number,
} as const
const hexDigits = Array.from('0123456789abcdef')
const emptyStateVector = new Uint8Array([0])
const emptyUpdateBytes = 2
