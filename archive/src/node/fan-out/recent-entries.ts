import type { DocumentRef, Entry, InstanceId } from '@holdfast/peer/protocol'
import { sizeOfRow, sizeOfWireEntry } from './wire-entry.js'

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
  #entries: Kept[] = []
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
    for (const entry of entries) this.#bytes += sizeOfWireEntry(entry)
    this.#keep(entries)
    this.#trim()
  }

  clear(): void {
    this.#restart(0)
  }

  /** What follows `after`, as much as a page takes; undefined: it has to be read from the log. */
  page(after: number, maxBytes: number, maxEntries: number): RecentPage | undefined {
    if (this.#entries.length === 0 || after < this.#after) return undefined
    const entries: Entry[] = []
    let bytes = 0
    for (let at = this.#firstAfter(after); at < this.#entries.length; at++) {
      if (entries.length === maxEntries || bytes >= maxBytes) break
      const kept = this.#entries[at] as Kept
      bytes += sizeOf(kept)
      entries.push(entryOf(kept))
    }
    const through = entries[entries.length - 1]?.seq
    return through === undefined ? undefined : { entries, through }
  }

  find(seq: number): Entry | undefined {
    const kept = this.#entries[this.#firstAfter(seq - 1)]
    return kept?.seq === seq ? entryOf(kept) : undefined
  }

  #restart(after: number): void {
    this.#entries = []
    this.#after = after
    this.#bytes = 0
  }

  /**
   * The commit's bytes are views of a whole group's, other collections' included: one small row would
   * keep all of them. In one copy: memory for each row would cost more than all else that is done here.
   */
  #keep(entries: readonly Entry[]): void {
    let length = 0
    for (const entry of entries) if (entry.kind === 'row') length += entry.bytes.length
    const memory = new Uint8Array(length)
    let end = 0
    let before = this.#entries[this.#entries.length - 1]
    for (const entry of entries) {
      if (entry.kind !== 'row') {
        this.#entries.push(entry)
        continue
      }
      memory.set(entry.bytes, end)
      const own = new KeptRow(entry, memory, end, before instanceof KeptRow ? before : undefined)
      end = own.to
      this.#entries.push(own)
      before = own
    }
  }

  /** Down to half at once, so that each entry is moved a constant number of times on average. */
  #trim(): void {
    if (this.#bytes <= this.#maxBytes) return
    let gone = 0
    while (gone < this.#entries.length && this.#bytes > this.#maxBytes / 2) {
      const kept = this.#entries[gone++] as Kept
      this.#bytes -= sizeOf(kept)
      this.#after = kept.seq
    }
    this.#entries = this.#entries.slice(gone)
  }

  #firstAfter(seq: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle] as Kept).seq > seq) high = middle
      else low = middle + 1
    }
    return low
  }
}

type Kept = KeptRow | Exclude<Entry, RowEntry>
type RowEntry = Entry & { readonly kind: 'row' }

/**
 * A row in one object, its names shared with the row before it: as an entry it would be six, and a
 * busy archive keeps some hundred thousand, which its garbage collector goes through again and again.
 */
class KeptRow {
  readonly seq: number
  readonly document: DocumentRef
  /** Absent where there is no op id. */
  readonly instance: InstanceId | undefined
  readonly n: number
  readonly memory: Uint8Array
  readonly from: number
  readonly to: number

  constructor(row: RowEntry, memory: Uint8Array, from: number, before: KeptRow | undefined) {
    const { seq, document, op, bytes } = row
    const isSameDocument =
      before?.document.id === document.id && before.document.generation === document.generation
    this.seq = seq
    this.document = isSameDocument ? before.document : document
    this.instance = before?.instance === op?.instance ? before?.instance : op?.instance
    this.n = op?.n ?? 0
    this.memory = memory
    this.from = from
    this.to = from + bytes.length
  }
}

function entryOf(kept: Kept): Entry {
  if (!(kept instanceof KeptRow)) return kept
  const { seq, document, instance, n, memory, from, to } = kept
  const bytes = memory.subarray(from, to)
  return instance === undefined
    ? { kind: 'row', seq, document, bytes }
    : { kind: 'row', seq, document, op: { instance, n }, bytes }
}

function sizeOf(kept: Kept): number {
  return kept instanceof KeptRow ? sizeOfRow(kept.to - kept.from) : sizeOfWireEntry(kept)
}
