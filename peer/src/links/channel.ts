/*
 * Messages over a link. Written once, above all pipes:
 *
 *   send ─► lanes ─► frames, numbered ─► window ─► link ═══ link ─► joined, in order ─► onMessage
 *             │                            ▲                            │
 *             └ full: false, then onRoom   └───────── received ─────────┘
 *
 *            open ──── close(): bye, then what is queued leaves ────► closing ──► closed
 *              │                                                                    ▲
 *              └─ silence, a hole in the numbers, garbage, the pipe's end ──────────┘
 *
 * What the other side has told to have received counts as delivered: to that process, not to its disk.
 */
import {
  encodeMessage,
  frameBounds,
  Joiner,
  laneOf,
  messageBounds,
  parseMessage,
  Splitter,
  type ErrorCode,
  type Lane,
  type Message,
} from '../protocol/index.js'
import type { Clock, Link, LinkKind, Random, Undo } from '../ports/index.js'
import { Heartbeat } from './heartbeat.js'
import { Window, windowBounds } from './window.js'

export interface ChannelOptions {
  readonly link: Link
  readonly clock: Clock
  readonly random: Random
}

/** Why a channel ended. */
export interface ChannelClosed {
  /**
   * `local` and `remote`: that side said so; `dead`: silence; `failed`: the pipe broke or lost
   * something; `refused`: what came in was not the protocol, and the other side was told.
   */
  readonly by: 'local' | 'remote' | 'dead' | 'failed' | 'refused'
  readonly code?: ErrorCode
  /** From a `bye`: how long the other side wants to be left alone. */
  readonly retryAfterMs?: number
  /** One line for logs. */
  readonly reason: string
}

export interface ChannelStatistics {
  readonly path: LinkKind
  readonly sentMessages: number
  readonly receivedMessages: number
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly queuedBytes: number
  readonly unacknowledgedBytes: number
  readonly windowBytes: number
  /** Of the last timed frame; undefined before the first. */
  readonly roundTripMs: number | undefined
}

const KiB = 1_024

export const channelBounds = {
  /** Live messages that wait: a reader who cannot take this much typing is not live any more. */
  maxLiveQueuedBytes: 1_024 * KiB,
  /** Bulk that waits. One message of any size always may. */
  maxBulkQueuedBytes: 1_024 * KiB,
  /** What is still queued when a channel is closed has this long to leave. */
  flushWithinMs: 5_000,
} as const

export class Channel {
  readonly #link: Link
  readonly #clock: Clock
  readonly #heartbeat: Heartbeat
  readonly #splitter: Splitter
  readonly #joiner = new Joiner()
  readonly #window = new Window()
  readonly #undo: Undo[] = []
  readonly #onMessage = new Set<(message: Message, bytes: Uint8Array) => void>()
  readonly #onClose = new Set<(closed: ChannelClosed) => void>()
  readonly #onRoom = new Set<() => void>()
  /** Who waits for a message to leave its lane, by what the lane has to have given out first. */
  readonly #leaving: Readonly<Record<Lane, Waiting[]>> = { live: [], bulk: [] }
  /** Who waits for a message to arrive, by what the other side has to have acknowledged first. */
  readonly #deliveries: Waiting[] = []
  /** Who waits until less is on its way. */
  #lighter: Lighter[] | undefined
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closed: ChannelClosed | undefined
  /** How it will have ended, once this side has begun to close. */
  #goodbye: ChannelClosed | undefined
  #pumpQueued = false
  /** Nothing is acknowledged for now: see `holdReceived`. */
  #holdsReceived = false
  /** An acknowledgement is to go out with the next frame, whatever the window says. */
  #owesAcknowledgement = false
  #wasFull = false
  #acknowledgedBytes = 0
  #acknowledge: Undo | undefined
  #giveUpFlushing: Undo | undefined
  #stopStallWatch: Undo | undefined
  #sentMessages = 0
  #receivedMessages = 0

