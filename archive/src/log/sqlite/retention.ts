import type { LogPolicy } from '../options.js'

/** A stored row, for deciding whether it may go. */
export interface RetainedRow {
  readonly seq: number
  readonly size: number
  readonly atMs: number
}

export interface Retention {
  /** Rows up to here no active reader is waiting for; Infinity without active readers. */
  readonly lowestAck: number
  readonly nowMs: number
  readonly policy: LogPolicy
}

/** Of rows: how many, and how large together. */
export interface RowSums {
  readonly rows: number
  readonly bytes: number
}

/**
 * The oldest rows of a document that may go, once a snapshot stands for all of these: those that no
 * active reader is waiting for any more, and those beyond the cap on what is retained for laggards.
 * Looks no further than the first that stays.
 */
export function* retirable<Row extends RetainedRow>(
  oldestFirst: Iterable<Row>,
  stoodFor: RowSums,
  { lowestAck, nowMs, policy }: Retention,
): Generator<Row> {
  let { rows, bytes } = stoodFor
  for (const row of oldestFirst) {
    if (rows === 0) return
    const isBeyondCap =
      rows > policy.maxTailRows ||
      bytes > policy.maxTailBytes ||
      nowMs - row.atMs > policy.maxTailAgeMs
    if (row.seq > lowestAck && !isBeyondCap) return
    rows--
    bytes -= row.size
    yield row
  }
}
