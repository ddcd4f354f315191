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
  laneOf,
  parseMessage,
  type ErrorCode,
  type Lane,
  type Message,
  type Refusal,
} from '../protocol/index.js'
import type { Clock, Link, LinkKind, Random, Undo } from '../ports/index.js'
import type { Deadlines } from './deadlines.js'
import { Heartbeat, type Beating } from './heartbeat.js'
import { Inflow, type Receiving } from './inflow.js'
import { listed, listens, withListener, withoutListener, type Listeners } from './listeners.js'
import { Outflow } from './outflow.js'
import type { Setting, Side } from './setting.js'

export interface ChannelOptions {
  readonly link: Link
  readonly clock: Clock
  readonly random: Random
  /**
   * On a link between a client and an archive, which of the two this is: the client asks whether the
   * other is there, and both gather what little they acknowledge. Default: `equal`.
   */
  readonly side?: Side
  /** Of a server: one timer for all its channels. Absent: a timer of its own. */
  readonly deadlines?: Deadlines
}

/** Why a channel ended. */
export interface ChannelClosed {
  /**
   * `local` and `remote`: that side said so; `dead`: silence; `failed`: the pipe broke or lost
   * something, or this side failed at what it heard; `refused`: what came in was not the protocol, and the other side was told.
   */
  readonly by: 'local' | 'remote' | 'dead' | 'failed' | 'refused'
  readonly code?: ErrorCode
  /** From a `bye`: how long the other side wants to be left alone. */
  readonly retryAfterMs?: number
  /** One line for logs. */
  readonly reason: string
  /** What a listener of this side threw when it heard something: for that, this link alone ends. */
  readonly cause?: unknown
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
  /** Of the last ping that was answered, or of the last timed frame; undefined before the first. */
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

const maxQueuedBytes: Readonly<Record<Lane, number>> = {
  live: channelBounds.maxLiveQueuedBytes,
  bulk: channelBounds.maxBulkQueuedBytes,
}

export class Channel implements Beating, Receiving {
  readonly #setting: Setting
  readonly #heartbeat: Heartbeat
  readonly #outflow: Outflow
  readonly #inflow: Inflow
  #isStarted = false
  #onMessage: Listeners<[message: Message, bytes: Uint8Array]>
  #onClose: Listeners<[closed: ChannelClosed]>
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closed: ChannelClosed | undefined
  /** How it will have ended, once this side has begun to close. */
  #goodbye: ChannelClosed | undefined
  #giveUpFlushing: Undo | undefined
  #sentMessages = 0
  #receivedMessages = 0

  constructor({ link, clock, random, side = 'equal', deadlines }: ChannelOptions) {
    this.#setting = { link, clock, random, side, deadlines }
    this.#outflow = new Outflow(this.#setting, maxQueuedBytes)
    this.#inflow = new Inflow(this.#setting, this)
    this.#heartbeat = new Heartbeat(this.#setting, this)
  }

