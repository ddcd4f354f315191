/** Work that concerns one thing is done one after the other; other things do not wait for it. */
export class Turns<Key> {
  readonly #lastByKey = new Map<Key, Promise<unknown>>()

  async run<T>(key: Key, work: () => Promise<T>): Promise<T> {
    const before = this.#lastByKey.get(key) ?? Promise.resolve()
    const turn = before.then(work)
    // Whoever comes next waits for it, whatever becomes of it.
    const settled: Promise<void> = turn.then(
      () => this.#done(key, settled),
      () => this.#done(key, settled),
    )
    this.#lastByKey.set(key, settled)
    return turn
  }

  #done(key: Key, settled: Promise<unknown>): void {
    if (this.#lastByKey.get(key) === settled) this.#lastByKey.delete(key)
  }
}
