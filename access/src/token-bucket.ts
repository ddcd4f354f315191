import type { Clock } from '@holdfast/peer/ports'

/**
 * So many units a second for long, and `burst` at once after a pause. Holds two numbers and no
 * timer: the level is worked out when somebody asks.
 */
export class TokenBucket {
  readonly #clock: Clock
  readonly #perMs: number
  readonly #burst: number
  #level: number
  #at: number

  constructor(clock: Clock, perSecond: number, burst: number) {
    this.#clock = clock
    this.#perMs = perSecond / 1000
    this.#burst = burst
    this.#level = burst
    this.#at = clock.monotonic()
  }

  /** Takes `units` if they are there. */
  take(units: number): boolean {
    this.#fill()
    if (this.#level < units) return false
    this.#level -= units
    return true
  }

  /** Takes `units` in any case; says for how many milliseconds what they pay for has to wait. */
  borrow(units: number): number {
    this.#fill()
    this.#level -= units
    return this.#level >= 0 ? 0 : -this.#level / this.#perMs
  }

  /** Milliseconds until `units` will be there. */
  waitMsFor(units: number): number {
    this.#fill()
    return Math.max(0, Math.ceil((units - this.#level) / this.#perMs))
  }

  /** Whether nothing has been taken for long enough. */
  get isFull(): boolean {
    this.#fill()
    return this.#level >= this.#burst
  }

  #fill(): void {
    const at = this.#clock.monotonic()
    this.#level = Math.min(this.#burst, this.#level + (at - this.#at) * this.#perMs)
    this.#at = at
  }
}
