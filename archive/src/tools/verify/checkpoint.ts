import { encodeCoverage, readUpdate } from '@holdfast/peer/protocol'
import { DocumentState } from '../../log/append/index.js'
import type { Checkpoints } from '../../log/sqlite/checkpoints.js'
import { refOf, type DocumentRow } from '../../log/sqlite/document-row.js'
import { entryKind, type DocumentEntries } from '../../log/sqlite/entries.js'
import { ownBytes } from '../../log/sqlite/own-bytes.js'
import { isEqual } from './equal.js'
import type { Fault } from './report.js'
import type { SnapshotFindings } from './snapshots.js'

/**
 * A document's checkpoint and the rows after it add up to what all of its rows do. Only time rests on
 * checkpoints that say too little, but one that says too much would hide an edit that comes again.
 */
export function checkCheckpoint(
  whole: DocumentState,
  row: DocumentRow,
  { seq: snapshotSeq, parked }: SnapshotFindings,
  {
    checkpoints,
    entries,
  }: { readonly checkpoints: Checkpoints; readonly entries: DocumentEntries },
  add: (fault: Fault) => void,
): void {
  const checkpoint = checkpoints.find(row.id)
  if (checkpoint === undefined || checkpoint.seq < snapshotSeq) return
  const where = `the checkpoint at ${checkpoint.seq}`
  const state = new DocumentState(refOf(row), checkpoint.integrated)
  const integrate = (seq: number, bytes: Uint8Array | undefined): boolean => {
    const read = bytes && readUpdate(bytes, ownBytes)
    if (bytes === undefined || read === undefined || !read.ok) return false
    state.integrate({ seq, size: bytes.length, coverage: read.value })
    return true
  }
  for (const seq of checkpoint.parkedSeqs) {
    const beside = parked.find((one) => one.seq === seq)
    const bytes = beside?.bytes ?? entries.bySeq(row.collection, seq)?.bytes
    if (integrate(seq, bytes)) continue
    add({ kind: 'coverage', seq, what: `${where} parks a row that is not there` })
  }
  for (const { seq, kind, bytes } of entries.after(row.id, checkpoint.seq)) {
    // Rows that do not read have been told of already.
    if (kind === entryKind.row) integrate(seq, bytes)
  }
  if (isSame(state, whole)) return
  add({ kind: 'coverage', what: `${where} is not what the rows add up to` })
}

function isSame(a: DocumentState, b: DocumentState): boolean {
  return parkedSeqs(a) === parkedSeqs(b) && isEqual(coverageOf(a), coverageOf(b))
}

/** Equal coverages have equal bytes. */
function coverageOf({ integrated }: DocumentState): Uint8Array {
  return encodeCoverage(integrated.toCoverage())
}

function parkedSeqs({ parked }: DocumentState): string {
  return [...parked.rows].map(({ seq }) => seq).join()
}
