import {
  contains,
  difference,
  emptyCoverage,
  encodeCoverage,
  encodeStateVector,
  missing,
  readUpdate,
  stateVectorOf,
  union,
  type CollectionName,
  type Coverage,
  type DocumentRef,
  type IdRanges,
} from '@holdfast/peer/protocol'
import type { DocumentState } from '../append/index.js'
import type { LogPolicy } from '../options.js'
import { packRows, unpackRows } from '../packed-rows.js'
import type { CompactionSource, NewSnapshot, RipeDocument } from '../port.js'
import { Damaged } from './damaged.js'
import type { DocumentReads } from './document-reads.js'
import { documentColumns, refOf, type DocumentRow } from './document-row.js'
import type { DocumentEntries } from './entries.js'
import type { DocumentLoader } from './load-document.js'
import { ownBytes } from './own-bytes.js'
import { retirable, type Retention, type RowSums } from './retention.js'
import { fairPart } from './ripeness.js'
import { coverageOf, SnapshotDamaged, type ParkedRow, type SnapshotReader } from './snapshots.js'
import type { Sql, Statement } from './sql.adapter.js'
import { readWhole } from './stored-document.js'

export interface CompactionReadsParts {
  readonly sql: Sql
  readonly policy: LogPolicy
  readonly documents: DocumentReads
  readonly entries: DocumentEntries
  readonly snapshots: SnapshotReader
  readonly loader: DocumentLoader
}

/** A snapshot that was found to be what it says, ready to be stored. */
export interface ProvenSnapshot {
  readonly collection: CollectionName
  readonly document: DocumentRef
  readonly base: number
  readonly through: number
  readonly bytes: Uint8Array
  /** See `encodeCoverage`. */
  readonly coverage: Uint8Array
  readonly stateVector: Uint8Array
  readonly parked: readonly ParkedRow[]
}

/** Where readers stand in each collection that has an active lease. */
export type LowestAcks = ReadonlyMap<CollectionName, number>

/** What compaction asks of the tables, away from the writer. */
export class CompactionReads {
  readonly #parts: CompactionReadsParts
  readonly #ripeCollections: Statement<readonly [CollectionName]>
  readonly #ripe: Statement<DocumentRow & { readonly collectionName: CollectionName }>

