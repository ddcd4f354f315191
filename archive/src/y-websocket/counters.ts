import type { ErrorCode } from '@holdfast/peer/protocol'

/** What the y-websocket path has done, in numbers that cost nothing to raise. */
export class YWebsocketCounters {
  // Now
  sockets = 0
  documents = 0
  /** Readers that get nothing because they have not taken what was sent. */
  behind = 0

  // Since the start
  /** Updates that clients sent. */
  received = 0
  /** Messages with changes that were given to sockets. */
  sent = 0
  /** Times that a reader had to be waited for. */
  fellBehind = 0
  readonly #refusals = new Map<ErrorCode, number>()

  refused(code: ErrorCode): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1)
  }

  get refusals(): ReadonlyMap<ErrorCode, number> {
    return this.#refusals
  }
}
