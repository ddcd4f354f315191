import {
  createDecoder,
  hasContent,
  readUint8,
  readVarString,
  readVarUint,
  readVarUint8Array,
} from 'lib0/decoding'
import {
  createEncoder,
  toUint8Array,
  writeUint8,
  writeVarString,
  writeVarUint,
  writeVarUint8Array,
} from 'lib0/encoding'
import {
  encodeCoverage,
  parseInstanceId,
  readCoverage,
  type Coverage,
  type InstanceId,
} from '@holdfast/peer/protocol'
import { LogError } from '../errors.js'
import type { DocumentState } from './document-state.js'

/**
 * What a document's rows up to a seq add up to, so that a document that was not used for a while
 * does not have to be read from its first row. Taken of durable rows only.
 *
 *     checkpoint  version=1  seq  coverage(bytes)  parked(n) n × seq  clients(n) n × (client instance)
 */
export interface Checkpoint {
  readonly seq: number
  readonly integrated: Coverage
  /** These rows are held and not integrated: to be read again, and given to `integrate`. */
  readonly parkedSeqs: readonly number[]
  readonly instanceByClient: ReadonlyMap<number, InstanceId>
}

export function encodeCheckpoint(state: DocumentState): Uint8Array {
  const encoder = createEncoder()
  writeUint8(encoder, version)
  writeVarUint(encoder, state.lastSeq)
  writeVarUint8Array(encoder, encodeCoverage(state.integrated.toCoverage()))
  writeVarUint(encoder, state.parked.count)
  for (const { seq } of state.parked.rows) writeVarUint(encoder, seq)
  writeVarUint(encoder, state.instanceByClient.size)
  for (const [client, instance] of state.instanceByClient) {
    writeVarUint(encoder, client)
    writeVarString(encoder, instance)
  }
  return toUint8Array(encoder)
}

/** Reads our own bytes: anything else is damage, and the rows have to be read instead. */
export function readCheckpoint(bytes: Uint8Array): Checkpoint {
  try {
    return read(bytes)
  } catch (cause) {
    throw new LogError('damaged', 'a checkpoint does not read', { cause })
  }
}

const version = 1

function read(bytes: Uint8Array): Checkpoint {
  const decoder = createDecoder(bytes)
  if (readUint8(decoder) !== version) throw new Error('unknown version')
  const seq = readVarUint(decoder)
  const integrated = readCoverage(readVarUint8Array(decoder))
  if (!integrated.ok) throw new Error(integrated.refusal.detail)
  const parkedSeqs: number[] = []
  for (let left = readVarUint(decoder); left > 0; left--) parkedSeqs.push(readVarUint(decoder))
  const instanceByClient = new Map<number, InstanceId>()
  for (let left = readVarUint(decoder); left > 0; left--) {
    const client = readVarUint(decoder)
    const instance = parseInstanceId(readVarString(decoder))
    if (!instance.ok) throw new Error(instance.refusal.detail)
    instanceByClient.set(client, instance.value)
  }
  if (hasContent(decoder)) throw new Error('bytes left over')
  return { seq, integrated: integrated.value, parkedSeqs, instanceByClient }
}
