import {
  encodeMessage,
  type DocumentRef,
  type InstanceId,
  type MessageOf,
} from '@holdfast/peer/protocol'
import type { NodeContext } from '../context.js'
import type { Participant } from '../participant.js'
import { Budget } from '../session/budget.js'

/** Documents whose presence of one session is kept for those who open them later. */
const maxShown = 64
/** What a message costs besides its bytes. */
const overheadBytes = 64

/**
 * Presence of a collection, for those who have no direct link with each other: passed on to who
 * views the document, the last of each kept in memory for who opens it later, never stored.
 *
 * It never queues: for a link that is full it is dropped, and the next one makes up for it.
 */
export class PresenceRelay {
  readonly #context: NodeContext
  readonly #everybody: () => ReadonlyMap<InstanceId, Participant>
  readonly #seats = new Map<Participant, Seat>()
  readonly #viewersByDocument = new Map<string, Set<Participant>>()
  /** Whose presence is kept of a document: who opens it is shown these, and nobody else is looked at. */
  readonly #shownByDocument = new Map<string, Set<Participant>>()

  constructor(context: NodeContext, everybody: () => ReadonlyMap<InstanceId, Participant>) {
    this.#context = context
    this.#everybody = everybody
  }

  neighbours(who: Participant, instances: readonly InstanceId[]): void {
    this.#seat(who).neighbours = new Set(instances)
  }

  viewing(who: Participant, { opened, closed }: MessageOf<'viewing'>): void {
    const seat = this.#seat(who)
    for (const document of closed) this.#close(who, seat, keyOf(document))
    for (const document of opened) {
      const key = keyOf(document)
      if (seat.viewed.has(key)) continue
      if (seat.viewed.size >= this.#context.limits.maxViewed) {
        who.fault('too-many', 'viewing', { document })
        return
      }
      seat.viewed.add(key)
      const viewers = this.#viewersByDocument.get(key)
      if (viewers === undefined) this.#viewersByDocument.set(key, new Set([who]))
      else viewers.add(who)
      this.#showWhatIsThere(who, key)
    }
  }

  said(who: Participant, { document, from, bytes }: MessageOf<'presence'>): void {
    if (from !== undefined && from !== who.instance) {
      who.fault('forbidden', 'presence')
      return
    }
    const { limits, clock, counters } = this.#context
    const seat = this.#seat(who)
    const nowMs = clock.monotonic()
    seat.budget ??= new Budget(limits.presenceBytesPerSecond, limits.presenceBurstBytes, nowMs)
    if (!seat.budget.take(bytes.length + overheadBytes, nowMs)) {
      counters.presenceDropped++
      return
    }
    const isGone = bytes.length === 0 && document === undefined
    const encoded = encodeMessage({
      type: 'presence',
      ...(document && { document }),
      from: who.instance,
      bytes,
    })
    const targets = isGone ? this.#audience(seat) : this.#viewersOf(document)
    // The gone go once for what they have shown: that is paid for already.
    seat.deliveries ??= new Budget(
      limits.presenceDeliveriesPerSecond,
      limits.presenceDeliveriesBurst,
      nowMs,
    )
    if (!isGone && !seat.deliveries.take(targets.size, nowMs)) {
      counters.presenceDropped++
      return
    }
    this.#pass(who, seat, targets.all, encoded)
    if (isGone) this.#forgetShown(who, seat)
    else this.#keepShown(who, seat, document === undefined ? everywhere : keyOf(document), encoded)
  }

  left(who: Participant): void {
    const seat = this.#seats.get(who)
    if (seat === undefined) return
    for (const key of seat.viewed) this.#close(who, seat, key)
    this.#seats.delete(who)
    if (seat.shown.size === 0) return
    const audience = this.#audience(seat)
    this.#forgetShown(who, seat)
    const gone = encodeMessage({ type: 'presence', from: who.instance, bytes: new Uint8Array(0) })
    this.#pass(who, seat, audience.all, gone)
  }

