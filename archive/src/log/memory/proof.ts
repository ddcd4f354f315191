import {
  contains,
  emptyCoverage,
  encodeStateVector,
  missing,
  readUpdate,
  stateVectorOf,
  type Coverage,
} from '@holdfast/peer/protocol'
import { unpackRows } from '../packed-rows.js'
import type { NewSnapshot } from '../port.js'
import { checksumOf } from './checksum.js'
import { ownBytes, rebuildThrough } from './rebuild.js'
import { rowsAfter, type DocumentTable, type RowRecord, type SnapshotRecord } from './tables.js'

/**
 * The snapshot, if it is what it says: its bytes read, integrate by themselves, contain all that the
 * log holds up to its seq, rows beside it aside, and no struct that no row holds.
 */
export function provenSnapshot(
  table: DocumentTable,
  previous: SnapshotRecord | undefined,
  { through, bytes, parked: given }: NewSnapshot,
): SnapshotRecord | undefined {
  const read = readUpdate(bytes, ownBytes)
  if (!read.ok || through > table.lastSeq) return undefined
  const coverage = read.value
  if (missing(emptyCoverage, coverage).size > 0) return undefined

  const within = new Map<number, RowRecord>()
  for (const row of notWithin(table)) {
    if (row.seq <= through) within.set(row.seq, row)
  }
  const parked: RowRecord[] = []
  for (const { seq, bytes } of unpackRows(given)) {
    const row = within.get(seq)
    if (row === undefined || !isEqual(row.bytes, bytes)) return undefined
    parked.push(row)
    within.delete(seq)
  }
  if (previous !== undefined && !contains(coverage, previous.coverage)) return undefined
  if (![...within.values()].every(({ bytes }) => contains(coverage, coverageOf(bytes)))) {
    return undefined
  }
  if (rebuildThrough(table, through).integrated.lackingOf(coverage).structs.size > 0) {
    return undefined
  }
  const stateVector = encodeStateVector(stateVectorOf(coverage))
  const own = { bytes: bytes.slice(), checksum: checksumOf(bytes) }
  return { seq: through, ...own, coverage, stateVector, parked, settled: false }
}

/** The rows of a document that its newest snapshot does not hold: those beside it and those after. */
export function notWithin(table: DocumentTable): readonly RowRecord[] {
  const snapshot = table.snapshots[0]
  return [...(snapshot?.parked ?? []), ...rowsAfter(table, snapshot?.seq ?? 0)]
}

/** Whether the bytes are still what was written, and still hold what they held. */
export function readsBack({ bytes, checksum, coverage }: SnapshotRecord): boolean {
  return checksumOf(bytes) === checksum && contains(coverageOf(bytes), coverage)
}

function coverageOf(bytes: Uint8Array): Coverage {
  const read = readUpdate(bytes, ownBytes)
  return read.ok ? read.value : emptyCoverage
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}
