import type { Documents, Outcome, Received } from './documents.js'
import { syncBounds as bounds } from './limits.js'
import type { PeerSession } from './peer-session.js'

/**
 * Ops that have come and are not applied yet. What comes in one turn, or while the documents are
 * still busy with what came before, is given to them together.
 */
export class Arrivals {
  readonly #documents: Documents
  readonly #outcome: (received: Received, from: PeerSession, outcome: Outcome) => void
  readonly #failed: (error: unknown) => void
  #waiting: Arrival[] = []
  #bytes = 0
  #isBusy = false
  #isClosed = false

  constructor(
    documents: Documents,
    outcome: (received: Received, from: PeerSession, outcome: Outcome) => void,
    failed: (error: unknown) => void,
  ) {
    this.#documents = documents
    this.#outcome = outcome
    this.#failed = failed
  }

  get size(): number {
    return this.#waiting.length
  }

  /** False: too much waits. It is not taken, and has to be compared later. */
  add(received: Received, from: PeerSession): boolean {
    const isFull =
      this.#waiting.length >= bounds.maxArrivedOps ||
      (this.#waiting.length > 0 && this.#bytes + received.bytes.byteLength > bounds.maxArrivedBytes)
    if (isFull || this.#isClosed) return false
    this.#waiting.push({ received, from })
    this.#bytes += received.bytes.byteLength
    if (!this.#isBusy) {
      this.#isBusy = true
      queueMicrotask(() => void this.#work())
    }
    return true
  }

  close(): void {
    this.#isClosed = true
    this.#waiting = []
  }

  async #work(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting
        this.#waiting = []
        this.#bytes = 0
        const outcomes = await this.#receive(batch)
        if (this.#isClosed) return
        for (const [at, { received, from }] of batch.entries()) {
          this.#outcome(received, from, outcomes[at] ?? lost)
        }
      }
    } finally {
      this.#isBusy = false
    }
  }

  /** Documents that fail all the same lose the batch, and what waits behind it is still given to them. */
  async #receive(batch: readonly Arrival[]): Promise<readonly Outcome[]> {
    try {
      return await this.#documents.receive(batch.map(({ received }) => received))
    } catch (error) {
      this.#failed(error)
      return []
    }
  }
}

interface Arrival {
  readonly received: Received
  readonly from: PeerSession
}

const lost: Outcome = { kind: 'refused', code: 'internal' }
