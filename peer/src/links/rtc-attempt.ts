/*
 * One attempt at a WebRTC link: signals go back and forth until a data channel stands.
 *
 *   signalling ── the channel opens: onLink, once ──► linked   (candidates are still passed on)
 *       │                                               │
 *       │ error: onFailed, once                         │ the link ends
 *       │ close(): nothing                              ▼
 *       └────────────────────────────────────────────► over
 *
 * There is no deadline here: some attempts say nothing for a minute, so whoever makes one gives up
 * in time with `close`.
 */
import type { Link, LinkClosed } from '../ports/index.js'
import { frameBounds } from '../protocol/index.js'
import { PipeLink, type Pipe, type PipeListener } from './pipe-link.js'
import { encodeRtcSignal, parseRtcSignal, type RtcSignal } from './rtc-signal.js'

/** A connection of the platform, as an attempt drives it. */
export interface RtcConnection extends Pipe {
  /** May throw for what the platform does not take. */
  signal(signal: RtcSignal): void
}

/** What the connection tells. Each call in a turn of its own. */
export interface RtcConnectionListener extends PipeListener {
  signal(signal: RtcSignal): void
  connected(): void
}

export interface RtcAttemptListener {
  /** For the other end's `signal`. At most `maxSignalUnits` of the signalling protocol. */
  readonly onSignal: (data: string) => void
  /** It stands. From now on the link is all that there is to hold. */
  readonly onLink: (link: Link) => void
  /** It never will. One line for logs. */
  readonly onFailed: (reason: string) => void
}

export const rtcAttemptBounds = {
  /**
   * Candidates that one end may name. A laptop with virtual networks and two TURN servers has some
   * thirty; each costs connectivity checks, so a stranger may not name any number of addresses.
   */
  maxCandidates: 128,
} as const

export class RtcAttempt {
  readonly #initiator: boolean
  readonly #listener: RtcAttemptListener
  readonly #link: Link
  #connection: RtcConnection | undefined
  #state: 'signalling' | 'linked' | 'over' = 'signalling'
  #isDescribed = false
  #candidates = 0

  constructor(
    initiator: boolean,
    listener: RtcAttemptListener,
    connect: (listener: RtcConnectionListener) => RtcConnection,
  ) {
    this.#initiator = initiator
    this.#listener = listener
    // The link is there from the start: the other end may send as soon as it has its own.
    this.#link = new PipeLink({
      kind: 'webrtc',
      maxFrameBytes: frameBounds.maxBytes,
      attach: (link) => {
        this.#connection = connect({
          signal: (signal) => this.#say(signal),
          connected: () => this.#connected(),
          frame: (frame) => {
            // The other end has the channel, so it stands: simple-peer says so a little later.
            this.#connected()
            link.frame(frame)
          },
          ended: (closed) => link.ended(closed),
          garbage: (reason) => link.garbage(reason),
        })
        return this.#connection
      },
    })
    this.#link.onClose((closed) => this.#ended(closed))
  }

  /**
   * What the other end's `onSignal` gave, in any order: candidates may come before the description.
   * False if it was not taken: not a signal, one too many, or too late. Never throws.
   */
  signal(data: string): boolean {
    const parsed = parseRtcSignal(data)
    if (!parsed.ok || this.#state === 'over' || !this.#expects(parsed.value)) return false
    try {
      this.#connection?.signal(parsed.value)
      return true
    } catch {
      // The platform's own parsers are stricter. The other end may still send something better.
      return false
    }
  }

  /** Gives up, without a word to the listener. A link that was handed out stays. Idempotent. */
  close(): void {
    if (this.#state !== 'signalling') return
    this.#state = 'over'
    this.#link.close('the attempt was given up')
  }

  #expects(signal: RtcSignal): boolean {
    if ('candidate' in signal) {
      this.#candidates++
      return this.#candidates <= rtcAttemptBounds.maxCandidates
    }
    const isExpected = signal.type === (this.#initiator ? 'answer' : 'offer') && !this.#isDescribed
    if (isExpected) this.#isDescribed = true
    return isExpected
  }

  #say(signal: RtcSignal): void {
    if (this.#state !== 'over') this.#listener.onSignal(encodeRtcSignal(signal))
  }

  #connected(): void {
    if (this.#state !== 'signalling') return
    this.#state = 'linked'
    this.#listener.onLink(this.#link)
  }

  #ended({ reason }: LinkClosed): void {
    const wasSignalling = this.#state === 'signalling'
    this.#state = 'over'
    if (wasSignalling) this.#listener.onFailed(reason)
  }
}
