import type { Undo } from '@holdfast/peer/ports'
import type { DriverEvent } from '../driver.js'

/**
 * Who listens to a driver, and what it tells them. What happened before anybody could listen (while the
 * database was opened) the first listener hears, after the call that made it one.
 */
export class DriverEvents {
  readonly #listeners = new Set<(event: DriverEvent) => void>()
  #isInTrouble = false
  #early: DriverEvent[] = []

  on(listener: (event: DriverEvent) => void): Undo {
    const own = (event: DriverEvent): void => listener(event)
    this.#listeners.add(own)
    const early = this.#early
    this.#early = []
    if (early.length > 0) queueMicrotask(() => early.forEach((event) => this.tell(event)))
    return () => void this.#listeners.delete(own)
  }

  tell(event: DriverEvent): void {
    if (this.#listeners.size > 0) for (const listener of this.#listeners) listener(event)
    else if (this.#early.length < maxEarly) this.#early.push(event)
  }

  /** Storage fails: told each time, because causes differ. */
  trouble(cause: unknown): void {
    this.#isInTrouble = true
    this.tell({ kind: 'trouble', cause })
  }

  /** Storage has worked: told once after trouble. */
  works(): void {
    if (!this.#isInTrouble) return
    this.#isInTrouble = false
    this.tell({ kind: 'recovered' })
  }
}

/** Opening tells one or two; later there are listeners, or nobody who wants to hear. */
const maxEarly = 8
