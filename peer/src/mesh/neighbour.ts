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
 * Who calls is fixed by the signaller, so there are never two offers that cross. The one who may not
 * call asks for a call instead. Where a relay is allowed it carries everything until a direct link is
 * open, and again when that is gone.
 */
import type { ChannelClosed } from '../links/channel.js'
import type { Clock, Link, Random, Undo } from '../ports/index.js'
import { hexOf, type ErrorCode, type IceServer } from '../protocol/index.js'
import { Backoff } from '../signalling/backoff.js'
import type { Conversation, ConversationListener } from './conversation.js'
import type { LinkDialer } from './dialer.js'
import type { HandshakeGate } from './handshake-gate.js'
import { meshBounds as bounds } from './limits.js'
import { Negotiation } from './negotiation.js'
import { NeighbourRelay } from './neighbour-relay.js'
import { PastCalls } from './past-calls.js'
import { encodeSignalWord, parseSignalWord, type SignalWord } from './signal-words.js'

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
  readonly #backoff: Backoff
  readonly #relay: NeighbourRelay
  readonly #past: PastCalls
  #isCaller: boolean
  /** Whether links that end are replaced. */
  #isWanted = true
  #isClosed = false
  #negotiation: Negotiation | undefined
  /** Direct ones, oldest first: one, and for a moment a second. */
  readonly #direct: Conversation[] = []
  #retry: Undo | undefined
  #calledAtMs = -Infinity
  #attempts = 0
  #failures = 0
  #links = 0
  #ignoredSignals = 0
  #lastEnd: string | undefined

  constructor(options: NeighbourOptions) {
    this.#options = options
    this.#isCaller = options.isCaller
    this.#backoff = new Backoff(options.random, bounds.firstRetryMs, bounds.mostRetryMs)
    this.#past = new PastCalls(options.clock)
    this.#relay = new NeighbourRelay({
      ...options,
      isWanted: () => this.#isWanted,
      hasDirect: () => this.#direct.length > 0,
      onOpened: (relay) => {
        if (this.#isCaller && this.isLinked && !this.#isOld(this.#newestOpen)) relay.close()
      },
      onEnded: () => this.#goneIfAlone(),
    })
  }

  /** Begins to see to it that there is a link. */
  start(): void {
    this.#relay.seeTo()
    if (this.#isCaller) this.#call()
    else this.#askLater(bounds.expectWithinMs)
  }

  get phase(): NeighbourPhase {
    const newest = this.#newestOpen
    if (newest !== undefined) return newest.isDying ? 'dying' : 'open'
    if (this.#direct.length > 0) return 'connected'
    const state = this.#negotiation?.state
    if (state === 'queued' || state === 'signalling') return state
    return this.#isCaller ? 'waiting' : 'expecting'
  }

  /** The conversation that edits go over. */
  get current(): Conversation | undefined {
    const relay = this.#relay.conversation
    return this.#newestOpen ?? (relay?.isOpen === true ? relay : undefined)
  }

  get isLinked(): boolean {
    return this.#newestOpen !== undefined
  }

  stats(): NeighbourStatistics {
    return {
      phase: this.phase,
      attempts: this.#attempts,
      failures: this.#failures,
      links: this.#links,
      ignoredSignals: this.#ignoredSignals,
      lastEnd: this.#lastEnd,
    }
  }

  setAway(away: boolean): void {
    for (const conversation of this.#conversations) conversation.setAway(away)
  }

  // From the signaller -----------------------------------------------------------------------------

  hear(text: string): void {
    const word = parseSignalWord(text)
    if (this.#isClosed || word === undefined || this.#options.dialer === undefined) {
      this.#ignoredSignals++
    } else if (word.kind === 'call') this.#asked()
    else if (word.attempt === this.#negotiation?.id) this.#pass(this.#negotiation, word)
    else if (word.kind === 'signal' && !this.#isCaller) this.#answer(word.attempt, word.data)
    else this.#ignoredSignals++
  }

  /** It asks for a relay: it has no direct link, whatever this side believes. */
  relayWanted(): void {
    if (!this.#isWanted || this.#options.openRelay === undefined) return
    this.#relay.open()
    if (this.#isOld(this.#newestOpen)) this.#replace()
  }

  /** The signaller can be asked again, or the world has changed: no pause is waited for. */
  retryNow(): void {
    this.#backoff.reset()
    if (this.#retry !== undefined && this.#isCaller) this.#call()
    else if (this.#retry !== undefined) this.#askLater(bounds.firstRetryMs)
    this.#relay.retryNow()
  }

  /** It is a neighbour again. */
  keep(isCaller: boolean): void {
    this.#isWanted = true
    this.#isCaller = isCaller
    if (this.#needsLink && this.#retry === undefined && !this.#isNegotiating) this.start()
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

  // Calling and answering --------------------------------------------------------------------------

  #call(): void {
    this.#stopRetry()
    if (!this.#needsLink || this.#options.dialer === undefined) return
    if (!this.#options.isReachable()) {
      this.#retryLater()
      return
    }
    this.#negotiate(hexOf(this.#options.random.bytes(4)), this.#options.dialer)
  }

  #answer(attempt: string, data: string): void {
    const { dialer } = this.#options
    if (this.#past.isOver(attempt) || dialer === undefined || !this.#isWanted) {
      this.#ignoredSignals++
      return
    }
    if (!this.#past.mayAnswer()) {
      this.#ignoredSignals++
      this.#past.over(attempt)
      this.#say({ kind: 'give-up', attempt })
      return
    }
    // The caller makes one attempt at a time: a new one means that the last is over.
    this.#dropNegotiation()
    this.#stopRetry()
    this.#negotiate(attempt, dialer).signal(data)
  }

  /** "Call me." */
  #asked(): void {
    if (!this.#isCaller || this.#isNegotiating || !this.#isWanted) return
    // Said before the other side saw the link that stands now; or too soon after the last call.
    const newest = this.#direct.at(-1)
    if (newest !== undefined && !this.#isOld(newest)) return
    if (this.#options.clock.monotonic() - this.#calledAtMs < bounds.crossingMs) return
    this.#stopRetry()
    this.#replace()
    this.#retryLater()
  }

  #negotiate(id: string, dialer: LinkDialer): Negotiation {
    this.#dropNegotiation()
    const { gate, clock, iceServers } = this.#options
    this.#attempts++
    this.#calledAtMs = clock.monotonic()
    const negotiation: Negotiation = new Negotiation({
      id,
      isCaller: this.#isCaller,
      dialer,
      gate,
      clock,
      iceServers,
      say: (data) => this.#say({ kind: 'signal', attempt: id, data }),
      onLink: (link) => this.#connected(link),
      onFailed: (reason) => this.#failed(negotiation, reason),
    })
    this.#negotiation = negotiation
    return negotiation
  }

  #pass(negotiation: Negotiation, word: Exclude<SignalWord, { readonly kind: 'call' }>): void {
    if (word.kind === 'signal') negotiation.signal(word.data)
    else negotiation.givenUp()
  }

  #failed(negotiation: Negotiation, reason: string): void {
    if (this.#negotiation !== negotiation) return
    this.#failures++
    this.#lastEnd = reason
    this.#dropNegotiation()
    this.#say({ kind: 'give-up', attempt: negotiation.id })
    this.#retryLater()
  }

  #connected(link: Link): void {
    this.#links++
    const conversation: Conversation = this.#options.converse(link, {
      opened: () => this.#opened(conversation),
      dying: (isDying) => this.#dying(isDying),
      ended: (closed) => this.#ended(conversation, closed),
    })
    this.#direct.push(conversation)
    this.#stopRetry()
  }

  #opened(conversation: Conversation): void {
    for (const other of this.#direct.slice()) if (other !== conversation) other.close()
    // One side is enough, and both would leave none for a moment where one has heard later.
    if (this.#isCaller) this.#relay.conversation?.close()
    this.#relay.stopTrying()
  }

  #dying(isDying: boolean): void {
    if (isDying) this.#replace()
    else if (this.#isCaller && this.#negotiation?.state === 'queued') this.#dropNegotiation()
  }

  #ended(conversation: Conversation, { by, reason }: ChannelClosed): void {
    const at = this.#direct.indexOf(conversation)
    if (at < 0) return
    this.#direct.splice(at, 1)
    this.#lastEnd = `${by}: ${reason}`
    if (conversation.openForMs >= bounds.stableMs) this.#backoff.reset()
    if (this.#direct.length === 0) {
      if (this.#negotiation?.state === 'linked') this.#dropNegotiation()
      this.#retryLater()
      this.#relay.seeTo()
    }
    this.#goneIfAlone()
  }

  /** Another link, beside the one that there is. */
  #replace(): void {
    if (!this.#isWanted || this.#options.dialer === undefined) return
    if (this.#isNegotiating || !this.#options.isReachable()) return
    if (this.#isCaller) this.#negotiate(hexOf(this.#options.random.bytes(4)), this.#options.dialer)
    else this.#say({ kind: 'call' })
  }

  #retryLater(): void {
    if (this.#retry !== undefined || !this.#needsLink || this.#isNegotiating) return
    const pauseMs = this.#backoff.nextMs()
    if (!this.#isCaller) this.#askLater(pauseMs)
    else this.#retry = this.#options.clock.after(pauseMs, () => this.#call())
  }

  #askLater(delayMs: number): void {
    this.#stopRetry()
    if (this.#options.dialer === undefined) return
    this.#retry = this.#options.clock.after(delayMs, () => {
      this.#retry = undefined
      if (!this.#needsLink) return
      if (this.#negotiation === undefined && this.#options.isReachable())
        this.#say({ kind: 'call' })
      this.#askLater(bounds.askAgainMs + this.#backoff.nextMs())
    })
  }

  // Helpers ----------------------------------------------------------------------------------------

  get #conversations(): readonly Conversation[] {
    const relay = this.#relay.conversation
    return relay === undefined ? this.#direct.slice() : [...this.#direct, relay]
  }

  get #newestOpen(): Conversation | undefined {
    return this.#direct.findLast(({ isOpen }) => isOpen)
  }

  get #needsLink(): boolean {
    return this.#isWanted && this.#direct.length === 0
  }

  get #isNegotiating(): boolean {
    return this.#negotiation !== undefined && this.#negotiation.state !== 'linked'
  }

  #isOld(conversation: Conversation | undefined): boolean {
    return conversation !== undefined && conversation.openForMs >= bounds.crossingMs
  }

  #say(word: SignalWord): boolean {
    return this.#options.signal(encodeSignalWord(word))
  }

  #stopTrying(): void {
    this.#stopRetry()
    this.#relay.stopTrying()
    const attempt = this.#negotiation?.state === 'signalling' ? this.#negotiation.id : undefined
    this.#dropNegotiation()
    if (attempt !== undefined) this.#say({ kind: 'give-up', attempt })
  }

  #stopRetry(): void {
    this.#retry?.()
    this.#retry = undefined
  }

  #dropNegotiation(): void {
    if (this.#negotiation === undefined) return
    this.#past.over(this.#negotiation.id)
    this.#negotiation.close()
    this.#negotiation = undefined
  }

  #goneIfAlone(): void {
    if (!this.#isWanted && this.#conversations.length === 0) this.#options.onGone()
  }
}
