import type { Clock, Undo } from '@holdfast/peer/ports'
import type { Outbox } from './outbox.js'

export interface OwedTimerOptions {
  readonly clock: Clock
  readonly outbox: Outbox
  /** Something is owed by now. */
  readonly tell: () => void
}

/** Says when something in the outbox has become due: own edits are at once, those of others later. */
export class OwedTimer {
  readonly #options: OwedTimerOptions
  #armed: Undo | undefined

  constructor(options: OwedTimerOptions) {
    this.#options = options
  }

  /** Arms it for what the outbox held when it was read. */
  begin(): void {
    for (const { isOwn, dueAtMs } of this.#options.outbox.all()) {
      if (isOwn) continue
      this.owedAt(dueAtMs)
      break
    }
  }

  owedAt(atMs: number): void {
    const { clock, tell } = this.#options
    // Whole milliseconds: a timer that came a little early would be armed again and again.
    const delayMs = Math.ceil(atMs - clock.monotonic())
    if (delayMs <= 0) {
      tell()
      return
    }
    // One timer is enough: whoever hears it asks for all that is due, and later ones are armed by it.
    this.#armed ??= clock.after(delayMs, () => {
      this.#armed = undefined
      tell()
      this.#armNext()
    })
  }

  stop(): void {
    this.#armed?.()
  }

  #armNext(): void {
    const { clock, outbox } = this.#options
    let nextAtMs = Number.POSITIVE_INFINITY
    for (const op of outbox.all()) {
      if (!op.isOwn && op.dueAtMs > clock.monotonic()) nextAtMs = Math.min(nextAtMs, op.dueAtMs)
    }
    if (Number.isFinite(nextAtMs)) this.owedAt(nextAtMs)
  }
}
