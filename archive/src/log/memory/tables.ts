import type {
  ArchiveId,
  CollectionName,
  Coverage,
  DocumentId,
  DocumentRef,
  InstanceId,
  OpId,
  TermId,
} from '@holdfast/peer/protocol'
import type { RememberedOp } from '../append/index.js'
import type { StoredLease } from '../leases.js'

/*
 * What a memory log has on its disk: plain data, so that it can be copied whole.
 *
 *   tables ─┬─ terms, quarantine
 *           └─ collections ─┬─ entries, by seq
 *                           ├─ documents by id ── generations ─┬─ rows, by seq
 *                           │                                  └─ snapshots, newest first
 *                           └─ ops, leases
 */
export interface Tables {
  readonly archive: ArchiveId
  /** In the order of the openings. */
  readonly terms: TermId[]
  readonly collections: Map<CollectionName, CollectionTable>
  /** Oldest first. */
  readonly quarantine: QuarantineRecord[]
}

export interface CollectionTable {
  readonly name: CollectionName
  head: number
  /** Terms that appended here: by their place in `terms`, and the head before their first entry. */
  readonly termStarts: { readonly ordinal: number; readonly seq: number }[]
  readonly generationsById: Map<DocumentId, DocumentTable[]>
  documents: number
  readonly entries: EntryRecord[]
  /** By `opKey`. */
  readonly ops: Map<string, RememberedOp>
  leases: readonly StoredLease[]
}

export interface DocumentTable {
  readonly ref: DocumentRef
  deletedSeq: number | undefined
  lastSeq: number
  prunedThrough: number
  /** Those that are not retired, ascending. */
  readonly rows: RowRecord[]
  /** Newest first, two at most; the second is settled. */
  snapshots: SnapshotRecord[]
  readonly instanceByClient: Map<number, InstanceId>
  /** Hashes of rows that had to be taken out. */
  readonly setAside: Set<string>
  gappedSinceMs: number | undefined
  failedAttempts: number
  retryAtMs: number
}

export type EntryRecord = RowRecord | TombstoneRecord

export interface RowRecord {
  readonly kind: 'row'
  readonly seq: number
  readonly table: DocumentTable
  readonly bytes: Uint8Array
  readonly checksum: number
  readonly atMs: number
  readonly id?: OpId
}

interface TombstoneRecord {
  readonly kind: 'tombstone'
  readonly seq: number
  readonly table: DocumentTable
}

export interface SnapshotRecord {
  readonly seq: number
  readonly bytes: Uint8Array
  readonly checksum: number
  readonly coverage: Coverage
  readonly stateVector: Uint8Array
  readonly parked: readonly RowRecord[]
  /** It has been read back since it was written. */
  settled: boolean
}

export interface QuarantineRecord {
  readonly collection: CollectionName
  readonly document: DocumentRef
  readonly seq?: number
  readonly id?: OpId
  readonly reason: string
  readonly hash: string
  readonly atMs: number
  readonly size: number
  bytes?: Uint8Array
}

export function emptyTables(archive: ArchiveId): Tables {
  return { archive, terms: [], collections: new Map(), quarantine: [] }
}

export function emptyCollection(name: CollectionName): CollectionTable {
  return {
    name,
    head: 0,
    termStarts: [],
    generationsById: new Map(),
    documents: 0,
    entries: [],
    ops: new Map(),
    leases: [],
  }
}

export function emptyDocument(ref: DocumentRef): DocumentTable {
  return {
    ref: { id: ref.id, generation: ref.generation },
    deletedSeq: undefined,
    lastSeq: 0,
    prunedThrough: 0,
    rows: [],
    snapshots: [],
    instanceByClient: new Map(),
    setAside: new Set(),
    gappedSinceMs: undefined,
    failedAttempts: 0,
    retryAtMs: 0,
  }
}

export function opKey({ instance, n }: OpId): string {
  return `${instance}\n${n}`
}

export function findDocument(
  tables: Tables,
  collection: CollectionName,
  { id, generation }: DocumentRef,
): DocumentTable | undefined {
  const generations = tables.collections.get(collection)?.generationsById.get(id)
  return generations?.find(({ ref }) => ref.generation === generation)
}

export function latestGeneration(
  tables: Tables,
  collection: CollectionName,
  id: DocumentId,
): DocumentTable | undefined {
  return tables.collections.get(collection)?.generationsById.get(id)?.at(-1)
}

export function* allDocuments({ generationsById }: CollectionTable): Generator<DocumentTable> {
  for (const generations of generationsById.values()) yield* generations
}

export function bytesOfRows(rows: readonly RowRecord[]): number {
  let bytes = 0
  for (const row of rows) bytes += row.bytes.length
  return bytes
}

/** The state and the rows beside it. */
export function bytesOfSnapshot(snapshot: SnapshotRecord | undefined): number {
  return snapshot === undefined ? 0 : snapshot.bytes.length + bytesOfRows(snapshot.parked)
}

/** Rows after this seq. */
export function rowsAfter({ rows }: DocumentTable, seq: number): readonly RowRecord[] {
  return rows.slice(firstAfter(rows, seq))
}

/** Index of the first of these, ascending by seq, whose seq is above `seq`. */
export function firstAfter(entries: readonly { readonly seq: number }[], seq: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((entries[middle] as { readonly seq: number }).seq <= seq) low = middle + 1
    else high = middle
  }
  return low
}
