import type { Logger, Undo } from '../ports/index.js'

/** Who wants to hear one kind of news. A listener that throws is logged and harms no other. */
export class Listeners<News extends readonly unknown[]> {
  readonly #logger: Logger
  readonly #listeners = new Set<(...news: News) => void>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  add(listener: (...news: News) => void): Undo {
    // A wrapper a call, so that one function may listen twice and each undo ends its own.
    const heard = (...news: News): void => listener(...news)
    this.#listeners.add(heard)
    return () => this.#listeners.delete(heard)
  }

  tell(...news: News): void {
    for (const listener of this.#listeners) {
      try {
        listener(...news)
      } catch (error) {
        this.#logger.error('a listener threw', { error: String(error) })
      }
    }
  }

  clear(): void {
    this.#listeners.clear()
  }
}
