/*
 * Whether the archive can do what it is there for: its log is open, and the disk takes bytes. The
 * disk is asked at most once in a while, however often somebody wants to know.
 */
import type { Clock, Logger, Undo } from '@holdfast/peer/ports'
import type { Log } from '../log/port.js'

export interface ReadinessOptions {
  readonly log: Pick<Log, 'statistics'>
  readonly clock: Clock
  readonly logger: Logger
  /** Rejects if the disk does not take bytes. */
  readonly probe: () => Promise<void>
  readonly diskMs: number
}

export type Readiness = 'ok' | 'going-away' | 'log-closed' | 'disk-not-writable'

export class ReadinessCheck {
  readonly #options: ReadinessOptions
  #isDraining = false
  #last: { readonly atMs: number; readonly answer: Promise<Readiness> } | undefined

  constructor(options: ReadinessOptions) {
    this.#options = options
  }

  drain(): void {
    this.#isDraining = true
  }

  async ask(): Promise<Readiness> {
    if (this.#isDraining) return 'going-away'
    const nowMs = this.#options.clock.monotonic()
    if (this.#last === undefined || nowMs - this.#last.atMs > askAgainMs) {
      this.#last = { atMs: nowMs, answer: this.#look() }
    }
    return this.#last.answer
  }

  async #look(): Promise<Readiness> {
    const { log, logger } = this.#options
    try {
      await this.#inTime(log.statistics())
    } catch (error) {
      logger.error('not ready: the log does not answer', { reason: String(error) })
      return 'log-closed'
    }
    try {
      await this.#inTime(this.#options.probe())
      return 'ok'
    } catch (error) {
      logger.error('not ready: the disk does not take bytes', { reason: String(error) })
      return 'disk-not-writable'
    }
  }

  async #inTime<T>(doing: Promise<T>): Promise<T> {
    const { clock, diskMs } = this.#options
    let undo: Undo | undefined
    const late = new Promise<never>((_, reject) => {
      undo = clock.after(diskMs, () => reject(new Error(`no answer within ${diskMs} ms`)))
    })
    try {
      return await Promise.race([doing, late])
    } finally {
      undo?.()
    }
  }
}

/** Whoever watches asks every few seconds; a probe costs an fsync. */
const askAgainMs = 5_000
