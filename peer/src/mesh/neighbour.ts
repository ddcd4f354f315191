/*
 * One neighbour, and a link to it for as long as it is one.
 *
 *             ┌──────────────── pause, jittered ◄───────────────────┐
 *             ▼                                                     │ fails, 15 s without a link
 *   call / expect ── a place at the gate ──► signalling ────────────┤
 *             ▲                                  │ a link stands    │
 *             │                                  ▼                  │ no hello in 10 s
 *             │                              connected ─────────────┘
 *             │ ends: 5 s of silence             │ hello
 *             │                                  ▼
 *           dying ◄── 4 s of silence ─────────  open
 *             └── the next one is made beside it, and takes its place when it is open
 *
 * The one with the smaller id calls, so there are never two offers that cross. The one who may not
 * call asks for a call instead. Where a relay is allowed it carries everything while there is no
 * direct link: see `neighbour-relay.ts` for when it begins.
 */
import type { ChannelClosed } from '../links/channel.js'
import type { Clock, Link, Random } from '../ports/index.js'
import type { ErrorCode, IceServer } from '../protocol/index.js'
import { Calls } from './calls.js'
import type { Conversation, ConversationListener } from './conversation.js'
import type { LinkDialer } from './dialer.js'
import type { HandshakeGate } from './handshake-gate.js'
import { NeighbourRelay } from './neighbour-relay.js'

export interface NeighbourOptions {
  readonly isCaller: boolean
  /** Undefined: no direct links. */
  readonly dialer: LinkDialer | undefined
  readonly gate: HandshakeGate
  readonly clock: Clock
  readonly random: Random
  readonly iceServers: () => readonly IceServer[]
  /** Whether the signaller can be asked for anything now. */
  readonly isReachable: () => boolean
  /** To the neighbour, by way of the signaller. False: it cannot be said. */
  readonly signal: (text: string) => boolean
  /** Undefined: no relay. */
  readonly openRelay: (() => Link) | undefined
  /** Whether the relay is opened without waiting for a direct link. Default: where there is none. */
  readonly isRelayUrgent?: () => boolean
  /** Begins to talk over a link that stands. */
  readonly converse: (link: Link, listener: ConversationListener) => Conversation
  /** No conversation is left, and none will be. */
  readonly onGone: () => void
}

export type NeighbourPhase =
  | 'waiting'
  | 'expecting'
  | 'queued'
  | 'signalling'
  | 'connected'
  | 'open'
  | 'dying'

export interface NeighbourStatistics {
  readonly phase: NeighbourPhase
  /** Handshakes that were begun, and those of them that came to nothing. */
  readonly attempts: number
  readonly failures: number
  /** Direct links that stood. */
  readonly links: number
  /** Signals that made no sense, or came too late. */
  readonly ignoredSignals: number
  /** Why the last link or attempt ended. */
  readonly lastEnd: string | undefined
}

export class Neighbour {
  readonly #options: NeighbourOptions
  readonly #calls: Calls
  readonly #relay: NeighbourRelay
  /** Whether links that end are replaced. */
  #isWanted = true
  #isClosed = false
  /** Direct ones, oldest first: one, and for a moment a second. */
  readonly #direct: Conversation[] = []
  #links = 0
  #lastEnd: string | undefined

