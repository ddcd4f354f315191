import { frameBounds } from '../limits.js'
import type { Lane } from '../messages/message.js'
import { putUint, uintLength } from '../wire/writer.js'
import { headerLength, kindOf, receivedKind, type Shape } from './format.js'
import { Queue } from './queue.js'
import { SmallMemory } from './small-memory.js'

export interface SplitterOptions {
  /** Of the link, and not above what the other side's `hello` allows. */
  readonly maxFrameBytes: number
  /**
   * What each lane may hold. A lane that is empty takes one message of any size, so that this need
   * not be the size of the largest message.
   */
  readonly maxQueuedBytes: Readonly<Record<Lane, number>>
}

/**
 * The sending half of a link's frames: messages go in by lane, frames are taken out one by one. It
 * sends nothing by itself and knows no time, so whoever holds the link decides when: as many frames
 * as the other side's acknowledgements allow.
 *
 * Which frame is next:
 *   1. how much has been received here, if that is to be told: it opens the other side's window;
 *   2. bulk, if four full frames of live data went while it waited;
 *   3. live, also between two pieces of a bulk message;
 *   4. bulk.
 * Small messages that wait in one lane share a frame, because sending costs by the frame.
 */
export class Splitter {
  readonly #maxQueuedBytes: Readonly<Record<Lane, number>>
  readonly #live = new OutgoingLane()
  /** Not there before its first message: most links of a server never have one. */
  #bulk: OutgoingLane | undefined
  #maxFrameBytes: number
  #nextNumber = 0
  #sentBytes = 0
  /** What the next `received` frame says; undefined while there is nothing new to say. */
  #toAcknowledge: number | undefined
  #liveBytesSinceBulk = 0
  #body: Uint8Array | undefined

  constructor(options: SplitterOptions) {
    this.#maxFrameBytes = checkedFrameBytes(options.maxFrameBytes)
    this.#maxQueuedBytes = options.maxQueuedBytes
  }

  /** Bytes of messages that have not left in a frame yet. */
  get queuedBytes(): number {
    return this.#live.queuedBytes + this.#bulkQueuedBytes
  }

  /** Whether `next` would give a frame. */
  get hasNext(): boolean {
    return this.owesAcknowledgement || this.#live.queuedBytes > 0 || this.#bulkQueuedBytes > 0
  }

  /** The next frame is an acknowledgement. */
  get owesAcknowledgement(): boolean {
    return this.#toAcknowledge !== undefined
  }

  /** Bytes of all data frames so far, as the other side's acknowledgements count them. */
  get sentBytes(): number {
    return this.#sentBytes
  }

  /**
   * Bytes of messages that went into a lane, and that left it, since the start. A message has left
   * once the lane has given out as much as it had taken in right after the message went in.
   */
  lane(lane: Lane): { readonly enqueuedBytes: number; readonly leftBytes: number } {
    const outgoing = lane === 'live' ? this.#live : this.#bulk
    return {
      enqueuedBytes: outgoing?.enqueuedBytes ?? 0,
      leftBytes: outgoing?.leftBytes ?? 0,
    }
  }

  /**
   * Takes a message, whose bytes must not change from now on; it may be waiting on other links too.
   * False if the lane is full: then the message was not taken.
   */
  enqueue(message: Uint8Array, lane: Lane): boolean {
    if (message.length === 0) throw new RangeError('a message has at least one byte')
    const outgoing = this.#laneOf(lane)
    const { queuedBytes } = outgoing
    if (queuedBytes > 0 && queuedBytes + message.length > this.#maxQueuedBytes[lane]) return false
    outgoing.put(message)
    return true
  }

  /** Tells the other side, with the next frame, that so many bytes of its data frames have come. */
  acknowledge(receivedBytes: number): void {
    this.#toAcknowledge = receivedBytes
  }

  /** From now on frames are at most this long. For the moment when the other side's `hello` came. */
  limitFrames(maxFrameBytes: number): void {
    this.#maxFrameBytes = checkedFrameBytes(maxFrameBytes)
  }

  /** As `lane`, without making an object of it. */
  queuedBytesOf(lane: Lane): number {
    return lane === 'live' ? this.#live.queuedBytes : this.#bulkQueuedBytes
  }

  /**
   * The next frame, of which the caller becomes the owner; undefined if there is nothing to send.
   *
   * @param mayLieApart a piece of a long message may be left where it is: the frame is its head, and
   * `body` the rest, a view of the message
   */
  next(mayLieApart = false): Uint8Array | undefined {
    this.#body = undefined
    if (this.#toAcknowledge !== undefined) return this.#acknowledgement(this.#toAcknowledge)
    const lane = this.#laneToServe()
    if (lane === undefined) return undefined
    const frame = this.#frameOf(lane, mayLieApart)
    const length = frame.length + (this.body?.length ?? 0)
    this.#sentBytes += length
    const bulkWaits = lane === 'live' && this.#bulkQueuedBytes > 0
    this.#liveBytesSinceBulk = bulkWaits ? this.#liveBytesSinceBulk + length : 0
    return frame
  }

  /** What follows the last frame that `next` gave; undefined: that was all of it. */
  get body(): Uint8Array | undefined {
    return this.#body
  }

  #laneOf(lane: Lane): OutgoingLane {
    if (lane === 'live') return this.#live
    this.#bulk ??= new OutgoingLane()
    return this.#bulk
  }

  get #bulkQueuedBytes(): number {
    return this.#bulk?.queuedBytes ?? 0
  }

