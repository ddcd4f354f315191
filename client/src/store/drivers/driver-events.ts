import type { Undo } from '@holdfast/peer/ports'
import type { DriverEvent } from '../driver.js'

/** Who listens to a driver, and what it tells them. */
export class DriverEvents {
  readonly #listeners = new Set<(event: DriverEvent) => void>()
  #isInTrouble = false

  on(listener: (event: DriverEvent) => void): Undo {
    const own = (event: DriverEvent): void => listener(event)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  tell(event: DriverEvent): void {
    for (const listener of this.#listeners) listener(event)
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
