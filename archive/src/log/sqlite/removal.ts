import type { DocumentRow } from './document-row.js'
import { entryKind, isWhole, type EntrySize } from './entries.js'
import type { Sql, Statement } from './sql.adapter.js'
import type { Store } from './store.js'

/** Takes rows out of the tables; always in a write transaction, after everything has been filed. */
export class Removal {
  readonly #store: Store
  readonly #deleteEntry: Statement
  readonly #deleteTail: Statement
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
    const { totals, entries, documents, ops } = this.#store
    const goneByProducer = new Map<number, Gone>()
    for (const { entry: id, seq, size } of rows) {
      const entry = entries.byId(id)
      if (entry !== undefined && entry.producer > 0) {
        const { producer, n, bytes } = entry
        if (isWhole(entry)) ops.keepHash(producer, n, seq, bytes)
        else ops.forget(producer, n, seq)
        const gone = goneByProducer.get(producer) ?? { rows: 0, highestN: 0 }
        goneByProducer.set(producer, gone)
        gone.rows++
        gone.highestN = Math.max(gone.highestN, n)
      }
      this.#deleteEntry.run(id)
      this.#deleteTail.run(document.id, seq)
      totals.row.rows--
      totals.row.rowBytes -= size
      document.tailRows--
      document.tailBytes -= size
      if (seq > document.snapshotSeq) continue
      document.coveredRows--
      document.coveredBytes -= size
    }
    for (const [producer, gone] of goneByProducer) {
      this.#countDown.run(gone.rows, producer)
      ops.forgetOld(producer, gone.highestN)
    }
    document.tailSinceMs = this.#oldest.get(document.id)?.[0] ?? 0
    documents.change(document)
  }

  /** Counts the rows that the document's snapshot stands for, after that has changed. */
  recountCovered(document: DocumentRow): void {
    // Those after it are few; those that it stands for may be all the others.
    const [rows, bytes] = this.#sums.get(document.id, document.snapshotSeq) ?? [0, 0]
    document.coveredRows = document.tailRows - rows
    document.coveredBytes = document.tailBytes - bytes
    this.#store.documents.change(document)
  }
}

/** Of a producer: what went in one transaction. */
interface Gone {
  rows: number
  highestN: number
}
