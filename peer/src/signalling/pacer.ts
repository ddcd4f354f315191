import type { Clock } from '../ports/index.js'

/**
 * Keeps what is said below the rate that the server has announced, so that nothing is refused: a
 * refused signal would be a lost one. Holds numbers and no timer.
 */
export class Pacer {
  readonly #clock: Clock
  #perMs = 0
  #burst = 0
  #level = 0
  #atMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#atMs = clock.monotonic()
    this.hold(cautiousPerSecond, cautiousBurst)
  }

  /** The server's rate, of which a little is left for clocks that differ. */
  hold(perSecond: number, burst: number): void {
    this.#fill()
    const before = this.#burst
    this.#perMs = (Math.max(1, perSecond) * share) / 1000
    this.#burst = Math.max(1, burst * share)
    this.#level = Math.min(this.#burst, this.#level + Math.max(0, this.#burst - before))
  }

  /** Whether a message may be said now; if so it counts. */
  take(): boolean {
    this.#fill()
    if (this.#level < 1) return false
    this.#level--
    return true
  }

  /** A message that cannot wait counts too. */
  borrow(): void {
    this.#fill()
    this.#level--
  }

  /** Nothing for so long: the server has said so. */
  pause(pauseMs: number): void {
    this.#fill()
    this.#level = Math.min(this.#level, 1 - pauseMs * this.#perMs)
  }

  /** Until the next `take` succeeds. */
  get waitMs(): number {
    this.#fill()
    return Math.max(0, Math.ceil((1 - this.#level) / this.#perMs))
  }

  #fill(): void {
    const atMs = this.#clock.monotonic()
    this.#level = Math.min(this.#burst, this.#level + (atMs - this.#atMs) * this.#perMs)
    this.#atMs = atMs
  }
}

const share = 0.8
/** Until the server has said more: enough for all joins of an application. */
const cautiousPerSecond = 10
const cautiousBurst = 40
