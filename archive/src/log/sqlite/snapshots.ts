import { readCoverage, type Coverage } from '@holdfast/peer/protocol'
import { createDecoder, hasContent, readVarUint, readVarUint8Array } from 'lib0/decoding'
import { createEncoder, toUint8Array, writeVarUint, writeVarUint8Array } from 'lib0/encoding'
import { checksumOf } from './checksum.adapter.js'
import { ownBytes } from './own-bytes.js'
import type { Sql, Statement } from './sql.adapter.js'

/** A row that a snapshot carries beside it, verbatim, because it did not integrate. */
export interface ParkedRow {
  readonly seq: number
  readonly bytes: Uint8Array
}

/** A snapshot without its state, which may be large. */
export interface SnapshotHead {
  readonly id: number
  readonly document: number
  readonly seq: number
  readonly settled: boolean
  readonly size: number
  readonly bytesChecksum: number
  readonly stateVector: Uint8Array
  readonly parked: readonly ParkedRow[]
  /** Decoded when asked for. */
  coverage(): Coverage
}

export interface NewStoredSnapshot {
  readonly document: number
  readonly seq: number
  readonly atMs: number
  readonly bytes: Uint8Array
  readonly coverage: Uint8Array
  readonly stateVector: Uint8Array
  readonly parked: readonly ParkedRow[]
}

/** Thrown by every read of a snapshot that is no longer what was written. */
export class SnapshotDamaged extends Error {
  readonly document: number
  readonly seq: number

  constructor(document: number, seq: number, what: string) {
    super(`snapshot ${seq} of document ${document}: ${what}`)
    this.name = 'SnapshotDamaged'
    this.document = document
    this.seq = seq
  }
}

/** Reads snapshots, and never gives out one that has changed on disk. */
export class SnapshotReader {
  readonly #newest: Statement<HeadTuple>
  readonly #bytes: Statement<readonly [Uint8Array]>

  constructor(sql: Sql) {
    this.#newest = sql.readTuples(
      `SELECT ${headColumns} FROM snapshots
       WHERE document = ? AND seq < ? ORDER BY seq DESC LIMIT 1`,
    )
    this.#bytes = sql.readTuples('SELECT bytes FROM snapshots WHERE id = ?')
  }

  /** The newest, or the newest below a seq. */
  newest(document: number, belowSeq = Infinity): SnapshotHead | undefined {
    const tuple = this.#newest.get(document, Math.min(belowSeq, Number.MAX_SAFE_INTEGER))
    return tuple && headOf(tuple)
  }

  bytesOf({ id, document, seq, bytesChecksum }: SnapshotHead): Uint8Array {
    const bytes = this.#bytes.get(id)?.[0]
    if (bytes === undefined) throw new SnapshotDamaged(document, seq, 'its state is gone')
    if (checksumOf(bytes, document, seq) !== bytesChecksum) {
      throw new SnapshotDamaged(document, seq, 'the checksum of its state does not match')
    }
    return bytes
  }
}

/** The writer's side. */
export class SnapshotWriter {
  readonly #insert: Statement
  readonly #settle: Statement
  readonly #removeAt: Statement
  readonly #removeBelow: Statement

  constructor(sql: Sql) {
    this.#insert = sql.prepare(
      'insert snapshot',
      `INSERT INTO snapshots (document, seq, settled, at_ms, size, checksum, bytes_checksum,
         state_vector, coverage, parked, bytes) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#settle = sql.prepare(
      'settle snapshot',
      'UPDATE snapshots SET settled = 1 WHERE document = ? AND seq = ?',
    )
    this.#removeAt = sql.prepare(
      'remove snapshot',
      'DELETE FROM snapshots WHERE document = ? AND seq = ?',
    )
    this.#removeBelow = sql.prepare(
      'remove older snapshots',
      'DELETE FROM snapshots WHERE document = ? AND seq < ?',
    )
  }

  insert({ document, seq, atMs, bytes, coverage, stateVector, parked }: NewStoredSnapshot): void {
    const encodedParked = encodeParked(parked)
    this.#insert.run(
      document,
      seq,
      atMs,
      bytes.length,
      headChecksum(document, seq, stateVector, coverage, encodedParked),
      checksumOf(bytes, document, seq),
      stateVector,
      coverage,
      encodedParked,
      bytes,
    )
  }

  settle(document: number, seq: number): void {
    this.#settle.run(document, seq)
  }

  removeAt(document: number, seq: number): void {
    this.#removeAt.run(document, seq)
  }

  /** Gives how many there were. */
  removeBelow(document: number, seq: number): number {
    return this.#removeBelow.run(document, seq).changes
  }
}

const headColumns =
  'id, document, seq, settled, size, checksum, bytes_checksum, state_vector, coverage, parked'

type HeadTuple = readonly [
  id: number,
  document: number,
  seq: number,
  settled: number,
  size: number,
  checksum: number,
  bytesChecksum: number,
  stateVector: Uint8Array,
  coverage: Uint8Array,
  parked: Uint8Array,
]

function headOf(tuple: HeadTuple): SnapshotHead {
  const [id, document, seq, settled, size, checksum, bytesChecksum, stateVector, coverage, parked] =
    tuple
  if (headChecksum(document, seq, stateVector, coverage, parked) !== checksum) {
    throw new SnapshotDamaged(document, seq, 'the checksum of its head does not match')
  }
  return {
    id,
    document,
    seq,
    settled: settled === 1,
    size,
    bytesChecksum,
    stateVector,
    parked: decodeParked(parked),
    coverage: () => {
      const read = readCoverage(coverage, ownBytes)
      if (!read.ok) throw new SnapshotDamaged(document, seq, read.refusal.detail)
      return read.value
    },
  }
}

function headChecksum(
  document: number,
  seq: number,
  stateVector: Uint8Array,
  coverage: Uint8Array,
  parked: Uint8Array,
): number {
  const first = checksumOf(stateVector, document, seq, stateVector.length, coverage.length)
  return checksumOf(parked, checksumOf(coverage, first))
}

function encodeParked(rows: readonly ParkedRow[]): Uint8Array {
  const encoder = createEncoder()
  writeVarUint(encoder, rows.length)
  for (const { seq, bytes } of rows) {
    writeVarUint(encoder, seq)
    writeVarUint8Array(encoder, bytes)
  }
  return toUint8Array(encoder)
}

/** Of bytes whose checksum matched: what does not read is our own mistake, and throws. */
function decodeParked(bytes: Uint8Array): readonly ParkedRow[] {
  const decoder = createDecoder(bytes)
  const rows: ParkedRow[] = []
  for (let left = readVarUint(decoder); left > 0; left--) {
    rows.push({ seq: readVarUint(decoder), bytes: readVarUint8Array(decoder) })
  }
  if (hasContent(decoder)) throw new Error('parked rows: bytes left over')
  return rows
}
