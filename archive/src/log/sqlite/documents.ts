import type { DocumentId, DocumentRef } from '@holdfast/peer/protocol'
import type { DocumentSummary } from '../port.js'
import type { Sql, Statement } from './sql.adapter.js'

/** One generation of a document, as it is stored; docs of the columns are in the schema. */
export interface DocumentRow {
  readonly id: number
  readonly collection: number
  readonly name: DocumentId
  readonly generation: number
  deletedSeq: number
  lastSeq: number
  prunedThrough: number
  snapshotSeq: number
  snapshotBytes: number
  tailRows: number
  tailBytes: number
  freshRows: number
  freshBytes: number
  tailSinceMs: number
  parkedRows: number
  parkedBytes: number
  gappedSinceMs: number
  ripe: number
  failures: number
  retryAtMs: number
  lastError: string
}

export const documentColumns =
  'id, collection, name, generation, deleted_seq AS deletedSeq, last_seq AS lastSeq,' +
  ' pruned_through AS prunedThrough, snapshot_seq AS snapshotSeq,' +
  ' snapshot_bytes AS snapshotBytes, tail_rows AS tailRows, tail_bytes AS tailBytes,' +
  ' fresh_rows AS freshRows, fresh_bytes AS freshBytes, tail_since_ms AS tailSinceMs,' +
  ' parked_rows AS parkedRows, parked_bytes AS parkedBytes, gapped_since_ms AS gappedSinceMs,' +
  ' ripe, failures, retry_at_ms AS retryAtMs, last_error AS lastError'

export function refOf({ name, generation }: DocumentRow): DocumentRef {
  return { id: name, generation }
}

export function summaryOf(row: DocumentRow): DocumentSummary {
  return {
    document: refOf(row),
    deleted: row.deletedSeq > 0,
    lastSeq: row.lastSeq,
    prunedThrough: row.prunedThrough,
    tailRows: row.tailRows,
    tailBytes: row.tailBytes,
    snapshotBytes: row.snapshotBytes,
    gapped: row.gappedSinceMs > 0,
  }
}

/** Finds documents, for whoever reads. */
export class DocumentFinder {
  readonly #exact: Statement<DocumentRow>
  readonly #latest: Statement<DocumentRow>

  constructor(sql: Sql) {
    this.#exact = sql.read(
      `SELECT ${documentColumns} FROM documents
       WHERE collection = ? AND name = ? AND generation = ?`,
    )
    this.#latest = sql.read(
      `SELECT ${documentColumns} FROM documents
       WHERE collection = ? AND name = ? ORDER BY generation DESC LIMIT 1`,
    )
  }

  find(collection: number, { id, generation }: DocumentRef): DocumentRow | undefined {
    return this.#exact.get(collection, id, generation)
  }

  latest(collection: number, id: DocumentId): DocumentRow | undefined {
    return this.#latest.get(collection, id)
  }
}

/**
 * The documents as the writer sees them. Like collections: changed in memory by the transaction that
 * is being written, saved with it, forgotten if it fails.
 */
export class Documents {
  readonly #finder: DocumentFinder
  readonly #insert: Statement<{ readonly id: number }>
  readonly #save: Statement
  /** By collection, then by name: the latest generation. */
  readonly #latest = new Map<number, Map<DocumentId, DocumentRow>>()
  readonly #changed = new Set<DocumentRow>()
  #cached = 0

  constructor(sql: Sql) {
    this.#finder = new DocumentFinder(sql)
    this.#insert = sql.prepare(
      'insert document',
      `INSERT INTO documents (collection, name, generation, deleted_seq, last_seq, pruned_through,
         snapshot_seq, snapshot_bytes, tail_rows, tail_bytes, fresh_rows, fresh_bytes,
         tail_since_ms, parked_rows, parked_bytes, gapped_since_ms, ripe, failures, retry_at_ms,
         last_error)
       VALUES (?, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '') RETURNING id`,
    )
    this.#save = sql.prepare(
      'save document',
      `UPDATE documents SET deleted_seq = ?, last_seq = ?, pruned_through = ?, snapshot_seq = ?,
         snapshot_bytes = ?, tail_rows = ?, tail_bytes = ?, fresh_rows = ?, fresh_bytes = ?,
         tail_since_ms = ?, parked_rows = ?, parked_bytes = ?, gapped_since_ms = ?, ripe = ?,
         failures = ?, retry_at_ms = ?, last_error = ?
       WHERE id = ?`,
    )
  }

  /** The latest generation. */
  latest(collection: number, id: DocumentId): DocumentRow | undefined {
    const known = this.#latest.get(collection)?.get(id)
    if (known !== undefined) return known
    const found = this.#finder.latest(collection, id)
    return found && this.#keep(found)
  }

  /** Any generation. What is changed in the row has to be told with `change`. */
  find(collection: number, ref: DocumentRef): DocumentRow | undefined {
    const latest = this.latest(collection, ref.id)
    if (latest === undefined || latest.generation === ref.generation) return latest
    return this.#finder.find(collection, ref)
  }

  /** Makes a generation, in a write transaction. */
  insert(collection: number, { id: name, generation }: DocumentRef): DocumentRow {
    const { id } = this.#insert.get(collection, name, generation) as { readonly id: number }
    const row = { ...emptyRow, id, collection, name, generation }
    this.#changed.add(row)
    return this.#keep(row)
  }

  /** The row will be saved with the transaction. */
  change(row: DocumentRow): void {
    this.#changed.add(row)
  }

  get changed(): ReadonlySet<DocumentRow> {
    return this.#changed
  }

  /** Before the commit. */
  save(): void {
    for (const row of this.#changed) {
      this.#save.run(
        row.deletedSeq,
        row.lastSeq,
        row.prunedThrough,
        row.snapshotSeq,
        row.snapshotBytes,
        row.tailRows,
        row.tailBytes,
        row.freshRows,
        row.freshBytes,
        row.tailSinceMs,
        row.parkedRows,
        row.parkedBytes,
        row.gappedSinceMs,
        row.ripe,
        row.failures,
        row.retryAtMs,
        row.lastError,
        row.id,
      )
    }
  }

  /** After the commit. */
  committed(): void {
    this.#changed.clear()
    if (this.#cached > maxCached) this.#clear()
  }

  /** After the transaction has failed. */
  forget(): void {
    this.#changed.clear()
    this.#clear()
  }

  #keep(row: DocumentRow): DocumentRow {
    let byName = this.#latest.get(row.collection)
    if (byName === undefined) {
      byName = new Map()
      this.#latest.set(row.collection, byName)
    }
    byName.set(row.name, row)
    this.#cached++
    return row
  }

  #clear(): void {
    this.#latest.clear()
    this.#cached = 0
  }
}

const emptyRow = {
  deletedSeq: 0,
  lastSeq: 0,
  prunedThrough: 0,
  snapshotSeq: 0,
  snapshotBytes: 0,
  tailRows: 0,
  tailBytes: 0,
  freshRows: 0,
  freshBytes: 0,
  tailSinceMs: 0,
  parkedRows: 0,
  parkedBytes: 0,
  gappedSinceMs: 0,
  ripe: 0,
  failures: 0,
  retryAtMs: 0,
  lastError: '',
}

/** About 5 MB. Reading one again costs some microseconds. */
const maxCached = 20_000
