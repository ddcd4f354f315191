import { readCoverage, type Coverage } from '@holdfast/peer/protocol'
import { createDecoder, hasContent, readVarUint, readVarUint8Array } from 'lib0/decoding'
import { createEncoder, toUint8Array, writeVarUint, writeVarUint8Array } from 'lib0/encoding'
import { blobOf } from './blob.js'
import { checksumOf } from './checksum.adapter.js'
import { Damaged } from './damaged.js'
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
  readonly seq: number
  readonly settled: boolean
  readonly size: number
  readonly bytesChecksum: number
  readonly stateVector: Uint8Array
  readonly parked: readonly ParkedRow[]
  /** See `encodeCoverage`. */
  readonly coverageBytes: Uint8Array
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

export class SnapshotDamaged extends Damaged {
  readonly id: number
  readonly seq: number
  readonly settled: boolean

  constructor({ id, seq, settled }: SnapshotPlace, what: string) {
    super(documentOf(id), `snapshot ${seq}: ${what}`)
    this.name = 'SnapshotDamaged'
    this.id = id
    this.settled = settled
    this.seq = seq
  }
}

/** One of at most two: the newer of them is not settled yet. */
export interface SnapshotPlace {
  readonly id: number
  readonly seq: number
  readonly settled: boolean
}

/** Reads snapshots, and never gives out one that has changed on disk. */
export class SnapshotReader {
  readonly #newest: Statement<HeadTuple>
  readonly #settled: Statement<readonly [number]>
  readonly #bytes: Statement<readonly [Uint8Array]>

  constructor(sql: Sql) {
    this.#newest = sql.readTuples(
      `SELECT ${headColumns} FROM snapshots
       WHERE id BETWEEN ? AND ? AND (settled, id) > (?, ?) ORDER BY settled, id LIMIT 1`,
    )
    this.#settled = sql.readTuples(
      'SELECT seq FROM snapshots WHERE id BETWEEN ? AND ? AND settled = 1',
    )
    this.#bytes = sql.readTuples('SELECT bytes FROM snapshots WHERE id = ?')
  }

  /** The newest, or the newest before another. */
  newest(document: number, before?: SnapshotPlace): SnapshotHead | undefined {
    const after = before === undefined ? [-1, 0] : [Number(before.settled), before.id]
    const tuple = this.#newest.get(...idsOf(document), ...after)
    return tuple && headOf(tuple)
  }

  /** The newest that is as it was written; `onDamaged` hears of newer ones that are not. */
  newestWhole(
    document: number,
    onDamaged: (error: SnapshotDamaged) => void,
  ): SnapshotHead | undefined {
    let before: SnapshotPlace | undefined
    for (;;) {
      try {
        return this.newest(document, before)
      } catch (error) {
        if (!(error instanceof SnapshotDamaged)) throw error
        onDamaged(error)
        before = error
      }
    }
  }

  /** Rows up to here may be deleted on the word of a snapshot that was read back; 0 without one. */
  settledThrough(document: number): number {
    return this.#settled.get(...idsOf(document))?.[0] ?? 0
  }

  bytesOf(head: SnapshotHead): Uint8Array {
    const { id, seq, bytesChecksum } = head
    const bytes = this.#bytes.get(id)?.[0]
    if (bytes === undefined) throw new SnapshotDamaged(head, 'its state is gone')
    if (checksumOf(bytes, documentOf(id), seq) !== bytesChecksum) {
      throw new SnapshotDamaged(head, 'the checksum of its state does not match')
    }
    return bytes
  }
}

/** The writer's side. */
export class SnapshotWriter {
  readonly #insert: Statement
  readonly #settle: Statement
  readonly #remove: Statement
  readonly #sums: Statement<readonly [number, number]>
  readonly #raw: Statement<readonly [Uint8Array]>
  readonly #saveParked: Statement
  readonly #generations: Statement<readonly [id: number, seq: number, settled: number]>

  constructor(sql: Sql) {
    this.#insert = sql.prepare(
      'insert snapshot',
      `INSERT INTO snapshots (id, seq, settled, at_ms, size, checksum, bytes_checksum,
         state_vector, coverage, parked, bytes) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#settle = sql.prepare('settle snapshot', 'UPDATE snapshots SET settled = 1 WHERE id = ?')
    this.#remove = sql.prepare('remove snapshot', 'DELETE FROM snapshots WHERE id = ?')
    this.#sums = sql.readTuples('SELECT size, length(parked) FROM snapshots WHERE id = ?')
    this.#raw = sql.readTuples('SELECT bytes FROM snapshots WHERE id = ?')
    this.#saveParked = sql.prepare(
      'save rows beside snapshot',
      'UPDATE snapshots SET parked = ?, checksum = ? WHERE id = ?',
    )
    this.#generations = sql.readTuples(
      'SELECT id, seq, settled FROM snapshots WHERE id BETWEEN ? AND ? ORDER BY settled, id',
    )
  }

  /** Beside one other at most. Gives its id. */
  insert(snapshot: NewStoredSnapshot): number {
    const { document, seq, atMs, bytes, coverage, stateVector, parked } = snapshot
    const encodedParked = encodeParked(parked)
    const taken = this.generations(document).map((one) => one.id)
    const id = idsOf(document).find((one) => !taken.includes(one))
    if (id === undefined) throw new Error(`document ${document} has two snapshots already`)
    this.#insert.run(
      id,
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
    return id
  }

  /** Newest first. */
  generations(document: number): readonly SnapshotPlace[] {
    return this.#generations
      .all(...idsOf(document))
      .map(([id, seq, settled]) => ({ id, seq, settled: settled === 1 }))
  }

  /** What it takes: its state and what is kept beside it. */
  sizeOf(id: number): number {
    const [size, parked] = this.#sums.get(id) ?? [0, 0]
    return size + parked
  }

  settle(id: number): void {
    this.#settle.run(id)
  }

  remove(id: number): void {
    this.#remove.run(id)
  }

  /** Its state as it is, whole or not. */
  rawBytes(id: number): Uint8Array {
    return blobOf(this.#raw.get(id)?.[0])
  }

  saveParked(head: SnapshotHead, parked: readonly ParkedRow[]): void {
    const { id, seq, stateVector, coverageBytes } = head
    const encoded = encodeParked(parked)
    this.#saveParked.run(
      encoded,
      headChecksum(documentOf(id), seq, stateVector, coverageBytes, encoded),
      id,
    )
  }
}

const headColumns =
  'id, seq, settled, size, checksum, bytes_checksum, state_vector, coverage, parked'

type HeadTuple = readonly [
  id: number,
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
  const [id, seq, settled, size, checksum, bytesChecksum, stateVector, coverageBytes, parked] =
    tuple
  const place = { id, seq, settled: settled === 1 }
  if (headChecksum(documentOf(id), seq, stateVector, coverageBytes, parked) !== checksum) {
    throw new SnapshotDamaged(place, 'the checksum of its head does not match')
  }
  return {
    ...place,
    size,
    bytesChecksum,
    stateVector,
    coverageBytes,
    parked: decodeParked(parked),
  }
}

/** A document's snapshots have two ids to themselves. */
function idsOf(document: number): [number, number] {
  return [2 * document, 2 * document + 1]
}

function documentOf(id: number): number {
  return Math.floor(id / 2)
}

export function coverageOf(head: SnapshotHead): Coverage {
  const read = readCoverage(head.coverageBytes, ownBytes)
  if (!read.ok) throw new SnapshotDamaged(head, read.refusal.detail)
  return read.value
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
