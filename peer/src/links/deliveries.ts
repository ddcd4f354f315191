import type { Lane } from '../protocol/index.js'

/**
 * Who waits for a message to arrive at the other side. A message has left once its lane has given out
 * all its bytes, and has arrived once everything that had been sent by then is acknowledged.
 */
export class Deliveries {
  /** By what the lane has to have given out first. */
  readonly #leaving: Readonly<Record<Lane, Waiting[]>> = { live: [], bulk: [] }
  /** By what the other side has to have acknowledged first. */
  readonly #arriving: Waiting[] = []

  /** Whether anybody waits for a message to leave. */
  get areAwaited(): boolean {
    return this.#leaving.live.length > 0 || this.#leaving.bulk.length > 0
  }

  /** Nobody waits for anything. */
  get isEmpty(): boolean {
    return !this.areAwaited && this.#arriving.length === 0
  }

  /** @param atBytes of the lane, up to the message's end */
  expect(lane: Lane, atBytes: number, onDelivered: () => void): void {
    this.#leaving[lane].push({ atBytes, onDelivered })
  }

  /** The lane has given out so much, when so much had been sent in all. */
  left(lane: Lane, leftBytes: number, sentBytes: number): void {
    for (const { onDelivered } of takeThrough(this.#leaving[lane], leftBytes)) {
      this.#arriving.push({ atBytes: sentBytes, onDelivered })
    }
  }

  acknowledged(bytes: number): void {
    for (const { onDelivered } of takeThrough(this.#arriving, bytes)) onDelivered()
  }
}

interface Waiting {
  readonly atBytes: number
  readonly onDelivered: () => void
}

function takeThrough(waiting: Waiting[], bytes: number): readonly Waiting[] {
  let count = 0
  while ((waiting[count]?.atBytes ?? Infinity) <= bytes) count++
  return count === 0 ? none : waiting.splice(0, count)
}

const none: readonly Waiting[] = []