  constructor(parts: CompactionReadsParts) {
    this.#parts = parts
    this.#ripeCollections = parts.sql.readTuples(
      `SELECT name FROM collections
       WHERE id IN (SELECT collection FROM documents WHERE ripe > 0)`,
    )
    this.#ripe = parts.sql.read(
      `SELECT ${documentColumns},
         (SELECT name FROM collections WHERE id = documents.collection) AS collectionName
       FROM documents WHERE ripe > 0`,
    )
  }

  /** Whose acks `ripe` has to know. */
  ripeCollections(): readonly CollectionName[] {
    return this.#ripeCollections.all().map(([name]) => name)
  }

  /** As the port's `ripe`. Looks at documents over a threshold only, and at rows that may go. */
  ripe(limit: number, lowestAcks: LowestAcks, nowMs: number): readonly RipeDocument[] {
    const { sql, policy } = this.#parts
    return sql.snapshot(() => {
      const ripe: RipeDocument[] = []
      for (const row of this.#ripe.all()) {
        const isYoungGap = row.gappedSinceMs > 0 && nowMs - row.gappedSinceMs < policy.gapAgeMs
        if (isYoungGap || nowMs < row.retryAtMs) continue
        const lowestAck = lowestAcks.get(row.collectionName) ?? Infinity
        const freed = this.#freed(row, { lowestAck, nowMs, policy })
        if (!isWorthIt(freed, row)) continue
        ripe.push({
          collection: row.collectionName,
          document: refOf(row),
          freedRows: freed.rows,
          freedBytes: freed.bytes,
          gapped: row.gappedSinceMs > 0,
        })
      }
      return ripe.toSorted((a, b) => b.freedBytes - a.freedBytes).slice(0, limit)
    })
  }

  /** As the port's `source`. */
  source(
    collection: CollectionName,
    document: DocumentRef,
    nowMs: number,
  ): CompactionSource | undefined {
    const { sql, policy, snapshots, entries } = this.#parts
    return sql.snapshot(() => {
      const row = this.#compactable(collection, document)
      if (row === undefined) return undefined
      if (row.gappedSinceMs > 0 && nowMs - row.gappedSinceMs < policy.gapAgeMs) return undefined
      const { snapshot, rows } = readWhole(row, snapshots, entries)
      const { parked } = this.#load(row)
      return {
        through: row.lastSeq,
        ...(snapshot && { previous: { seq: snapshot.head.seq, bytes: snapshot.bytes } }),
        rows: packRows(rows.filter(({ seq }) => !parked.has(seq))),
        parked: packRows(rows.filter(({ seq }) => parked.has(seq))),
      }
    })
  }

  /**
   * The snapshot, if it is what it says: its bytes read and integrate by themselves, contain all that
   * is stored up to its seq, rows beside it aside, and no struct that no row holds. The builder is
   * not believed.
   */
  prove(snapshot: NewSnapshot): ProvenSnapshot | 'stale' | 'incomplete' {
    const { sql, snapshots, entries } = this.#parts
    const { collection, document, base, through, bytes } = snapshot
    return sql.snapshot(() => {
      const row = this.#compactable(collection, document)
      if (row === undefined || through < base) return 'stale'
      const stored = readWhole(row, snapshots, entries, through)
      const previous = stored.snapshot?.head
      if ((previous?.seq ?? 0) !== base) return 'stale'
      if (through > row.lastSeq) return 'incomplete'

      const read = readUpdate(bytes, ownBytes)
      if (!read.ok || missing(emptyCoverage, read.value).size > 0) return 'incomplete'
      const own = new Map(stored.rows.map(({ seq, bytes }) => [seq, bytes]))
      const parked: ParkedRow[] = []
      for (const { seq, bytes: given } of unpackRows(snapshot.parked)) {
        const stored = own.get(seq)
        if (stored === undefined || !isEqual(stored, given)) return 'incomplete'
        parked.push({ seq, bytes: stored })
        own.delete(seq)
      }
      if (previous !== undefined && !contains(read.value, coverageOf(previous))) return 'incomplete'
      for (const one of own.values()) {
        if (!contains(read.value, coverageOrNothing(one))) return 'incomplete'
      }
      const { integrated } = this.#load(row, through)
      if (integrated.lackingOf(read.value).structs.size > 0) return 'incomplete'
      const coverage = encodeCoverage(read.value)
      const stateVector = encodeStateVector(stateVectorOf(read.value))
      return { collection, document, base, through, bytes, coverage, stateVector, parked }
    })
  }

  /** Whether the newest snapshot can be read, and still holds what it was stored for. */
  readsBack(collection: CollectionName, document: DocumentRef): ReadBack | undefined {
    const { sql, snapshots } = this.#parts
    return sql.snapshot(() => {
      const row = this.#compactable(collection, document)
      if (row === undefined) return undefined
      try {
        const head = snapshots.newest(row.id)
        if (head === undefined) return undefined
        const { id, seq } = head
        if (head.settled) return { id, seq, isSettled: true, isGood: true }
        const read = readUpdate(snapshots.bytesOf(head), ownBytes)
        const isGood = read.ok && contains(read.value, coverageOf(head))
        return { id, seq, isSettled: false, isGood }
      } catch (error) {
        if (!(error instanceof SnapshotDamaged)) throw error
        return { id: error.id, seq: error.seq, isSettled: false, isGood: false }
      }
    })
  }

  /** What `have` lacks of what the log held of a document up to a seq. */
  lackingOf(
    collection: CollectionName,
    document: DocumentRef,
    seq: number,
    have: Coverage,
  ): IdRanges {
    const { sql, documents } = this.#parts
    return sql.snapshot(() => {
      const row = documents.find(collection, document)
      if (row === undefined) return emptyCoverage.structs
      const { structs, deletes } = difference(this.#load(row, seq).integrated.toCoverage(), have)
      return union({ ...emptyCoverage, structs }, { ...emptyCoverage, structs: deletes }).structs
    })
  }

  /** The latest generation, and live. */
  #compactable(
    collection: CollectionName,
    { id, generation }: DocumentRef,
  ): DocumentRow | undefined {
    const row = this.#parts.documents.latestRow(collection, id)
    return row?.generation === generation && row.deletedSeq === 0 ? row : undefined
  }

  #freed(row: DocumentRow, retention: Retention): RowSums {
    const all = { rows: row.tailRows, bytes: row.tailBytes }
    if (row.lastSeq <= retention.lowestAck) return all
    let rows = 0
    let bytes = 0
    for (const { size } of retirable(this.#parts.entries.sizes(row.id), all, retention)) {
      rows++
      bytes += size
    }
    return { rows, bytes }
  }

  #load(row: DocumentRow, through?: number): DocumentState {
    const { state, isDamaged } = this.#parts.loader.load(row, through)
    if (isDamaged) throw new Damaged(row.id, 'something stored does not read')
    return state
  }
}

export interface ReadBack {
  /** `snapshots.id`, which is used again; and what else tells it from others. */
  readonly id: number
  readonly seq: number
  readonly isSettled: boolean
  readonly isGood: boolean
}

/** An ack that frees one row asks for no rebuilding: a fair part of the tail has to go. */
function isWorthIt({ rows, bytes }: RowSums, { tailRows, tailBytes }: DocumentRow): boolean {
  return rows > 0 && (rows * fairPart >= tailRows || bytes * fairPart >= tailBytes)
}

function coverageOrNothing(bytes: Uint8Array): Coverage {
  const read = readUpdate(bytes, ownBytes)
  return read.ok ? read.value : emptyCoverage
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}
