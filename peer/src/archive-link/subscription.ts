/*
 * The stream of an archive's log, into the ledger.
 *
 *            subscribe(cursor)          behind, head
 *   asking ─────────────────────────────────────────────► streaming ──► pages, in order, into the
 *     ▲  │                                                  ▲    │      ledger; acks after it
 *     │  │ ahead, unknown term       resynced at H          │    │
 *     │  └──────────────► resyncing ────────────────────────┘    │ first contact, at the head
 *     │                      ▲                                   │
 *     │       pause over     │ the breaker lets it               │
 *     └── pausing ◄──────────┴─── it does not ◄──────────────────┘
 *
 * Only pages that begin where the cursor stands move it, in the transaction that stores them, and
 * with the term of the opening that sent them. A cursor that is not whole is shown only to the
 * opening that gave it (decision 0007): to any other this asks in a way that leads to a resync.
 */
import { hexOf, type Cursor, type MessageOf, type TermId } from '../protocol/index.js'
import type { Undo } from '../ports/index.js'
import type { ArchivePosition, FetchedEntry, PageOutcome } from './ledger.js'
import { ask, type SessionContext } from './context.js'
import type { Fetches } from './fetches.js'
import { archiveBounds as bounds } from './limits.js'
import { PageQueue } from './page-queue.js'
import type { ResyncBreaker } from './resync-breaker.js'

export interface SubscriptionOptions {
  readonly context: SessionContext
  readonly fetches: Fetches
  readonly breaker: ResyncBreaker
  /** Holds the archive back while pages wait for the store. */
  readonly holdReceived: (hold: boolean) => void
  readonly onPhase: (phase: 'resyncing' | 'catching-up' | 'live') => void
  /** Begins a resync; `resynced` is to be called at its end. */
  readonly resync: (at: ResyncPoint) => void
  /** What was under way of a resync belongs to a subscription that is over. */
  readonly stopResync: () => void
}

/** What a resync is about: this subscription, and the head that it was registered at. */
export interface ResyncPoint {
  readonly subscription: number
  readonly term: TermId
  readonly headSeq: number
}

export class Subscription {
  readonly #options: SubscriptionOptions
  readonly #context: SessionContext
  #number = 0
  #phase: 'asking' | 'resyncing' | 'pausing' | 'streaming' = 'asking'
  /** What was sent: undefined for from the start. */
  #cursor: Cursor | undefined
  /** It was sent to be told that a resync is due. */
  #isAnew = false
  #term: TermId | undefined
  #pages = new PageQueue(0)
  #isTaking = false
  /** To be asked for as soon as what is being taken is in the ledger: the cursor comes from there. */
  #next: 'on' | 'anew' | undefined
  #headSeq = 0
  #ackedSeq = 0
  #answerDeadline: Undo = () => {}
  #pause: Undo = () => {}
  #ackTimer: Undo | undefined
  #connectTimer: Undo | undefined
  #doneBytes = 0
  #totalBytes = 0

  constructor(options: SubscriptionOptions) {
    this.#options = options
    this.#context = options.context
  }

  /** The archive's last seq, as far as it has said. */
  get headSeq(): number {
    return this.#headSeq
  }

  /** The highest that was acked in this subscription. */
  get ackedSeq(): number {
    return this.#ackedSeq
  }

  get isStreaming(): boolean {
    return this.#phase === 'streaming'
  }

