import { encodeCheckpoint, readCheckpoint, type Checkpoint } from '../append/checkpoint.js'
import type { DocumentState } from '../append/document-state.js'
import { checksumOf } from './checksum.adapter.js'
import type { Sql, Statement } from './sql.adapter.js'

/**
 * What a document's rows add up to, written down now and then: a document that was not used for a
 * while is read from there on. Nothing rests on them: one that is missing or damaged costs time.
 */
export class Checkpoints {
  readonly #find: Statement<readonly [number, number, Uint8Array]>
  readonly #save: Statement
  readonly #remove: Statement
  /** By document: rows since the last one. */
  readonly #rowsSince = new Map<number, number>()

  constructor(sql: Sql) {
    this.#find = sql.readTuples('SELECT seq, checksum, bytes FROM checkpoints WHERE document = ?')
    this.#save = sql.prepare(
      'save checkpoint',
      'INSERT OR REPLACE INTO checkpoints (document, seq, checksum, bytes) VALUES (?, ?, ?, ?)',
    )
    this.#remove = sql.prepare('remove checkpoint', 'DELETE FROM checkpoints WHERE document = ?')
  }

  find(document: number): Checkpoint | undefined {
    const found = this.#find.get(document)
    if (found === undefined) return undefined
    const [seq, checksum, bytes] = found
    if (checksumOf(bytes, document, seq) !== checksum) return undefined
    return readCheckpoint(bytes)
  }

  /** So many rows had to be read one by one when the document was loaded. */
  loaded(document: number, rows: number): void {
    if (this.#rowsSince.size >= maxCounted) this.#rowsSince.clear()
    this.#rowsSince.set(document, rows)
  }

  /** One more row. Gives whether a checkpoint is due. */
  added(document: number): boolean {
    const rows = (this.#rowsSince.get(document) ?? 0) + 1
    if (rows === 1 && this.#rowsSince.size >= maxCounted) this.#rowsSince.clear()
    this.#rowsSince.set(document, rows)
    return rows >= rowsBetween
  }

  /** In the transaction that makes all of the state durable. */
  save(document: number, state: DocumentState): void {
    const bytes = encodeCheckpoint(state)
    const checksum = checksumOf(bytes, document, state.lastSeq)
    this.#save.run(document, state.lastSeq, checksum, bytes)
    this.#rowsSince.set(document, 0)
  }

  /** What was counted in a transaction that failed. A count that is too low costs time. */
  forget(): void {
    this.#rowsSince.clear()
  }

  /** Where rows have gone that it counts, or a snapshot does its service. */
  remove(document: number): void {
    this.#remove.run(document)
    this.#rowsSince.delete(document)
  }
}

/** Reading so many rows takes about 20 ms, writing the checkpoint well below one. */
const rowsBetween = 4_096
const maxCounted = 20_000
