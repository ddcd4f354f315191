/** So much a second for long, and `burst` at once after a pause. Two numbers, no timer. */
export class Budget {
  readonly #perMs: number
  readonly #burst: number
  #level: number
  #atMs: number

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1_000
    this.#burst = burst
    this.#level = burst
    this.#atMs = nowMs
  }

  /** Takes `units` if they are there. */
  take(units: number, nowMs: number): boolean {
    this.#level = Math.min(this.#burst, this.#level + (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
    if (this.#level < units) return false
    this.#level -= units
    return true
  }
}
