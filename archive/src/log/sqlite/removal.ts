import type { DocumentRow } from './document-row.js'
import { entryKind, isWhole, type EntrySize } from './entries.js'
import type { Sql, Statement } from './sql.adapter.js'
import type { Store } from './store.js'

/** Takes rows out of the tables; always in a write transaction, after everything has been filed. */
export class Removal {
  readonly #store: Store
  readonly #deleteEntry: Statement
  readonly #deleteTail: Statement
  readonly #deleteEntries: Statement
  readonly #deleteTails: Statement
  readonly #countDown: Statement
  readonly #oldest: Statement<readonly [number]>
  readonly #sums: Statement<readonly [number, number]>

  constructor(sql: Sql, store: Store) {
    this.#store = store
    this.#deleteEntry = sql.prepare('delete entry', 'DELETE FROM entries WHERE id = ?')
    this.#deleteTail = sql.prepare(
      'delete tail',
      'DELETE FROM tails WHERE document = ? AND seq = ?',
    )
    this.#deleteEntries = sql.prepare(
      'delete oldest entries',
      'DELETE FROM entries WHERE id IN (SELECT entry FROM tails WHERE document = ? AND seq <= ?)',
    )
    this.#deleteTails = sql.prepare(
      'delete oldest tails',
      'DELETE FROM tails WHERE document = ? AND seq <= ?',
    )
    this.#countDown = sql.prepare(
      'count producer down',
      'UPDATE producers SET rows = rows - ? WHERE id = ?',
    )
    this.#oldest = sql.readTuples(
      `SELECT e.at_ms FROM tails t CROSS JOIN entries e ON e.id = t.entry
       WHERE t.document = ? AND e.kind = ${entryKind.row} ORDER BY t.seq LIMIT 1`,
    )
    this.#sums = sql.readTuples(
      `SELECT count(*), coalesce(sum(length(e.bytes)), 0)
       FROM tails t CROSS JOIN entries e ON e.id = t.entry
       WHERE t.document = ? AND t.seq > ? AND e.kind = ${entryKind.row}`,
    )
  }

  /** Deletes these rows of a document; what is remembered of their ops stays, if it can be trusted. */
  remove(document: DocumentRow, rows: readonly EntrySize[]): void {
    const { ops } = this.#store
    for (const row of rows) {
      this.#rememberOp(row)
      if (row.producer > 0) ops.forget(row.producer, row.n, row.seq)
      this.#deleteEntry.run(row.entry)
      this.#deleteTail.run(document.id, row.seq)
    }
    this.#count(document, rows)
  }

  /** The same for the oldest rows of a live document, all of them up to the last: a few statements. */
  removeOldest(document: DocumentRow, rows: readonly EntrySize[]): void {
    const through = rows.at(-1)?.seq ?? 0
    for (const row of rows) this.#rememberOp(row)
    this.#store.ops.forgetOldest(document.id, through)
    this.#deleteEntries.run(document.id, through)
    this.#deleteTails.run(document.id, through)
    this.#count(document, rows)
  }

  /** Counts the rows that the document's snapshot stands for, after that has changed. */
  recountCovered(document: DocumentRow): void {
    // Those after it are few; those that it stands for may be all the others.
    const [rows, bytes] = this.#sums.get(document.id, document.snapshotSeq) ?? [0, 0]
    document.coveredRows = document.tailRows - rows
    document.coveredBytes = document.tailBytes - bytes
    this.#store.documents.change(document)
  }

  /** Only what is whole is: the op of a damaged row may come again, as if for the first time. */
  #rememberOp({ entry: id, producer, n, seq }: EntrySize): void {
    const { entries, ops } = this.#store
    if (producer === 0 || !ops.isRecent(producer, n)) return
    const entry = entries.byId(id)
    if (entry !== undefined && isWhole(entry)) ops.keepHash(producer, n, seq, entry.bytes)
  }

  #count(document: DocumentRow, rows: readonly EntrySize[]): void {
    const { totals, documents, ops } = this.#store
    const goneByProducer = new Map<number, number>()
    for (const { producer, seq, size } of rows) {
      if (producer > 0) goneByProducer.set(producer, (goneByProducer.get(producer) ?? 0) + 1)
      totals.row.rows--
      totals.row.rowBytes -= size
      document.tailRows--
      document.tailBytes -= size
      if (seq > document.snapshotSeq) continue
      document.coveredRows--
      document.coveredBytes -= size
    }
    for (const [producer, gone] of goneByProducer) {
      this.#countDown.run(gone, producer)
      ops.forgetOld(producer)
    }
    document.tailSinceMs = this.#oldest.get(document.id)?.[0] ?? 0
    documents.change(document)
  }
}
