import { messageBounds, frameBounds } from '../limits.js'
import type { Lane } from '../messages/message.js'
import { accept, refuse, type Parsed, type Refused } from '../parsed.js'
import { Reader } from '../wire/reader.js'
import { receivedKind, shapes } from './format.js'

export interface JoinerOptions {
  /** Of this side's `hello`. */
  readonly maxFrameBytes?: number
  /** Longest message that is put together in each lane. */
  readonly maxMessageBytes?: Readonly<Record<Lane, number>>
  /** How long a message may be under way without growing. */
  readonly stallMs?: number
}

/** What one frame brings. */
export type FrameContent =
  /** Messages that are complete with it, in order; mostly one, none while a longer one is under way. */
  | { readonly kind: 'messages'; readonly lane: Lane; readonly messages: readonly Uint8Array[] }
  /** So many bytes of this side's data frames have come to the other side. */
  | { readonly kind: 'received'; readonly bytes: number }

/**
 * The receiving half of a link's frames: frames go in as they come, messages come out.
 *
 *            frame not as the last one said it must be, or past a limit; or no piece for too long
 *   open ────────────────────────────────────────────────────────────────────────────────────────► refused
 *
 * Refused is for good: what a link lost cannot be found again, so it is torn down and what the two
 * sides hold is compared anew. All that was kept is let go.
 *
 * A message that came in one frame is a view of that frame; one that came in pieces is put together
 * in memory that grows with what has come, never with what was announced.
 */
export class Joiner {
  readonly #maxFrameBytes: number
  readonly #stallMs: number
  #maxMessageBytes: Readonly<Record<Lane, number>>
  #dueNumber = 0
  #receivedBytes = 0
  #refused: Refused | undefined
  #underWay: Readonly<Partial<Record<Lane, Assembly>>> = nothing

  constructor(options: JoinerOptions = {}) {
    this.#maxFrameBytes = options.maxFrameBytes ?? frameBounds.maxBytes
    this.#stallMs = options.stallMs ?? frameBounds.stallMs
    this.#maxMessageBytes = options.maxMessageBytes ?? usualLimits
  }

  /** Bytes of all data frames so far, headers included: what `Splitter.acknowledge` tells. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** Bytes of memory that messages under way take. */
  get heldBytes(): number {
    return (this.#underWay.live?.heldBytes ?? 0) + (this.#underWay.bulk?.heldBytes ?? 0)
  }

  /** When `expire` has something to do, unless more comes before; undefined if nothing is under way. */
  get deadlineMs(): number | undefined {
    const { live, bulk } = this.#underWay
    if (live === undefined && bulk === undefined) return undefined
    return Math.min(live?.grewAtMs ?? Infinity, bulk?.grewAtMs ?? Infinity) + this.#stallMs
  }

  /** Other limits from now on: strict for those who have shown nothing yet, the usual ones after. */
  limitMessages(maxMessageBytes: Readonly<Record<Lane, number>>): void {
    this.#maxMessageBytes = maxMessageBytes
  }

  /** Takes the next frame of the link. `nowMs` is of a clock that never goes back. */
  take(frame: Uint8Array, nowMs: number): Parsed<FrameContent> {
    if (this.#refused !== undefined) return this.#refused
    const content = this.#read(frame, nowMs)
    return content.ok ? content : this.#refuse(content)
  }

  /** Refuses if a message has been under way for too long without growing. */
  expire(nowMs: number): Refused | undefined {
    const { deadlineMs } = this
    if (this.#refused === undefined && deadlineMs !== undefined && nowMs >= deadlineMs) {
      this.#refuse(refuse('timeout', 'frame: a message under way has stopped coming'))
    }
    return this.#refused
  }

  #refuse(refused: Refused): Refused {
    this.#refused = refused
    this.#underWay = nothing
    return refused
  }

  #read(frame: Uint8Array, nowMs: number): Parsed<FrameContent> {
    if (frame.length > this.#maxFrameBytes) {
      return refuse('too-large', `frame: longer than ${this.#maxFrameBytes} bytes`)
    }
    const reader = new Reader(frame)
    const kind = reader.byte()
    const number = reader.uint()
    if (kind > receivedKind) reader.refuse('malformed', ': an unknown kind')
    if (reader.refusal === undefined && number !== this.#dueNumber) {
      return refuse('frame-lost', `frame: number ${number} where ${this.#dueNumber} was due`)
    }
    this.#dueNumber++
    const content =
      kind === receivedKind ? readReceived(reader) : this.#readData(kind, reader, nowMs)
    reader.refusedIn('frame')
    if (reader.refusal !== undefined) return reader.refusal
    if (kind !== receivedKind) this.#receivedBytes += frame.length
    return accept(content)
  }

