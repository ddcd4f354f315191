import {
  createDecoder,
  hasContent,
  readAny,
  readUint8,
  readUint32,
  readVarString,
  readVarUint,
} from 'lib0/decoding'
import {
  createEncoder,
  toUint8Array,
  writeAny,
  writeUint8,
  writeUint32,
  writeVarString,
  writeVarUint,
} from 'lib0/encoding'
import { ClientError } from '../../../errors.js'
import { storedWrite, type CheckedStatement } from '../statement.js'
import type { SqlValue } from '../../driver.js'
import { crc32 } from './crc32.js'

/** One committed transaction: what was run, and how many rows each statement had changed. */
export interface RedoRecord {
  readonly n: number
  readonly statements: readonly CheckedStatement[]
  readonly changes: readonly number[]
}

/*
 * CRC-32 of the rest (4 bytes) · version (1) · n · count of statements · for each: its text, the rows
 * it changed, count of values, the values.
 *
 * The number is under the checksum, so that a record in another's place is damage.
 */
export function encodeRecord({ n, statements, changes }: RedoRecord): Uint8Array {
  const encoder = createEncoder()
  writeUint32(encoder, 0)
  writeUint8(encoder, version)
  writeVarUint(encoder, n)
  writeVarUint(encoder, statements.length)
  for (const [at, { sql, parameters }] of statements.entries()) {
    writeVarString(encoder, sql)
    writeVarUint(encoder, changes[at] ?? 0)
    writeVarUint(encoder, parameters.length)
    for (const value of parameters) writeAny(encoder, value)
  }
  const bytes = toUint8Array(encoder)
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, crc32(bytes.subarray(4)), true)
  return bytes
}

/**
 * Throws `store-damaged` for bytes that are not what was written under this number, and
 * `store-too-new` for those of a later version.
 */
export function decodeRecord(n: number, bytes: Uint8Array): RedoRecord {
  if (bytes.length < 6) throw damaged(n, 'it is cut off')
  const decoder = createDecoder(bytes)
  if (readUint32(decoder) !== crc32(bytes.subarray(4))) throw damaged(n, 'its checksum is another')
  const written = readUint8(decoder)
  if (written > version) {
    throw new ClientError('store-too-new', `record ${n} has version ${written}, this is ${version}`)
  }
  const ownNumber = readVarUint(decoder)
  if (ownNumber !== n) throw damaged(n, `it is record ${ownNumber}`)
  const statements: CheckedStatement[] = []
  const changes: number[] = []
  for (let left = readVarUint(decoder); left > 0; left--) {
    const sql = readVarString(decoder)
    changes.push(readVarUint(decoder))
    const parameters: SqlValue[] = []
    for (let values = readVarUint(decoder); values > 0; values--) {
      parameters.push(readAny(decoder) as SqlValue)
    }
    statements.push(storedWrite(sql, parameters))
  }
  if (hasContent(decoder)) throw damaged(n, 'something follows it')
  return { n, statements, changes }
}

export function damaged(n: number, why: string): ClientError {
  return new ClientError('store-damaged', `record ${n} of the store is damaged: ${why}`)
}

const version = 1
