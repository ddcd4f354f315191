/** First in, first out, each in constant time. (An array's `shift` moves everything behind it.) */
export class Queue<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get first(): T | undefined {
    return this.#items[this.#head]
  }

  /** The first, if there is no other. */
  get only(): T | undefined {
    return this.#items.length - this.#head === 1 ? this.first : undefined
  }

  put(item: T): void {
    this.#items.push(item)
  }

  take(): T | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    if (this.#head + 1 === this.#items.length) {
      // The last: the array is used again.
      this.#items.length = this.#head = 0
      return item
    }
    this.#items[this.#head++] = undefined
    // Half of the array is empty: what is left moves to the front, at most once for each item.
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
