import { blobOf } from './blob.js'
import { entryChecksum } from './checksum.adapter.js'
import type { Sql, Statement, Value } from './sql.adapter.js'

/** What `entries.kind` says. */
export const entryKind = { row: 0, tombstone: 1 } as const

export interface StoredEntry {
  readonly entry: number
  readonly collection: number
  readonly seq: number
  readonly document: number
  readonly kind: number
  readonly atMs: number
  /** 0 unless it came as a live op. */
  readonly producer: number
  readonly n: number
  readonly checksum: number
  readonly bytes: Uint8Array
}

/** In this order a row comes as a tuple. */
const entryColumns = 'id, collection, seq, document, kind, at_ms, producer, n, checksum, bytes'

export type EntryTuple = readonly [
  entry: number,
  collection: number,
  seq: number,
  document: number,
  kind: number,
  atMs: number,
  producer: number,
  n: number,
  checksum: number,
  bytes: Uint8Array,
]

function entryOf(tuple: EntryTuple): StoredEntry {
  const [entry, collection, seq, document, kind, atMs, producer, n, checksum, blob] = tuple
  const bytes = blobOf(blob)
  return { entry, collection, seq, document, kind, atMs, producer, n, checksum, bytes }
}

/** Whether the row still is what was stored. */
export function isWhole(entry: StoredEntry): boolean {
  const { bytes, seq, document, kind, producer, n, checksum } = entry
  return entryChecksum(bytes, seq, document, kind, producer, n) === checksum
}

/**
 * Adds entries, as part of the group's transaction: several with one statement, because binding and
 * stepping cost as much as what SQLite does with a row. They are in the table after `flush`.
 */
export class EntryWriter {
  readonly #inserts: readonly Insert[]
  readonly #restore: Statement
  /** Rows that are not in the table yet, value after value. */
  readonly #values: Value[] = []

  constructor(sql: Sql) {
    this.#inserts = rowsAStatement.map((rows) => ({
      values: rows * valuesARow,
      statement: sql.prepare(
        'insert entries',
        `INSERT INTO entries (${entryColumns}) VALUES ${Array(rows).fill(placeholders).join(', ')}`,
      ),
    }))
    this.#restore = sql.prepare(
      'restore tombstone',
      `UPDATE entries SET document = ?, kind = ?, producer = 0, n = 0, checksum = ?, bytes = ?
       WHERE id = ?`,
    )
  }

  /** A tombstone says nothing that its document's row does not say, too. */
  restoreTombstone(entry: number, seq: number, document: number): void {
    const kind = entryKind.tombstone
    const checksum = entryChecksum(noBytes, seq, document, kind, 0, 0)
    this.#restore.run(document, kind, checksum, noBytes, entry)
  }

  /** Gives the entry the next place, at the latest by `flush`; its checksum is made here. */
  insert(
    entry: number,
    collection: number,
    seq: number,
    document: number,
    kind: number,
    atMs: number,
    producer: number,
    n: number,
    bytes: Uint8Array,
  ): void {
    const checksum = entryChecksum(bytes, seq, document, kind, producer, n)
    const values = this.#values
    values.push(entry, collection, seq, document, kind, atMs, producer, n, checksum, bytes)
    if (values.length === mostValues) this.flush()
  }

  /** Before the commit, and before anything in the same transaction reads entries. */
  flush(): void {
    const values = this.#values
    for (let at = 0; at < values.length;) {
      const left = values.length - at
      const insert = this.#inserts.find((one) => one.values <= left) as Insert
      insert.statement.run(...values.slice(at, at + insert.values))
      at += insert.values
    }
    values.length = 0
  }

  /** After the transaction has failed. */
  forget(): void {
    this.#values.length = 0
  }
}

interface Insert {
  readonly values: number
  readonly statement: Statement
}

/** The largest first; more than 32 gain nothing more. */
const rowsAStatement = [32, 8, 1]
const placeholders = '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
const valuesARow = 10
const mostValues = 32 * valuesARow

/** What a tombstone's entry holds. */
export const noBytes = new Uint8Array(0)

/** Finds a document's entries, oldest first, whether they have been filed or not. */
export class DocumentEntries {
  readonly #filed: Statement<EntryTuple>
  readonly #unfiled: Statement<EntryTuple>
  readonly #bySeq: Statement<EntryTuple>
  readonly #byId: Statement<EntryTuple>
  readonly #filedSizes: Statement<EntrySize>
  readonly #unfiledSizes: Statement<EntrySize>

  constructor(sql: Sql) {
    const prefixed = entryColumns.replaceAll(/\w+/g, 'e.$&')
    this.#filed = sql.readTuples(
      `SELECT ${prefixed} FROM tails t CROSS JOIN entries e ON e.id = t.entry
       WHERE t.document = ? AND t.seq > ? ORDER BY t.seq`,
    )
    this.#unfiled = sql.readTuples(
      `SELECT ${entryColumns} FROM entries
       WHERE id > (SELECT filed_through FROM archive) AND document = ? AND seq > ? ORDER BY id`,
    )
    this.#bySeq = sql.readTuples(
      `SELECT ${entryColumns} FROM entries WHERE collection = ? AND seq = ?`,
    )
    this.#byId = sql.readTuples(`SELECT ${entryColumns} FROM entries WHERE id = ?`)
    this.#filedSizes = sql.read(
      `SELECT e.id AS entry, e.seq AS seq, e.at_ms AS atMs, e.producer AS producer, e.n AS n,
         length(e.bytes) AS size
       FROM tails t CROSS JOIN entries e ON e.id = t.entry
       WHERE t.document = ? AND e.kind = ${entryKind.row} ORDER BY t.seq`,
    )
    this.#unfiledSizes = sql.read(
      `SELECT id AS entry, seq, at_ms AS atMs, producer, n, length(bytes) AS size FROM entries
       WHERE id > (SELECT filed_through FROM archive) AND document = ?
         AND kind = ${entryKind.row} ORDER BY id`,
    )
  }

  /** One after the other, as they are asked for: a document's rows need not fit into memory. */
  *after(document: number, seq: number): Generator<StoredEntry> {
    for (const tuple of this.#filed.iterate(document, seq)) yield entryOf(tuple)
    // A look at all that is not filed: bounded by the batch, and without the bytes of others.
    for (const tuple of this.#unfiled.iterate(document, seq)) yield entryOf(tuple)
  }

  bySeq(collection: number, seq: number): StoredEntry | undefined {
    const tuple = this.#bySeq.get(collection, seq)
    return tuple && entryOf(tuple)
  }

  byId(id: number): StoredEntry | undefined {
    const tuple = this.#byId.get(id)
    return tuple && entryOf(tuple)
  }

  /** As `after` from 0, rows only, and without their bytes. */
  *sizes(document: number): Generator<EntrySize> {
    yield* this.#filedSizes.iterate(document)
    yield* this.#unfiledSizes.iterate(document)
  }
}

/** A row without its bytes. */
export interface EntrySize extends Pick<StoredEntry, 'entry' | 'seq' | 'atMs' | 'producer' | 'n'> {
  readonly size: number
}

export function sizeOfEntry({ entry, seq, atMs, producer, n, bytes }: StoredEntry): EntrySize {
  return { entry, seq, atMs, producer, n, size: bytes.length }
}
