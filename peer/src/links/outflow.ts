/*
 * What leaves a channel:
 *
 *   enqueue ─► lanes ─► frames, numbered ─► window ─► link
 *                │                            ▲
 *                └ full: false, then onRoom   └── acknowledged by the other side
 *
 * At most a window of bytes is on its way and not acknowledged; the rest waits in the lanes, bounded.
 */
import { frameBounds, Splitter, type Lane } from '../protocol/index.js'
import type { Undo } from '../ports/index.js'
import { Deliveries } from './deliveries.js'
import { listed, withListener, withoutListener, type Listeners } from './listeners.js'
import { isPrompt, type Setting } from './setting.js'
import { Window, windowBounds } from './window.js'

export class Outflow {
  readonly #setting: Setting
  readonly #maxQueuedBytes: Readonly<Record<Lane, number>>
  readonly #splitter: Splitter
  readonly #window: Window
  /** While anybody waits for one. */
  #deliveries: Deliveries | undefined
  #onRoom: Listeners<[]>
  /** Who waits until less is on its way. */
  #lighter: Lighter[] | undefined
  #state: 'open' | 'closing' | 'closed' = 'open'
  #pumpQueued = false
  #wasFull = false
  /** What frames may have on a fast link; undefined: the same as on any. */
  #fastFrameBytes: number | undefined
  #isFast = false

  constructor(setting: Setting, maxQueuedBytes: Readonly<Record<Lane, number>>) {
    this.#setting = setting
    this.#maxQueuedBytes = maxQueuedBytes
    this.#window = new Window(isPrompt(setting))
    this.#splitter = new Splitter({ maxFrameBytes: this.#slowFrameBytes, maxQueuedBytes })
  }

