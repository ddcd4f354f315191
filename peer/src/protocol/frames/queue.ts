/** First in, first out, each in constant time. (An array's `shift` moves everything behind it.) */
export class Queue<T extends object> {
  #first: T | undefined
  /** What waits behind it. Mostly nothing does: then there is no array. */
  #others: (T | undefined)[] | undefined
  #nextAt = 0

  get first(): T | undefined {
    return this.#first
  }

  /** The first, if there is no other. */
  get only(): T | undefined {
    return this.#others === undefined ? this.#first : undefined
  }

  put(item: T): void {
    if (this.#first === undefined) this.#first = item
    else if (this.#others === undefined) this.#others = [item]
    else this.#others.push(item)
  }

  take(): T | undefined {
    const item = this.#first
    const others = this.#others
    if (others === undefined) {
      this.#first = undefined
      return item
    }
    this.#first = others[this.#nextAt]
    others[this.#nextAt++] = undefined
    if (this.#nextAt === others.length) {
      this.#others = undefined
      this.#nextAt = 0
    } else if (this.#nextAt * 2 >= others.length) {
      // Half of the array is empty: what is left moves to the front, at most once for each item.
      this.#others = others.slice(this.#nextAt)
      this.#nextAt = 0
    }
    return item
  }
}
