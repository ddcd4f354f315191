import type { Clock, Undo } from '../ports/index.js'
import type { InstanceId } from '../protocol/index.js'

/** Those who may be gone, and until when they may say otherwise. */
export class Doubts {
  readonly #clock: Clock
  /** Nobody has heard of it in time. */
  readonly #end: (author: InstanceId) => void
  readonly #undoByAuthor = new Map<InstanceId, Undo>()

  constructor(clock: Clock, end: (author: InstanceId) => void) {
    this.#clock = clock
    this.#end = end
  }

  has(author: InstanceId): boolean {
    return this.#undoByAuthor.has(author)
  }

  /** The first doubt counts: a later one does not give more time. */
  doubt(author: InstanceId, forMs: number): void {
    if (this.has(author)) return
    const undo = this.#clock.after(forMs, () => this.#end(author))
    this.#undoByAuthor.set(author, undo)
  }

  believe(author: InstanceId): void {
    this.#undoByAuthor.get(author)?.()
    this.#undoByAuthor.delete(author)
  }

  clear(): void {
    for (const author of this.#undoByAuthor.keys()) this.believe(author)
  }
}
