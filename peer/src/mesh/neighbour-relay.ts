/*
 * The relay to one neighbour, for as long as there is no direct link:
 *
 *   none ── a direct link has not come in 1.5 s, or it is urgent ──► carrying
 *     ▲                                                                 │ ends, or a direct link
 *     └──────────────────── pause, jittered ◄───────────────────────────┘ takes over
 */
import type { Clock, Link, Random, Undo } from '../ports/index.js'
import { Backoff } from '../signalling/backoff.js'
import type { Conversation, ConversationListener } from './conversation.js'
import { meshBounds as bounds } from './limits.js'

interface NeighbourRelayOptions {
  readonly clock: Clock
  readonly random: Random
  /** Undefined: no relay. */
  readonly openRelay: (() => Link) | undefined
  readonly isReachable: () => boolean
  readonly isWanted: () => boolean
  readonly hasDirect: () => boolean
  /** Too few others carry anything yet: a direct link is not waited for. */
  readonly isUrgent: () => boolean
  readonly converse: (link: Link, listener: ConversationListener) => Conversation
  /** It carries; the direct link may have been quicker. */
  readonly onOpened: (relay: Conversation) => void
  readonly onEnded: () => void
}

export class NeighbourRelay {
  readonly #options: NeighbourRelayOptions
  readonly #backoff: Backoff
  #conversation: Conversation | undefined
  /** The pause after a failure. */
  #retry: Undo | undefined
  /** For a direct link, once. */
  #waiting: Undo | undefined
  #waitUntilMs: number | undefined

  constructor(options: NeighbourRelayOptions) {
    this.#options = options
    this.#backoff = new Backoff(options.random, bounds.firstRetryMs, bounds.mostRetryMs)
  }

  /** Also while it is only still saying goodbye. */
  get conversation(): Conversation | undefined {
    return this.#conversation
  }

  /** Opens one if it is needed. */
  seeTo(): void {
    const { openRelay, isReachable, isWanted, hasDirect } = this.#options
    if (openRelay === undefined || !isWanted() || this.#conversation !== undefined) return
    if (hasDirect() || this.#retry !== undefined || !isReachable()) return
    if (this.#mayWait) this.#wait()
    else this.#open()
  }

  /** The other side asks for one, whatever this side believes. */
  open(): void {
    if (this.#conversation === undefined) this.#open()
  }

  /** No pause is waited for. */
  retryNow(): void {
    this.#backoff.reset()
    this.stopTrying()
    this.seeTo()
  }

  stopTrying(): void {
    this.#retry?.()
    this.#waiting?.()
    this.#retry = this.#waiting = undefined
  }

  get #mayWait(): boolean {
    const { clock, isUrgent } = this.#options
    const nowMs = clock.monotonic()
    this.#waitUntilMs ??= nowMs + bounds.relayAfterMs
    return nowMs < this.#waitUntilMs && !isUrgent()
  }

  #wait(): void {
    const { clock } = this.#options
    const delayMs = Math.ceil((this.#waitUntilMs ?? 0) - clock.monotonic())
    this.#waiting ??= clock.after(delayMs, () => {
      this.#waiting = undefined
      this.seeTo()
    })
  }

  #open(): void {
    this.stopTrying()
    const { openRelay, converse, onOpened } = this.#options
    const link = openRelay?.()
    if (link === undefined) return
    const relay: Conversation = converse(link, {
      opened: () => onOpened(relay),
      // It has nothing beside it to be replaced by.
      dying: () => {},
      ended: () => {},
    })
    this.#conversation = relay
    // The signaller has one relay for two peers: there is no other before this one is closed.
    link.onClose(() => this.#ended(relay))
  }

  #ended(relay: Conversation): void {
    if (this.#conversation !== relay) return
    const { clock, openRelay, isWanted, onEnded } = this.#options
    this.#conversation = undefined
    if (relay.openForMs >= bounds.stableMs) this.#backoff.reset()
    if (isWanted() && openRelay !== undefined) {
      this.#retry ??= clock.after(this.#backoff.nextMs(), () => {
        this.#retry = undefined
        this.seeTo()
      })
    }
    onEnded()
  }
}
