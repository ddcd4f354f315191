/**
 * The one connection to the signalling server, kept up while anybody wants it:
 *
 *              want                     opened
 *   idle ─────────────────▶ dialing ─────────────▶ open
 *    ▲                       ▲   │ no answer        │  closed, silent, garbage, drain
 *    │ unwant, from any      │   ▼                  ▼
 *    └───────────────────── waiting ◀───────────────┘
 *                            pause over, retryNow
 *
 *   failed   a fatal code ended it: nothing more until retryNow
 *   closed   by this side, for good
 *
 * Pauses grow and are jittered (`backoff.ts`); a connection that held for `stableMs` was a success.
 * A `drain` names the pause itself. While open, silence is answered by a ping and then by the end
 * of the connection. There is one timer: the dial's deadline, the pause, or the watch on silence.
 *
 * What is said by the connection itself (pings, drain, the refusal of everything) stays in here;
 * whatever concerns a collection goes to the delegate.
 */
import { jittered, type Clock, type Logger, type Random, type Undo } from '../ports/index.js'
import {
  closeCodeBase,
  encodeSignalling,
  errorCodeOf,
  errorCodes,
  nextAfter,
  parseFromSignaller,
  parseRelayFrame,
  type ErrorCode,
  type FromSignaller,
  type SignallingError,
  type SignallingLimits,
  type ToSignaller,
} from '../protocol/index.js'
import { Backoff } from './backoff.js'
import type { SignallingCounters } from './counters.js'
import type { Dial, SignalSocket } from './dial.js'
import type { SignallingClientLimits } from './limits.js'
import { Pacer } from './pacer.js'

export type ConnectionState =
  | { readonly phase: 'idle' }
  | { readonly phase: 'dialing' }
  | { readonly phase: 'open' }
  /** It will be dialled again by itself. */
  | { readonly phase: 'waiting'; readonly retryInMs: number; readonly code: ErrorCode }
  | { readonly phase: 'failed'; readonly code: ErrorCode }
  | { readonly phase: 'closed' }

/** What was said about one collection. */
export type RoomMessage = Exclude<
  FromSignaller,
  { readonly type: 'ping' | 'pong' | 'drain' | 'relay-credit' | WatchWord['type'] }
>

/** What was said to a watch. */
export type WatchWord = Extract<
  FromSignaller,
  { readonly type: 'watching' | 'rooms' | 'unwatched' }
>

export interface ConnectionDelegate {
  /** Each change of state, before what it leads to. */
  onState(state: ConnectionState): void
  /** An error here is about a collection. */
  onMessage(message: RoomMessage): void
  onWatchWord(word: WatchWord): void
  /** Of something that was about no collection. */
  onRefused(code: ErrorCode): void
  onRelayCredit(channel: number, bytes: number): void
  onRelayFrame(channel: number, frame: Uint8Array): void
  /** `sendPaced` refused a message, and would take one now. */
  onWritable(): void
}

export interface ConnectionOptions {
  readonly dial: Dial
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits: SignallingClientLimits
  readonly counters: SignallingCounters
}

export class Connection {
  readonly #options: ConnectionOptions
  readonly #delegate: ConnectionDelegate
  readonly #backoff: Backoff
  #state: ConnectionState = { phase: 'idle' }
  #socket: SignalSocket | undefined
  /** Stands for the current socket: what earlier ones still say is not heard. */
  #attempt: object | undefined
  #timer: Undo = () => {}
  #writableTimer: Undo | undefined
  #pacer: Pacer
  #openedAtMs = 0
  #lostAtMs = Number.NEGATIVE_INFINITY
  #heardAtMs = 0
  #askedAtMs: number | undefined
  #quietMs = 0

  constructor(options: ConnectionOptions, delegate: ConnectionDelegate) {
    const { clock, limits, random } = options
    this.#options = options
    this.#delegate = delegate
    this.#backoff = new Backoff(random, limits.firstRetryMs, limits.mostRetryMs)
    this.#pacer = new Pacer(clock)
  }

  get state(): ConnectionState {
    return this.#state
  }

