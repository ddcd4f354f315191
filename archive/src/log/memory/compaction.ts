import {
  contains,
  difference,
  emptyCoverage,
  encodeStateVector,
  missing,
  readSnapshot,
  readUpdate,
  stateVectorOf,
  union,
  type CollectionName,
  type Coverage,
  type DocumentRef,
  type IdRanges,
} from '@holdfast/peer/protocol'
import type { Clock, Logger } from '@holdfast/peer/ports'
import type { LogPolicy } from '../options.js'
import { packRows, unpackRows } from '../packed-rows.js'
import type {
  CompactionLog,
  CompactionSource,
  Hint,
  HintVerdict,
  NewSnapshot,
  RetireResult,
  RipeDocument,
} from '../port.js'
import { checksumOf, isIntact } from './checksum.js'
import type { Counters } from './counters.js'
import type { MemoryLeases } from './leases.js'
import { retireRows, takeRowOut } from './quarantine.js'
import { ownBytes, rebuild, rebuildThrough } from './rebuild.js'
import { countRetirable } from './retention.js'
import {
  allDocuments,
  bytesOfRows,
  findDocument,
  latestGeneration,
  rowsAfter,
  type CollectionTable,
  type DocumentTable,
  type RowRecord,
  type SnapshotRecord,
  type Tables,
} from './tables.js'
import type { Plan, Writer } from './writer.js'

export interface CompactionOptions {
  readonly tables: Tables
  readonly leases: MemoryLeases
  readonly writer: Writer
  readonly policy: LogPolicy
  readonly clock: Clock
  readonly logger: Logger
  readonly counters: Counters
  /** Throws if the log is closed. */
  readonly assertOpen: () => void
  /** A document's rows have changed by other means than appending: what follows from it. */
  readonly changed: (collection: CollectionTable, table: DocumentTable) => void
  /** Takes out what is damaged of a document. */
  readonly heal: (collection: CollectionTable, table: DocumentTable) => Promise<void>
}

/** The memory log's half of compaction. */
export class MemoryCompaction implements CompactionLog {
  readonly #options: CompactionOptions

  constructor(options: CompactionOptions) {
    this.#options = options
  }

  async ripe(limit: number): Promise<readonly RipeDocument[]> {
    this.#options.assertOpen()
    const ripe: RipeDocument[] = []
    for (const collection of this.#options.tables.collections.values()) {
      const lowestAck = this.#options.leases.lowestAck(collection.name)
      for (const table of allDocuments(collection)) {
        if (this.#mayBeRipe(table)) ripe.push(...this.#freeing(collection, table, lowestAck))
      }
    }
    return ripe.toSorted((a, b) => b.freedBytes - a.freedBytes).slice(0, limit)
  }

  async source(
    collection: CollectionName,
    document: DocumentRef,
  ): Promise<CompactionSource | undefined> {
    this.#options.assertOpen()
    const found = this.#find(collection, document)
    if (found === undefined || this.#isYoungGap(found.table)) return undefined
    const previous = found.table.snapshots[0]
    const rows = [...(previous?.parked ?? []), ...rowsAfter(found.table, previous?.seq ?? 0)]
    if (!rows.every(isIntact) || (previous !== undefined && !isIntact(previous))) {
      await this.#options.heal(found.collection, found.table)
      return this.source(collection, document)
    }
    // Of the durable rows: what is being appended meanwhile is not in the source either.
    const { parked } = rebuild(found.table)
    const isParked = ({ seq }: RowRecord): boolean => parked.has(seq)
    return {
      through: found.table.lastSeq,
      ...(previous && { previous: { seq: previous.seq, bytes: previous.bytes.slice() } }),
      rows: packRows(rows.filter((row) => !isParked(row))),
      parked: packRows(rows.filter(isParked)),
    }
  }

  publish(snapshot: NewSnapshot): Promise<'published' | 'stale' | 'incomplete'> {
    return this.#write(() => {
      const found = this.#find(snapshot.collection, snapshot.document)
      const previous = found?.table.snapshots[0]
      const base = previous?.seq ?? 0
      if (found === undefined || snapshot.base !== base || snapshot.through < base) {
        return unchanged('stale')
      }
      const record = this.#proven(found.table, previous, snapshot)
      if (record === undefined) return unchanged('incomplete')
      const publish = (): void => {
        const settled = found.table.snapshots.find((one) => one.settled)
        found.table.snapshots = settled === undefined ? [record] : [record, settled]
        found.table.failedAttempts = 0
        found.table.retryAtMs = 0
        this.#options.counters.published++
        this.#options.changed(found.collection, found.table)
      }
      return { changes: [publish], answer: 'published' }
    })
  }