  constructor({ link, clock, random }: ChannelOptions) {
    this.#link = link
    this.#clock = clock
    this.#splitter = new Splitter({
      maxFrameBytes: Math.min(link.maxFrameBytes, frameBounds.defaultMaxBytes),
      maxQueuedBytes: {
        live: channelBounds.maxLiveQueuedBytes,
        bulk: channelBounds.maxBulkQueuedBytes,
      },
    })
    this.#heartbeat = new Heartbeat({
      clock,
      random,
      ping: (nextWithinMs) => this.send({ type: 'ping', nonce: 0, nextWithinMs }),
      dead: () => this.#end({ by: 'dead', code: 'timeout', reason: 'silence' }),
    })
  }

  /** Begins to listen and to beat. What the link received before is heard now. */
  start(): void {
    if (this.#undo.length > 0 || this.#state !== 'open') return
    this.#undo.push(
      this.#link.onFrame((frame) => this.#take(frame)),
      // The other side hangs up as soon as it has heard the `bye`.
      this.#link.onClose((end) => this.#end(this.#goodbye ?? end)),
    )
    this.#heartbeat.start()
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Whether a message of this lane would be taken now. */
  hasRoom(lane: Lane): boolean {
    const { enqueuedBytes, leftBytes } = this.#splitter.lane(lane)
    const max =
      lane === 'live' ? channelBounds.maxLiveQueuedBytes : channelBounds.maxBulkQueuedBytes
    return this.#state === 'open' && enqueuedBytes - leftBytes < max
  }

  /** Bytes of messages that have not left, and of frames that have and are not acknowledged. */
  get waitingBytes(): number {
    return this.#splitter.queuedBytes + this.#unacknowledgedBytes
  }

  /**
   * Calls `listener` once, when the other side has acknowledged something and at most `maxBytes` are
   * waiting. For a sender that keeps less on its way than the lanes would hold; forgotten at the end.
   */
  onceBelow(maxBytes: number, listener: () => void): void {
    if (this.#state === 'open') (this.#lighter ??= []).push({ maxBytes, listener })
  }

  /**
   * Sends a message, after those sent before it in its lane. False if the lane is full or the channel
   * is no longer open: then it is not sent, and `onRoom` tells when to try again.
   */
  send(message: Message, onDelivered?: () => void): boolean {
    if (this.#state !== 'open') return false
    const bytes = encodeMessage(message)
    return this.sendEncoded(bytes, laneOf(message, bytes.length), onDelivered)
  }

  /** As `send`, for a message that is encoded once and sent to many. */
  sendEncoded(bytes: Uint8Array, lane: Lane, onDelivered?: () => void): boolean {
    if (this.#state !== 'open') return false
    return this.#enqueue(bytes, lane, onDelivered)
  }

  /** Each message in order, with its bytes (views of what came: copy what is kept). */
  onMessage(listener: (message: Message, bytes: Uint8Array) => void): Undo {
    this.#onMessage.add(listener)
    return () => this.#onMessage.delete(listener)
  }

  /** Once, also for who listens after the end. */
  onClose(listener: (closed: ChannelClosed) => void): Undo {
    const closed = this.#closed
    if (closed !== undefined) queueMicrotask(() => listener(closed))
    else this.#onClose.add(listener)
    return () => this.#onClose.delete(listener)
  }

  /** A lane that was full has room again. */
  onRoom(listener: () => void): Undo {
    this.#onRoom.add(listener)
    return () => this.#onRoom.delete(listener)
  }

  /** From the other side's `hello`: the longest frame that it takes in. */
  limitFrames(maxFrameBytes: number): void {
    this.#splitter.limitFrames(
      Math.min(this.#link.maxFrameBytes, maxFrameBytes, frameBounds.maxBytes),
    )
  }

  /** Before the other side has proved anything, it may send this much in one message at most. */
  limitMessages(maxMessageBytes: number): void {
    this.#joiner.limitMessages({
      live: Math.min(maxMessageBytes, messageBounds.maxLiveBytes),
      bulk: maxMessageBytes,
    })
  }

  /**
   * While it is held, what comes is heard and not acknowledged: so the other side stops at its window
   * (1 MiB at most) until whoever reads here has caught up. At most one side of a link may do so, or
   * neither hears a sign of life.
   */
  holdReceived(hold: boolean): void {
    if (this.#holdsReceived === hold) return
    this.#holdsReceived = hold
    if (hold) {
      this.#acknowledge?.()
      this.#acknowledge = undefined
    } else if (this.#state !== 'closed' && this.#joiner.receivedBytes > this.#acknowledgedBytes) {
      this.#tellReceived()
    }
  }

  /** Hidden or in the background: beats slowly, and tells the other side so. */
  setAway(away: boolean): void {
    if (this.#state === 'open') this.#heartbeat.setAway(away)
  }

  stats(): ChannelStatistics {
    return {
      path: this.#link.kind,
      sentMessages: this.#sentMessages,
      receivedMessages: this.#receivedMessages,
      sentBytes: this.#splitter.sentBytes,
      receivedBytes: this.#joiner.receivedBytes,
      queuedBytes: this.#splitter.queuedBytes,
      unacknowledgedBytes: this.#unacknowledgedBytes,
      windowBytes: this.#window.bytes,
      roundTripMs: this.#window.roundTripMs,
    }
  }

  /**
   * Says `bye`, lets what is queued leave (for five seconds at most), and closes the link. Nothing
   * can be sent or is heard from now on. Idempotent.
   */
  close(code?: ErrorCode, retryAfterMs?: number): void {
    if (this.#state !== 'open') return
    const bye: Message = {
      type: 'bye',
      ...(code === undefined ? {} : { code }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }
    const bytes = encodeMessage(bye)
    // Behind everything: on the bulk lane while bulk waits, so that it is the last to arrive.
    const bulk = this.#splitter.lane('bulk')
    const lane = bulk.enqueuedBytes > bulk.leftBytes ? 'bulk' : 'live'
    const goodbye: ChannelClosed = {
      by: 'local',
      ...(code === undefined ? {} : { code }),
      reason: 'closed',
    }
    this.#enqueue(bytes, lane, () => this.#end(goodbye))
    this.#goodbye = goodbye
    this.#state = 'closing'
    this.#heartbeat.stop()
    this.#giveUpFlushing = this.#clock.after(channelBounds.flushWithinMs, () =>
      this.#end({ by: 'local', reason: 'closed before everything had left' }),
    )
  }

  /** Ends the link now, with whatever is queued. Idempotent. */
  abort(reason = 'aborted'): void {
    this.#end({ by: 'local', reason })
  }

  get #unacknowledgedBytes(): number {
    return this.#splitter.sentBytes - this.#window.ackedBytes
  }

  /**
   * What the platform holds back is not acknowledged either: only above that is it worth asking, for
   * in Node the answer costs as much as sending a frame.
   */
  get #overflowsBuffer(): boolean {
    const { maxBufferedBytes } = windowBounds
    return (
      this.#unacknowledgedBytes > maxBufferedBytes && this.#link.bufferedBytes > maxBufferedBytes
    )
  }

  #enqueue(bytes: Uint8Array, lane: Lane, onDelivered?: () => void): boolean {
    if (!this.#splitter.enqueue(bytes, lane)) {
      this.#wasFull = true
      return false
    }
    this.#sentMessages++
    if (onDelivered !== undefined) {
      const { enqueuedBytes } = this.#splitter.lane(lane)
      this.#leaving[lane].push({ atBytes: enqueuedBytes, onDelivered })
    }
    this.#queuePump()
    return true
  }

  /** At the end of this turn: what is sent in one turn shares frames. */
  #queuePump(): void {
    if (this.#pumpQueued) return
    this.#pumpQueued = true
    queueMicrotask(() => {
      this.#pumpQueued = false
      this.#pump()
    })
  }

  #pump(): void {
    if (this.#state === 'closed') return
    for (;;) {
      const full = this.#unacknowledgedBytes >= this.#window.bytes || this.#overflowsBuffer
      if (full && this.#splitter.queuedBytes > 0) this.#window.limited()
      // An acknowledgement always may leave: it is what opens the other side's window.
      if (full && !this.#owesAcknowledgement) break
      const sentBefore = this.#splitter.sentBytes
      const frame = this.#splitter.next()
      this.#owesAcknowledgement = false
      if (frame === undefined) break
      this.#link.send(frame)
      if (this.#splitter.sentBytes > sentBefore) {
        this.#window.sent(this.#splitter.sentBytes, this.#clock.monotonic())
      }
    }
    this.#noteWhatLeft()
    if (this.#wasFull && this.hasRoom('live') && this.hasRoom('bulk')) {
      this.#wasFull = false
      for (const listener of this.#onRoom) listener()
    }
  }

  /** Messages that have left their lane have arrived once all that was sent by now has. */
  #noteWhatLeft(): void {
    for (const lane of lanes) {
      const { leftBytes } = this.#splitter.lane(lane)
      const leaving = this.#leaving[lane]
      let left = 0
      while ((leaving[left]?.atBytes ?? Infinity) <= leftBytes) left++
      for (const { onDelivered } of leaving.splice(0, left)) {
        this.#deliveries.push({ atBytes: this.#splitter.sentBytes, onDelivered })
      }
    }
  }

  #take(frame: Uint8Array): void {
    if (this.#state === 'closed') return
    this.#heartbeat.heard()
    const nowMs = this.#clock.monotonic()
    const taken = this.#joiner.take(frame, nowMs)
    if (!taken.ok) {
      this.#refuse(taken.refusal.code, taken.refusal.detail)
      return
    }
    if (taken.value.kind === 'received') {
      this.#takeAcknowledgement(taken.value.bytes, nowMs)
      return
    }
    this.#planAcknowledgement()
    this.#watchStall()
    for (const bytes of taken.value.messages) {
      if (this.#closed === undefined) this.#hear(bytes)
    }
  }

  #takeAcknowledgement(bytes: number, nowMs: number): void {
    if (!this.#window.acked(bytes, this.#splitter.sentBytes, nowMs)) {
      this.#refuse('malformed', 'received: not between what it said before and what was sent')
      return
    }
    let arrived = 0
    while ((this.#deliveries[arrived]?.atBytes ?? Infinity) <= bytes) arrived++
    for (const { onDelivered } of this.#deliveries.splice(0, arrived)) onDelivered()
    this.#pump()
    if (this.#lighter !== undefined) this.#tellLighter()
  }

  #tellLighter(): void {
    const waiting = this.#lighter ?? []
    this.#lighter = undefined
    for (const one of waiting) {
      if (this.waitingBytes <= one.maxBytes) one.listener()
      else this.onceBelow(one.maxBytes, one.listener)
    }
  }

  #planAcknowledgement(): void {
    if (this.#holdsReceived) return
    const owed = this.#joiner.receivedBytes - this.#acknowledgedBytes
    if (owed >= windowBounds.acknowledgeEveryBytes) this.#tellReceived()
    else {
      this.#acknowledge ??= this.#clock.after(windowBounds.acknowledgeWithinMs, () =>
        this.#tellReceived(),
      )
    }
  }

  #tellReceived(): void {
    this.#acknowledge?.()
    this.#acknowledge = undefined
    this.#acknowledgedBytes = this.#joiner.receivedBytes
    this.#splitter.acknowledge(this.#acknowledgedBytes)
    this.#owesAcknowledgement = true
    this.#pump()
  }

  /** A message that stops coming half-way does not hold its memory for ever. */
  #watchStall(): void {
    const { deadlineMs } = this.#joiner
    this.#stopStallWatch?.()
    this.#stopStallWatch = undefined
    if (deadlineMs === undefined) return
    this.#stopStallWatch = this.#clock.after(
      Math.ceil(deadlineMs - this.#clock.monotonic()),
      () => {
        const refused = this.#joiner.expire(this.#clock.monotonic())
        if (refused === undefined) this.#watchStall()
        else this.#refuse(refused.refusal.code, refused.refusal.detail)
      },
    )
  }

  #hear(bytes: Uint8Array): void {
    const parsed = parseMessage(bytes)
    if (!parsed.ok) {
      this.#refuse(parsed.refusal.code, parsed.refusal.detail)
      return
    }
    this.#receivedMessages++
    const message = parsed.value
    switch (message.type) {
      case 'ping':
        this.#heartbeat.promised(message.nextWithinMs)
        this.send({ type: 'pong', nonce: message.nonce })
        return
      case 'pong':
        return
      case 'bye':
        this.#end({
          by: 'remote',
          ...(message.code === undefined ? {} : { code: message.code }),
          ...(message.retryAfterMs === undefined ? {} : { retryAfterMs: message.retryAfterMs }),
          reason: 'bye',
        })
        return
      default:
        if (this.#state === 'open') {
          for (const listener of this.#onMessage) listener(message, bytes)
        }
    }
  }

  /** Tells the other side what was wrong, and ends the link: what comes after garbage is garbage. */
  #refuse(code: ErrorCode, reason: string): void {
    if (this.#state === 'closed') return
    const bytes = encodeMessage({ type: 'bye', code })
    this.#splitter.enqueue(bytes, 'live')
    const frame = this.#splitter.next()
    if (frame !== undefined) this.#link.send(frame)
    this.#end({
      by: code === 'frame-lost' || code === 'timeout' ? 'failed' : 'refused',
      code,
      reason,
    })
  }

  #end(closed: ChannelClosed): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#closed = closed
    this.#heartbeat.stop()
    this.#acknowledge?.()
    this.#giveUpFlushing?.()
    this.#stopStallWatch?.()
    for (const undo of this.#undo.splice(0)) undo()
    this.#link.close(closed.reason)
    this.#deliveries.length = 0
    for (const lane of lanes) this.#leaving[lane].length = 0
    this.#lighter = undefined
    this.#onMessage.clear()
    this.#onRoom.clear()
    for (const listener of this.#onClose) listener(closed)
    this.#onClose.clear()
  }
}

interface Lighter {
  readonly maxBytes: number
  readonly listener: () => void
}

interface Waiting {
  readonly atBytes: number
  readonly onDelivered: () => void
}

const lanes = ['live', 'bulk'] as const