  get isOpen(): boolean {
    return this.#state.phase === 'open'
  }

  /** When the last open connection ended, on the monotonic clock. */
  get lostAtMs(): number {
    return this.#lostAtMs
  }

  /** Somebody needs the connection. */
  want(): void {
    if (this.#state.phase === 'idle') this.#dial()
  }

  /** Nobody needs it any more. */
  unwant(): void {
    if (this.#state.phase === 'closed' || this.#state.phase === 'idle') return
    this.#drop()
    this.#enter({ phase: 'idle' })
  }

  /** Ends a pause, or a failure, now. */
  retryNow(): void {
    if (this.#state.phase !== 'waiting' && this.#state.phase !== 'failed') return
    this.#backoff.reset()
    this.#drop()
    this.#dial()
  }

  /** The server did not do what it has to: another connection may do better. */
  restart(code: ErrorCode): void {
    if (this.#socket !== undefined) this.#pauseAfter(code)
  }

  close(): void {
    if (this.#state.phase === 'closed') return
    this.#drop()
    this.#enter({ phase: 'closed' })
  }

  /** What cannot wait its turn. Does nothing unless the connection is open. */
  send(message: ToSignaller): void {
    if (!this.isOpen) return
    this.#pacer.borrow()
    this.#socket?.send(encodeSignalling(message))
  }

  /** False when the connection is not open, or the rate does not allow a message now. */
  sendPaced(message: ToSignaller): boolean {
    if (!this.isOpen) return false
    if (!this.#pacer.take()) {
      this.#writableTimer ??= this.#options.clock.after(this.#pacer.waitMs, () => {
        this.#writableTimer = undefined
        this.#delegate.onWritable()
      })
      return false
    }
    this.#socket?.send(encodeSignalling(message))
    return true
  }

  sendBytes(message: Uint8Array): void {
    if (this.isOpen) this.#socket?.send(message)
  }

  /** What the server has announced to hold this connection to. */
  hold(limits: SignallingLimits): void {
    this.#pacer.hold(limits.messagesPerSecond, limits.messageBurst)
    // A server that gives up after n ms of silence must hear something in half of that.
    const quietMs = Math.min(this.#options.limits.quietMs, limits.idleMs / 2)
    this.#quietMs = jittered(this.#options.random, Math.max(leastQuietMs, quietMs), quietSpread)
    this.#watch()
  }

  #dial(): void {
    const { clock, counters, dial, limits } = this.#options
    const attempt = {}
    this.#attempt = attempt
    counters.dials++
    this.#timer = clock.after(limits.dialMs, () => this.#pauseAfter('timeout'))
    this.#socket = dial({
      onOpen: () => {
        if (this.#attempt === attempt) this.#opened()
      },
      onMessage: (message) => {
        if (this.#attempt === attempt && this.isOpen) this.#heard(message)
      },
      onClose: (code) => {
        if (this.#attempt === attempt) this.#ended(code)
      },
    })
    this.#enter({ phase: 'dialing' })
  }

  #opened(): void {
    const { clock, limits, random } = this.#options
    if (this.#state.phase !== 'dialing') return
    this.#openedAtMs = clock.monotonic()
    this.#heardAtMs = this.#openedAtMs
    this.#askedAtMs = undefined
    this.#pacer = new Pacer(clock)
    this.#quietMs = jittered(random, limits.quietMs, quietSpread)
    this.#watch()
    this.#enter({ phase: 'open' })
  }

  #heard(message: string | Uint8Array): void {
    this.#heardAtMs = this.#options.clock.monotonic()
    this.#askedAtMs = undefined
    if (typeof message !== 'string') {
      const frame = parseRelayFrame(message)
      if (frame.ok) this.#delegate.onRelayFrame(frame.value.channel, frame.value.frame)
      else this.#onGarbage(frame.refusal.detail)
      return
    }
    const parsed = parseFromSignaller(message)
    if (parsed.ok) this.#take(parsed.value)
    // A newer server says more than this version knows.
    else if (parsed.refusal.code === 'unexpected-message') this.#options.counters.unexpected++
    else this.#onGarbage(parsed.refusal.detail)
  }

  #take(message: FromSignaller): void {
    switch (message.type) {
      case 'ping':
        this.send({ type: 'pong' })
        return
      case 'pong':
        return
      case 'drain':
        this.#pauseAfter(
          'going-away',
          Math.min(message.retryAfterMs, this.#options.limits.mostAskedPauseMs),
        )
        return
      case 'relay-credit':
        this.#delegate.onRelayCredit(message.channel, message.bytes)
        return
      case 'watching':
      case 'rooms':
      case 'unwatched':
        this.#delegate.onWatchWord(message)
        return
      case 'error':
        this.#options.counters.refusals++
        if (message.collection === undefined) this.#onRefusal(message)
        else this.#delegate.onMessage(message)
        return
      default:
        this.#delegate.onMessage(message)
    }
  }

  /** Of the connection as a whole. Where the server ends it for this, the close says so again. */
  #onRefusal({ code, retryAfterMs }: SignallingError): void {
    this.#options.logger.info('the signalling server refused', { code })
    this.#delegate.onRefused(code)
    if (code !== 'rate-limited') return
    this.#pacer.pause(Math.min(retryAfterMs ?? 1_000, this.#options.limits.mostAskedPauseMs))
  }

  /** Somebody in between may have spoilt it, so a new connection may be better: this one is not. */
  #onGarbage(detail: string): void {
    this.#options.counters.garbage++
    this.#options.logger.info('the signalling server said something unreadable', { detail })
    this.#socket?.close(closeCodeBase + errorCodes.malformed.number)
    this.#pauseAfter('unavailable')
  }