  async retire(
    collection: CollectionName,
    document: DocumentRef,
    maxRows: number,
  ): Promise<RetireResult> {
    await this.settle(collection, document)
    return this.#write(() => {
      const found = this.#find(collection, document)
      const table = found?.table
      const through = table?.snapshots.find((one) => one.settled)?.seq ?? 0
      if (found === undefined || table === undefined) {
        return unchanged({ removed: 0, retained: 0, prunedThrough: 0, more: false })
      }
      const { leases, clock, policy, counters } = this.#options
      const lowestAck = leases.lowestAck(collection)
      const retirable = countRetirable(table, through, lowestAck, clock.now(), policy)
      const removed = Math.min(retirable, maxRows)
      const stoodFor = table.rows.filter(({ seq }) => seq <= through).length
      const answer = {
        removed,
        retained: stoodFor - removed,
        prunedThrough: table.rows[removed - 1]?.seq ?? table.prunedThrough,
        more: removed < retirable,
      }
      if (removed === 0) return unchanged(answer)
      const retire = (): void => {
        retireRows(found.collection, table, removed)
        counters.retiredRows += removed
      }
      return { changes: [retire], answer }
    })
  }

  settle(collection: CollectionName, document: DocumentRef): Promise<'settled' | 'damaged'> {
    return this.#write<'settled' | 'damaged'>(() => {
      const found = this.#find(collection, document)
      const newest = found?.table.snapshots[0]
      if (found === undefined || newest === undefined || newest.settled) return unchanged('settled')
      const isGood = isIntact(newest) && contains(coverageOrNothing(newest.bytes), newest.coverage)
      const settle = (): void => {
        if (isGood) {
          newest.settled = true
          found.table.snapshots = [newest]
        } else {
          found.table.snapshots = found.table.snapshots.filter((one) => one !== newest)
          this.#options.changed(found.collection, found.table)
        }
      }
      if (!isGood) this.#options.logger.error('a snapshot does not read back', { collection })
      return { changes: [settle], answer: isGood ? 'settled' : 'damaged' }
    })
  }

  async judgeHint({ lease, document, seq, snapshot }: Hint): Promise<HintVerdict> {
    this.#options.assertOpen()
    const held = this.#options.leases.find(lease)
    if (held === undefined) return refusedHint('lease-ended', 'no such lease')
    if (seq > held.ack) return refusedHint('ack-beyond-sent', 'beyond what the lease has acked')
    const read = readSnapshot(snapshot)
    if (!read.ok) return { verdict: 'refused', refusal: read.refusal }
    const table = findDocument(this.#options.tables, lease.collection, document)
    if (table === undefined) return { verdict: 'agreed' }
    const { integrated } = rebuildThrough(table, seq)
    const needed = integrated.toCoverage()
    if (contains(read.value, needed)) return { verdict: 'agreed' }
    this.#options.counters.laggards++
    this.#options.logger.error('a peer lacks what it has acked', {
      collection: lease.collection,
      document: document.id,
      replica: lease.replica,
      seq,
    })
    return { verdict: 'laggard', missing: lackingIds(read.value, needed) }
  }

  failed(collection: CollectionName, document: DocumentRef, reason: string): Promise<void> {
    return this.#write(() => {
      const table = this.#find(collection, document)?.table
      if (table === undefined) return unchanged(undefined)
      const { clock, policy, logger, counters } = this.#options
      const record = (): void => {
        counters.failedCompactions++
        const pauseMs = policy.compactionBackoffMs * 2 ** table.failedAttempts
        table.failedAttempts++
        table.retryAtMs = clock.now() + Math.min(pauseMs, maxPauseMs)
      }
      logger.error('a compaction failed', { collection, document: document.id, reason })
      return { changes: [record], answer: undefined }
    })
  }

  quarantine(
    collection: CollectionName,
    document: DocumentRef,
    seq: number,
    reason: string,
  ): Promise<void> {
    return this.#write(() => {
      const found = this.#find(collection, document)
      const besides = found?.table.snapshots.flatMap(({ parked }) => parked) ?? []
      const row = [...(found?.table.rows ?? []), ...besides].find((one) => one.seq === seq)
      if (found === undefined || row === undefined) return unchanged(undefined)
      const { tables, clock, policy } = this.#options
      const setAside = (): void => {
        const out = { row, reason, atMs: clock.now(), forGood: true }
        takeRowOut(tables, found.collection, out, policy.maxQuarantineBytes)
        this.#options.changed(found.collection, found.table)
      }
      return { changes: [setAside], answer: undefined }
    })
  }

  async #write<T>(prepare: () => Plan<T>): Promise<T> {
    this.#options.assertOpen()
    return this.#options.writer.alone(prepare)
  }

  /** A document that can be compacted: the latest generation, and live. */
  #find(
    name: CollectionName,
    { id, generation }: DocumentRef,
  ): { readonly collection: CollectionTable; readonly table: DocumentTable } | undefined {
    const collection = this.#options.tables.collections.get(name)
    const table = latestGeneration(this.#options.tables, name, id)
    if (collection === undefined || table === undefined || table.deletedSeq !== undefined) {
      return undefined
    }
    return table.ref.generation === generation ? { collection, table } : undefined
  }

  #isYoungGap({ gappedSinceMs }: DocumentTable): boolean {
    const { clock, policy } = this.#options
    return gappedSinceMs !== undefined && clock.now() - gappedSinceMs < policy.gapAgeMs
  }

  #mayBeRipe(table: DocumentTable): boolean {
    const { clock, policy } = this.#options
    if (table.deletedSeq !== undefined || this.#isYoungGap(table)) return false
    if (clock.now() < table.retryAtMs) return false
    if (table.rows.length >= policy.ripeRows) return true
    const tailBytes = bytesOfRows(table.rows)
    const snapshotBytes = table.snapshots[0]?.bytes.length ?? 0
    return tailBytes >= policy.ripeBytes && tailBytes * fairPart >= snapshotBytes
  }

  /** Worth it only if a fair part of the tail goes: an ack that frees one row asks for no rebuilding. */
  #freeing(
    { name }: CollectionTable,
    table: DocumentTable,
    lowestAck: number,
  ): readonly RipeDocument[] {
    const { clock, policy } = this.#options
    const freedRows = countRetirable(table, table.lastSeq, lowestAck, clock.now(), policy)
    const freedBytes = bytesOfRows(table.rows.slice(0, freedRows))
    if (freedRows === 0) return []
    if (
      freedRows * fairPart < table.rows.length &&
      freedBytes * fairPart < bytesOfRows(table.rows)
    ) {
      return []
    }
    const gapped = table.gappedSinceMs !== undefined
    return [{ collection: name, document: table.ref, freedRows, freedBytes, gapped }]
  }

  /**
   * The snapshot, if it is what it says: its bytes read, integrate by themselves, contain all that
   * the log holds up to its seq, rows beside it aside, and no struct that no row holds.
   */
  #proven(
    table: DocumentTable,
    previous: SnapshotRecord | undefined,
    { through, bytes, parked }: NewSnapshot,
  ): SnapshotRecord | undefined {
    const read = readUpdate(bytes, ownBytes)
    if (!read.ok || through > table.lastSeq) return undefined
    const coverage = read.value
    if (missing(emptyCoverage, coverage).size > 0) return undefined

    const own = new Map<number, RowRecord>()
    for (const row of [...(previous?.parked ?? []), ...rowsAfter(table, previous?.seq ?? 0)]) {
      if (row.seq <= through) own.set(row.seq, row)
    }
    const beside: RowRecord[] = []
    for (const { seq, bytes: given } of unpackRows(parked)) {
      const row = own.get(seq)
      if (row === undefined || !isEqual(row.bytes, given)) return undefined
      beside.push(row)
      own.delete(seq)
    }
    const parts = [
      previous?.coverage,
      ...[...own.values()].map((row) => coverageOrNothing(row.bytes)),
    ]
    if (!parts.every((part) => part === undefined || contains(coverage, part))) return undefined
    const held = rebuildThrough(table, through).integrated
    if (held.lackingOf(coverage).structs.size > 0) return undefined

    const stateVector = encodeStateVector(stateVectorOf(coverage))
    const checksum = checksumOf(bytes)
    const copy = bytes.slice()
    return {
      seq: through,
      bytes: copy,
      checksum,
      coverage,
      stateVector,
      parked: beside,
      settled: false,
    }
  }
}

/** Of a tail or a snapshot: a quarter is worth the work. */
const fairPart = 4

/** Between two attempts at a document that does not compact. */
const maxPauseMs = 24 * 60 * 60 * 1000

function unchanged<T>(answer: T): Plan<T> {
  return { changes: [], answer }
}

function refusedHint(code: 'lease-ended' | 'ack-beyond-sent', detail: string): HintVerdict {
  return { verdict: 'refused', refusal: { code, detail } }
}

function coverageOrNothing(bytes: Uint8Array): Coverage {
  const read = readUpdate(bytes, ownBytes)
  return read.ok ? read.value : emptyCoverage
}

/** What `have` lacks of `needed`, structs and deletions alike. */
function lackingIds(have: Coverage, needed: Coverage): IdRanges {
  const { structs, deletes } = difference(needed, have)
  return union({ ...emptyCoverage, structs }, { ...emptyCoverage, structs: deletes }).structs
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}
