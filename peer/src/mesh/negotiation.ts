/*
 * One attempt at a direct link with a neighbour.
 *
 *   queued ── a place at the gate ──► signalling ── the link stands ──► linked
 *     │                                  │
 *     └──── close(), 15 s without a link, failure ────► over
 *
 * The caller's time begins with its place. Who answers has its time from the first signal on, for
 * then the caller's runs; what comes before there is a place is kept, bounded.
 */
import type { Clock, Link, Undo } from '../ports/index.js'
import type { IceServer } from '../protocol/index.js'
import type { LinkAttempt, LinkDialer } from './dialer.js'
import type { HandshakeGate } from './handshake-gate.js'
import { meshBounds as bounds } from './limits.js'

export interface NegotiationOptions {
  /** By which both sides know it. */
  readonly id: string
  readonly isCaller: boolean
  readonly dialer: LinkDialer
  readonly gate: HandshakeGate
  readonly clock: Clock
  readonly iceServers: () => readonly IceServer[]
  /** False: it cannot be said. */
  readonly say: (data: string) => boolean
  readonly onLink: (link: Link) => void
  readonly onFailed: (reason: string) => void
}

export type NegotiationState = 'queued' | 'signalling' | 'linked' | 'over'

export class Negotiation {
  readonly id: string
  readonly #options: NegotiationOptions
  readonly #leaveGate: Undo
  #state: NegotiationState = 'queued'
  #attempt: LinkAttempt | undefined
  #early: string[] = []
  /** Signals of this side that wait for company. */
  #unsaid: string[] = []
  #saying: Undo | undefined
  #hasSpoken = false
  #deadline: Undo | undefined

  constructor(options: NegotiationOptions) {
    this.id = options.id
    this.#options = options
    this.#leaveGate = options.gate.enter(options.isCaller ? 'call' : 'answer', () => this.#begin())
    if (!options.isCaller) this.#startDeadline()
  }

  get state(): NegotiationState {
    return this.#state
  }

  /** From the other side, also when the link stands already: better ways may still be found. */
  signal(data: string): void {
    if (this.#attempt !== undefined) this.#pass(this.#attempt, data)
    else if (this.#state === 'queued' && this.#early.length < bounds.maxEarlySignals) {
      this.#early.push(data)
    }
  }

  /** The other side has given up. */
  givenUp(): void {
    this.#fail('given up by the other side')
  }

  /** Without a word to the listeners. A link that was handed out stays. Idempotent. */
  close(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#settle()
    this.#saying?.()
    this.#attempt?.close()
    this.#attempt = undefined
  }

  #begin(): void {
    if (this.#state !== 'queued') return
    const { dialer, isCaller, iceServers, onLink } = this.#options
    this.#state = 'signalling'
    if (isCaller) this.#startDeadline()
    const attempt = dialer.attempt({
      initiator: isCaller,
      iceServers: iceServers(),
      onSignal: (data) => {
        if (this.#attempt === attempt) this.#sayTogether(data)
      },
      onLink: (link) => {
        if (this.#state !== 'signalling') {
          link.close('the attempt is over')
          return
        }
        this.#state = 'linked'
        this.#settle()
        onLink(link)
      },
      onFailed: (reason) => this.#fail(reason),
    })
    this.#attempt = attempt
    for (const data of this.#early.splice(0)) this.#pass(attempt, data)
  }

  #pass(attempt: LinkAttempt, data: string): void {
    for (const signal of data.split(together)) attempt.signal(signal)
  }

  /** The description at once; the addresses, a dozen of them on an ordinary laptop, in a few messages. */
  #sayTogether(data: string): void {
    const units = this.#unsaid.reduce((sum, { length }) => sum + length + together.length, 0)
    if (units + data.length > bounds.maxUnitsTogether) this.#sayAll()
    this.#unsaid.push(data)
    if (!this.#hasSpoken) this.#sayAll()
    else this.#saying ??= this.#options.clock.after(bounds.sayWithinMs, () => this.#sayAll())
  }

  #sayAll(): void {
    this.#saying?.()
    this.#saying = undefined
    const unsaid = this.#unsaid.splice(0)
    if (unsaid.length === 0) return
    this.#hasSpoken = true
    const isHeard = this.#options.say(unsaid.join(together))
    if (!isHeard && this.#state === 'signalling') this.#fail('a signal could not be sent')
  }

  #startDeadline(): void {
    this.#deadline = this.#options.clock.after(bounds.signallingWithinMs, () =>
      this.#fail('no link in time'),
    )
  }

  #fail(reason: string): void {
    if (this.#state !== 'queued' && this.#state !== 'signalling') return
    this.close()
    this.#options.onFailed(reason)
  }

  #settle(): void {
    this.#deadline?.()
    this.#leaveGate()
    this.#early = []
  }
}

/** Between signals of one message: they are JSON, which has no line break of its own. */
const together = '\n'
