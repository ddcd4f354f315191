import type { Clock } from '../ports/index.js'
import type { InstanceId } from '../protocol/index.js'
import type { SignallingCounters } from './counters.js'
import type { SignallingClientLimits } from './limits.js'

interface UnsentSignal {
  readonly to: InstanceId
  readonly data: string
  readonly atMs: number
}

/** Signals that wait for the connection, or for the server's rate: few, and not for long. */
export class UnsentSignals {
  readonly #clock: Clock
  readonly #limits: SignallingClientLimits
  readonly #counters: SignallingCounters
  #signals: UnsentSignal[] = []

  constructor(clock: Clock, limits: SignallingClientLimits, counters: SignallingCounters) {
    this.#clock = clock
    this.#limits = limits
    this.#counters = counters
  }

  add(to: InstanceId, data: string): void {
    this.#signals.push({ to, data, atMs: this.#clock.monotonic() })
    const excess = this.#signals.length - this.#limits.maxUnsentSignals
    if (excess > 0) this.#drop(excess)
  }

  /** Sends in order until `send` says that no more goes. */
  flush(send: (signal: UnsentSignal) => boolean): void {
    const oldestMs = this.#clock.monotonic() - this.#limits.maxSignalAgeMs
    const stale = this.#signals.findIndex(({ atMs }) => atMs >= oldestMs)
    this.#drop(stale < 0 ? this.#signals.length : stale)
    let sent = 0
    for (const signal of this.#signals) {
      if (!send(signal)) break
      sent++
    }
    this.#counters.signalsSent += sent
    this.#signals.splice(0, sent)
  }

  clear(): void {
    this.#signals = []
  }

  #drop(count: number): void {
    this.#counters.signalsDropped += count
    this.#signals.splice(0, count)
  }
}
