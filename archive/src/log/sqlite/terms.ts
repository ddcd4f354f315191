import type { ArchiveId, CollectionName, Cursor, TermId } from '@holdfast/peer/protocol'
import type { Standing } from '../port.js'
import type { Sql, Statement } from './sql.adapter.js'

/** Writes down this opening, before anything else is written. Gives its place in the order. */
export function startTerm(sql: Sql, term: TermId, nowMs: number): number {
  return sql.write(() => {
    const last = sql.read<{ readonly last: number }>(
      'SELECT coalesce(max(ordinal), 0) AS last FROM terms',
    )
    const ordinal = (last.get()?.last ?? 0) + 1
    sql
      .prepare('insert term', 'INSERT INTO terms (ordinal, term, opened_at_ms) VALUES (?, ?, ?)')
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
  readonly #ordinal: Statement<readonly [number]>
  readonly #end: Statement<readonly [number]>

  constructor(sql: Sql, archive: ArchiveId) {
    this.#archive = archive
    this.#head = sql.readTuples('SELECT id, head FROM collections WHERE name = ?')
    this.#ordinal = sql.readTuples('SELECT ordinal FROM terms WHERE term = ?')
    this.#end = sql.readTuples(
      `SELECT start_seq FROM collection_terms WHERE collection = ? AND term > ?
       ORDER BY term LIMIT 1`,
    )
  }

  head(collection: CollectionName): number {
    return this.#head.get(collection)?.[1] ?? 0
  }

  locate(collection: CollectionName, cursor: Cursor): Standing {
    const [id, head] = this.#head.get(collection) ?? [0, 0]
    const ordinal = cursor.archive === this.#archive && this.#ordinal.get(cursor.term)?.[0]
    if (ordinal === undefined || ordinal === false) return { standing: 'unknown-term', head }
    const end = this.#end.get(id, ordinal)?.[0] ?? head
    if (cursor.seq > end) return { standing: 'ahead', head }
    return { standing: cursor.seq === head ? 'at-head' : 'behind', head }
  }
}
