import type { ItemOutcome } from './group-queue.js'

/** What statistics count since the log was opened. */
export class Counters {
  appended = 0
  contained = 0
  groups = 0
  lastGroupOps = 0
  published = 0
  retiredRows = 0
  failedCompactions = 0
  laggards = 0
  /** The codes are a closed list, so this is bounded. */
  readonly #refusedByCode = new Map<string, number>()

  get refusedByCode(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#refusedByCode)
  }

  /** Of an append: deletions are not counted here. */
  count(outcome: ItemOutcome): void {
    if (outcome.status === 'committed') {
      if (outcome.added) this.appended++
      else this.contained++
      return
    }
    const { code } = outcome.refusal
    this.#refusedByCode.set(code, (this.#refusedByCode.get(code) ?? 0) + 1)
  }
}
