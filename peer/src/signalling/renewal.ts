/**
 * Keeps one membership's token and ICE credentials alive, in place:
 *
 *   resting ── most of the time is over, or the server warns ──▶ fetching ──▶ asking
 *      ▲                                                            │ no token  │
 *      │                               pause over                   ▼           │ no answer, retry
 *      │            pausing ◀───────────────────────────────────────┴───────────┤
 *      └────────────────────────────── renewed ─────────────────────────────────┤
 *                                                                               │ fatal
 *   refused   the old token is good until it ends; the server says when  ◀──────┘
 */
import { jittered, type Clock, type Random, type Undo } from '../ports/index.js'
import { nextAfter, type ErrorCode } from '../protocol/index.js'
import { Backoff } from './backoff.js'
import type { SignallingClientLimits } from './limits.js'
import type { TokenSource } from './token-source.js'

export interface RenewalOptions {
  readonly clock: Clock
  readonly random: Random
  readonly limits: Pick<SignallingClientLimits, 'answerMs' | 'firstRetryMs' | 'mostRetryMs'>
  readonly tokens: TokenSource
  /** Says `renew` to the server; without a token it is for ICE credentials alone. */
  readonly ask: (token: string | undefined) => void
  readonly onRefused: (code: ErrorCode) => void
}

export class Renewal {
  readonly #options: RenewalOptions
  readonly #backoff: Backoff
  #phase: 'resting' | 'fetching' | 'asking' | 'pausing' | 'refused' = 'resting'
  #needsToken = false
  #timer: Undo = () => {}
  #question: Undo = () => {}

  constructor(options: RenewalOptions) {
    const { limits, random } = options
    this.#options = options
    this.#backoff = new Backoff(random, limits.firstRetryMs, limits.mostRetryMs)
  }

  get isAsking(): boolean {
    return this.#phase === 'asking'
  }

  /** What the server has said in `joined` or `renewed`: undefined for what does not end. */
  hold(tokenMs: number | undefined, iceMs: number | undefined): void {
    this.stop()
    this.#backoff.reset()
    const endsMs = Math.min(tokenMs ?? Number.POSITIVE_INFINITY, iceMs ?? Number.POSITIVE_INFINITY)
    if (endsMs === Number.POSITIVE_INFINITY) return
    const { clock, random } = this.#options
    const dueMs = Math.min(jittered(random, endsMs * renewalShare, renewalSpread), mostRestMs)
    this.#needsToken = tokenMs !== undefined
    this.#timer = clock.after(Math.max(leastRestMs, dueMs), () => this.#fetch())
  }

  /** The server warns that the token ends soon. */
  expiring(): void {
    if (this.#phase !== 'resting') return
    this.#needsToken = true
    this.#fetch()
  }

  /** The server's answer to what was asked was a refusal. */
  refused(code: ErrorCode): void {
    if (nextAfter(code) !== 'fatal') {
      this.#pause()
      return
    }
    this.stop()
    this.#phase = 'refused'
    this.#options.onRefused(code)
  }

  /** The membership is over, or its terms are new. */
  stop(): void {
    this.#timer()
    this.#question()
    this.#phase = 'resting'
  }

  #fetch(): void {
    this.#timer()
    const { tokens } = this.#options
    if (!this.#needsToken) {
      this.#ask(undefined)
      return
    }
    this.#phase = 'fetching'
    this.#question = tokens.ask((answer) => {
      // Without a provider nothing can be renewed: the token was needed and there is none.
      if (answer.ok && answer.token !== undefined) this.#ask(answer.token)
      else this.#pause()
    })
  }

  #ask(token: string | undefined): void {
    const { ask, clock, limits } = this.#options
    this.#phase = 'asking'
    this.#timer = clock.after(limits.answerMs, () => this.#pause())
    ask(token)
  }

  #pause(): void {
    this.#timer()
    this.#question()
    this.#phase = 'pausing'
    this.#timer = this.#options.clock.after(this.#backoff.nextMs(), () => this.#fetch())
  }
}

/** At 70 % to 80 % of its time: late enough to be cheap, early enough for many attempts. */
const renewalShare = 0.75
const renewalSpread = 1 / 15
/** A server that gives out tokens of no length is not asked in a loop. */
const leastRestMs = 1_000
/** Platforms fire timers that lie more than 24 days ahead at once. */
const mostRestMs = 12 * 60 * 60_000
