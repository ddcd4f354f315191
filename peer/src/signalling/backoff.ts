import { fraction, type Random } from '../ports/index.js'

/**
 * Pauses between attempts: each is drawn evenly from a tenth of a ceiling up to the ceiling, which
 * starts at `firstMs` and grows by half with each attempt up to `mostMs`. So a crowd that lost its
 * server in one moment comes back spread, and spreads further while the server stays away.
 */
export class Backoff {
  readonly #random: Random
  readonly #firstMs: number
  readonly #mostMs: number
  #attempts = 0

  constructor(random: Random, firstMs: number, mostMs: number) {
    this.#random = random
    this.#firstMs = firstMs
    this.#mostMs = mostMs
  }

  /** The next pause, a little longer than those before it, on average. */
  nextMs(): number {
    const ceilingMs = Math.min(this.#mostMs, this.#firstMs * growth ** this.#attempts)
    if (ceilingMs < this.#mostMs) this.#attempts++
    return ceilingMs * (leastShare + (1 - leastShare) * fraction(this.#random))
  }

  /** The last attempt was a success. */
  reset(): void {
    this.#attempts = 0
  }
}

/** A server that was away for two seconds is asked again within the next three, by everybody. */
const growth = 1.5
/** Nobody comes back at once: what has just failed needs a moment. */
const leastShare = 0.1
