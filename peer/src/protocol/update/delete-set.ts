import { malformed, tooLarge, type ByteReader } from './bytes.js'
import { emptyCoverage, type IdRanges } from './coverage.js'
import type { UpdateLimits } from './limits.js'
import { appendRange } from './ranges.js'

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
  if (clients > limits.maxClients) throw tooLarge(`more than ${limits.maxClients} clients`)
  const deletes = new Map<number, readonly number[]>()
  for (let i = 0; i < clients; i++) {
    const client = reader.uint()
    if (deletes.has(client)) throw malformed('deletions of one client in two places')
    deletes.set(client, readRanges(reader, limits))
  }
  return deletes
}

function readRanges(reader: ByteReader, limits: UpdateLimits): readonly number[] {
  const count = reader.count(minRangeBytes)
  if (count === 0) throw malformed('a client without deletions')
  const ranges: number[] = []
  let end = 0
  for (let i = 0; i < count; i++) {
    const from = reader.uint()
    const length = reader.uint()
    if (from < end) throw malformed('deletions overlap or descend')
    if (length === 0) throw malformed('a deletion without length')
    end = from + length
    if (end > limits.maxClock) throw malformed(`a clock above ${limits.maxClock}`)
    appendRange(ranges, from, end)
  }
  return ranges
}

/** A client's deletions take its id, their number, and one range. */
const minClientBytes = 4
const minRangeBytes = 2
