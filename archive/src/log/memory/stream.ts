import type { CollectionName, Cursor, TermId } from '@holdfast/peer/protocol'
import { LogError } from '../errors.js'
import type { Entry, Page, ReadRequest, SnapshotEntry, Standing } from '../port.js'
import { isIntact } from './checksum.js'
import {
  allDocuments,
  firstAfter,
  type CollectionTable,
  type DocumentTable,
  type EntryRecord,
  type SnapshotRecord,
  type Tables,
} from './tables.js'

/** A page, or the document whose bytes turned out to be damaged while it was being read. */
export type Reading = { readonly page: Page } | { readonly damaged: DocumentTable }

/**
 * One page of a collection's stream: rows and snapshots' places, merged by seq. Nothing is awaited in
 * here, so that it sees one moment.
 */
export function readPage(tables: Tables, term: TermId, request: ReadRequest): Reading {
  const { after, maxBytes, maxEntries, maxSnapshotBytes = Infinity } = request
  const collection = tables.collections.get(request.collection)
  const head = collection?.head ?? 0
  if (after > head) {
    throw new LogError('invalid-argument', `after ${after} is beyond the head, ${head}`)
  }
  const entries: Entry[] = []
  let bytes = 0
  for (const place of collection === undefined ? [] : placesAfter(collection, after)) {
    if (entries.length > 0 && (entries.length >= maxEntries || bytes >= maxBytes)) {
      const through = (entries[entries.length - 1] as Entry).seq
      return { page: { term, entries, through, head } }
    }
    if (!isPlaceIntact(place)) return { damaged: place.table }
    const entry = entryOf(place, maxSnapshotBytes)
    bytes += sizeOf(entry)
    entries.push(entry)
  }
  return { page: { term, entries, through: head, head } }
}

/** Where a cursor stands: it is valid as far as the record of its term reaches. */
export function locate(
  tables: Tables,
  collectionName: CollectionName,
  { archive, term, seq }: Cursor,
): Standing {
  const collection = tables.collections.get(collectionName)
  const head = collection?.head ?? 0
  const ordinal = tables.terms.indexOf(term)
  if (archive !== tables.archive || ordinal < 0) return { standing: 'unknown-term', head }
  const next = collection?.termStarts.find((start) => start.ordinal > ordinal)
  if (seq > (next?.seq ?? head)) return { standing: 'ahead', head }
  return { standing: seq === head ? 'at-head' : 'behind', head }
}

/** What holds a seq in the stream. */
type Place = EntryRecord | SnapshotPlace

interface SnapshotPlace {
  readonly kind: 'snapshot'
  readonly seq: number
  readonly table: DocumentTable
  readonly snapshot: SnapshotRecord
}

function placesAfter(collection: CollectionTable, after: number): readonly Place[] {
  const places: Place[] = []
  for (const entry of collection.entries.slice(firstAfter(collection.entries, after))) {
    if (entry.kind === 'tombstone' || entry.table.deletedSeq === undefined) places.push(entry)
  }
  for (const table of allDocuments(collection)) {
    const { prunedThrough: seq, snapshots, deletedSeq } = table
    if (seq <= after || deletedSeq !== undefined) continue
    // Rows are deleted on the word of a settled snapshot alone, so that the newest reaches far enough.
    const snapshot = snapshots[0]
    if (snapshot !== undefined) places.push({ kind: 'snapshot', seq, table, snapshot })
  }
  return places.toSorted((a, b) => a.seq - b.seq)
}

function isPlaceIntact(place: Place): boolean {
  if (place.kind === 'tombstone') return true
  if (place.kind === 'row') return isIntact(place)
  return [place.snapshot, ...place.snapshot.parked].every(isIntact)
}

function entryOf(place: Place, maxSnapshotBytes: number): Entry {
  const { seq, table } = place
  const document = table.ref
  if (place.kind === 'tombstone') return { kind: 'tombstone', seq, document }
  if (place.kind === 'row') {
    const { bytes, id } = place
    return { kind: 'row', seq, document, bytes: bytes.slice(), ...(id && { id }) }
  }
  return snapshotEntry(place, maxSnapshotBytes)
}

function snapshotEntry({ seq, table, snapshot }: SnapshotPlace, maxBytes: number): SnapshotEntry {
  const { bytes, stateVector, parked } = snapshot
  return {
    kind: 'snapshot',
    seq,
    document: table.ref,
    size: bytes.length,
    stateVector: stateVector.slice(),
    ...(bytes.length <= maxBytes && { bytes: bytes.slice() }),
    parked: parked.map((row) => row.bytes.slice()),
  }
}

function sizeOf(entry: Entry): number {
  if (entry.kind === 'tombstone') return 0
  if (entry.kind === 'row') return entry.bytes.length
  return entry.parked.reduce((sum, { length }) => sum + length, entry.bytes?.length ?? 0)
}
