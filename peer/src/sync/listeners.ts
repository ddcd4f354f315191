import type { Undo } from '../ports/index.js'

/** Who wants to hear one kind of news. */
export class Listeners<News extends readonly unknown[]> {
  readonly #listeners = new Set<(...news: News) => void>()

  add(listener: (...news: News) => void): Undo {
    // A wrapper a call, so that one function may listen twice and each undo ends its own.
    const heard = (...news: News): void => listener(...news)
    this.#listeners.add(heard)
    return () => this.#listeners.delete(heard)
  }

  tell(...news: News): void {
    for (const listener of this.#listeners) listener(...news)
  }

  clear(): void {
    this.#listeners.clear()
  }
}
