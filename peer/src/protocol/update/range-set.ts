import { appendRange, firstEndingAfter, type Ranges } from './ranges.js'

/**
 * Ranges of one client's clocks that grow one by one, wherever they fall. Kept in chunks of bounded
 * size, so that adding costs O(log n) to find the place and one bounded copy, however many there are.
 */
export class RangeSet {
  /** Never an empty chunk; together ascending, disjoint, never touching. */
  readonly #chunks: number[][] = []
  #size = 0

  /** How many ranges there are. */
  get size(): number {
    return this.#size
  }

  /** The first clock that is not here: everything below it is. */
  get firstMissing(): number {
    const first = this.#chunks[0]
    return first !== undefined && first[0] === 0 ? (first[1] as number) : 0
  }

  add(from: number, to: number): void {
    const chunks = this.#chunks
    const last = chunks[chunks.length - 1]
    if (last === undefined) {
      chunks.push([from, to])
      this.#size = 1
      return
    }
    // Mostly at the very end: the next keystroke of the same client.
    if (from >= (last[last.length - 2] as number)) this.#addAtEnd(last, from, to)
    else this.#addInside(from, to)
  }

  covers(from: number, to: number): boolean {
    const last = this.#chunks[this.#chunks.length - 1]
    // Mostly what is asked for is new, and lies behind everything that is here.
    if (last === undefined || to > (last[last.length - 1] as number)) return false
    const chunk = this.#chunks[this.#chunkEndingAfter(from)]
    if (chunk === undefined) return false
    const at = firstEndingAfter(chunk, from)
    return (chunk[at] as number) <= from && to <= (chunk[at + 1] as number)
  }

  /** The parts of `ranges` that are not here. */
  lackingOf(ranges: Ranges): Ranges {
    const lacking: number[] = []
    for (let i = 0; i < ranges.length; i += 2) {
      this.#lackingOfRange(ranges[i] as number, ranges[i + 1] as number, lacking)
    }
    return lacking
  }

  toRanges(): Ranges {
    return this.#chunks.flat()
  }

  #addAtEnd(chunk: number[], from: number, to: number): void {
    const before = chunk.length
    appendRange(chunk, from, to)
    this.#size += (chunk.length - before) / 2
    this.#splitIfLarge(this.#chunks.length - 1)
  }

  /** Replaces all ranges that overlap or touch by one; or puts in a new one. */
  #addInside(from: number, to: number): void {
    // Ranges that end at `from` touch it: the first concerned is the first that ends at or after it.
    const first = this.#chunkEndingAfter(from - 1)
    const chunk = this.#chunks[first] as number[]
    const at = firstEndingAfter(chunk, from - 1)
    const start = Math.min(from, chunk[at] as number)
    let end = to
    let chunkIndex = first
    let position = at
    for (;;) {
      const current = this.#chunks[chunkIndex]
      if (current === undefined) break
      while (position < current.length && (current[position] as number) <= to) {
        end = Math.max(end, current[position + 1] as number)
        position += 2
      }
      if (position < current.length) break
      chunkIndex++
      position = 0
    }
    this.#replace(first, at, chunkIndex, position, start, end)
  }

  /** Puts one range in place of all from (first, at) to before (last, position). */
  #replace(
    first: number,
    at: number,
    last: number,
    position: number,
    start: number,
    end: number,
  ): void {
    const chunks = this.#chunks
    const head = chunks[first] as number[]
    if (last === first) {
      this.#size += 1 - (position - at) / 2
      head.splice(at, position - at, start, end)
    } else {
      this.#size += 1 - (head.length - at) / 2
      head.length = at
      head.push(start, end)
      for (let i = first + 1; i < last; i++) this.#size -= (chunks[i] as number[]).length / 2
      if (last < chunks.length && position > 0) {
        ;(chunks[last] as number[]).splice(0, position)
        this.#size -= position / 2
      }
      chunks.splice(first + 1, last - first - 1)
    }
    this.#splitIfLarge(first)
  }

  #lackingOfRange(from: number, to: number, lacking: number[]): void {
    let start = from
    for (let i = this.#chunkEndingAfter(from); i < this.#chunks.length && start < to; i++) {
      const chunk = this.#chunks[i] as number[]
      for (let j = firstEndingAfter(chunk, start); j < chunk.length && start < to; j += 2) {
        const heldFrom = chunk[j] as number
        if (heldFrom > start) lacking.push(start, Math.min(heldFrom, to))
        start = chunk[j + 1] as number
      }
    }
    if (start < to) lacking.push(start, to)
  }

  #splitIfLarge(index: number): void {
    const chunk = this.#chunks[index] as number[]
    if (chunk.length <= maxChunkLength) return
    // The last chunk is mostly filled in order: leave it nearly full, and go on with a short one.
    const isLast = index === this.#chunks.length - 1
    const keep = isLast ? chunk.length - 2 : 2 * Math.ceil(chunk.length / 4)
    this.#chunks.splice(index + 1, 0, chunk.splice(keep))
  }

  /** The index of the first chunk whose last range ends after `clock`. */
  #chunkEndingAfter(clock: number): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const chunk = this.#chunks[middle] as number[]
      if ((chunk[chunk.length - 1] as number) > clock) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** 128 ranges: 2 KiB to move at worst, and one entry in the list of chunks for each. */
const maxChunkLength = 256
