import type { Clock, Undo } from '@holdfast/peer/ports'

/** Smaller ones are read again faster than they are looked after. */
const minBytes = 256 * 1024
const keptMs = 5_000
const maxKept = 8

/**
 * Large answers that many ask for at once: the state of a document that a crowd opens. It is read
 * and put into bytes once, and the same bytes wait on every link.
 */
export class SharedAnswers {
  readonly #clock: Clock
  readonly #answers = new Map<string, Promise<Uint8Array | undefined>>()
  readonly #stops = new Set<Undo>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  take(key: string, make: () => Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> {
    const known = this.#answers.get(key)
    if (known !== undefined) return known
    const made = make()
    if (this.#answers.size >= maxKept) return made
    this.#answers.set(key, made)
    void this.#look(key, made)
    return made
  }

  close(): void {
    for (const stop of this.#stops) stop()
    this.#stops.clear()
    this.#answers.clear()
  }

  async #look(key: string, made: Promise<Uint8Array | undefined>): Promise<void> {
    try {
      const bytes = await made
      if (bytes !== undefined && bytes.length >= minBytes) this.#forgetLater(key)
      else this.#answers.delete(key)
    } catch {
      // Whoever asked is told.
      this.#answers.delete(key)
    }
  }

  #forgetLater(key: string): void {
    const stop = this.#clock.after(keptMs, () => {
      this.#stops.delete(stop)
      this.#answers.delete(key)
    })
    this.#stops.add(stop)
  }
}