  /** Bytes of the log that have been taken, of about so many; undefined at the head. */
  get download(): { readonly doneBytes: number; readonly totalBytes: number } | undefined {
    if (this.#phase !== 'streaming' || this.#totalBytes === 0) return undefined
    const doneBytes = Math.min(this.#doneBytes, this.#totalBytes)
    return { doneBytes, totalBytes: this.#totalBytes }
  }

  /** @param how `on` from where the ledger stands; `anew`: what both sides believe is compared first */
  subscribe(how: 'on' | 'anew'): void {
    const { archive, ledger, sender, clock, fail, term } = this.#context
    this.#reset()
    this.#phase = 'asking'
    if (this.#isTaking) {
      this.#next = this.#next === 'anew' ? 'anew' : how
      return
    }
    const position = ledger.position(archive)
    const isAtStart = position === undefined || position.cursor.seq === 0
    const isKnownThere = position?.isWhole === true || position?.cursor.term === term
    this.#isAnew = how === 'anew' || (!isAtStart && !isKnownThere)
    if (this.#isAnew) this.#cursor = this.#cursorOfNobody(position)
    else this.#cursor = isAtStart ? undefined : position?.cursor
    this.#answerDeadline = clock.after(bounds.answerWithinMs, () =>
      fail('timeout', 'no answer to subscribe'),
    )
    sender.say({
      type: 'subscribe',
      subscription: ++this.#number,
      ...(this.#cursor === undefined ? {} : { cursor: this.#cursor }),
    })
  }

  /** The token is good again: what was asked for meanwhile may have been turned down. */
  resume(): void {
    if (this.#phase === 'asking') this.subscribe(this.#isAnew ? 'anew' : 'on')
  }

  subscribed(message: MessageOf<'subscribed'>): void {
    if (message.subscription !== this.#number || this.#phase !== 'asking') return
    if (this.#next !== undefined) return
    const { archive, fail, ledger } = this.#context
    this.#answerDeadline()
    if (message.archive !== archive) {
      fail('unexpected-message', 'subscribed: another archive')
      return
    }
    this.#term = message.term
    this.#headSeq = message.head
    const cursor = this.#cursor
    if (message.outcome === 'ahead' || message.outcome === 'unknown-term') {
      // Who starts at 0 has nothing to compare.
      if (cursor === undefined) fail('unexpected-message', 'subscribed: a resync from 0')
      else this.#resync({ subscription: this.#number, term: message.term, headSeq: message.head })
      return
    }
    if (this.#isAnew) {
      fail('unexpected-message', 'subscribed: it knows a term that nobody ever gave')
      return
    }
    const position = ledger.position(archive)
    // The log was opened anew since its hello: what was sent is not good there.
    if (cursor !== undefined && position?.isWhole !== true && cursor.term !== message.term) {
      this.subscribe('anew')
      return
    }
    this.#totalBytes = message.aboutBytes
    this.#stream(cursor?.seq ?? 0)
    const isAtHead = message.outcome === 'head' || message.head === (cursor?.seq ?? 0)
    if (!isAtHead) this.#options.onPhase('catching-up')
    else if (position === undefined || position.cursor.term === message.term) this.#atHead(position)
    else this.#takeOpening(position.cursor.seq)
  }

  changes({ subscription, page }: MessageOf<'changes'>, byteLength: number): void {
    if (subscription !== this.#number || this.#phase !== 'streaming') return
    this.#headSeq = Math.max(this.#headSeq, page.head)
    const isKept = this.#pages.add(page, byteLength)
    if (!isKept || this.#pages.hasHole) this.#watchConnecting()
    if (this.#pages.queuedBytes > bounds.maxQueuedPageBytes) this.#options.holdReceived(true)
    void this.#takePages()
  }

  /** The resync of this subscription is done, and in the ledger: pages follow from its head on. */
  resynced({ subscription, headSeq }: ResyncPoint): void {
    if (subscription !== this.#number || this.#phase !== 'resyncing') return
    this.#context.sender.say({ type: 'resynced', subscription, seq: headSeq })
    this.#stream(headSeq)
    this.#ackedSeq = headSeq
    if (this.#headSeq <= headSeq) this.#options.onPhase('live')
    else this.#options.onPhase('catching-up')
  }

  /** Says what is durable now, if that is more than was said: before a hint, which builds on it. */
  ackNow(): void {
    this.#ackTimer?.()
    this.#ackTimer = undefined
    const { archive, ledger, sender } = this.#context
    const seq = ledger.position(archive)?.cursor.seq ?? 0
    if (this.#phase !== 'streaming' || seq <= this.#ackedSeq) return
    this.#ackedSeq = seq
    sender.say({ type: 'ack', subscription: this.#number, seq })
  }

  close(): void {
    this.#reset()
    this.#number = Number.POSITIVE_INFINITY
  }

  #reset(): void {
    this.#answerDeadline()
    this.#pause()
    this.#ackTimer?.()
    this.#ackTimer = undefined
    this.#connectTimer?.()
    this.#connectTimer = undefined
    this.#options.holdReceived(false)
    this.#options.stopResync()
    this.#doneBytes = 0
    this.#totalBytes = 0
  }

  /** Of a term that no log has ever had, so that the answer can only be `unknown-term`. */
  #cursorOfNobody(position: ArchivePosition | undefined): Cursor {
    const { archive, random } = this.#context
    const term = hexOf(random.bytes(16)) as TermId
    return { archive, term, seq: Math.max(1, position?.cursor.seq ?? 0) }
  }

  #resync(at: ResyncPoint): void {
    const { breaker, onPhase, resync } = this.#options
    const { clock, trouble, logger } = this.#context
    onPhase('resyncing')
    const pauseMs = breaker.pauseMs()
    if (pauseMs === 0) {
      breaker.begun()
      this.#phase = 'resyncing'
      resync(at)
      return
    }
    logger.error('resync follows resync: the next one waits', { pauseMs: Math.round(pauseMs) })
    trouble({ kind: 'resync-paused', pauseMs })
    this.#phase = 'pausing'
    // The head of then is asked for then.
    const how = this.#isAnew ? 'anew' : 'on'
    this.#pause = clock.after(pauseMs, () => this.subscribe(how))
  }

  #stream(fromSeq: number): void {
    this.#phase = 'streaming'
    this.#pages = new PageQueue(fromSeq)
    this.#ackedSeq = fromSeq
    this.#doneBytes = 0
  }

  /**
   * Another opening than the one that moved the cursor has nothing to send from there on. The ledger
   * is told of it as by a page without entries: what the one before has committed and not sent back
   * may be lost with it, and is owed again.
   */
  #takeOpening(seq: number): void {
    this.#pages.add({ after: seq, entries: [], through: seq, head: seq }, 0)
    void this.#takePages()
  }

  /** All that was there is here. What was held before the first contact is compared now, once. */
  #atHead(position: ArchivePosition | undefined): void {
    this.#totalBytes = 0
    if (position?.isCompared === true) this.#options.onPhase('live')
    else this.subscribe('anew')
  }

  async #takePages(): Promise<void> {
    if (this.#isTaking) return
    this.#isTaking = true
    const pages = this.#pages
    while (this.#phase === 'streaming') {
      const next = pages.next()
      if (next === undefined) break
      if (pages.queuedBytes < bounds.fewQueuedPageBytes) this.#options.holdReceived(false)
      const position = await this.#take(next.page)
      if (position === undefined) break
      this.#doneBytes += next.byteLength
      if (this.#phase === 'streaming')
        this.#noteTaken(next.page.through === next.page.head, position)
    }
    this.#isTaking = false
    const how = this.#next
    this.#next = undefined
    if (how !== undefined && !this.#context.isOver()) this.subscribe(how)
  }

  #noteTaken(isAtHead: boolean, position: ArchivePosition): void {
    if (!this.#pages.hasHole) {
      this.#connectTimer?.()
      this.#connectTimer = undefined
    }
    this.#ackSoon()
    this.#context.progressed()
    if (isAtHead) this.#atHead(position)
    else this.#options.onPhase('catching-up')
  }

  /** In one transaction with the cursor; first fetches what the ledger says that it needs. */
  async #take(page: MessageOf<'changes'>['page']): Promise<ArchivePosition | undefined> {
    const { archive, ledger, fail } = this.#context
    const term = this.#term
    if (term === undefined) return undefined
    const fetched = new Map<number, FetchedEntry>()
    for (let round = 0; round < bounds.maxNeeds; round++) {
      const outcome = await ask(
        this.#context,
        ledger.take({ ...page, archive, term, fetched: new Map(fetched) }),
      )
      if (outcome === undefined) return undefined
      if (outcome.value.kind === 'taken') return outcome.value.position
      if (!(await this.#fetchAll(outcome.value, fetched))) return undefined
    }
    fail('unavailable', 'a page that always needs more')
    return undefined
  }

  async #fetchAll(
    { entries }: Extract<PageOutcome, { kind: 'needs' }>,
    fetched: Map<number, FetchedEntry>,
  ): Promise<boolean> {
    const results = await Promise.all(
      entries.map(({ seq, difference }) =>
        this.#options.fetches.fetch(
          difference === undefined ? { by: 'seq', seq } : { by: 'difference', ...difference },
        ),
      ),
    )
    for (const [at, { seq }] of entries.entries()) {
      const result = results[at]
      if (result === undefined) return false
      fetched.set(seq, result)
    }
    return !this.#context.isOver()
  }

  #ackSoon(): void {
    this.#ackTimer ??= this.#context.clock.after(bounds.ackWithinMs, () => this.ackNow())
  }

  /** What was dropped, or has not come, will not come by itself. */
  #watchConnecting(): void {
    this.#connectTimer ??= this.#context.clock.after(bounds.connectWithinMs, () => {
      this.#context.logger.info('the stream of the archive does not connect: asked for anew')
      this.subscribe('on')
    })
  }
}
