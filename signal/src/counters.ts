import type { ErrorCode } from '@holdfast/peer/protocol'

/**
 * What the server has done, in plain numbers that cost nothing to raise. They only rise, but for
 * those that say how many there are now. The metrics read them when somebody asks.
 */
export class Counters {
  // Now
  sockets = 0
  rooms = 0
  members = 0
  relays = 0
  topics = 0

  // Since the start
  joins = 0
  leaves = 0
  /** Text messages that were taken in, refused ones too. */
  received = 0
  /** Text messages that were given to sockets, answers and pings included. */
  deliveries = 0
  signals = 0
  relayedFrames = 0
  relayedBytes = 0
  readonly #refusals = new Map<ErrorCode, number>()
  readonly #closes = new Map<ErrorCode, number>()

  refused(code: ErrorCode): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1)
  }

  /** The server closed a socket, and this is why. */
  closed(code: ErrorCode): void {
    this.#closes.set(code, (this.#closes.get(code) ?? 0) + 1)
  }

  get refusals(): ReadonlyMap<ErrorCode, number> {
    return this.#refusals
  }

  get closes(): ReadonlyMap<ErrorCode, number> {
    return this.#closes
  }
}
