import type { Entry } from '@holdfast/peer/protocol'
import { sizeOfWireEntry } from './wire-entry.js'

export interface RecentPage {
  readonly entries: readonly Entry[]
  readonly through: number
}

/**
 * The newest entries of a collection, so that a reader who fell behind for a moment, or who was gone
 * for one, is served without reading from the disk.
 *
 * Rows that have been compacted away meanwhile may still be in here. They are as good: a page from
 * here names every entry between its ends.
 */
export class RecentEntries {
  readonly #maxBytes: number
  #entries: Entry[] = []
  /** Everything after this seq, up to the head, is in here. */
  #after = 0
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Entries that follow on each other; `after` is the head before the first. */
  add(after: number, entries: readonly Entry[]): void {
    const last = this.#entries[this.#entries.length - 1]
    if (last === undefined || after !== last.seq) this.#restart(after)
    for (const entry of ownEntries(entries)) {
      this.#entries.push(entry)
      this.#bytes += sizeOfWireEntry(entry)
    }
    this.#trim()
  }

  clear(): void {
    this.#restart(0)
  }

  /** What follows `after`, as much as a page takes; undefined: it has to be read from the log. */
  page(after: number, maxBytes: number, maxEntries: number): RecentPage | undefined {
    if (this.#entries.length === 0 || after < this.#after) return undefined
    const start = this.#firstAfter(after)
    let end = start
    let bytes = 0
    while (end < this.#entries.length && end - start < maxEntries && bytes < maxBytes) {
      bytes += sizeOfWireEntry(this.#entries[end] as Entry)
      end++
    }
    const entries = this.#entries.slice(start, end)
    const through = entries[entries.length - 1]?.seq
    return through === undefined ? undefined : { entries, through }
  }

  find(seq: number): Entry | undefined {
    const entry = this.#entries[this.#firstAfter(seq - 1)]
    return entry?.seq === seq ? entry : undefined
  }

  #restart(after: number): void {
    this.#entries = []
    this.#after = after
    this.#bytes = 0
  }

  /** Down to half at once, so that each entry is moved a constant number of times on average. */
  #trim(): void {
    if (this.#bytes <= this.#maxBytes) return
    let gone = 0
    while (gone < this.#entries.length && this.#bytes > this.#maxBytes / 2) {
      const entry = this.#entries[gone++] as Entry
      this.#bytes -= sizeOfWireEntry(entry)
      this.#after = entry.seq
    }
    this.#entries = this.#entries.slice(gone)
  }

  #firstAfter(seq: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle] as Entry).seq > seq) high = middle
      else low = middle + 1
    }
    return low
  }
}

/**
 * The commit's bytes are views of a whole group's, other collections' included: one small row would
 * keep all of them. In one copy: memory for each row would cost more than all else that is done here.
 */
function ownEntries(entries: readonly Entry[]): readonly Entry[] {
  let length = 0
  for (const entry of entries) if (entry.kind === 'row') length += entry.bytes.length
  const copy = new Uint8Array(length)
  let end = 0
  return entries.map((entry) => {
    if (entry.kind !== 'row') return entry
    const from = end
    end += entry.bytes.length
    copy.set(entry.bytes, from)
    const bytes = copy.subarray(from, end)
    const { kind, seq, document, op } = entry
    // Written out twice: a spread costs more than the copy.
    return op === undefined ? { kind, seq, document, bytes } : { kind, seq, document, op, bytes }
  })
}