  #ended(closeCode: number): void {
    const code = errorCodeOf(closeCode - closeCodeBase) ?? 'unavailable'
    if (nextAfter(code) !== 'fatal') {
      this.#pauseAfter(code)
      return
    }
    this.#options.logger.error('the signalling server refuses this client for good', { code })
    this.#drop()
    this.#enter({ phase: 'failed', code })
  }

  #pauseAfter(code: ErrorCode, askedMs?: number): void {
    const { clock, limits } = this.#options
    const wasStable = this.isOpen && clock.monotonic() - this.#openedAtMs >= limits.stableMs
    if (wasStable) this.#backoff.reset()
    const retryInMs = askedMs ?? this.#backoff.nextMs()
    this.#drop()
    this.#timer = clock.after(retryInMs, () => this.#dial())
    this.#enter({ phase: 'waiting', retryInMs, code })
  }

  /** Asks when it has been quiet for too long, and gives up when that is not answered. */
  #watch(): void {
    const { clock, limits } = this.#options
    const nowMs = clock.monotonic()
    const dueMs =
      this.#askedAtMs === undefined
        ? this.#heardAtMs + this.#quietMs
        : this.#askedAtMs + limits.pongMs
    if (dueMs - nowMs < clockToleranceMs) {
      if (this.#askedAtMs !== undefined) {
        this.#pauseAfter('timeout')
        return
      }
      // After a sleep the silence may be this side's own: it asks all the same before it gives up.
      this.#askedAtMs = nowMs
      this.send({ type: 'ping' })
      this.#watch()
      return
    }
    this.#timer()
    this.#timer = clock.after(dueMs - nowMs, () => this.#watch())
  }

  /** Lets go of the socket and of everything that waits for it. */
  #drop(): void {
    if (this.isOpen) this.#lostAtMs = this.#options.clock.monotonic()
    this.#timer()
    this.#writableTimer?.()
    this.#writableTimer = undefined
    this.#attempt = undefined
    this.#socket?.close()
    this.#socket = undefined
  }

  #enter(state: ConnectionState): void {
    this.#state = state
    this.#delegate.onState(state)
  }
}

/** Timers may fire a little before the clock says so; arming them anew would be a busy loop. */
const clockToleranceMs = 2
/** However short a server's patience: no more than a ping a second. */
const leastQuietMs = 1_000
/** So that a crowd that came in one moment does not ask in one moment. */
const quietSpread = 0.2
