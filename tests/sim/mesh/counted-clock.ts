import type { Clock, Undo } from '@holdfast/peer/ports'

/** A clock that knows how many tasks are armed through it. */
export class CountedClock implements Clock {
  readonly #clock: Clock
  pendingTasks = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  after(delayMs: number, task: () => void): Undo {
    let isPending = true
    const settle = (): boolean => {
      const wasPending = isPending
      isPending = false
      if (wasPending) this.pendingTasks--
      return wasPending
    }
    this.pendingTasks++
    const undo = this.#clock.after(delayMs, () => {
      if (settle()) task()
    })
    return () => {
      settle()
      undo()
    }
  }
}