  constructor(options: NeighbourOptions) {
    this.#options = options
    const isWanted = (): boolean => this.#isWanted
    this.#calls = new Calls({
      ...options,
      isWanted,
      newest: () => this.#direct.at(-1),
      onLink: (link) => this.#connected(link),
      onFailed: (reason) => (this.#lastEnd = reason),
    })
    this.#relay = new NeighbourRelay({
      ...options,
      isWanted,
      hasDirect: () => this.#direct.length > 0,
      // A direct link that stood once has been waited for.
      isUrgent: () =>
        options.dialer === undefined || this.#links > 0 || options.isRelayUrgent?.() === true,
      onOpened: (relay) => {
        if (this.#calls.isCaller && this.#newestOpen?.isSettled === false) relay.close(replaced)
      },
      onEnded: () => this.#goneIfAlone(),
    })
  }

  /** Begins to see to it that there is a link. */
  start(): void {
    this.#relay.seeTo()
    this.#calls.start()
  }

  get phase(): NeighbourPhase {
    const newest = this.#newestOpen
    if (newest !== undefined) return newest.isDying ? 'dying' : 'open'
    if (this.#direct.length > 0) return 'connected'
    const { state, isCaller } = this.#calls
    if (state === 'queued' || state === 'signalling') return state
    return isCaller ? 'waiting' : 'expecting'
  }

  /** The conversation that edits go over. */
  get current(): Conversation | undefined {
    const relay = this.#relay.conversation
    return this.#newestOpen ?? (relay?.isOpen === true ? relay : undefined)
  }

  /** A link stands, or a relay was asked for. */
  get isMet(): boolean {
    return this.#direct.length > 0 || this.#relay.conversation !== undefined
  }

  get isLinked(): boolean {
    return this.#newestOpen !== undefined
  }

  stats(): NeighbourStatistics {
    return {
      ...this.#calls.stats(),
      phase: this.phase,
      links: this.#links,
      lastEnd: this.#lastEnd,
    }
  }

  setAway(away: boolean): void {
    for (const conversation of this.#conversations) conversation.setAway(away)
  }

  // From the signaller -----------------------------------------------------------------------------

  hear(text: string): void {
    if (this.#isClosed) this.#calls.ignore()
    else this.#calls.hear(text)
  }

  /** It asks for a relay: it has no direct link, whatever this side believes. */
  relayWanted(): void {
    if (!this.#isWanted || this.#options.openRelay === undefined) return
    this.#relay.open()
    if (this.#newestOpen?.isSettled === true) this.#calls.replace()
  }

  /** Another neighbour's link has ended: a relay may be urgent now. */
  seeToRelay(): void {
    this.#relay.seeTo()
  }

  /** The signaller can be asked again, or the world has changed: no pause is waited for. */
  retryNow(): void {
    this.#calls.retryNow()
    this.#relay.retryNow()
  }

  /** It is a neighbour again. */
  keep(): void {
    this.#isWanted = true
    if (this.#direct.length === 0 && !this.#calls.isTrying) this.start()
  }

  /** It is not known to be there any more. A link that still answers stays. */
  letGo(): void {
    this.#isWanted = false
    this.#stopTrying()
    this.#goneIfAlone()
  }

  /** Ends all links, and makes no other. Idempotent. */
  close(code?: ErrorCode): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isWanted = false
    this.#stopTrying()
    for (const conversation of this.#conversations) conversation.close(code)
    this.#goneIfAlone()
  }

  // Direct links -----------------------------------------------------------------------------------

  #connected(link: Link): void {
    this.#links++
    const conversation: Conversation = this.#options.converse(link, {
      opened: () => this.#opened(conversation),
      dying: (isDying) => (isDying ? this.#calls.replace() : this.#calls.needNotReplace()),
      ended: (closed) => this.#ended(conversation, closed),
    })
    this.#direct.push(conversation)
  }

  #opened(conversation: Conversation): void {
    for (const other of this.#direct.slice()) if (other !== conversation) other.close(replaced)
    // One side is enough, and both would leave none for a moment where one has heard later.
    if (this.#calls.isCaller) this.#relay.conversation?.close(replaced)
    this.#relay.stopTrying()
  }

  #ended(conversation: Conversation, { by, reason }: ChannelClosed): void {
    const at = this.#direct.indexOf(conversation)
    if (at < 0) return
    this.#direct.splice(at, 1)
    this.#lastEnd = `${by}: ${reason}`
    const isLast = this.#direct.length === 0
    this.#calls.linkEnded(conversation, isLast)
    if (isLast) this.#relay.seeTo()
    this.#goneIfAlone()
  }

  get #newestOpen(): Conversation | undefined {
    return this.#direct.findLast(({ isOpen }) => isOpen)
  }

  get #conversations(): readonly Conversation[] {
    const relay = this.#relay.conversation
    return relay === undefined ? this.#direct.slice() : [...this.#direct, relay]
  }

  #stopTrying(): void {
    this.#relay.stopTrying()
    this.#calls.stop()
  }

  #goneIfAlone(): void {
    if (!this.#isWanted && this.#conversations.length === 0) this.#options.onGone()
  }
}

/**
 * Not a farewell: the other side may hear it before the new link is open there, and must not take its
 * neighbour for gone meanwhile.
 */
const replaced = 'going-away'
