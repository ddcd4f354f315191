import type { LogPolicy } from '../options.js'
import type { DocumentTable, RowRecord } from './tables.js'

/**
 * How many of these rows, the oldest of a document that a snapshot up to `through` stands for, may
 * go: those that no active reader is waiting for any more, and those beyond the cap on what is
 * retained for laggards.
 */
export function countRetirable(
  { rows }: DocumentTable,
  through: number,
  lowestAck: number,
  nowMs: number,
  { maxTailRows, maxTailBytes, maxTailAgeMs }: LogPolicy,
): number {
  const stoodFor = rows.filter(({ seq }) => seq <= through)
  let leftRows = stoodFor.length
  let leftBytes = sumOfBytes(stoodFor)
  let count = 0
  for (const { seq, bytes, atMs } of stoodFor) {
    const isBeyondCap =
      leftRows > maxTailRows || leftBytes > maxTailBytes || nowMs - atMs > maxTailAgeMs
    if (seq > lowestAck && !isBeyondCap) break
    leftRows--
    leftBytes -= bytes.length
    count++
  }
  return count
}

/** What compacting a document now would let go; undefined if it is not ripe. */
export function whatCompactionFrees(
  table: DocumentTable,
  lowestAck: number,
  nowMs: number,
  policy: LogPolicy,
): { readonly freedRows: number; readonly freedBytes: number } | undefined {
  if (table.deletedSeq !== undefined || isHeldBack(table, nowMs)) return undefined
  if (hasYoungGap(table, nowMs, policy) || !isOverThreshold(table, policy)) return undefined
  const freedRows = countRetirable(table, table.lastSeq, lowestAck, nowMs, policy)
  const freedBytes = sumOfBytes(table.rows.slice(0, freedRows))
  if (freedRows === 0) return undefined
  // An ack that frees one row of many asks for no rebuilding of the whole.
  const isFair =
    freedRows * fairPart >= table.rows.length || freedBytes * fairPart >= sumOfBytes(table.rows)
  return isFair ? { freedRows, freedBytes } : undefined
}

/** The pause after a compaction that failed for so many times in a row. */
export function pauseAfterFailures(failures: number, { compactionBackoffMs }: LogPolicy): number {
  return Math.min(compactionBackoffMs * 2 ** (failures - 1), maxPauseMs)
}

/** A pause longer than there is one means that the wall clock was set back. */
function isHeldBack({ retryAtMs }: DocumentTable, nowMs: number): boolean {
  return nowMs < retryAtMs && retryAtMs - nowMs <= maxPauseMs
}

const maxPauseMs = 24 * 60 * 60 * 1000

/** A gap that may still close by itself holds compaction back. */
export function hasYoungGap(
  { gappedSinceMs }: DocumentTable,
  nowMs: number,
  { gapAgeMs }: LogPolicy,
): boolean {
  return gappedSinceMs !== undefined && nowMs - gappedSinceMs < gapAgeMs
}

function isOverThreshold(
  { rows, snapshots }: DocumentTable,
  { ripeRows, ripeBytes }: LogPolicy,
): boolean {
  if (rows.length >= ripeRows) return true
  const tailBytes = sumOfBytes(rows)
  return tailBytes >= ripeBytes && tailBytes * fairPart >= (snapshots[0]?.bytes.length ?? 0)
}

/** Of a tail or of a snapshot: a quarter is worth the work. */
const fairPart = 4

function sumOfBytes(rows: readonly RowRecord[]): number {
  return rows.reduce((sum, { bytes }) => sum + bytes.length, 0)
}
