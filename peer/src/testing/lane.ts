import type { Undo } from '../ports/index.js'
import type { PathConditions } from './conditions.js'
import type { SeededRandom } from './seeded-random.js'
import type { Tally } from './statistics.js'
import { fingerprint, type Trace } from './trace.js'
import type { VirtualClock } from './virtual-clock.js'

/** What an interceptor decides about one frame. */
export type Verdict = 'pass' | 'drop' | 'duplicate' | 'hold-back'

/** What a lane needs from the network around it. */
export interface LaneWorld {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly trace: Trace
  /** Counted besides the lane's own tally. */
  readonly totals: Tally
  /** Counts a fault for the proof that a run did something. */
  count(what: string): void
  /** Asked for every frame before chance is. */
  judge(frame: Uint8Array): Verdict
}

/**
 * One direction of a link: a line that sends one frame after the other, then a way that takes its
 * time. Everything that was put in arrives in order, except what chance or intent takes out, doubles
 * or holds back.
 *
 *   send ─► waiting for the line ─► on its way ─► deliver
 *              │  (buffered)            │
 *              └────── hold: a cut stops both; release starts them again, in order
 */
export class Lane {
  readonly tally: Tally
  /** Holds for what is sent from now on. */
  conditions: PathConditions
  readonly #world: LaneWorld
  readonly #label: string
  readonly #deliver: (frame: Uint8Array) => void
  /** All that will still arrive, in the order of sending. */
  readonly #items = new Set<Item>()
  #departures: { readonly atMs: number; readonly bytes: number }[] = []
  #isHeld = false
  #lineFreeAtMs = 0
  #lastArrivalMs = 0

  constructor(
    world: LaneWorld,
    label: string,
    conditions: PathConditions,
    tally: Tally,
    deliver: (frame: Uint8Array) => void,
  ) {
    this.#world = world
    this.#label = label
    this.conditions = conditions
    this.tally = tally
    this.#deliver = deliver
  }

