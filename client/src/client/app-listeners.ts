import type { Undo } from '@holdfast/peer/ports'
import { ClientError } from '../errors.js'

/**
 * Listeners that the app has given, of one kind: what one of them throws harms neither the client nor
 * another listener. It is told, once for each.
 */
export class AppListeners<News extends readonly unknown[]> {
  readonly #what: string
  readonly #threw: (error: ClientError) => void
  readonly #listeners = new Set<(...news: News) => void>()
  readonly #guilty = new WeakSet<(...news: News) => void>()

  /**
   * @param what they were given to, as in `onStatus`
   * @param threw takes what goes to `onError`; it must not throw
   */
  constructor(what: string, threw: (error: ClientError) => void) {
    this.#what = what
    this.#threw = threw
  }

  get size(): number {
    return this.#listeners.size
  }

  add(listener: (...news: News) => void): Undo {
    // A wrapper a call, so that one function may listen twice and each undo ends its own.
    const heard = (...news: News): void => listener(...news)
    this.#listeners.add(heard)
    return () => this.#listeners.delete(heard)
  }

  tell(...news: News): void {
    for (const listener of this.#listeners) {
      callingTheApp(
        this.#what,
        (error) => {
          if (this.#guilty.has(listener)) return
          this.#guilty.add(listener)
          this.#threw(error)
        },
        () => listener(...news),
      )
    }
  }

  clear(): void {
    this.#listeners.clear()
  }
}

/**
 * Does something in which listeners of the app are called: here, or by its Y.Docs and awarenesses.
 * What they throw is told, and goes no further.
 */
export function callingTheApp(
  what: string,
  threw: (error: ClientError) => void,
  work: () => void,
): void {
  try {
    work()
  } catch (cause) {
    threw(new ClientError('listener-threw', `a listener of ${what} threw`, { cause }))
  }
}
