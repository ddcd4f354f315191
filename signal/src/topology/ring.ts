import type { Member } from './links.js'

/**
 * The writers of a room in the order of their ids, the last beside the first. Instance ids are
 * random, so the order is as good as a shuffled one, and it needs no memory: after a restart of
 * the server the same writers make the same ring, and no link has to be laid anew for it.
 *
 * A sorted array. Finding a place takes log2(n) comparisons; making or closing a gap moves the
 * pointers behind it: 0.2 microseconds among 1,000 writers, 6 among 10,000.
 */
export class Ring {
  readonly #writers: Member[] = []

  get size(): number {
    return this.#writers.length
  }

  /** In the order of the ring. */
  get writers(): readonly Member[] {
    return this.#writers
  }

  add(writer: Member): void {
    this.#writers.splice(this.#placeOf(writer), 0, writer)
  }

  delete(writer: Member): void {
    this.#writers.splice(this.#placeOf(writer), 1)
  }

  /** The one before and the one after. Alone, a writer is its own neighbour. */
  neighboursOf(writer: Member): readonly [Member, Member] {
    const place = this.#placeOf(writer)
    const size = this.#writers.length
    return [
      this.#writers[(place + size - 1) % size] ?? writer,
      this.#writers[(place + 1) % size] ?? writer,
    ]
  }

  /** Where the writer is, or where it would go. */
  #placeOf(writer: Member): number {
    let low = 0
    let high = this.#writers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#writers[middle] as Member).id < writer.id) low = middle + 1
      else high = middle
    }
    return low
  }
}
