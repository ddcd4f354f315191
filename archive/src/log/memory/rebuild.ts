import { readUpdate, updateLimits, type Coverage, type UpdateLimits } from '@holdfast/peer/protocol'
import { DocumentState } from '../append/index.js'
import { LogError } from '../errors.js'
import { isIntact } from './checksum.js'
import {
  bytesOfRows,
  bytesOfSnapshot,
  rowsAfter,
  type DocumentTable,
  type RowRecord,
  type SnapshotRecord,
} from './tables.js'

/** What the durable rows of a document add up to; what is damaged counts as gone. */
export function rebuild(table: DocumentTable): DocumentState {
  const snapshot = newestIntact(table)
  const rows = rowsAfter(table, snapshot?.seq ?? 0)
  const state = new DocumentState(
    table.ref,
    snapshot?.coverage,
    table.instanceByClient,
    table.setAside,
  )
  integrateAll(state, snapshot, rows)
  state.lastSeq = table.lastSeq
  state.deletedSeq = table.deletedSeq
  state.bytes = bytesOfSnapshot(snapshot) + bytesOfRows(rows)
  return state
}

/** What the rows of a document up to a seq add up to, as far as they are still there. */
export function rebuildThrough(table: DocumentTable, seq: number): DocumentState {
  const snapshot = table.snapshots.find((one) => one.seq <= seq && isIntact(one))
  const rows = rowsAfter(table, snapshot?.seq ?? 0).filter((row) => row.seq <= seq)
  const state = new DocumentState(table.ref, snapshot?.coverage)
  integrateAll(state, snapshot, rows)
  return state
}

export function newestIntact({ snapshots }: DocumentTable): SnapshotRecord | undefined {
  return snapshots.find(isIntact)
}

/** Of bytes that were judged on their way in, and of documents, which may be larger than an op. */
function coverageOf(bytes: Uint8Array): Coverage {
  const read = readUpdate(bytes, ownBytes)
  if (!read.ok) throw new LogError('damaged', `stored bytes do not read: ${read.refusal.detail}`)
  return read.value
}

export const ownBytes: UpdateLimits = { ...updateLimits, maxBytes: Number.MAX_SAFE_INTEGER }

function integrateAll(
  state: DocumentState,
  snapshot: SnapshotRecord | undefined,
  rows: readonly RowRecord[],
): void {
  for (const row of [...(snapshot?.parked ?? []), ...rows]) {
    if (!isIntact(row)) continue
    const { seq, bytes } = row
    state.integrate({ seq, size: bytes.length, coverage: coverageOf(bytes) })
  }
}