  /** Begins to listen and to beat. What the link received before is heard now. */
  start(): void {
    if (this.#isStarted || this.#state !== 'open') return
    this.#isStarted = true
    const { link } = this.#setting
    link.onFrame((frame) => this.#take(frame))
    // The other side hangs up as soon as it has heard the `bye`.
    link.onClose((end) => this.#end(this.#goodbye ?? end))
    this.#heartbeat.start()
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Whether a message of this lane would be taken now. */
  hasRoom(lane: Lane): boolean {
    return this.#state === 'open' && this.#outflow.hasRoom(lane)
  }

  /** Bytes of messages that have not left, and of frames that have and are not acknowledged. */
  get waitingBytes(): number {
    return this.#outflow.queuedBytes + this.#outflow.unacknowledgedBytes
  }

  /**
   * Calls `listener` once, when the other side has acknowledged something and at most `maxBytes` are
   * waiting. For a sender that keeps less on its way than the lanes would hold; forgotten at the end.
   */
  onceBelow(maxBytes: number, listener: () => void): void {
    this.#outflow.onceBelow(maxBytes, listener)
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

  /**
   * As `sendEncoded`, in a frame of its own: what is sent in one turn shares frames, which costs a
   * little, and gains nothing where a message goes to a thousand links.
   */
  sendAlone(bytes: Uint8Array, lane: Lane): boolean {
    if (this.#state !== 'open') return false
    return this.#enqueue(bytes, lane, undefined, true)
  }

  /** Each message in order, with its bytes (views of what came: copy what is kept). */
  onMessage(listener: (message: Message, bytes: Uint8Array) => void): Undo {
    this.#onMessage = withListener(this.#onMessage, listener)
    return () => (this.#onMessage = withoutListener(this.#onMessage, listener))
  }

  /** Once, also for who listens after the end. */
  onClose(listener: (closed: ChannelClosed) => void): Undo {
    const closed = this.#closed
    if (closed !== undefined) queueMicrotask(() => listener(closed))
    else this.#onClose = withListener(this.#onClose, listener)
    return () => (this.#onClose = withoutListener(this.#onClose, listener))
  }

  /** A lane that was full has room again. */
  onRoom(listener: () => void): Undo {
    return this.#outflow.onRoom(listener)
  }

  /** From the other side's `hello`: the longest frame that it takes in. */
  limitFrames(maxFrameBytes: number): void {
    this.#outflow.limitFrames(
      Math.min(this.#setting.link.maxFrameBytes, maxFrameBytes, frameBounds.maxBytes),
    )
  }

  /**
   * As `limitFrames`, but only while the link carries the longest in a quarter of a second. On a slow
   * one a long frame is a long silence, and the other side would count this one as dead.
   */
  limitFastFrames(maxFrameBytes: number): void {
    this.#outflow.limitFastFrames(
      Math.min(this.#setting.link.maxFrameBytes, maxFrameBytes, frameBounds.maxBytes),
    )
  }

  /** Before the other side has proved anything, it may send this much in one message at most. */
  limitMessages(maxMessageBytes: number): void {
    this.#inflow.limitMessages(maxMessageBytes)
  }

  /**
   * While it is held, what comes is heard and not acknowledged: so the other side stops at its window
   * (1 MiB at most) until whoever reads here has caught up. At most one side of a link may do so, or
   * neither hears a sign of life.
   */
  holdReceived(hold: boolean): void {
    this.#inflow.hold(hold)
  }

  /** Hidden or in the background: beats slowly, and tells the other side so. */
  setAway(away: boolean): void {
    if (this.#state === 'open') this.#heartbeat.setAway(away)
  }

  stats(): ChannelStatistics {
    return {
      path: this.#setting.link.kind,
      sentMessages: this.#sentMessages,
      receivedMessages: this.#receivedMessages,
      sentBytes: this.#outflow.sentBytes,
      receivedBytes: this.#inflow.receivedBytes,
      queuedBytes: this.#outflow.queuedBytes,
      unacknowledgedBytes: this.#outflow.unacknowledgedBytes,
      windowBytes: this.#outflow.windowBytes,
      roundTripMs: this.#heartbeat.roundTripMs ?? this.#outflow.roundTripMs,
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
    const lane = this.#outflow.hasBulk ? 'bulk' : 'live'
    const goodbye: ChannelClosed = {
      by: 'local',
      ...(code === undefined ? {} : { code }),
      reason: 'closed',
    }
    this.#enqueue(bytes, lane, () => this.#end(goodbye))
    this.#goodbye = goodbye
    this.#state = 'closing'
    this.#outflow.finish()
    this.#heartbeat.stop()
    this.#giveUpFlushing = this.#setting.clock.after(channelBounds.flushWithinMs, () =>
      this.#end({ by: 'local', reason: 'closed before everything had left' }),
    )
  }

  /** Ends the link now, with whatever is queued. Idempotent. */
  abort(reason = 'aborted'): void {
    this.#end({ by: 'local', reason })
  }

  // From its own parts ----------------------------------------------------------------------------

  ping(nextWithinMs: number): void {
    this.send({ type: 'ping', nonce: 0, nextWithinMs })
  }

  dead(): void {
    this.#end({ by: 'dead', code: 'timeout', reason: 'silence' })
  }

  acknowledge(receivedBytes: number): void {
    this.#outflow.acknowledge(receivedBytes)
  }

  stalled({ code, detail }: Refusal): void {
    this.#refuse(code, detail)
  }

  #enqueue(
    bytes: Uint8Array,
    lane: Lane,
    onDelivered?: () => void,
    isAlone: boolean = false,
  ): boolean {
    const isTaken = this.#outflow.enqueue(bytes, lane, onDelivered, isAlone)
    if (isTaken) this.#sentMessages++
    return isTaken
  }

  /** Whatever listeners do with what came: nothing throws into the platform that brought it. */
  #take(frame: Uint8Array): void {
    if (this.#state === 'closed') return
    try {
      this.#takeIn(frame)
    } catch (cause) {
      this.#refuse('internal', `what came could not be handled: ${String(cause)}`, cause)
    }
  }

  #takeIn(frame: Uint8Array): void {
    const nowMs = this.#setting.clock.monotonic()
    this.#heartbeat.heard(nowMs)
    const taken = this.#inflow.take(frame, nowMs)
    if (!taken.ok) {
      this.#refuse(taken.refusal.code, taken.refusal.detail)
      return
    }
    if (taken.value.kind !== 'received') {
      for (const bytes of taken.value.messages) if (this.#closed === undefined) this.#hear(bytes)
    } else if (!this.#outflow.acknowledged(taken.value.bytes, nowMs)) {
      this.#refuse('malformed', 'received: not between what it said before and what was sent')
    }
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
        this.sendAlone(pongTo(message.nonce), 'live')
        return
      case 'pong':
        this.#heartbeat.answered()
        return
      case 'bye':
        // The other side may fall silent at once: whoever still sends meets the end of the pipe.
        this.#outflow.acknowledgeLast(this.#inflow.receivedBytes)
        this.#end({
          by: 'remote',
          ...(message.code === undefined ? {} : { code: message.code }),
          ...(message.retryAfterMs === undefined ? {} : { retryAfterMs: message.retryAfterMs }),
          reason: 'bye',
        })
        return
      default:
        if (this.#state === 'open') {
          for (const listener of listed(this.#onMessage)) {
            if (listens(this.#onMessage, listener)) listener(message, bytes)
          }
        }
    }
  }

  /** Tells the other side what was wrong, and ends the link: what comes after garbage is garbage. */
  #refuse(code: ErrorCode, reason: string, cause?: unknown): void {
    if (this.#state === 'closed') return
    this.#outflow.sendNow(encodeMessage({ type: 'bye', code }))
    this.#end({
      by: ownFailures.has(code) ? 'failed' : 'refused',
      code,
      reason,
      ...(cause === undefined ? {} : { cause }),
    })
  }

  #end(closed: ChannelClosed): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#closed = closed
    this.#heartbeat.stop()
    this.#giveUpFlushing?.()
    this.#inflow.close()
    this.#outflow.close()
    // From now on it hands out no frames.
    this.#setting.link.close(closed.reason)
    this.#onMessage = undefined
    const listeners = this.#onClose
    for (const listener of listed(listeners)) {
      if (listens(this.#onClose, listener)) listener(closed)
    }
    this.#onClose = undefined
  }
}

/** Ours ask without a number, mostly: their answer is put into bytes once, not for each of them. */
function pongTo(nonce: number): Uint8Array {
  return nonce === 0 ? usualPong : encodeMessage({ type: 'pong', nonce })
}

const usualPong = encodeMessage({ type: 'pong', nonce: 0 })

/** Codes that blame nothing on the one at the other end. */
const ownFailures: ReadonlySet<ErrorCode> = new Set(['frame-lost', 'timeout', 'internal'])