  #laneToServe(): Lane | undefined {
    const bulkWaits = this.#bulkQueuedBytes > 0
    if (this.#live.queuedBytes === 0) return bulkWaits ? 'bulk' : undefined
    const share = frameBounds.liveFramesPerBulkFrame * this.#maxFrameBytes
    return bulkWaits && this.#liveBytesSinceBulk >= share ? 'bulk' : 'live'
  }

  #acknowledgement(receivedBytes: number): Uint8Array {
    this.#toAcknowledge = undefined
    const header = headerLength(this.#nextNumber)
    const frame = this.#frame(receivedKind, header + uintLength(receivedBytes))
    putUint(frame, header, receivedBytes)
    return frame
  }

  #frameOf(name: Lane, mayLieApart: boolean): Uint8Array {
    const lane = this.#laneOf(name)
    const header = headerLength(this.#nextNumber)
    const room = this.#maxFrameBytes - header
    if (lane.isUnderWay) {
      const piece = lane.piece(room)
      return this.#piece('more', name, header, piece, mayLieApart)
    }
    const alone = lane.takeAlone(room)
    if (alone !== undefined) return this.#wholeFrame(name, header, alone)
    const messages = lane.gather(room)
    const [only] = messages
    if (only === undefined) {
      const total = lane.startPiecewise()
      const piece = lane.piece(room - uintLength(total))
      return this.#piece('first', name, header + uintLength(total), piece, mayLieApart, total)
    }
    if (messages.length === 1) return this.#wholeFrame(name, header, only)
    const length = messages.reduce((sum, one) => sum + uintLength(one.length) + one.length, header)
    return this.#dataFrame('several', name, length, messages)
  }

  #piece(
    shape: Shape,
    lane: Lane,
    headBytes: number,
    piece: Uint8Array,
    mayLieApart: boolean,
    total?: number,
  ): Uint8Array {
    if (!mayLieApart) return this.#dataFrame(shape, lane, headBytes + piece.length, [piece], total)
    this.#body = piece
    return this.#dataFrame(shape, lane, headBytes, [], total)
  }

  #wholeFrame(lane: Lane, header: number, message: Uint8Array): Uint8Array {
    const frame = this.#frame(kindOf('whole', lane), header + message.length)
    frame.set(message, header)
    return frame
  }

  #dataFrame(
    shape: Shape,
    lane: Lane,
    length: number,
    parts: readonly Uint8Array[],
    total?: number,
  ): Uint8Array {
    let at = headerLength(this.#nextNumber)
    const frame = this.#frame(kindOf(shape, lane), length)
    if (total !== undefined) at = putUint(frame, at, total)
    for (const part of parts) {
      if (shape === 'several') at = putUint(frame, at, part.length)
      frame.set(part, at)
      at += part.length
    }
    return frame
  }

  #frame(kind: number, length: number): Uint8Array {
    const frame = smallMemory.take(length)
    frame[0] = kind
    putUint(frame, 1, this.#nextNumber++)
    return frame
  }
}

/** The messages of one lane that wait, and how much of the first one has left already. */
class OutgoingLane extends Queue<Uint8Array> {
  #underWay: Uint8Array | undefined
  /** Bytes of the message under way that have left. */
  #at = 0
  enqueuedBytes = 0
  leftBytes = 0

  get queuedBytes(): number {
    return this.enqueuedBytes - this.leftBytes
  }

  get isUnderWay(): boolean {
    return this.#underWay !== undefined
  }

  override put(message: Uint8Array): void {
    this.enqueuedBytes += message.length
    super.put(message)
  }

  /** The next message, if it is the only one and fits into `room`: mostly so. */
  takeAlone(room: number): Uint8Array | undefined {
    const only = this.only
    if (only === undefined || only.length > room) return undefined
    this.take()
    this.leftBytes += only.length
    return only
  }

  /** The next messages that fit into `room` together; none if the next one alone does not fit. */
  gather(room: number): Uint8Array[] {
    const messages: Uint8Array[] = []
    let length = 0
    while (messages.length < frameBounds.maxMessages) {
      const next = this.first
      if (next === undefined) break
      const alone = messages.length === 0 && next.length <= room
      length += uintLength(next.length) + next.length
      if (length > room && !alone) break
      messages.push(next)
      this.leftBytes += next.length
      this.take()
    }
    return messages
  }

  /** Makes the next message the one under way, and gives its length. */
  startPiecewise(): number {
    this.#underWay = this.take()
    this.#at = 0
    return this.#underWay?.length ?? 0
  }

  /** The next bytes of the message under way, which ends with its last one. */
  piece(maxBytes: number): Uint8Array {
    const message = this.#underWay ?? new Uint8Array(0)
    const piece = message.subarray(this.#at, this.#at + maxBytes)
    this.#at += piece.length
    this.leftBytes += piece.length
    if (this.#at === message.length) this.#underWay = undefined
    return piece
  }
}

/** Shared by all links: what is cut from it belongs to whoever asked, and is never given twice. */
const smallMemory = new SmallMemory()

function checkedFrameBytes(maxFrameBytes: number): number {
  const { minMaxBytes, maxBytes } = frameBounds
  if (!(maxFrameBytes >= minMaxBytes && maxFrameBytes <= maxBytes)) {
    throw new RangeError(`maxFrameBytes: from ${minMaxBytes} to ${maxBytes}, got ${maxFrameBytes}`)
  }
  return maxFrameBytes
}
