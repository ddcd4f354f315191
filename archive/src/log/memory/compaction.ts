import {
  contains,
  difference,
  emptyCoverage,
  readSnapshot,
  union,
  type CollectionName,
  type Coverage,
  type DocumentRef,
  type IdRanges,
} from '@holdfast/peer/protocol'
import type { Clock, Logger } from '@holdfast/peer/ports'
import type { LeaseBook } from '../leases.js'
import type { LogPolicy } from '../options.js'
import { packRows } from '../packed-rows.js'
import type {
  CompactionLog,
  CompactionSource,
  Hint,
  HintVerdict,
  NewSnapshot,
  RetireResult,
  RipeDocument,
} from '../port.js'
import { isIntact } from './checksum.js'
import type { Counters } from './counters.js'
import { notWithin, provenSnapshot, readsBack } from './proof.js'
import { retireRows, takeRowOut } from './quarantine.js'
import { rebuild, rebuildThrough } from './rebuild.js'
import {
  countRetirable,
  hasYoungGap,
  pauseAfterFailures,
  whatCompactionFrees,
} from './retention.js'
import {
  allDocuments,
  findDocument,
  latestGeneration,
  type CollectionTable,
  type DocumentTable,
  type RowRecord,
  type Tables,
} from './tables.js'
import type { Plan, Writer } from './writer.js'

export interface CompactionOptions {
  readonly tables: Tables
  readonly leases: LeaseBook
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
    const { tables, leases, clock, policy } = this.#options
    const ripe: RipeDocument[] = []
    for (const collection of tables.collections.values()) {
      const lowestAck = leases.lowestAck(collection.name)
      for (const table of allDocuments(collection)) {
        const frees = whatCompactionFrees(table, lowestAck, clock.now(), policy)
        if (frees === undefined) continue
        const gapped = table.gappedSinceMs !== undefined
        ripe.push({ collection: collection.name, document: table.ref, ...frees, gapped })
      }
    }
    return ripe.toSorted((a, b) => b.freedBytes - a.freedBytes).slice(0, limit)
  }

  async source(
    collection: CollectionName,
    document: DocumentRef,
  ): Promise<CompactionSource | undefined> {
    this.#options.assertOpen()
    const { clock, policy } = this.#options
    const found = this.#find(collection, document)
    if (found === undefined || hasYoungGap(found.table, clock.now(), policy)) return undefined
    const previous = found.table.snapshots[0]
    const rows = notWithin(found.table)
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
      const record = provenSnapshot(found.table, previous, snapshot)
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
      const isGood = readsBack(newest)
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
        table.failedAttempts++
        table.retryAtMs = clock.now() + pauseAfterFailures(table.failedAttempts, policy)
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
      // What a snapshot holds is past being set aside, and its row still has readers to go to.
      const row = found && notWithin(found.table).find((one) => one.seq === seq)
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
}

function unchanged<T>(answer: T): Plan<T> {
  return { changes: [], answer }
}

function refusedHint(code: 'lease-ended' | 'ack-beyond-sent', detail: string): HintVerdict {
  return { verdict: 'refused', refusal: { code, detail } }
}

/** What `have` lacks of `needed`, structs and deletions alike. */
function lackingIds(have: Coverage, needed: Coverage): IdRanges {
  const { structs, deletes } = difference(needed, have)
  return union({ ...emptyCoverage, structs }, { ...emptyCoverage, structs: deletes }).structs
}
