import type { DocumentState } from '../append/index.js'
import type { DocumentRow } from './document-row.js'
import type { TotalsRow } from './totals.js'

/**
 * Writes into a document's row, and the totals, what its state says of its gap. A generation that
 * has ended has none.
 */
export function noteGap(
  row: DocumentRow,
  state: DocumentState,
  totals: TotalsRow,
  nowMs: number,
): void {
  const isGapped = row.deletedSeq === 0 && state.isGapped
  const parkedRows = isGapped ? state.parked.count : 0
  const parkedBytes = isGapped ? state.parked.bytes : 0
  totals.parkedBytes += parkedBytes - row.parkedBytes
  totals.gappedDocuments += (isGapped ? 1 : 0) - (row.gappedSinceMs > 0 ? 1 : 0)
  row.parkedRows = parkedRows
  row.parkedBytes = parkedBytes
  if (!isGapped) row.gappedSinceMs = 0
  // Never 0, which would say that there is none.
  else if (row.gappedSinceMs === 0) row.gappedSinceMs = Math.max(1, nowMs)
}
