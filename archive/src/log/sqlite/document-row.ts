import type { DocumentId, DocumentRef } from '@holdfast/peer/protocol'
import type { DocumentSummary } from '../port.js'

/** One generation of a document, as it is stored; docs of the columns are in the schema. */
export interface DocumentRow {
  readonly id: number
  readonly collection: number
  readonly name: DocumentId
  readonly generation: number
  deletedSeq: number
  lastSeq: number
  prunedThrough: number
  snapshotSeq: number
  snapshotBytes: number
  tailRows: number
  tailBytes: number
  coveredRows: number
  coveredBytes: number
  tailSinceMs: number
  parkedRows: number
  parkedBytes: number
  gappedSinceMs: number
  ripe: number
  failures: number
  retryAtMs: number
  lastError: string
}

export const documentColumns =
  'id, collection, name, generation, deleted_seq AS deletedSeq, last_seq AS lastSeq,' +
  ' pruned_through AS prunedThrough, snapshot_seq AS snapshotSeq,' +
  ' snapshot_bytes AS snapshotBytes, tail_rows AS tailRows, tail_bytes AS tailBytes,' +
  ' covered_rows AS coveredRows, covered_bytes AS coveredBytes, tail_since_ms AS tailSinceMs,' +
  ' parked_rows AS parkedRows, parked_bytes AS parkedBytes, gapped_since_ms AS gappedSinceMs,' +
  ' ripe, failures, retry_at_ms AS retryAtMs, last_error AS lastError'

/**
 * A copy to be kept and changed. Written out, so that all of them have one shape: what SQLite's driver
 * makes, and what a spread makes, V8 reads many times more slowly, and each append reads ten of them.
 */
export function keptRow(row: DocumentRow): DocumentRow {
  return {
    id: row.id,
    collection: row.collection,
    name: row.name,
    generation: row.generation,
    deletedSeq: row.deletedSeq,
    lastSeq: row.lastSeq,
    prunedThrough: row.prunedThrough,
    snapshotSeq: row.snapshotSeq,
    snapshotBytes: row.snapshotBytes,
    tailRows: row.tailRows,
    tailBytes: row.tailBytes,
    coveredRows: row.coveredRows,
    coveredBytes: row.coveredBytes,
    tailSinceMs: row.tailSinceMs,
    parkedRows: row.parkedRows,
    parkedBytes: row.parkedBytes,
    gappedSinceMs: row.gappedSinceMs,
    ripe: row.ripe,
    failures: row.failures,
    retryAtMs: row.retryAtMs,
    lastError: row.lastError,
  }
}

export function refOf({ name, generation }: DocumentRow): DocumentRef {
  return { id: name, generation }
}

export function summaryOf(row: DocumentRow): DocumentSummary {
  return {
    document: refOf(row),
    deleted: row.deletedSeq > 0,
    lastSeq: row.lastSeq,
    prunedThrough: row.prunedThrough,
    tailRows: row.tailRows,
    tailBytes: row.tailBytes,
    snapshotBytes: row.snapshotBytes,
    gapped: row.gappedSinceMs > 0,
  }
}

/** Of a generation that has no entry yet. */
export const emptyRow = {
  deletedSeq: 0,
  lastSeq: 0,
  prunedThrough: 0,
  snapshotSeq: 0,
  snapshotBytes: 0,
  tailRows: 0,
  tailBytes: 0,
  coveredRows: 0,
  coveredBytes: 0,
  tailSinceMs: 0,
  parkedRows: 0,
  parkedBytes: 0,
  gappedSinceMs: 0,
  ripe: 0,
  failures: 0,
  retryAtMs: 0,
  lastError: '',
}
