import type { Clock } from '../ports/index.js'
import { meshBounds as bounds } from './limits.js'

/** What one neighbour has tried, as far as it has to be remembered. Bounded, whatever it does. */
export class PastCalls {
  readonly #clock: Clock
  /** Attempts that are over. */
  readonly #attempts: string[] = []
  /** When the latest calls of the other side came. */
  readonly #answeredAtMs: number[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  isOver(attempt: string): boolean {
    return this.#attempts.includes(attempt)
  }

  over(attempt: string): void {
    this.#attempts.push(attempt)
    if (this.#attempts.length > bounds.rememberedAttempts) this.#attempts.shift()
  }

  /** Counts a call. False: it comes more often than an honest caller calls. */
  mayAnswer(): boolean {
    const nowMs = this.#clock.monotonic()
    const answered = this.#answeredAtMs
    while ((answered[0] ?? nowMs) <= nowMs - bounds.answersPerMs) answered.shift()
    if (answered.length >= bounds.maxAnswers) return false
    answered.push(nowMs)
    return true
  }
}
