import type { Clock } from '../ports/index.js'
import type { DocumentRef } from '../protocol/index.js'
import { keyOf } from './documents.js'
import { syncBounds as bounds } from './limits.js'

/**
 * How much time one neighbour may cost with asking the same again. The first question about a document
 * is always answered: a newcomer lacks all of them. A state vector is twenty bytes, and what is made
 * for it may be the work of a second.
 */
export class AnswerBudget {
  readonly #clock: Clock
  /** Documents that were asked about. What is asked for is held here, so nobody makes this long. */
  readonly #asked = new Set<string>()
  #leftMs: number = bounds.repeatedAnswersMs
  #countedAtMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#countedAtMs = clock.monotonic()
  }

  /** Runs what makes the answer. Undefined, and it is not run: this neighbour has cost enough. */
  async spend<Answer>(
    document: DocumentRef,
    make: () => Promise<Answer>,
  ): Promise<Answer | undefined> {
    const key = keyOf(document)
    if (!this.#asked.has(key)) {
      if (this.#asked.size >= bounds.maxDocuments) this.#asked.clear()
      this.#asked.add(key)
      return make()
    }
    const startMs = this.#clock.monotonic()
    const earnedMs = (startMs - this.#countedAtMs) * bounds.repeatedAnswersShare
    this.#leftMs = Math.min(bounds.repeatedAnswersMs, this.#leftMs + earnedMs)
    this.#countedAtMs = startMs
    if (this.#leftMs <= 0) return undefined
    const answer = await make()
    this.#leftMs -= this.#clock.monotonic() - startMs
    return answer
  }
}
