/*
 * Comes to a direct link with one neighbour: by calling it, or by asking to be called.
 *
 *   idle ── start, a pause is over ──► negotiating ── a link stands ──► idle
 *     ▲                                    │
 *     └────────── pause, jittered ◄────────┘ fails, 15 s without a link
 *
 * The one with the smaller id calls. Who may not waits to be called, and asks for it after a while.
 */
import type { Clock, Link, Random, Undo } from '../ports/index.js'
import { hexOf, type IceServer } from '../protocol/index.js'
import { Backoff } from '../signalling/backoff.js'
import type { Conversation } from './conversation.js'
import type { LinkDialer } from './dialer.js'
import type { HandshakeGate } from './handshake-gate.js'
import { meshBounds as bounds } from './limits.js'
import { Negotiation, type NegotiationState } from './negotiation.js'
import { PastCalls } from './past-calls.js'
import { encodeSignalWord, parseSignalWord, type SignalWord } from './signal-words.js'

interface CallsOptions {
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
  /** Whether a link is to be made at all. */
  readonly isWanted: () => boolean
  /** The newest direct link that there is. */
  readonly newest: () => Pick<Conversation, 'isSettled'> | undefined
  readonly onLink: (link: Link) => void
  readonly onFailed: (reason: string) => void
}

export class Calls {
  readonly isCaller: boolean
  readonly #options: CallsOptions
  readonly #backoff: Backoff
  readonly #past: PastCalls
  #negotiation: Negotiation | undefined
  #retry: Undo | undefined
  #calledAtMs = -Infinity
  #attempts = 0
  #failures = 0
  #ignoredSignals = 0

  constructor(options: CallsOptions) {
    this.#options = options
    this.isCaller = options.isCaller
    this.#backoff = new Backoff(options.random, bounds.firstRetryMs, bounds.mostRetryMs)
    this.#past = new PastCalls(options.clock)
  }

  start(): void {
    if (this.isCaller) this.#call()
    else this.#askLater(bounds.expectWithinMs)
  }

  /** Of the latest attempt; undefined when it has come to nothing. */
  get state(): NegotiationState | undefined {
    return this.#negotiation?.state
  }

  /** It is on its way to a link, or will be after a pause. */
  get isTrying(): boolean {
    return this.#retry !== undefined || this.#isNegotiating
  }

  stats(): {
    readonly attempts: number
    readonly failures: number
    readonly ignoredSignals: number
  } {
    return {
      attempts: this.#attempts,
      failures: this.#failures,
      ignoredSignals: this.#ignoredSignals,
    }
  }

  // From the signaller -----------------------------------------------------------------------------