  #readData(kind: number, reader: Reader, nowMs: number): FrameContent {
    const lane: Lane = kind % 2 === 0 ? 'live' : 'bulk'
    const shape = kind >> 1
    let messages: Uint8Array[] = []
    if ((this.#underWay[lane] !== undefined) !== (shape === shapes.more)) {
      reader.refuse('malformed', ': not what the message under way in this lane allows')
    } else if (shape === shapes.whole) {
      // Not pushed: an array that grows takes room for many, and mostly there is but this one.
      messages = [this.#message(reader, reader.bytesLeft, lane)]
    } else if (shape === shapes.several) {
      while (reader.bytesLeft > 0 && messages.length <= frameBounds.maxMessages)
        messages.push(this.#message(reader, reader.uint(), lane))
      if (messages.length < 2) reader.refuse('malformed', ': several messages that are not')
      if (messages.length > frameBounds.maxMessages)
        reader.refuse('too-large', ': too many messages')
    } else {
      if (shape === shapes.first) this.#start(reader, lane, nowMs)
      const complete = this.#grow(reader, lane, nowMs)
      if (complete !== undefined) messages.push(complete)
    }
    return { kind: 'messages', lane, messages }
  }

  #message(reader: Reader, length: number, lane: Lane): Uint8Array {
    if (length === 0) reader.refuse('malformed', ': an empty message')
    this.#checkLength(reader, length, lane)
    return reader.view(reader.refusal === undefined ? length : 0)
  }

  #start(reader: Reader, lane: Lane, nowMs: number): void {
    const total = reader.uint()
    this.#checkLength(reader, total, lane)
    if (total <= reader.bytesLeft) reader.refuse('malformed', ': a first piece that is the whole')
    if (reader.refusal === undefined) {
      this.#underWay = { ...this.#underWay, [lane]: new Assembly(total, nowMs) }
    }
  }

  #grow(reader: Reader, lane: Lane, nowMs: number): Uint8Array | undefined {
    const assembly = this.#underWay[lane]
    if (assembly === undefined) return undefined
    const piece = reader.view(reader.bytesLeft)
    if (piece.length === 0) reader.refuse('malformed', ': an empty piece')
    else if (piece.length > assembly.missingBytes) {
      reader.refuse('malformed', ': more than the message was to have')
    } else assembly.add(piece, nowMs)
    if (reader.refusal !== undefined || assembly.missingBytes > 0) return undefined
    const { [lane]: _, ...others } = this.#underWay
    this.#underWay = Object.keys(others).length === 0 ? nothing : others
    return assembly.bytes
  }

  #checkLength(reader: Reader, length: number, lane: Lane): void {
    const max = this.#maxMessageBytes[lane]
    if (length > max) reader.refuse('too-large', `: a ${lane} message longer than ${max} bytes`)
  }
}

/** Of whoever has shown who it is, and of the many for whom nothing is under way: one object for all. */
const usualLimits: Readonly<Record<Lane, number>> = {
  live: messageBounds.maxLiveBytes,
  bulk: messageBounds.maxBytes,
}
const nothing = {}

function readReceived(reader: Reader): FrameContent {
  const bytes = reader.uint()
  if (reader.bytesLeft > 0) reader.refuse('malformed', ': bytes after the end')
  return { kind: 'received', bytes }
}

/** A message that comes in pieces. */
class Assembly {
  readonly #totalBytes: number
  #bytes = new Uint8Array(0)
  #filledBytes = 0
  grewAtMs: number

  constructor(totalBytes: number, nowMs: number) {
    this.#totalBytes = totalBytes
    this.grewAtMs = nowMs
  }

  get heldBytes(): number {
    return this.#bytes.length
  }

  get missingBytes(): number {
    return this.#totalBytes - this.#filledBytes
  }

  /** The message, once nothing is missing. */
  get bytes(): Uint8Array {
    return this.#bytes
  }

  add(piece: Uint8Array, nowMs: number): void {
    const filledBytes = this.#filledBytes + piece.length
    if (filledBytes > this.#bytes.length) {
      // Twice what has come, so that each byte is moved a constant number of times on average.
      const grown = new Uint8Array(Math.min(this.#totalBytes, filledBytes * 2))
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    this.#bytes.set(piece, this.#filledBytes)
    this.#filledBytes = filledBytes
    this.grewAtMs = nowMs
  }
}
