import { messageBounds } from '../limits.js'
import { called, uint, type Codec } from '../wire/codec.js'
import { optional, tagged, type TaggedValue } from '../wire/compose.js'
import { document, op, opHash, parked, stateVector, update } from './fields.js'

const kinds = {
  /** One op, as it was stored. The id is absent where the archive made the row up by itself. */
  row: [0, { document, op: optional(op), bytes: update }],
  /**
   * Stands for all entries of its document up to its seq. May hold more than those; the rows after
   * its seq follow all the same.
   */
  snapshot: [1, { document, bytes: update, parked }],
  /** A snapshot too large to send unasked: `fetch` it, or the difference from one's own state. */
  'large-snapshot': [2, { document, sizeBytes: uint, stateVector }],
  /** An op that the reader is said to hold already. Believed only if its store holds that hash. */
  place: [3, { hash: opHash }],
  /** This generation of the document has ended. */
  tombstone: [4, { document }],
} as const

/** What a seq of the archive's log names. */
export const entry = called('entry', tagged('kind', kinds))

export type Entry = TaggedValue<'kind', typeof kinds> & { readonly seq: number }

/**
 * A stretch of the archive's log, `after` exclusive to `through` inclusive. It names every seq in it
 * that still has an entry, so who holds everything up to `after` and takes in the entries holds
 * everything up to `through`.
 */
export interface Page {
  readonly after: number
  /** Ascending seqs, none twice, all in (after, through]. */
  readonly entries: readonly Entry[]
  readonly through: number
  /** The last seq of the log when the page was read. */
  readonly head: number
}

/**
 * On the wire each number is the distance from the one before: from one seq to the next less one,
 * from the last seq to `through`, from there to `head`. So an entry out of order, two entries with
 * one seq, a page that ends before its last entry cannot be said at all.
 */
export const page: Codec<Page> = {
  notation: 'page',
  definition: `after: uint, [distance: uint, entry] ≤ ${messageBounds.maxEntries}, distance: uint, distance: uint`,
  minBytes: 4,
  maxBytes: 3 * uint.maxBytes + messageBounds.maxEntries * (uint.maxBytes + entry.maxBytes),
  write(writer, { after, entries, through, head }) {
    if (!Number.isSafeInteger(head)) throw new RangeError(`head: 2^53 or more: ${head}`)
    writer.uint(after)
    writer.count(entries.length, messageBounds.maxEntries)
    let last = after
    for (const one of entries) {
      writer.uint(one.seq - last - 1)
      entry.write(writer, one)
      last = one.seq
    }
    writer.uint(through - last)
    writer.uint(head - through)
  },
  read(reader) {
    const after = reader.uint()
    const count = reader.count(messageBounds.maxEntries, 1 + entry.minBytes)
    const entries: Entry[] = []
    let last = after
    for (let at = 0; at < count && reader.refusal === undefined; at++) {
      last += reader.uint() + 1
      entries.push(Object.assign(entry.read(reader), { seq: last }))
      reader.refusedIn(`.entries.${at}`)
    }
    const through = last + reader.uint()
    // Each number is above the one before, so if the last one is below 2^53, all are.
    const head = through + reader.uint(Number.MAX_SAFE_INTEGER - through)
    return { after, entries, through, head }
  },
}
