import { encodeMessage, type Entry } from '@holdfast/peer/protocol'
import { sizeOfWireEntry } from './wire-entry.js'

/** Whoever pages go to. */
export interface PageTarget {
  readonly subscription: number
}

/** For one reader, which entries it is said to hold: their places go in their stead. */
export type PlacesByReader = ReadonlyMap<PageTarget, ReadonlySet<number>>

/**
 * A stretch of new entries on its way to all readers at the head. It is put into bytes once for each
 * subscription number (which is 1 for nearly everybody), and once more for each set of places.
 */
export class LivePage {
  readonly after: number
  readonly through: number
  readonly entries: readonly Entry[]
  readonly #places: PlacesByReader
  readonly #placeOf: (entry: Entry) => Entry | undefined
  readonly #bytesByVariant = new Map<string | number, Uint8Array>()

  /**
   * @param places readers that are said to hold some of the entries
   * @param placeOf the place of an entry
   */
  constructor(
    after: number,
    entries: readonly Entry[],
    places: PlacesByReader,
    placeOf: (entry: Entry) => Entry | undefined,
  ) {
    this.after = after
    this.entries = entries
    this.through = entries[entries.length - 1]?.seq ?? after
    this.#places = places
    this.#placeOf = placeOf
  }

  /** Whether the reader is said to hold some of it: it will be told more in this turn. */
  isPlacedFor(reader: PageTarget): boolean {
    return this.#places.size > 0 && this.#places.has(reader)
  }

  bytesFor(reader: PageTarget): Uint8Array {
    const places = this.#places.size === 0 ? undefined : this.#places.get(reader)
    const own = places === undefined ? none : this.entries.filter(({ seq }) => places.has(seq))
    const { subscription } = reader
    const isAll = own.length === this.entries.length
    const variant =
      own.length === 0
        ? subscription
        : `${subscription} ${isAll ? 'all' : own.map(({ seq }) => seq).join()}`
    const known = this.#bytesByVariant.get(variant)
    if (known !== undefined) return known
    const entries =
      own.length === 0
        ? this.entries
        : this.entries.map((entry) =>
            isAll || places?.has(entry.seq) === true ? (this.#placeOf(entry) ?? entry) : entry,
          )
    const { after, through } = this
    const bytes = encodeMessage({
      type: 'changes',
      subscription,
      page: { after, entries, through, head: through },
    })
    this.#bytesByVariant.set(variant, bytes)
    return bytes
  }
}

const none: readonly Entry[] = []

/** Cuts what a commit brought into pages that fit the live lane, where their entries do. */
export function* stretches(
  entries: readonly Entry[],
  maxBytes: number,
  maxEntries: number,
): Generator<readonly Entry[]> {
  let start = 0
  let bytes = 0
  for (let at = 0; at < entries.length; at++) {
    const size = sizeOfWireEntry(entries[at] as Entry)
    if (at > start && (bytes + size > maxBytes || at - start >= maxEntries)) {
      yield entries.slice(start, at)
      start = at
      bytes = 0
    }
    bytes += size
  }
  if (start < entries.length) yield start === 0 ? entries : entries.slice(start)
}
