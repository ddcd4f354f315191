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

function sumOfBytes(rows: readonly RowRecord[]): number {
  return rows.reduce((sum, { bytes }) => sum + bytes.length, 0)
}
