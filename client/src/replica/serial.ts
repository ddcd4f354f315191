/**
 * Does one thing after the other, in the order in which they were asked for: what a replica knows and
 * what its store holds then change together. What is asked for while nothing is done begins at once.
 */
export class Serial {
  readonly #waiting: (() => void)[] = []
  #isBusy = false

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#isBusy = true
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      // The turn goes over directly, so that nobody can come in between.
      if (next === undefined) this.#isBusy = false
      else next()
    }
  }
}
