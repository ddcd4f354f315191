/**
 * What every socket is held to, whatever is spoken on it:
 *
 *              ┌─────────── unprove ────────────┐
 *              ▼                                │
 *           proving ───────── prove ────────▶ proved
 *              │  proofMs or proofBytes over,   │
 *              │  or as from proved             │  idleMs of silence, more than the rate allows,
 *              │                                │  a reader too slow, a message that is refused
 *              ▼                                ▼
 *              └──────────▶ closed ◀────────────┘   also when the other side ends it
 *
 * There is one timer a socket, armed for whatever is due first. What is heard in between only moves
 * a number; the timer looks when it fires.
 */
import { TokenBucket } from '@holdfast/access'
import { closeCodeBase, errorCodes, type ErrorCode } from '@holdfast/peer/protocol'
import type { Undo } from '@holdfast/peer/ports'
import type { SignalContext } from '../context.js'
import type { Socket } from './socket.js'

/** What the one who speaks on the socket has to do when the gate says so. */
export interface GateKeeper {
  /** Too many messages: this one was dropped. Called at most once a second. */
  onRateLimited(retryAfterMs: number): void
  /** Nothing was heard for half of the idle time: ask whether somebody is there. */
  onQuiet(): void
  /** The keeper's own deadlines: does what is due, and says when to ask again (monotonic). */
  onDue(nowMs: number): number
  /** The socket will be closed: the code can still be said. Not called when the other side ended it. */
  onClosing(code: ErrorCode): void
  /** It is over, whoever ended it. Called exactly once. */
  onClosed(): void
}

export class Gate {
  readonly #context: SignalContext
  readonly #socket: Socket
  readonly #keeper: GateKeeper
  readonly #messages: TokenBucket
  readonly #bytes: TokenBucket
  #state: 'proving' | 'proved' | 'closed' = 'proving'
  #provingSinceMs: number
  #unprovedBytes = 0
  #heardAtMs: number
  #hasAsked = false
  #overruns = 0
  #toldOverrunAtMs = Number.NEGATIVE_INFINITY
  #timer: Undo = () => {}
  #timerAtMs = Number.POSITIVE_INFINITY
  /** Relayed frames that wait in the socket: they are bounded by their windows, not by the reader. */
  #relayedBytes = 0
  /** What was said last stays the last word. */
  #isMuted = false

  constructor(context: SignalContext, socket: Socket, keeper: GateKeeper) {
    const { clock, limits } = context
    this.#context = context
    this.#socket = socket
    this.#keeper = keeper
    this.#messages = new TokenBucket(clock, limits.messagesPerSecond, limits.messageBurst)
    this.#bytes = new TokenBucket(clock, limits.bytesPerSecond, limits.byteBurst)
    this.#provingSinceMs = clock.monotonic()
    this.#heardAtMs = this.#provingSinceMs
  }