  /** A lane that was full has room again. */
  onRoom(listener: () => void): Undo {
    this.#onRoom = withListener(this.#onRoom, listener)
    return () => (this.#onRoom = withoutListener(this.#onRoom, listener))
  }

  hasRoom(lane: Lane): boolean {
    return this.#splitter.queuedBytesOf(lane) < this.#maxQueuedBytes[lane]
  }

  get hasBulk(): boolean {
    return this.#splitter.queuedBytesOf('bulk') > 0
  }

  get sentBytes(): number {
    return this.#splitter.sentBytes
  }

  get queuedBytes(): number {
    return this.#splitter.queuedBytes
  }

  get unacknowledgedBytes(): number {
    return this.#splitter.sentBytes - this.#window.ackedBytes
  }

  get windowBytes(): number {
    return this.#window.bytes
  }

  get roundTripMs(): number | undefined {
    return this.#window.roundTripMs
  }

  limitFrames(maxFrameBytes: number): void {
    this.#splitter.limitFrames(maxFrameBytes)
  }

  /** While the link is fast, frames may be this long; at other times as long as they may be now. */
  limitFastFrames(maxFrameBytes: number): void {
    this.#fastFrameBytes = maxFrameBytes
  }

  /**
   * False: the lane is full.
   *
   * @param isAlone nothing else is sent in this turn: it need not wait for its end
   */
  enqueue(bytes: Uint8Array, lane: Lane, onDelivered?: () => void, isAlone = false): boolean {
    if (!this.#splitter.enqueue(bytes, lane)) {
      this.#wasFull = true
      return false
    }
    if (onDelivered !== undefined) {
      this.#deliveries ??= new Deliveries()
      this.#deliveries.expect(lane, this.#splitter.lane(lane).enqueuedBytes, onDelivered)
    }
    if (isAlone) this.#pump()
    else this.#queuePump()
    return true
  }

  /** Once, when something was acknowledged and at most so much is waiting. */
  onceBelow(maxBytes: number, listener: () => void): void {
    if (this.#state === 'open') (this.#lighter ??= []).push({ maxBytes, listener })
  }

  /** The other side is to be told how much has arrived from it. */
  acknowledge(receivedBytes: number): void {
    this.#splitter.acknowledge(receivedBytes)
    this.#pump()
  }

  /** The other side says how much has arrived there. False: it cannot be. */
  acknowledged(bytes: number, nowMs: number): boolean {
    if (!this.#window.acked(bytes, this.#splitter.sentBytes, nowMs)) return false
    this.#deliveries?.acknowledged(bytes)
    if (this.#deliveries?.isEmpty === true) this.#deliveries = undefined
    if (this.#fastFrameBytes !== undefined) this.#fitFrames(this.#fastFrameBytes)
    this.#pump()
    if (this.#lighter !== undefined) this.#tellLighter()
    return true
  }

  /** Past the window, in one frame with what stands before it: the last thing that is said. */
  sendNow(bytes: Uint8Array): void {
    this.#splitter.enqueue(bytes, 'live')
    const frame = this.#splitter.next()
    if (frame !== undefined) this.#setting.link.send(frame)
  }

  /** As `acknowledge`, and nothing behind it: the other side is closing and waits for this alone. */
  acknowledgeLast(receivedBytes: number): void {
    this.#splitter.acknowledge(receivedBytes)
    const frame = this.#splitter.next()
    if (frame !== undefined) this.#setting.link.send(frame)
  }

  /** What is queued still leaves, and nobody is told of room any more. */
  finish(): void {
    this.#state = 'closing'
  }

  close(): void {
    this.#state = 'closed'
    this.#deliveries = undefined
    this.#lighter = undefined
    this.#onRoom = undefined
  }

  /** At the end of this turn: what is sent in one turn shares frames. */
  #queuePump(): void {
    if (this.#pumpQueued) return
    this.#pumpQueued = true
    void this.#pumpAtTheEnd()
  }

  async #pumpAtTheEnd(): Promise<void> {
    // Not queueMicrotask: in Node that costs as much as making the frame.
    await endOfTurn
    this.#pumpQueued = false
    this.#pump()
  }

  #pump(): void {
    if (this.#state === 'closed') return
    const { link, clock } = this.#setting
    const splitter = this.#splitter
    while (splitter.hasNext) {
      const full = this.unacknowledgedBytes >= this.#window.bytes || this.#overflowsBuffer
      if (full && splitter.queuedBytes > 0) this.#window.limited()
      // An acknowledgement always may leave: it is what opens the other side's window.
      if (full && !splitter.owesAcknowledgement) break
      const sentBefore = splitter.sentBytes
      const frame = splitter.next(link.sendInTwo !== undefined)
      if (frame === undefined) break
      const { body } = splitter
      if (body === undefined) link.send(frame)
      else link.sendInTwo?.(frame, body)
      const { sentBytes } = splitter
      if (sentBytes > sentBefore && this.#window.wantsTime(sentBytes)) {
        this.#window.sent(sentBytes, clock.monotonic())
      }
    }
    const deliveries = this.#deliveries
    if (deliveries?.areAwaited === true) {
      for (const lane of lanes) {
        const { leftBytes } = this.#splitter.lane(lane)
        deliveries.left(lane, leftBytes, this.#splitter.sentBytes)
      }
    }
    if (this.#wasFull && this.#state === 'open' && lanes.every((lane) => this.hasRoom(lane))) {
      this.#wasFull = false
      for (const listener of listed(this.#onRoom)) listener()
    }
  }

  #fitFrames(fastFrameBytes: number): void {
    const isFast = this.#window.bytesPerMs * windowBounds.maxFrameMs >= fastFrameBytes
    if (isFast === this.#isFast) return
    this.#isFast = isFast
    this.#splitter.limitFrames(isFast ? fastFrameBytes : this.#slowFrameBytes)
  }

  get #slowFrameBytes(): number {
    return Math.min(this.#setting.link.maxFrameBytes, frameBounds.defaultMaxBytes)
  }

  #tellLighter(): void {
    const waiting = this.#lighter ?? []
    this.#lighter = undefined
    for (const one of waiting) {
      if (this.queuedBytes + this.unacknowledgedBytes <= one.maxBytes) one.listener()
      else this.onceBelow(one.maxBytes, one.listener)
    }
  }

  /**
   * What the platform holds back is not acknowledged either: only above that is it worth asking, for
   * in Node the answer costs as much as sending a frame.
   */
  get #overflowsBuffer(): boolean {
    const { maxBufferedBytes } = windowBounds
    return (
      this.unacknowledgedBytes > maxBufferedBytes &&
      this.#setting.link.bufferedBytes > maxBufferedBytes
    )
  }
}

interface Lighter {
  readonly maxBytes: number
  readonly listener: () => void
}

const lanes = ['live', 'bulk'] as const
const endOfTurn = Promise.resolve()
