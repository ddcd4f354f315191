import { sorted } from '../sorted.js'
import { createEncoder, toUint8Array, writeUint8, writeVarUint, type Encoder } from 'lib0/encoding'
import type { Parsed } from '../parsed.js'
import { parsing, type ByteReader } from './bytes.js'
import { emptyCoverage, type Coverage, type IdRanges } from './coverage.js'
import { updateLimits, type UpdateLimits } from './limits.js'
import { wrong } from './wrong.js'

/**
 * A coverage in bytes, to be kept. References are left out: they say what the bytes needed when they
 * came, not what they contain. Equal coverages give equal bytes.
 *
 *     coverage  version=1  structs ids  deletes ids
 *     ids       clients(n)  n × client                              clients ascend
 *     client    id ranges(n)  n × (clocks since the last end, length)
 */
export function encodeCoverage(coverage: Coverage): Uint8Array {
  const encoder = createEncoder()
  writeUint8(encoder, version)
  writeIds(encoder, coverage.structs)
  writeIds(encoder, coverage.deletes)
  return toUint8Array(encoder)
}

/** Reads what `encodeCoverage` wrote, and nothing else. */
export function readCoverage(
  bytes: Uint8Array,
  limits: UpdateLimits = updateLimits,
): Parsed<Coverage> {
  return parsing(bytes, limits.maxBytes, (reader) => {
    if (reader.byte() !== version) throw wrong.unknownVersion
    const structs = readIds(reader, limits)
    const deletes = readIds(reader, limits)
    reader.finish()
    return { structs, deletes, refs: emptyCoverage.refs }
  })
}

function writeIds(encoder: Encoder, ids: IdRanges): void {
  writeVarUint(encoder, ids.size)
  for (const [client, ranges] of sorted(ids, ([a], [b]) => a - b)) {
    writeVarUint(encoder, client)
    writeVarUint(encoder, ranges.length / 2)
    let end = 0
    for (let i = 0; i < ranges.length; i += 2) {
      const from = ranges[i] as number
      writeVarUint(encoder, from - end)
      end = ranges[i + 1] as number
      writeVarUint(encoder, end - from)
    }
  }
}

function readIds(reader: ByteReader, limits: UpdateLimits): IdRanges {
  const clients = reader.count(minClientBytes)
  if (clients > limits.maxClients) throw wrong.tooManyClients
  const ids = new Map<number, readonly number[]>()
  let last = -1
  for (let i = 0; i < clients; i++) {
    const client = reader.uint()
    if (client <= last) throw wrong.clientsNotOrdered
    last = client
    ids.set(client, readRanges(reader, limits))
  }
  return ids
}

function readRanges(reader: ByteReader, limits: UpdateLimits): readonly number[] {
  const count = reader.count(minRangeBytes)
  if (count === 0) throw wrong.clientEmpty
  const ranges: number[] = []
  let end = 0
  for (let i = 0; i < count; i++) {
    const gap = reader.uint()
    const length = reader.uint()
    if (length === 0 || (gap === 0 && i > 0)) throw wrong.rangesNotAscending
    const from = end + gap
    end = from + length
    if (end > limits.maxClock) throw wrong.clockTooLarge
    ranges.push(from, end)
  }
  return ranges
}

const version = 1

/** A client takes its id, its number of ranges, and one range. */
const minClientBytes = 4
const minRangeBytes = 2