  /** Starts the clock for the proof. */
  open(): void {
    this.#wake()
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Takes a message in: true when it may be looked at, else it has been dealt with. */
  admit(bytes: number): boolean {
    if (this.#state === 'closed') return false
    this.#context.counters.received++
    this.heard()
    if (this.#state === 'proving') {
      this.#unprovedBytes += bytes
      if (this.#unprovedBytes > this.#context.limits.proofBytes) {
        this.refuse('too-large')
        return false
      }
    }
    if (this.#messages.isFull) this.#overruns = 0
    if (this.#messages.take(1) && this.#bytes.take(bytes)) return true
    this.#overrun(bytes)
    return false
  }

  /** Somebody is there. */
  heard(): void {
    this.#heardAtMs = this.#context.clock.monotonic()
    this.#hasAsked = false
  }

  /** From now on the socket is one of ours. */
  prove(): void {
    if (this.#state !== 'proving') return
    this.#state = 'proved'
    this.#unprovedBytes = 0
  }

  /** It has to prove itself again. */
  unprove(): void {
    if (this.#state !== 'proved') return
    this.#state = 'proving'
    this.#provingSinceMs = this.#context.clock.monotonic()
    this.wakeAt(this.#provingSinceMs + this.#context.limits.proofMs)
  }

  /** The keeper has a deadline at `atMs` (monotonic), which may be before the others. */
  wakeAt(atMs: number): void {
    if (this.#state !== 'closed' && atMs < this.#timerAtMs) this.#arm(atMs)
  }

  /** Never closes the socket within the call: others may be in the middle of telling a whole room. */
  send(text: string): void {
    if (this.#state === 'closed' || this.#isMuted) return
    const waiting = this.#socket.bufferedBytes - this.#relayedBytes
    if (waiting > this.#context.limits.maxBufferedBytes) {
      this.#isMuted = true
      queueMicrotask(() => this.close('slow-reader'))
      return
    }
    this.#context.counters.deliveries++
    this.#socket.sendText(text)
  }

  /** Sends nothing any more: the close follows. */
  mute(): void {
    this.#isMuted = true
  }

  sendRelayed(message: Uint8Array, onFlushed: () => void): void {
    if (this.#state === 'closed') return
    this.#relayedBytes += message.length
    this.#socket.sendBinary(message, () => {
      this.#relayedBytes -= message.length
      onFlushed()
    })
  }

  /** Counts a refusal and closes with its code. */
  refuse(code: ErrorCode): void {
    if (this.#state === 'closed') return
    this.#context.counters.refused(code)
    this.close(code)
  }

  close(code: ErrorCode): void {
    if (this.#state === 'closed') return
    this.#keeper.onClosing(code)
    this.#context.counters.closed(code)
    this.#context.logger.debug('socket closed', { code })
    this.#end()
    this.#socket.close(closeCodeBase + errorCodes[code].number, code)
  }

  /** The other side, or the network, ended it. */
  ended(): void {
    this.#end()
  }

  #end(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#timer()
    this.#keeper.onClosed()
  }

  #overrun(bytes: number): void {
    const { clock, counters, limits } = this.#context
    this.#overruns++
    if (this.#overruns > limits.maxOverruns) {
      this.refuse('rate-limited')
      return
    }
    counters.refused('rate-limited')
    const nowMs = clock.monotonic()
    if (nowMs - this.#toldOverrunAtMs < 1_000) return
    this.#toldOverrunAtMs = nowMs
    this.#keeper.onRateLimited(Math.max(this.#messages.waitMsFor(1), this.#bytes.waitMsFor(bytes)))
  }

  #wake(): void {
    if (this.#state === 'closed') return
    const { clock, limits } = this.#context
    const nowMs = clock.monotonic()
    if (this.#state === 'proving' && nowMs >= this.#provingSinceMs + limits.proofMs) {
      this.refuse('timeout')
      return
    }
    if (nowMs >= this.#heardAtMs + limits.idleMs) {
      this.refuse('timeout')
      return
    }
    if (!this.#hasAsked && nowMs >= this.#heardAtMs + limits.idleMs / 2) {
      this.#hasAsked = true
      this.#keeper.onQuiet()
    }
    const keeperDueMs = this.#keeper.onDue(nowMs)
    if (!this.#isOpen()) return
    const idleDueMs = this.#heardAtMs + (this.#hasAsked ? limits.idleMs : limits.idleMs / 2)
    const proofDueMs =
      this.#state === 'proving' ? this.#provingSinceMs + limits.proofMs : Number.POSITIVE_INFINITY
    this.#arm(Math.min(idleDueMs, proofDueMs, keeperDueMs))
  }

  /** Read anew after the keeper was called: it may have closed the socket. */
  #isOpen(): boolean {
    return this.#state !== 'closed'
  }

  #arm(atMs: number): void {
    const { clock } = this.#context
    this.#timer()
    this.#timerAtMs = atMs
    // Not longer than an hour, because platforms fire timers that lie 25 days ahead at once; not
    // shorter than a millisecond, because they may fire that much too early.
    const delayMs = Math.max(1, Math.min(atMs - clock.monotonic(), 60 * 60_000))
    this.#timer = clock.after(delayMs, () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY
      this.#wake()
    })
  }
}
