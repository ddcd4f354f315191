import type { CollectionName, DocumentRef } from '@holdfast/peer/protocol'
import { opHash } from '../append/index.js'
import type { Quarantined } from '../port.js'
import { isIntact } from './checksum.js'
import type {
  CollectionTable,
  DocumentTable,
  QuarantineRecord,
  RowRecord,
  Tables,
} from './tables.js'

/** Records of ops that never became rows: beyond this many the oldest go. */
const maxRefusedRecords = 10_000

/** Keeps bytes for whoever investigates; their hash and the reason only, once the cap is reached. */
export function keepAside(
  tables: Tables,
  record: Omit<QuarantineRecord, 'size'> & { readonly bytes: Uint8Array },
  maxBytes: number,
): void {
  const { bytes, ...rest } = record
  const kept = tables.quarantine.reduce((sum, one) => sum + (one.bytes?.length ?? 0), 0)
  const fits = kept + bytes.length <= maxBytes
  tables.quarantine.push({ ...rest, size: bytes.length, ...(fits && { bytes: bytes.slice() }) })
  const refused = tables.quarantine.filter(({ seq }) => seq === undefined)
  const oldest = refused[0]
  if (oldest !== undefined && refused.length > maxRefusedRecords) {
    tables.quarantine.splice(tables.quarantine.indexOf(oldest), 1)
  }
}

export function newestQuarantined(tables: Tables, limit: number): readonly Quarantined[] {
  return tables.quarantine
    .slice(-limit)
    .toReversed()
    .map(({ hash: _hash, bytes, ...rest }) => ({ ...rest, ...(bytes && { bytes: bytes.slice() }) }))
}

export interface TakenOut {
  readonly row: RowRecord
  readonly reason: string
  readonly atMs: number
  /** Whether the same bytes stay out when they come again. */
  readonly forGood: boolean
}

/** Moves a row of a document, or one beside its snapshot, out of the log. */
export function takeRowOut(
  tables: Tables,
  collection: CollectionTable,
  { row, reason, atMs, forGood }: TakenOut,
  maxBytes: number,
): void {
  const { seq, table, bytes, id } = row
  removeWhere(table.rows, (one) => one.seq === seq)
  removeWhere(collection.entries, (one) => one.seq === seq)
  table.snapshots = table.snapshots.map((snapshot) => ({
    ...snapshot,
    parked: snapshot.parked.filter((one) => one.seq !== seq),
  }))
  const hash = opHash(bytes)
  if (forGood) table.setAside.add(hash)
  const record = { ...nameOf(collection, table), seq, reason, hash, atMs, bytes }
  keepAside(tables, { ...record, ...(id && { id }) }, maxBytes)
}

/**
 * Takes out what is damaged of a document. A row that a good snapshot stands for is retired with all
 * rows before it, so that its place in the stream is the snapshot's from now on. What nothing stands
 * for is a gap from now on: whoever holds it is asked for it.
 */
export function takeDamageOut(
  tables: Tables,
  collection: CollectionTable,
  table: DocumentTable,
  atMs: number,
  maxBytes: number,
): number {
  let found = 0
  for (const snapshot of table.snapshots.filter((one) => !isIntact(one))) {
    found++
    table.snapshots = table.snapshots.filter((one) => one !== snapshot)
    const { bytes, seq } = snapshot
    const reason = 'the snapshot has changed on the disk'
    const record = { ...nameOf(collection, table), seq, reason, hash: opHash(bytes), atMs, bytes }
    keepAside(tables, record, maxBytes)
  }
  const beside = table.snapshots.flatMap(({ parked }) => parked)
  for (const row of [...table.rows, ...beside].filter((one) => !isIntact(one))) {
    found++
    const reason = 'the row has changed on the disk'
    takeRowOut(tables, collection, { row, reason, atMs, forGood: false }, maxBytes)
    if (row.seq <= (table.snapshots[0]?.seq ?? 0)) {
      retireRows(collection, table, table.rows.filter(({ seq }) => seq < row.seq).length)
      table.prunedThrough = Math.max(table.prunedThrough, row.seq)
    }
  }
  return found
}

/** Deletes a document's oldest rows, and says so in the same breath. */
export function retireRows(collection: CollectionTable, table: DocumentTable, count: number): void {
  const retired = new Set(table.rows.splice(0, count))
  removeWhere(collection.entries, (entry) => entry.kind === 'row' && retired.has(entry))
  for (const { seq } of retired) table.prunedThrough = Math.max(table.prunedThrough, seq)
}

function nameOf(
  { name }: CollectionTable,
  { ref }: DocumentTable,
): { readonly collection: CollectionName; readonly document: DocumentRef } {
  return { collection: name, document: ref }
}

function removeWhere<T>(list: T[], isUnwanted: (item: T) => boolean): void {
  const kept = list.filter((item) => !isUnwanted(item))
  list.splice(0, list.length, ...kept)
}
