import type { Sql, Statement } from './sql.adapter.js'

/** Sums over the whole log, kept in its one row so that asking for them costs nothing. */
export interface TotalsRow {
  lastEntry: number
  filedThrough: number
  rows: number
  rowBytes: number
  documents: number
  snapshots: number
  snapshotBytes: number
  gappedDocuments: number
  parkedBytes: number
  quarantined: number
  quarantinedBytes: number
}

const columns =
  'last_entry AS lastEntry, filed_through AS filedThrough, rows, row_bytes AS rowBytes, documents,' +
  ' snapshots, snapshot_bytes AS snapshotBytes, gapped_documents AS gappedDocuments,' +
  ' parked_bytes AS parkedBytes, quarantined, quarantined_bytes AS quarantinedBytes'

/** The writer's copy of the totals: changed in memory, saved in the transaction that changes them. */
export class Totals {
  readonly #load: Statement<TotalsRow>
  readonly #save: Statement
  #row: TotalsRow

  constructor(sql: Sql) {
    this.#load = sql.read(`SELECT ${columns} FROM archive`)
    this.#save = sql.prepare(
      'save totals',
      `UPDATE archive SET last_entry = ?, filed_through = ?, rows = ?, row_bytes = ?, documents = ?,
         snapshots = ?, snapshot_bytes = ?, gapped_documents = ?, parked_bytes = ?, quarantined = ?,
         quarantined_bytes = ?`,
    )
    this.#row = this.#read()
  }

  get row(): TotalsRow {
    return this.#row
  }

  /** Forgets what was changed since the last save that became durable. */
  reload(): void {
    this.#row = this.#read()
  }

  /** To be called before the commit of every transaction that changed a sum. */
  save(): void {
    const row = this.#row
    this.#save.run(
      row.lastEntry,
      row.filedThrough,
      row.rows,
      row.rowBytes,
      row.documents,
      row.snapshots,
      row.snapshotBytes,
      row.gappedDocuments,
      row.parkedBytes,
      row.quarantined,
      row.quarantinedBytes,
    )
  }

  #read(): TotalsRow {
    const row = this.#load.get()
    if (row === undefined) throw new Error('the totals are missing')
    return row
  }
}
