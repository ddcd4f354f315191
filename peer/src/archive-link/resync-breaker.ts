import { jittered, type Clock, type Random } from '../ports/index.js'
import { archiveBounds as bounds } from './limits.js'

/**
 * Keeps resyncs from following each other for ever, whoever is at fault. A few in a window cost
 * nothing; each one beyond waits longer. Lives as long as the connection, over all its links.
 */
export class ResyncBreaker {
  readonly #clock: Clock
  readonly #random: Random
  #begunAtMs: number[] = []

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** How long to wait before the next resync; 0: begin. Asking does not count as beginning. */
  pauseMs(): number {
    const nowMs = this.#clock.monotonic()
    this.#begunAtMs = this.#begunAtMs.filter((atMs) => nowMs - atMs < bounds.resyncWindowMs)
    const lastAtMs = this.#begunAtMs.at(-1)
    const beyond = this.#begunAtMs.length - bounds.freeResyncs
    if (lastAtMs === undefined || beyond < 0) return 0
    const pauseMs = Math.min(bounds.mostResyncPauseMs, bounds.firstResyncPauseMs * 2 ** beyond)
    const dueMs = lastAtMs + pauseMs
    return dueMs <= nowMs ? 0 : jittered(this.#random, dueMs - nowMs, 0.1)
  }

  begun(): void {
    this.#begunAtMs.push(this.#clock.monotonic())
  }
}
