import type { ByteReader } from './bytes.js'
import { emptyCoverage, type IdRanges } from './coverage.js'
import type { UpdateLimits } from './limits.js'
import { appendRange } from './ranges.js'
import { wrong } from './wrong.js'

/**
 * Reads Yjs' delete set: `clients(n)`, each `client ranges(n)`, each `clock length`.
 *
 * Every client once, its ranges ascending and disjoint, as Yjs writes them. It would read others as
 * well, but a deletion that has to wait for its struct is kept in Yjs' second format, in differences,
 * which turn to nonsense when they are negative, and a length of zero throws there.
 */
export function readDeleteSet(reader: ByteReader, limits: UpdateLimits): IdRanges {
  const clients = reader.count(minClientBytes)
  if (clients === 0) return emptyCoverage.deletes
  if (clients > limits.maxClients) throw wrong.tooManyClients
  const deletes = new Map<number, readonly number[]>()
  for (let i = 0; i < clients; i++) {
    const client = reader.uint()
    if (deletes.has(client)) throw wrong.clientTwice
    deletes.set(client, readRanges(reader, limits))
  }
  return deletes
}

function readRanges(reader: ByteReader, limits: UpdateLimits): readonly number[] {
  const count = reader.count(minRangeBytes)
  if (count === 0) throw wrong.clientEmpty
  const ranges: number[] = []
  let end = 0
  for (let i = 0; i < count; i++) {
    const from = reader.uint()
    const length = reader.uint()
    if (from < end) throw wrong.rangesNotAscending
    if (length === 0) throw wrong.lengthZero
    end = from + length
    if (end > limits.maxClock) throw wrong.clockTooLarge
    appendRange(ranges, from, end)
  }
  return ranges
}

/** A client's deletions take its id, their number, and one range. */
const minClientBytes = 4
const minRangeBytes = 2
