import { sorted } from '../sorted.js'
import { createEncoder, toUint8Array, writeVarUint } from 'lib0/encoding'
import type { Parsed } from '../parsed.js'
import { parsing, type ByteReader } from './bytes.js'
import { emptyCoverage, type Coverage } from './coverage.js'
import { readDeleteSet } from './delete-set.js'
import { updateLimits, type UpdateLimits } from './limits.js'
import { wrong } from './wrong.js'

/** By client the number of its clocks that are there, from 0 on without a hole. */
export type StateVector = ReadonlyMap<number, number>

/** Reads a state vector as `Y.encodeStateVector` writes it. */
export function readStateVector(
  bytes: Uint8Array,
  limits: UpdateLimits = updateLimits,
): Parsed<StateVector> {
  return parsing(bytes, limits.maxBytes, (reader) => {
    const vector = readVector(reader, limits)
    reader.finish()
    return vector
  })
}

/** Reads a snapshot as `Y.encodeSnapshot` writes it: what the document holds, and what is deleted. */
export function readSnapshot(
  bytes: Uint8Array,
  limits: UpdateLimits = updateLimits,
): Parsed<Coverage> {
  return parsing(bytes, limits.maxBytes, (reader) => {
    const deletes = readDeleteSet(reader, limits)
    const vector = readVector(reader, limits)
    reader.finish()
    const structs = new Map<number, readonly number[]>()
    for (const [client, clock] of vector) {
      if (clock > 0) structs.set(client, [0, clock])
    }
    return { structs, deletes, refs: emptyCoverage.refs }
  })
}

/** What the coverage holds from 0 on without a hole. What lies behind a hole is not told. */
export function stateVectorOf(coverage: Coverage): StateVector {
  const vector = new Map<number, number>()
  for (const [client, ranges] of coverage.structs) {
    if (ranges[0] === 0) vector.set(client, ranges[1] as number)
  }
  return vector
}

/** The bytes of a state vector, as `Y.encodeStateVector` writes them. */
export function encodeStateVector(vector: StateVector): Uint8Array {
  const encoder = createEncoder()
  writeVarUint(encoder, vector.size)
  for (const [client, clock] of sorted(vector, ([a], [b]) => b - a)) {
    writeVarUint(encoder, client)
    writeVarUint(encoder, clock)
  }
  return toUint8Array(encoder)
}

function readVector(reader: ByteReader, limits: UpdateLimits): Map<number, number> {
  const clients = reader.count(minEntryBytes)
  if (clients > limits.maxClients) throw wrong.tooManyClients
  const vector = new Map<number, number>()
  for (let i = 0; i < clients; i++) {
    const client = reader.uint()
    const clock = reader.uint()
    if (vector.has(client)) throw wrong.clientTwice
    if (clock > limits.maxClock) throw wrong.clockTooLarge
    vector.set(client, clock)
  }
  return vector
}

/** A client and its clock. */
const minEntryBytes = 2
