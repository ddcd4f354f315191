import type { ArchiveId, CollectionName, Cursor, TermId } from '@holdfast/peer/protocol'
import type { Standing } from '../port.js'
import type { Sql, Statement } from './sql.adapter.js'

/** Writes down this opening, before anything else is written. Gives its place in the order. */
export function startTerm(sql: Sql, term: TermId, nowMs: number): number {
  return sql.write(() => {
    const last = sql.read<{ readonly last: number }>(
      'SELECT coalesce(max(ordinal), 0) AS last FROM terms WHERE collection = 0',
    )
    const ordinal = (last.get()?.last ?? 0) + 1
    sql
      .prepare(
        'insert term',
        'INSERT INTO terms (collection, ordinal, term, opened_at_ms) VALUES (0, ?, ?, ?)',
      )
      .run(ordinal, term, nowMs)
    return ordinal
  })
}

/**
 * Where cursors stand. A term's record in a collection ends where the next term's begins that wrote
 * in it: what a cursor of that term says beyond it was never in this file.
 */
export class Standings {
  readonly #archive: ArchiveId
  readonly #head: Statement<readonly [number, number]>
  /** Of all openings up to this one: there will be no others as long as this one lasts. */
  readonly #ordinals: ReadonlyMap<TermId, number>
  readonly #end: Statement<readonly [number]>

  constructor(sql: Sql, archive: ArchiveId) {
    this.#archive = archive
    this.#head = sql.readTuples('SELECT id, head FROM collections WHERE name = ?')
    this.#ordinals = new Map(
      sql
        .readTuples<readonly [TermId, number]>(
          'SELECT term, ordinal FROM terms WHERE collection = 0',
        )
        .all(),
    )
    this.#end = sql.readTuples(
      `SELECT start_seq FROM terms WHERE collection = ? AND ordinal > ?
       ORDER BY ordinal LIMIT 1`,
    )
  }

  head(collection: CollectionName): number {
    return this.#head.get(collection)?.[1] ?? 0
  }

  locate(collection: CollectionName, cursor: Cursor): Standing {
    const [id, head] = this.#head.get(collection) ?? [0, 0]
    const isOurs = cursor.archive === this.#archive
    const ordinal = isOurs ? this.#ordinals.get(cursor.term) : undefined
    if (ordinal === undefined) return { standing: 'unknown-term', head }
    const end = this.#end.get(id, ordinal)?.[0] ?? head
    if (cursor.seq > end) return { standing: 'ahead', head }
    return { standing: cursor.seq === head ? 'at-head' : 'behind', head }
  }
}
