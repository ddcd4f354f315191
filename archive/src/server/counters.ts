import type { ErrorCode } from '@holdfast/peer/protocol'

/** What the port has seen, and what the compactor has reported. */
export class ServerCounters {
  /** Sockets that are open, of both kinds. */
  sockets = 0
  /** Compactions by how they ended. */
  compacted = 0
  compactionsFailed = 0
  /** Rows that compactions let go, and the bytes that they made of documents fewer. */
  freedRows = 0
  freedBytes = 0
  /** Calls of the log that failed for a reason of ours. */
  logFailures = 0
  readonly #refusals = new Map<ErrorCode, number>()

  /** Before anything was spoken. */
  refused(code: ErrorCode): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1)
  }

  get refusals(): ReadonlyMap<ErrorCode, number> {
    return this.#refusals
  }
}
