import type { LogPolicy } from '../options.js'
import type { DocumentRow } from './document-row.js'

/**
 * 0 while a document's stored rows are below every threshold; else their bytes, roughly. Kept in the
 * transaction of the append, so that nobody ever has to look for documents that have grown. Whether
 * compaction would free anything depends on acks, too: that is asked when it is ripe.
 *
 * Rounded down to a power of two: the index then changes when a document's tail has doubled, and not
 * with each row.
 */
export function ripenessOf(row: DocumentRow, { ripeRows, ripeBytes }: LogPolicy): number {
  if (row.deletedSeq > 0 || row.tailRows === 0) return 0
  const isOverRows = row.tailRows >= ripeRows
  const isOverBytes = row.tailBytes >= ripeBytes && row.tailBytes * fairPart >= row.snapshotBytes
  return isOverRows || isOverBytes ? 2 ** Math.floor(Math.log2(Math.max(1, row.tailBytes))) : 0
}

/** Of a tail or a snapshot: a quarter is worth rebuilding the document for. */
export const fairPart = 4
