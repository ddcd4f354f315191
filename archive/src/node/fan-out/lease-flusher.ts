import type { Clock, Logger, Undo } from '@holdfast/peer/ports'
import type { LeaseKey, Leases } from '../../log/port.js'
import { LogError } from '../../log/errors.js'

/** A reader whose lease has to be written down. */
export interface Leaseholder {
  readonly lease: LeaseKey
  readonly sentSeq: number
  readonly ackedSeq: number
  /** The log counts this instance as gone. */
  leaseEnded(): void
}

/**
 * Acks reach the log once a second for all readers together. A late ack costs somebody a snapshot at
 * the worst, and a thousand readers at the head would otherwise ack every keystroke.
 */
export class LeaseFlusher {
  readonly #leases: Leases
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #everyMs: number
  readonly #changed = new Set<Leaseholder>()
  #stop: Undo | undefined

  constructor(leases: Leases, clock: Clock, logger: Logger, everyMs: number) {
    this.#leases = leases
    this.#clock = clock
    this.#logger = logger
    this.#everyMs = everyMs
  }

  note(holder: Leaseholder): void {
    this.#changed.add(holder)
    this.#stop ??= this.#clock.after(this.#everyMs, () => {
      this.#stop = undefined
      const changed = [...this.#changed]
      this.#changed.clear()
      for (const one of changed) void this.flush(one)
    })
  }

  forget(holder: Leaseholder): void {
    this.#changed.delete(holder)
  }

  /** Writes one reader's ack down now. Never rejects. */
  async flush(holder: Leaseholder): Promise<void> {
    this.#changed.delete(holder)
    const { lease, sentSeq, ackedSeq } = holder
    await this.attempt(async () => {
      await this.#leases.sent(lease, sentSeq)
      if ((await this.#leases.ack(lease, ackedSeq)) === 'lease-ended') holder.leaseEnded()
    })
  }

  /** Runs what only concerns leases: nothing is lost where it fails. */
  async attempt(call: () => Promise<unknown>): Promise<void> {
    try {
      await call()
    } catch (error) {
      if (error instanceof LogError && error.code === 'closed') return
      this.#logger.error('a lease was not written down', { error: String(error) })
    }
  }

  close(): void {
    this.#stop?.()
    this.#stop = undefined
    this.#changed.clear()
  }
}
