/*
 * When one link is compared: at its beginning, by one side first; then every 10 to 30 s, jittered;
 * and soon after something that calls for it.
 */
import { fraction, type Clock, type Random, type Undo } from '../ports/index.js'
import type { Comparison } from './comparison.js'
import { syncBounds as bounds } from './limits.js'

interface ComparisonScheduleOptions {
  readonly clock: Clock
  readonly random: Random
  readonly comparison: Comparison
  readonly isSynced: () => boolean
  /** They have not answered in time. */
  readonly timedOut: () => void
}

export class ComparisonSchedule {
  readonly #options: ComparisonScheduleOptions
  #next: Undo | undefined
  #soon: Undo | undefined
  #comparedSoonAtMs = -Infinity
  #heardRoundsBefore = 0

  constructor(options: ComparisonScheduleOptions) {
    this.#options = options
  }

  /** One side's summary usually shows both what differs: the other waits for it a little. */
  start(isFirst: boolean): void {
    const { clock, comparison } = this.#options
    if (isFirst) {
      comparison.compareAll(true)
      this.#later()
    } else {
      this.#next = clock.after(bounds.secondSummaryAfterMs, () => {
        if (comparison.heardRounds === 0) comparison.compareAll(true)
        this.#later()
      })
    }
  }

  /** At most every two seconds, whatever the reasons. */
  soon(): void {
    if (this.#soon !== undefined) return
    const { clock, comparison } = this.#options
    const nextAtMs = this.#comparedSoonAtMs + bounds.compareSoonEveryMs
    this.#soon = clock.after(Math.max(0, nextAtMs - clock.monotonic()), () => {
      this.#soon = undefined
      this.#comparedSoonAtMs = clock.monotonic()
      if (!comparison.isBusy) comparison.compareAll(false)
    })
  }

  close(): void {
    this.#next?.()
    this.#soon?.()
  }

  #later(): void {
    const { clock, random } = this.#options
    const rangeMs = bounds.compareEveryMaxMs - bounds.compareEveryMinMs
    const delayMs = bounds.compareEveryMinMs + rangeMs * fraction(random)
    this.#next = clock.after(delayMs, () => this.#again())
  }

  #again(): void {
    const { clock, comparison, isSynced, timedOut } = this.#options
    const askedAtMs = comparison.exchange.oldestAskAtMs
    if (askedAtMs !== undefined && clock.monotonic() - askedAtMs > bounds.answerWithinMs) {
      timedOut()
      return
    }
    // The other side has told everything since: that was a comparison for both.
    const wasCompared = comparison.heardRounds > this.#heardRoundsBefore && isSynced()
    this.#heardRoundsBefore = comparison.heardRounds
    if (!wasCompared && !comparison.isBusy) comparison.compareAll(false)
    this.#later()
  }
}
