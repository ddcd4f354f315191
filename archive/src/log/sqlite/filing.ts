import type { Sql, Statement } from './sql.adapter.js'
import type { Totals } from './totals.js'

/** Where a document's row is. */
export interface RowPlace {
  readonly seq: number
  readonly entry: number
}

/** Where the row of a live op is. */
export interface OpPlace extends RowPlace {
  readonly document: number
}

/**
 * Which rows a document has, and where each op went, are two indexes that every row adds to at a
 * place of its own. Keeping them in each transaction would write two pages more for a row of a
 * hundred bytes. Instead new entries are filed in batches, sorted, so that a page takes many at a
 * time: in `tails` by document, in `ops` by producer. What is not yet filed is few enough to be
 * held here, and to be found again in `entries`, whose ids ascend, after a crash.
 *
 *     entries by id   ······filed······│ not yet: at most `batch` and one group
 *                        filedThrough ─┘
 */
export class Filing {
  readonly #totals: Totals
  readonly #load: Statement<readonly [number, number, number, number, number, number]>
  readonly #fileTails: Statement
  readonly #fileOps: Statement
  readonly #countRows: Statement
  readonly #entries: Unfiled[] = []
  readonly #byDocument = new Map<number, Unfiled[]>()
  /** By producer, then by n; an op that came twice is where its last row is. */
  readonly #byOp = new Map<number, Map<number, Unfiled>>()
  readonly #highestN = new Map<number, number>()
  /** How many of `#entries` the maps know: they are needed rarely, and made when they are. */
  #indexed = 0

  constructor(sql: Sql, totals: Totals) {
    this.#totals = totals
    this.#load = sql.readTuples(
      'SELECT id, document, seq, producer, n, at_ms FROM entries WHERE id > ? ORDER BY id',
    )
    this.#fileTails = sql.prepare(
      'file tails',
      `INSERT INTO tails (document, seq, entry)
       SELECT document, seq, id FROM entries WHERE id > ? ORDER BY document, seq`,
    )
    this.#fileOps = sql.prepare(
      'file ops',
      `INSERT OR REPLACE INTO ops (producer, n, document, seq, hash)
       SELECT producer, n, document, seq, x'' FROM entries
       WHERE id > ? AND producer > 0 ORDER BY producer, n, seq`,
    )
    this.#countRows = sql.prepare(
      'count producers',
      `UPDATE producers SET rows = rows + ?, highest_n = max(highest_n, ?),
         seen_at_ms = max(seen_at_ms, ?) WHERE id = ?`,
    )
    this.reload()
  }

  /** Whether there is enough for a batch. */
  get isDue(): boolean {
    return this.#entries.length >= batch
  }

  /** An entry of the transaction that is being written. */
  add(
    entry: number,
    document: number,
    seq: number,
    producer: number,
    n: number,
    atMs: number,
  ): void {
    this.#entries.push({ entry, document, seq, producer, n, atMs })
  }

  /** The document's rows that are not in `tails` yet: later than those that are. */
  rowsOf(document: number): readonly RowPlace[] {
    this.#index()
    return this.#byDocument.get(document) ?? []
  }

  /** Undefined also for ops that have been filed. */
  findOp(producer: number, n: number): OpPlace | undefined {
    this.#index()
    return this.#byOp.get(producer)?.get(n)
  }

  /** Of the ops that have not been filed; 0 without any. */
  highestN(producer: number): number {
    this.#index()
    return this.#highestN.get(producer) ?? 0
  }

  /** Files everything, in the write transaction that is open. */
  file(): void {
    if (this.#entries.length === 0) return
    const { row } = this.#totals
    this.#fileTails.run(row.filedThrough)
    this.#fileOps.run(row.filedThrough)
    for (const [producer, { rows, highestN, seenAtMs }] of this.#countByProducer()) {
      this.#countRows.run(rows, highestN, seenAtMs, producer)
    }
    row.filedThrough = row.lastEntry
    // At once: what is asked later in the same transaction goes by it.
    this.#totals.save()
    this.#clear()
  }

  /** After a failed transaction: what is not filed is what `entries` says. */
  reload(): void {
    this.#clear()
    for (const row of this.#load.iterate(this.#totals.row.filedThrough)) this.add(...row)
  }

  /** Counted here: SQLite would read and sort the batch once more. */
  #countByProducer(): ReadonlyMap<number, Counted> {
    const counted = new Map<number, Counted>()
    for (const { producer, n, atMs } of this.#entries) {
      if (producer === 0) continue
      const known = counted.get(producer)
      if (known === undefined) {
        counted.set(producer, { rows: 1, highestN: n, seenAtMs: atMs })
        continue
      }
      known.rows++
      if (n > known.highestN) known.highestN = n
      if (atMs > known.seenAtMs) known.seenAtMs = atMs
    }
    return counted
  }

  #clear(): void {
    this.#entries.length = 0
    this.#byDocument.clear()
    this.#byOp.clear()
    this.#highestN.clear()
    this.#indexed = 0
  }

  #index(): void {
    for (; this.#indexed < this.#entries.length; this.#indexed++) {
      const place = this.#entries[this.#indexed] as Unfiled
      const rows = this.#byDocument.get(place.document)
      if (rows === undefined) this.#byDocument.set(place.document, [place])
      else rows.push(place)
      if (place.producer === 0) continue
      const ops = this.#byOp.get(place.producer)
      if (ops === undefined) this.#byOp.set(place.producer, new Map([[place.n, place]]))
      else ops.set(place.n, place)
      const highest = this.#highestN.get(place.producer) ?? 0
      if (place.n > highest) this.#highestN.set(place.producer, place.n)
    }
  }
}

interface Unfiled extends OpPlace {
  readonly producer: number
  readonly n: number
  readonly atMs: number
}

/** What a batch adds to a producer. */
interface Counted {
  rows: number
  highestN: number
  seenAtMs: number
}

/**
 * Entries a batch: at 256 documents written in turn, 16 of each share a page's write. A larger one
 * would save little and make the group that does the filing wait (5 ms for this many).
 */
const batch = 4_096
