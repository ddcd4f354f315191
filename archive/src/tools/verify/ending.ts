import type { DocumentState } from '../../log/append/index.js'
import { documentColumns, refOf, type DocumentRow } from '../../log/sqlite/document-row.js'
import { entryKind } from '../../log/sqlite/entries.js'
import type { Sql } from '../../log/sqlite/sql.adapter.js'
import type { Fault } from './report.js'
import type { Subject } from './subject.js'

/** A generation that has ended has its tombstone, and everybody who wrote in it has ended with it. */
export function checkEnd(
  sql: Sql,
  { id, collection, name, deletedSeq }: DocumentRow,
  state: DocumentState,
  hasOwnTombstone: boolean,
  add: (fault: Fault) => void,
): void {
  // A tombstone that ended two generations is the later one's entry.
  const tombstone = sql.readTuples<readonly [number]>(
    `SELECT 1 FROM entries e JOIN documents d ON d.id = e.document
     WHERE e.collection = ? AND e.seq = ? AND e.kind = ${entryKind.tombstone} AND d.name = ?`,
  )
  if (!hasOwnTombstone && tombstone.get(collection, deletedSeq, name) === undefined) {
    add({ kind: 'sequence', seq: deletedSeq, what: 'its tombstone is not there' })
  }
  const ended = new Set(
    sql
      .readTuples<readonly [number]>('SELECT client FROM authors WHERE document = ?')
      .all(id)
      .map(([client]) => client),
  )
  for (const client of state.clients) {
    if (ended.has(client)) continue
    add({ kind: 'reference', what: `clientID ${client} wrote, and has not ended` })
  }
}

/** Only the latest generation of a document may live. */
export function checkGenerations({ sql, findings }: Subject): void {
  const living = sql
    .read<DocumentRow>(
      `SELECT ${documentColumns} FROM documents d
       WHERE deleted_seq = 0 AND EXISTS (
         SELECT 1 FROM documents o
         WHERE o.collection = d.collection AND o.name = d.name AND o.generation > d.generation
       )`,
    )
    .all()
  for (const row of living) {
    const what = 'it lives, and so does a later generation'
    findings.add({ kind: 'sequence', document: refOf(row), what })
  }
}
