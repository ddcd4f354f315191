import type { Clock, Undo } from '@holdfast/peer/ports'

/** When the log is folded into an image. */
export interface CheckpointPolicy {
  /** From here on, as soon as nothing was stored for `idleMs`. */
  readonly whenIdle: LogLength
  /** From here on, at once: opening a long log takes time, some 30 µs a record. */
  readonly atOnce: LogLength
  readonly idleMs: number
  /** After a checkpoint that failed. */
  readonly retryMs: number
}

export interface LogLength {
  readonly bytes: number
  readonly records: number
}

export const defaultCheckpointPolicy: CheckpointPolicy = {
  whenIdle: { bytes: 1 << 20, records: 1_000 },
  atOnce: { bytes: 4 << 20, records: 5_000 },
  idleMs: 500,
  retryMs: 30_000,
}

/**
 * Says when: an image costs as much as the database is large, so it is made when nobody waits, and
 * only then while nobody waits if it can be helped.
 */
export class Checkpoints {
  readonly #clock: Clock
  readonly #policy: CheckpointPolicy
  readonly #begin: () => void
  #timer: Undo | undefined
  #notBeforeMs = 0

  constructor(clock: Clock, policy: CheckpointPolicy, begin: () => void) {
    this.#clock = clock
    this.#policy = policy
    this.#begin = begin
  }

  /** After each record, with the log's length. */
  grown(log: LogLength): void {
    this.#timer?.()
    this.#timer = undefined
    const { whenIdle, atOnce, idleMs } = this.#policy
    if (!isBeyond(log, whenIdle)) return
    const waitMs = Math.max(0, this.#notBeforeMs - this.#clock.monotonic())
    if (isBeyond(log, atOnce) && waitMs === 0) this.#begin()
    else this.#timer = this.#clock.after(Math.max(waitMs, idleMs), this.#begin)
  }

  /** It could not be stored: another try later, also where nothing is added meanwhile. */
  failed(log: LogLength): void {
    this.#notBeforeMs = this.#clock.monotonic() + this.#policy.retryMs
    this.grown(log)
  }

  close(): void {
    this.#timer?.()
  }
}

function isBeyond(log: LogLength, limit: LogLength): boolean {
  return log.bytes >= limit.bytes || log.records >= limit.records
}