  hear(text: string): void {
    const word = parseSignalWord(text)
    if (word === undefined || this.#options.dialer === undefined) this.ignore()
    else if (word.kind === 'call') this.#asked()
    else if (word.attempt === this.#negotiation?.id) this.#pass(this.#negotiation, word)
    else if (word.kind === 'signal' && !this.isCaller) this.#answer(word.attempt, word.data)
    else this.ignore()
  }

  /** A signal made no sense, or came too late. */
  ignore(): void {
    this.#ignoredSignals++
  }

  /** The signaller can be asked again, or the world has changed: no pause is waited for. */
  retryNow(): void {
    this.#backoff.reset()
    if (this.#retry !== undefined && this.isCaller) this.#call()
    else if (this.#retry !== undefined) this.#askLater(bounds.firstRetryMs)
  }

  // From the owner of the links --------------------------------------------------------------------

  /** Another link, beside the one that there is. */
  replace(): void {
    const { dialer, isWanted, isReachable } = this.#options
    if (!isWanted() || dialer === undefined || this.#isNegotiating || !isReachable()) return
    if (this.isCaller) this.#negotiate(hexOf(this.#options.random.bytes(4)), dialer)
    else this.#say({ kind: 'call' })
  }

  /** The link that was to be replaced is heard again. */
  needNotReplace(): void {
    if (this.isCaller && this.#negotiation?.state === 'queued') this.#dropNegotiation()
  }

  /** @param isLast there is no other link */
  linkEnded({ openForMs }: Pick<Conversation, 'openForMs'>, isLast: boolean): void {
    if (openForMs >= bounds.stableMs) this.#backoff.reset()
    if (!isLast) return
    if (this.#negotiation?.state === 'linked') this.#dropNegotiation()
    this.#retryLater()
  }

  /** Gives up what is under way, and says so. */
  stop(): void {
    this.#stopRetry()
    const attempt = this.#negotiation?.state === 'signalling' ? this.#negotiation.id : undefined
    this.#dropNegotiation()
    if (attempt !== undefined) this.#say({ kind: 'give-up', attempt })
  }

  // Calling and answering --------------------------------------------------------------------------

  #call(): void {
    this.#stopRetry()
    const { dialer, isReachable, random } = this.#options
    if (!this.#needsLink || dialer === undefined) return
    if (isReachable()) this.#negotiate(hexOf(random.bytes(4)), dialer)
    else this.#retryLater()
  }

  #answer(attempt: string, data: string): void {
    const { dialer, isWanted } = this.#options
    if (this.#past.isOver(attempt) || dialer === undefined || !isWanted()) {
      this.ignore()
      return
    }
    if (!this.#past.mayAnswer()) {
      this.ignore()
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
    const { clock, isWanted, newest } = this.#options
    if (!this.isCaller || this.#isNegotiating || !isWanted()) return
    // Said before the other side saw the link that stands now; or too soon after the last call.
    if (newest()?.isSettled === false) return
    if (clock.monotonic() - this.#calledAtMs < bounds.crossingMs) return
    this.#stopRetry()
    this.replace()
    this.#retryLater()
  }

  #negotiate(id: string, dialer: LinkDialer): Negotiation {
    this.#dropNegotiation()
    const { gate, clock, iceServers, onLink } = this.#options
    this.#attempts++
    this.#calledAtMs = clock.monotonic()
    const negotiation: Negotiation = new Negotiation({
      id,
      isCaller: this.isCaller,
      dialer,
      gate,
      clock,
      iceServers,
      say: (data) => this.#say({ kind: 'signal', attempt: id, data }),
      onLink: (link) => {
        onLink(link)
        this.#stopRetry()
      },
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
    this.#options.onFailed(reason)
    this.#dropNegotiation()
    this.#say({ kind: 'give-up', attempt: negotiation.id })
    this.#retryLater()
  }

  #dropNegotiation(): void {
    if (this.#negotiation === undefined) return
    this.#past.over(this.#negotiation.id)
    this.#negotiation.close()
    this.#negotiation = undefined
  }

  // Pauses -----------------------------------------------------------------------------------------

  #retryLater(): void {
    if (this.isTrying || !this.#needsLink) return
    const pauseMs = this.#backoff.nextMs()
    if (!this.isCaller) this.#askLater(pauseMs)
    else this.#retry = this.#options.clock.after(pauseMs, () => this.#call())
  }

  #askLater(delayMs: number): void {
    this.#stopRetry()
    if (this.#options.dialer === undefined) return
    this.#retry = this.#options.clock.after(delayMs, () => {
      this.#retry = undefined
      if (!this.#needsLink) return
      const mayAsk = this.#negotiation === undefined && this.#options.isReachable()
      if (mayAsk) this.#say({ kind: 'call' })
      this.#askLater(bounds.askAgainMs + this.#backoff.nextMs())
    })
  }

  #stopRetry(): void {
    this.#retry?.()
    this.#retry = undefined
  }

  get #needsLink(): boolean {
    return this.#options.isWanted() && this.#options.newest() === undefined
  }

  get #isNegotiating(): boolean {
    return this.#negotiation !== undefined && this.#negotiation.state !== 'linked'
  }

  #say(word: SignalWord): boolean {
    return this.#options.signal(encodeSignalWord(word))
  }
}
