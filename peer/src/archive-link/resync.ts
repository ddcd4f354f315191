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
import { ask, type SessionContext } from './context.js'
import { Holdings, isUnder, prefixOf } from './holdings.js'
import type { HeldDocument } from './ledger.js'
import { archiveBounds as bounds } from './limits.js'
import { emptyStateVector, ResyncAsks } from './resync-asks.js'
import { offer, type ToldByArchive } from './resync-offer.js'
import { ResyncSummaries } from './resync-summaries.js'
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
  readonly #asks: ResyncAsks
  /** From `start` on. */
  #summaries: ResyncSummaries | undefined
  #holdings: Holdings | undefined
  /** Heard, and not handled: one after the other, because the order is what the end is made of. */
  #inbox: (ResyncMessage | MessageOf<'error'>)[] = []
  #isWorking = false
  #isOver = false
  readonly #firstRequest: number
  #heardSummaries = 0
  #openUploads = 0
  /** What the archive told of documents that are held here, for a reader's offer. */
  readonly #theirs = new Map<DocumentId, ToldByArchive>()
  #stall: Undo = () => {}

  constructor(options: ResyncOptions) {
    this.#options = options
    this.#context = options.context
    this.#firstRequest = options.requests.last + 1
    const { context, requests } = options
    this.#asks = new ResyncAsks({
      context,
      requests,
      digestOf: (id) => this.#held.get(id)?.digest,
    })
  }

  /** Documents that differ, and those of them that are settled. */
  get recovery(): { readonly done: number; readonly total: number } {
    return this.#asks.recovery
  }

  async start(): Promise<void> {
    this.#moved()
    this.#isWorking = true
    const documents = await this.#readHoldings()
    if (documents === undefined || this.#isOver) return
    const { context, instance, requests } = this.#options
    const holdings = new Holdings(documents, instance)
    this.#holdings = holdings
    this.#summaries = new ResyncSummaries({ sender: context.sender, requests, holdings })
    this.#summaries.tellAll()
    this.#isWorking = false
    void this.#work()
  }

  close(): void {
    this.#isOver = true
    this.#stall()
    this.#asks.close()
    this.#inbox = []
  }

  hear(message: ResyncMessage): void {
    if (this.#isOver) return
    if (message.type === 'state') {
      this.#push({ ...message, stateVector: copyOf(message.stateVector) })
    } else if (message.type === 'update') this.#hearAnswer(message)
    else this.#push(message)
  }

  /** False: it is not about anything that was asked here. */
  error(message: MessageOf<'error'>): boolean {
    const isOurs = message.message === kindOf.state || message.message === kindOf.summary
    if (this.#isOver || !isOurs) return false
    this.#push(message)
    return true
  }

  /** What was not asked for is not kept until its turn comes: it may be a large document each time. */
  #hearAnswer(message: MessageOf<'update'>): void {
    const { cause, bytes } = message
    if (cause.kind !== 'state' || cause.request < this.#firstRequest) return
    if (this.#asks.comes(cause.request)) this.#push({ ...message, bytes: copyOf(bytes) })
    else this.#context.fail('unexpected-message', 'update: of what nobody asked for')
  }

  #push(message: ResyncMessage | MessageOf<'error'>): void {
    if (this.#inbox.length >= bounds.maxWaitingMessages) {
      this.#context.fail('too-many', 'more is said in a resync than is taken in')
      return
    }
    this.#inbox.push(message)
    void this.#work()
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
        this.#summaries?.compared(message.request)
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
      this.#told.isDone &&
      this.#asks.isDone &&
      this.#openUploads === 0
    )
  }

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

  get #held(): Holdings {
    if (this.#holdings === undefined) throw new Error('nothing is heard before start')
    return this.#holdings
  }

  get #told(): ResyncSummaries {
    if (this.#summaries === undefined) throw new Error('nothing is heard before start')
    return this.#summaries
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
      this.#told.tellUnder(under)
    }
    return differing
  }

  /** Told what we hold there, the archive asks for what differs. */
  async #judgePage(under: string, documents: readonly Held[]): Promise<number> {
    const wasTold = this.#told.wasTold(under)
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
    else this.#told.tellPage(under)
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
    this.#noteTheirs(theirs)
    if (!(await this.#alignGeneration(document))) return
    const ours = this.#held.get(document.id)
    const isHeld = ours?.digest !== undefined && ours.document.generation === document.generation
    const prefix = prefixOf(document.id)
    if (isHeld && canWrite(this.#context.access()) && !this.#told.hasTold(prefix)) {
      this.#told.tellPage(prefix)
      return
    }
    if (this.#asks.has(document.id)) return
    if (isHeld) this.#give(document, emptyStateVector)
    if (digest !== undefined) await this.#asks.add({ document, inReturn: false })
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
    this.#noteTheirs({
      document,
      ...(digest === undefined ? {} : { digest }),
      stateVector,
    })
    const isHeld = ours?.digest !== undefined && ours.document.generation === document.generation
    if (isHeld) this.#give(document, stateVector)
    else this.#answerNothing(request, document, 'unavailable')
    const isEqual = isHeld && digest === ours.digest
    if (!inReturn && !isEqual) await this.#asks.add({ document, inReturn: true })
  }

  async #hearUpdate({ document, cause, bytes }: MessageOf<'update'>): Promise<void> {
    if (cause.kind !== 'state') return
    if (this.#asks.get(cause.request)?.document.id !== document.id) {
      this.#context.fail('unexpected-message', 'update: of what nobody asked for')
      return
    }
    const received = await ask(this.#context, this.#context.ledger.receive(document, [bytes]))
    if (received === undefined || this.#isOver) return
    this.#asks.answered(cause.request)
  }

  #hearError({ request, code, document }: MessageOf<'error'>): void {
    if (request !== undefined && request < this.#firstRequest) return
    const asked = request === undefined ? undefined : this.#asks.get(request)
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
    this.#asks.answered(request)
  }

  // Giving -----------------------------------------------------------------------------------------

  #give(document: DocumentRef, stateVector: Uint8Array): void {
    if (!canWrite(this.#context.access())) {
      if (!this.#theirs.has(document.id)) this.#noteTheirs({ document, stateVector })
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

  async #offer(): Promise<void> {
    const documents = await this.#readHoldings()
    if (documents === undefined || this.#isOver) return
    const toldOf = ({ id }: DocumentRef): ToldByArchive | undefined => this.#theirs.get(id)
    await offer(this.#context, documents, toldOf, () => this.#isOver)
  }

  /** Of what is held here: nothing else can be offered, and an archive may name what it likes. */
  #noteTheirs(theirs: ToldByArchive): void {
    if (this.#held.get(theirs.document.id) !== undefined) {
      this.#theirs.set(theirs.document.id, theirs)
    }
  }

  #moved(): void {
    this.#stall()
    this.#stall = this.#context.clock.after(bounds.resyncStallMs, () =>
      this.#context.fail('timeout', 'a resync that does not move'),
    )
  }
}

function isSame(ours: Held | undefined, theirs: Held): boolean {
  const generation = ours?.document.generation ?? 0
  return generation === theirs.document.generation && ours?.digest === theirs.digest
}

const kindOf = {
  state: messageKinds.state.number,
  summary: messageKinds.summary.number,
} as const
