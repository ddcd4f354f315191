/*
 * One subscription: a place in the log, and how far its reader has got. No queue: when the link is
 * full the reader stops here, and later reads on from the log.
 *
 *   locating ── behind, at head ──► catching up ◄──── fell behind ────┐
 *       │                             │   ▲  │                        │
 *       │ ahead, unknown term         │   │  └── position = head ──► at the head
 *       ▼                       full  ▼   │ delivered                 │ full
 *   resyncing ── resynced ──►       waiting ◄────────────────────────-┘
 *
 *   any ── stop() ──► stopped
 */
import { messageBounds, type DocumentRef } from '@holdfast/peer/protocol'
import type { LeaseKey } from '../../log/port.js'
import type { Participant } from '../participant.js'
import type { LivePage, PageTarget } from './live-page.js'
import type { EncodedPage } from './shared-pages.js'

/** Small enough to go in the live lane although it is read from the log. */
const smallPageBytes = 16 * 1024

/** The collection, as one reader sees it. */
export interface Feed {
  /** The last seq that is known. */
  readonly head: number
  /** For those who are behind. */
  readonly pages: Pages
  sawHead(head: number): void
  /** It is sent new entries as they come … */
  reachedHead(reader: Reader): void
  /** … and from now on not. */
  fellBehind(reader: Reader): void
  left(reader: Reader): void
}

interface Pages {
  /** What follows from memory; undefined: it has to be read from the log. */
  known(after: number, subscription: number): EncodedPage | undefined
  read(after: number, subscription: number): Promise<EncodedPage>
}

export class Reader implements PageTarget {
  readonly session: Participant
  readonly subscription: number
  readonly lease: LeaseKey
  readonly #collection: Feed
  /** Everything up to here has been given to the link. */
  #position = 0
  #acked = 0
  #state: 'locating' | 'resyncing' | 'streaming' | 'stopped' = 'locating'
  /** Access has ended and may be renewed: nothing is sent meanwhile. */
  #isHeld = false
  /** A read from the log is under way. */
  #isReading = false
  /** The link is full: `#resume` is called when something has been delivered. */
  #isWaiting = false
  /** Pages in the bulk lane that have not arrived: later ones must not overtake them. */
  #bulkPages = 0

  constructor(session: Participant, collection: Feed, subscription: number, lease: LeaseKey) {
    this.session = session
    this.#collection = collection
    this.subscription = subscription
    this.lease = lease
  }

  get sentSeq(): number {
    return this.#position
  }

  get ackedSeq(): number {
    return this.#acked
  }

  get isStreaming(): boolean {
    return this.#state === 'streaming'
  }

  get isResyncing(): boolean {
    return this.#state === 'resyncing'
  }

  get isStopped(): boolean {
    return this.#state === 'stopped'
  }

  get isWaiting(): boolean {
    return this.#isWaiting
  }

  /** The reader holds everything up to `seq`: what follows is sent from now on. */
  startFrom(seq: number): void {
    if (this.#state === 'stopped') return
    this.#state = 'streaming'
    this.#position = this.#acked = seq
    this.#resume()
  }

  /** Both sides compare first; the stream goes on from `head`. */
  resyncFrom(head: number): void {
    if (this.#state === 'stopped') return
    this.#state = 'resyncing'
    this.#position = this.#acked = head
  }

  stop(): void {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#collection.left(this)
  }

  hold(isHeld: boolean): void {
    if (this.#isHeld === isHeld) return
    this.#isHeld = isHeld
    if (isHeld) this.#collection.fellBehind(this)
    else this.#resume()
  }

  /** False: it says to hold what it was never sent. */
  ack(seq: number): boolean {
    if (this.#state === 'locating' || this.#state === 'resyncing') return false
    if (seq > this.#position) return false
    if (seq > this.#acked) {
      this.#acked = seq
      this.session.context.leases.note(this)
    }
    return true
  }

  leaseEnded(): void {
    if (this.#state === 'stopped') return
    this.stop()
    this.session.fault('lease-ended', 'subscribe', { request: this.subscription, isOurs: true })
  }

  /** New entries, for a reader at the head. */
  takeLive(page: LivePage): void {
    if (this.#position >= page.through) return
    if (this.#position === page.after) {
      this.session.context.counters.livePages++
      this.#send(page.bytesFor(this), page.through, false, !page.isPlacedFor(this))
    } else {
      // Its position was read from the log before the news of these entries came.
      this.#collection.fellBehind(this)
      this.#resume()
    }
  }

  /** A page without entries, to ask the reader something in. */
  sendEmpty(compact: DocumentRef): boolean {
    const { session, subscription } = this
    if (this.#state !== 'streaming' || this.#isHeld || this.#isWaiting) return false
    const seq = this.#position
    const head = Math.max(seq, this.#collection.head)
    const page = { after: seq, entries: [], through: seq, head }
    return session.send({ type: 'changes', subscription, page, compact })
  }

  /** Sends on until the head, or until the link is full. */
  #resume(): void {
    if (this.#state !== 'streaming' || this.#isHeld || this.#isReading || this.#isWaiting) return
    while (this.#position < this.#collection.head) {
      const page = this.#collection.pages.known(this.#position, this.subscription)
      if (page === undefined) {
        this.#isReading = true
        void this.#read()
        return
      }
      if (!this.#sendPage(page) || this.#isWaiting) return
    }
    this.#collection.reachedHead(this)
  }

  async #read(): Promise<void> {
    try {
      const page = await this.#collection.pages.read(this.#position, this.subscription)
      this.#isReading = false
      if (this.#state !== 'streaming' || this.#isHeld) return
      const { through, head } = page
      if (through > this.#position && !this.#sendPage(page)) return
      // The page saw entries whose news is on its way: they are no news then.
      if (through === head) this.#collection.sawHead(head)
    } catch (error) {
      this.#isReading = false
      this.session.storageFailed(error, 'subscribe')
      return
    }
    this.#resume()
  }

  #sendPage({ bytes, through }: EncodedPage): boolean {
    return this.#send(bytes, through, bytes.length > smallPageBytes)
  }

  /** False: the link took nothing, and `#resume` will be called. */
  #send(bytes: Uint8Array, through: number, asBulk: boolean, isAlone = false): boolean {
    const { channel, context } = this.session
    if (bytes.length > this.session.maxMessageBytes) {
      this.session.close('document-too-large')
      return false
    }
    const inFlight = channel.waitingBytes
    const isFull = inFlight > 0 && inFlight + bytes.length > context.limits.maxInFlightBytes
    if (isFull) {
      this.#collection.fellBehind(this)
      this.#wait()
      return false
    }
    const isBulk = asBulk || this.#bulkPages > 0 || bytes.length > messageBounds.maxLiveBytes
    if (isBulk) this.#bulkPages++
    const isTaken = isBulk
      ? channel.sendEncoded(bytes, 'bulk', () => this.#delivered())
      : isAlone
        ? channel.sendAlone(bytes, 'live')
        : channel.sendEncoded(bytes, 'live')
    if (!isTaken) {
      if (isBulk) this.#bulkPages--
      this.#collection.fellBehind(this)
      this.#wait()
      return false
    }
    this.#position = through
    context.counters.pages++
    return true
  }

  #delivered(): void {
    this.#bulkPages--
  }

  /** Until half of what may be on its way has arrived. */
  #wait(): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.session.context.counters.pauses++
    this.session.channel.onceBelow(this.session.context.limits.maxInFlightBytes / 2, () => {
      this.#isWaiting = false
      this.#resume()
    })
  }
}
