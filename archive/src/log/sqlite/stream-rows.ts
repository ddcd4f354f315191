import type { Sql, Statement } from './sql.adapter.js'

/** A row of the stream, with what a reader needs of it. */
export type StreamRow = readonly [...numbers: RowNumbers, bytes: Uint8Array]

type RowNumbers = readonly [
  entry: number,
  seq: number,
  document: number,
  kind: number,
  producer: number,
  n: number,
  checksum: number,
]

/** Without its bytes if they are many. */
type LightRow = readonly [...numbers: RowNumbers, bytes: Uint8Array | null]

/**
 * Entries of a collection after a seq, in order. Small rows are read many at a time, which costs a
 * third less than one by one; large ones when it is their turn, so that what is held is bounded
 * whatever somebody has stored.
 */
export class StreamRows {
  readonly #chunk: Statement<LightRow>
  readonly #bytes: Statement<readonly [Uint8Array]>

  constructor(sql: Sql) {
    // `+?`: of a bare parameter SQLite takes the value into its plan, and plans again for each other one.
    this.#chunk = sql.readTuples(
      `SELECT id, seq, document, kind, producer, n, checksum,
         CASE WHEN length(bytes) <= ${maxChunkRowBytes} THEN bytes END
       FROM entries WHERE collection = ? AND seq > ? ORDER BY seq LIMIT +?`,
    )
    this.#bytes = sql.readTuples('SELECT bytes FROM entries WHERE id = ?')
  }

  /** To be used within one read transaction. */
  after(collection: number, seq: number): RowCursor {
    return new RowCursor(this.#chunk, this.#bytes, collection, seq)
  }
}

/** A place in the stream that moves forward. */
export class RowCursor {
  readonly #statement: Statement<LightRow>
  readonly #bytes: Statement<readonly [Uint8Array]>
  readonly #collection: number
  #chunk: readonly LightRow[] = []
  #at = 0
  #after: number
  #limit = firstChunkRows
  #isLast = false

  constructor(
    statement: Statement<LightRow>,
    bytes: Statement<readonly [Uint8Array]>,
    collection: number,
    after: number,
  ) {
    this.#statement = statement
    this.#bytes = bytes
    this.#collection = collection
    this.#after = after
  }

  /** The seq of the row that comes next; Infinity at the end. */
  get seq(): number {
    if (this.#at === this.#chunk.length && !this.#isLast) this.#read()
    return this.#chunk[this.#at]?.[1] ?? Infinity
  }

  /** The row that comes next, which there has to be. */
  take(): StreamRow {
    const row = this.#chunk[this.#at++]
    if (row === undefined) throw new RangeError('there is no next row')
    return hasBytes(row) ? row : this.#withBytes(row)
  }

  #withBytes([entry, seq, document, kind, producer, n, checksum]: LightRow): StreamRow {
    const bytes = this.#bytes.get(entry)?.[0] ?? new Uint8Array(0)
    return [entry, seq, document, kind, producer, n, checksum, bytes]
  }

  #read(): void {
    this.#chunk = this.#statement.all(this.#collection, this.#after, this.#limit)
    this.#at = 0
    this.#isLast = this.#chunk.length < this.#limit
    this.#after = this.#chunk.at(-1)?.[1] ?? this.#after
    this.#limit = Math.min(this.#limit * 4, maxChunkRows)
  }
}

function hasBytes(row: LightRow): row is StreamRow {
  return row[7] !== null
}

/** Somebody who wants one entry does not pay for many. */
const firstChunkRows = 8
/** Held at a time at most: 2 MiB. */
const maxChunkRows = 256
const maxChunkRowBytes = 8_192
