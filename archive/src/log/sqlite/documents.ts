import type { DocumentId, DocumentRef } from '@holdfast/peer/protocol'
import type { LogPolicy } from '../options.js'
import { documentColumns, emptyRow, keptRow, type DocumentRow } from './document-row.js'
import { ripenessOf } from './ripeness.js'
import type { Sql, Statement } from './sql.adapter.js'

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
  readonly #policy: LogPolicy
  readonly #finder: DocumentFinder
  readonly #insert: Statement<{ readonly id: number }>
  readonly #save: Statement
  readonly #saveGrowth: Statement
  readonly #failing: Statement<{ readonly count: number }>
  /** By collection, then by name: the latest generation. */
  readonly #latest = new Map<number, Map<DocumentId, DocumentRow>>()
  readonly #changed = new Set<DocumentRow>()
  /** Of which only the last seq and the size of the tail have changed, unless they are in both. */
  readonly #grown = new Set<DocumentRow>()
  #cached = 0

  constructor(sql: Sql, policy: LogPolicy) {
    this.#policy = policy
    this.#finder = new DocumentFinder(sql)
    this.#insert = sql.prepare(
      'insert document',
      `INSERT INTO documents (collection, name, generation, deleted_seq, last_seq, pruned_through,
         snapshot_seq, snapshot_bytes, tail_rows, tail_bytes, covered_rows, covered_bytes,
         tail_since_ms, parked_rows, parked_bytes, gapped_since_ms, ripe, failures, retry_at_ms,
         last_error)
       VALUES (?, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '') RETURNING id`,
    )
    this.#save = sql.prepare(
      'save document',
      `UPDATE documents SET deleted_seq = ?, last_seq = ?, pruned_through = ?, snapshot_seq = ?,
         snapshot_bytes = ?, tail_rows = ?, tail_bytes = ?, covered_rows = ?, covered_bytes = ?,
         tail_since_ms = ?, parked_rows = ?, parked_bytes = ?, gapped_since_ms = ?, ripe = ?,
         failures = ?, retry_at_ms = ?, last_error = ?
       WHERE id = ?`,
    )
    // Those that failed are ripe still: they are among the few of that index.
    this.#failing = sql.read(
      `SELECT count(*) AS count FROM documents
       WHERE (gapped_since_ms > 0 OR ripe > 0) AND failures > 0`,
    )
    // What every append changes, and no index knows.
    this.#saveGrowth = sql.prepare(
      'save growth',
      'UPDATE documents SET last_seq = ?, tail_rows = ?, tail_bytes = ? WHERE id = ?',
    )
  }

  /** Documents that compaction failed on and that are still to be compacted, as they are stored. */
  countFailing(): number {
    return this.#failing.get()?.count ?? 0
  }

  /** The latest generation. */
  latest(collection: number, id: DocumentId): DocumentRow | undefined {
    const known = this.#latest.get(collection)?.get(id)
    if (known !== undefined) return known
    const found = this.#finder.latest(collection, id)
    return found && this.#keep(keptRow(found))
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
    const row = keptRow({ ...emptyRow, id, collection, name, generation })
    this.#changed.add(row)
    return this.#keep(row)
  }

  /** The row will be saved with the transaction. */
  change(row: DocumentRow): void {
    this.#changed.add(row)
  }

  /** As `change`, where only the last seq and the size of the tail have changed. */
  grow(row: DocumentRow): void {
    this.#grown.add(row)
  }

  /** Before the commit. */
  save(): void {
    for (const row of this.#grown) {
      const ripe = ripenessOf(row, this.#policy)
      if (ripe !== row.ripe) this.#changed.add(row)
      if (this.#changed.has(row)) continue
      this.#saveGrowth.run(row.lastSeq, row.tailRows, row.tailBytes, row.id)
    }
    for (const row of this.#changed) {
      row.ripe = ripenessOf(row, this.#policy)
      this.#save.run(
        row.deletedSeq,
        row.lastSeq,
        row.prunedThrough,
        row.snapshotSeq,
        row.snapshotBytes,
        row.tailRows,
        row.tailBytes,
        row.coveredRows,
        row.coveredBytes,
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
    this.#grown.clear()
    if (this.#cached > maxCached) this.#clear()
  }

  /** After the transaction has failed. */
  forget(): void {
    this.#changed.clear()
    this.#grown.clear()
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

/** About 5 MB. Reading one again costs some microseconds. */
const maxCached = 20_000
