/*
 * A link that stands, with a session of the collection on it.
 *
 *   connected ──their hello is believed, 10 s──► open ──silence, and no answer to a ping──► dying
 *       │                                        ▲  │                                          │
 *       │                                        └──┼───────────── heard again ────────────────┤
 *       └────────────────────► ended ◄──────────────┴──────────── 5 s of silence ──────────────┘
 */
import type { Channel, ChannelClosed } from '../links/channel.js'
import { heartbeatBounds } from '../links/heartbeat.js'
import type { Clock, LinkKind, Undo } from '../ports/index.js'
import type { ErrorCode } from '../protocol/index.js'
import type { PeerSession } from '../sync/index.js'
import { meshBounds as bounds } from './limits.js'

export interface ConversationListener {
  opened(): void
  /** Silent for so long that it is time for another link; or, `false`, heard again. */
  dying(isDying: boolean): void
  ended(closed: ChannelClosed): void
}

export interface ConversationOptions {
  readonly clock: Clock
  readonly channel: Channel
  readonly session: PeerSession
  readonly listener: ConversationListener
}

export class Conversation {
  readonly session: PeerSession
  readonly #options: ConversationOptions
  #looking: Undo | undefined
  #heardMessages = 0
  #heardAtMs: number
  #openedAtMs: number | undefined
  #isDying = false
  #isAsked = false
  #isAway = false
  #isOver = false

  constructor(options: ConversationOptions) {
    this.#options = options
    this.session = options.session
    this.#heardAtMs = options.clock.monotonic()
  }

  get path(): LinkKind {
    return this.#options.channel.stats().path
  }

  get isOpen(): boolean {
    return this.#openedAtMs !== undefined && !this.#isOver
  }

  get isDying(): boolean {
    return this.#isDying
  }

  /** Since it was opened; 0 before. */
  get openForMs(): number {
    return this.#openedAtMs === undefined ? 0 : this.#options.clock.monotonic() - this.#openedAtMs
  }

  /** Open for so long that nothing is still on its way that was said before it stood. */
  get isSettled(): boolean {
    return this.openForMs >= bounds.crossingMs
  }

  /** Says goodbye, after what is queued; before the two have met there is nothing to say. Idempotent. */
  close(code?: ErrorCode): void {
    const haveMet = this.session.isOpen
    this.session.close(code)
    if (!haveMet) this.#options.channel.abort('closed before the two had met')
  }

  /** Hidden or in the background: beats and looks slowly, and says so. */
  setAway(away: boolean): void {
    this.#isAway = away
    this.#options.channel.setAway(away)
  }

  // From the owner of the session ------------------------------------------------------------------

  opened(): void {
    if (this.isOpen || this.#isOver) return
    const { clock, listener } = this.#options
    this.#openedAtMs = this.#heardAtMs = clock.monotonic()
    this.#lookAfter(bounds.lookEveryMs)
    listener.opened()
  }

  ended(closed: ChannelClosed): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#looking?.()
    this.#options.listener.ended(closed)
  }

  #lookAfter(delayMs: number): void {
    this.#looking = this.#options.clock.after(delayMs, () => this.#look())
  }

  #look(): void {
    const { channel, clock } = this.#options
    const { receivedMessages } = channel.stats()
    if (receivedMessages !== this.#heardMessages) {
      this.#heardMessages = receivedMessages
      this.#heardAtMs = clock.monotonic()
      this.#isAsked = false
      this.#setDying(false)
    } else if (this.#isAsked) {
      this.#setDying(true)
    } else if (clock.monotonic() - this.#heardAtMs >= bounds.quietMs) {
      // Answered at once also by a page in the background, whose own pings are rare.
      const nextWithinMs = this.#isAway ? heartbeatBounds.awayEveryMs : heartbeatBounds.everyMs
      this.#isAsked = channel.send({ type: 'ping', nonce: 0, nextWithinMs })
    }
    if (this.#isOver) return
    const isWaiting = this.#isAsked && !this.#isDying
    if (isWaiting) this.#lookAfter(bounds.answerQuietMs)
    else this.#lookAfter(this.#isAway ? bounds.awayLookEveryMs : bounds.lookEveryMs)
  }

  #setDying(isDying: boolean): void {
    if (this.#isDying === isDying) return
    this.#isDying = isDying
    this.#options.listener.dying(isDying)
  }
}