  /** Frames that wait or are on their way. */
  get inFlightFrames(): number {
    let frames = 0
    for (const item of this.#items) if (item.frame !== undefined) frames++
    return frames
  }

  /** Bytes that the line has not taken yet; during a cut that is everything. */
  get bufferedBytes(): number {
    let bytes = 0
    if (this.#isHeld) {
      for (const item of this.#items) bytes += item.bytes
      return bytes
    }
    const now = this.#world.clock.monotonic()
    const waiting = this.#departures.findIndex((departure) => departure.atMs > now)
    this.#departures = waiting === -1 ? [] : this.#departures.slice(waiting)
    for (const departure of this.#departures) bytes += departure.bytes
    return bytes
  }

  send(frame: Uint8Array): void {
    const bytes = frame.byteLength
    const { silentLossAboveBytes } = this.conditions
    this.#add('frames', 1)
    this.#add('bytes', bytes)
    const buffered = this.bufferedBytes + bytes
    if (buffered > silentLossAboveBytes) {
      this.#drop(frame, 'queue too long')
      return
    }
    for (const tally of this.#tallies()) {
      tally.peakBufferedBytes = Math.max(tally.peakBufferedBytes, buffered)
    }
    this.#put(frame, this.#verdictOn(frame))
  }

  /** Something that happens at the other end once all that was sent before is through. */
  sendControl(arrive: () => void, extraMs = 0): void {
    if (extraMs === Number.POSITIVE_INFINITY) return
    this.#enter({ frame: undefined, arrive, bytes: 0, extraMs, inOrder: true, undo: undefined })
  }

  /** Stops everything where it is. */
  hold(): void {
    if (this.#isHeld) return
    this.#isHeld = true
    this.#departures = []
    for (const item of this.#items) item.undo?.()
  }

  /** Starts everything again from the sender, as a protocol that repeats what was lost would. */
  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#lineFreeAtMs = 0
    for (const item of this.#items) this.#schedule(item)
  }

  /** Loses the newest frames that are still on their way, a random number of them. */
  loseTail(): void {
    const frames = [...this.#items].filter((item) => item.frame !== undefined)
    const lost = this.#world.random.below(frames.length + 1)
    for (const item of frames.slice(frames.length - lost)) {
      item.undo?.()
      this.#items.delete(item)
      if (item.frame !== undefined) this.#drop(item.frame, 'lost with the link')
    }
  }

  #verdictOn(frame: Uint8Array): Verdict {
    const intended = this.#world.judge(frame)
    if (intended !== 'pass') return intended
    const { dropRate, duplicateRate, reorderRate } = this.conditions
    const { random } = this.#world
    // No draw for a rate of zero: a fault that is off leaves no mark on a run.
    if (dropRate > 0 && random.chance(dropRate)) return 'drop'
    if (duplicateRate > 0 && random.chance(duplicateRate)) return 'duplicate'
    if (reorderRate > 0 && random.chance(reorderRate)) return 'hold-back'
    return 'pass'
  }

  #put(frame: Uint8Array, verdict: Verdict): void {
    switch (verdict) {
      case 'drop':
        // It went down the line like any other.
        if (!this.#isHeld) this.#takeLine(frame.byteLength)
        this.#drop(frame, 'lost on the way')
        return
      case 'duplicate':
        this.#enterFrame(frame, true)
        this.#enterFrame(frame, false)
        this.#add('duplicated', 1)
        this.#world.count('frame doubled')
        this.#note('doubled', frame)
        return
      case 'hold-back':
        this.#enterFrame(frame, false)
        this.#add('reordered', 1)
        this.#world.count('frame held back')
        this.#note('held back', frame)
        return
      case 'pass':
        this.#enterFrame(frame, true)
    }
  }

  #enterFrame(frame: Uint8Array, inOrder: boolean): void {
    const bytes = frame.byteLength
    this.#enter({ frame, arrive: undefined, bytes, extraMs: 0, inOrder, undo: undefined })
  }

  #enter(item: Item): void {
    this.#items.add(item)
    if (!this.#isHeld) this.#schedule(item)
  }

  #schedule(item: Item): void {
    const { clock, random } = this.#world
    const { delayMs, jitterMs, holdBackMs } = this.conditions
    let atMs = this.#takeLine(item.bytes) + delayMs
    if (jitterMs > 0) atMs += random.between(0, jitterMs)
    if (item.inOrder) {
      atMs = Math.max(atMs, this.#lastArrivalMs) + item.extraMs
      this.#lastArrivalMs = atMs
    } else {
      atMs += random.between(0, holdBackMs)
    }
    item.undo = clock.after(atMs - clock.monotonic(), () => this.#arrive(item), this.#label)
  }

  /** When the line is through with so many bytes. */
  #takeLine(bytes: number): number {
    const now = this.#world.clock.monotonic()
    const { bytesPerSecond } = this.conditions
    const atMs = Math.max(now, this.#lineFreeAtMs) + (bytes * 1000) / bytesPerSecond
    this.#lineFreeAtMs = atMs
    if (atMs > now && bytes > 0) this.#departures.push({ atMs, bytes })
    return atMs
  }

  #arrive(item: Item): void {
    this.#items.delete(item)
    item.arrive?.()
    if (item.frame === undefined) return
    this.#add('deliveredFrames', 1)
    this.#add('deliveredBytes', item.bytes)
    this.#note('', item.frame)
    // A copy of its own: what the receiver does to it must not reach the sender, nor the double.
    this.#deliver(item.frame.slice())
  }

  #drop(frame: Uint8Array, why: string): void {
    this.#add('dropped', 1)
    this.#world.count('frame lost')
    this.#note(`${why}:`, frame)
  }

  #note(what: string, frame: Uint8Array): void {
    const gap = what === '' ? '' : `${what} `
    this.#world.trace.line(`${this.#label} ${gap}${frame.byteLength} B ${fingerprint(frame)}`)
  }

  #add(name: keyof Tally, by: number): void {
    for (const tally of this.#tallies()) tally[name] += by
  }

  #tallies(): readonly [Tally, Tally] {
    return [this.tally, this.#world.totals]
  }
}

interface Item {
  readonly frame: Uint8Array | undefined
  readonly arrive: (() => void) | undefined
  readonly bytes: number
  readonly extraMs: number
  /** False for what is held back: others may overtake it. */
  readonly inOrder: boolean
  undo: Undo | undefined
}