  #pass(who: Participant, seat: Seat, targets: Iterable<Participant>, encoded: Uint8Array): void {
    const { counters, limits } = this.#context
    for (const target of targets) {
      if (target === who || seat.neighbours.has(target.instance)) continue
      // Whose access has ended is told nothing until it is renewed.
      if (target.access === undefined) continue
      const isFull = target.channel.waitingBytes > limits.maxInFlightBytes / 2
      if (!isFull && target.channel.sendEncoded(encoded, 'live')) counters.presenceRelayed++
      else counters.presenceDropped++
    }
  }

  #showWhatIsThere(viewer: Participant, key: string): void {
    for (const who of this.#shownByDocument.get(key) ?? []) {
      const seat = this.#seats.get(who)
      const shown = seat?.shown.get(key)
      if (seat !== undefined && shown !== undefined) this.#pass(who, seat, [viewer], shown)
    }
  }

  #keepShown(who: Participant, seat: Seat, key: string, encoded: Uint8Array): void {
    const forgotten = seat.show(key, encoded)
    if (forgotten !== undefined) this.#dropShown(who, forgotten)
    const known = this.#shownByDocument.get(key)
    if (known === undefined) this.#shownByDocument.set(key, new Set([who]))
    else known.add(who)
  }

  #forgetShown(who: Participant, seat: Seat): void {
    for (const key of seat.shown.keys()) this.#dropShown(who, key)
    seat.shown.clear()
  }

  #dropShown(who: Participant, key: string): void {
    const known = this.#shownByDocument.get(key)
    if (known?.delete(who) === true && known.size === 0) this.#shownByDocument.delete(key)
  }

  #viewersOf(document: DocumentRef | undefined): Audience {
    if (document === undefined) return this.#all()
    const viewers = this.#viewersByDocument.get(keyOf(document))
    return viewers === undefined ? nobody : { all: viewers, size: viewers.size }
  }

  #all(): Audience {
    const everybody = this.#everybody()
    return { all: everybody.values(), size: everybody.size }
  }

  /** Everybody who may have been shown something of it. */
  #audience({ shown }: Seat): Audience {
    if (shown.has(everywhere)) return this.#all()
    const audience = new Set<Participant>()
    for (const key of shown.keys()) {
      for (const viewer of this.#viewersByDocument.get(key) ?? []) audience.add(viewer)
    }
    return { all: audience, size: audience.size }
  }

  #close(who: Participant, seat: Seat, key: string): void {
    if (!seat.viewed.delete(key)) return
    const viewers = this.#viewersByDocument.get(key)
    if (viewers?.delete(who) === true && viewers.size === 0) this.#viewersByDocument.delete(key)
  }

  #seat(who: Participant): Seat {
    const known = this.#seats.get(who)
    if (known !== undefined) return known
    const seat = new Seat()
    this.#seats.set(who, seat)
    return seat
  }
}

interface Audience {
  readonly all: Iterable<Participant>
  readonly size: number
}

const nobody: Audience = { all: [], size: 0 }

/** What is known of one session. */
class Seat {
  readonly viewed = new Set<string>()
  /** The last presence of each document, as it is passed on. */
  readonly shown = new Map<string, Uint8Array>()
  neighbours: ReadonlySet<InstanceId> = new Set()
  budget: Budget | undefined
  deliveries: Budget | undefined

  /** Gives the document whose presence was forgotten for it, if one was. */
  show(key: string, encoded: Uint8Array): string | undefined {
    this.shown.delete(key)
    this.shown.set(key, encoded)
    if (this.shown.size <= maxShown) return undefined
    const [oldest] = this.shown.keys()
    if (oldest !== undefined) this.shown.delete(oldest)
    return oldest
  }
}

/** Presence of the collection itself: no document has this key. */
const everywhere = ''

function keyOf({ id, generation }: DocumentRef): string {
  return `${generation} ${id}`
}
