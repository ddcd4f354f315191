import { entryKind } from '../../log/sqlite/entries.js'
import { numberFrom, type Subject } from './subject.js'

const step = 'checking places'
const chunk = 20_000

/**
 * That every entry belongs to a document of its collection and to a producer, and is filed under
 * both once its batch was; and that what is filed is there. Looks at no bytes: `checkDocuments`
 * reads those, by way of what is filed.
 */
export async function checkEntries({ sql, findings, pace }: Subject): Promise<void> {
  const lastEntry = numberFrom(sql, 'SELECT max(id) FROM entries')
  const given = numberFrom(sql, 'SELECT last_entry FROM archive')
  const filedThrough = numberFrom(sql, 'SELECT filed_through FROM archive')
  if (lastEntry > given || filedThrough > given) {
    const what = `entry ${lastEntry} is there, ${filedThrough} is filed, ${given} was given out`
    findings.add({ kind: 'counter', what })
  }

  const misplaced = sql.readTuples<readonly [id: number, seq: number, what: string]>(
    `SELECT e.id, e.seq, CASE
       WHEN d.id IS NULL THEN 'its document is not there'
       WHEN d.collection <> e.collection THEN 'its document is of another collection'
       WHEN e.kind NOT IN (${entryKind.row}, ${entryKind.tombstone}) THEN 'its kind is unknown'
       WHEN e.producer > 0 AND p.id IS NULL THEN 'its producer is not there'
       WHEN e.id <= filed_through AND t.entry IS NOT e.id
         THEN 'it is not filed under its document'
       WHEN e.id <= filed_through AND e.producer > 0 AND o.seq IS NULL
         THEN 'it is not filed under its op'
     END AS what
     FROM entries e CROSS JOIN archive
     LEFT JOIN documents d ON d.id = e.document
     LEFT JOIN producers p ON p.id = e.producer AND p.collection = e.collection
     LEFT JOIN tails t ON t.document = e.document AND t.seq = e.seq
     LEFT JOIN ops o ON o.producer = e.producer AND o.n = e.n
     WHERE e.id > ? AND e.id <= ? AND what IS NOT NULL`,
  )
  for (let after = 0; after < lastEntry; after += chunk) {
    for (const [id, seq, what] of misplaced.all(after, after + chunk)) {
      findings.add({ kind: 'reference', seq, what: `entry ${id}: ${what}` })
    }
    await pace.turn(step, Math.min(after + chunk, lastEntry), lastEntry)
  }

  const lost = sql
    .readTuples<readonly [number, number]>(
      `SELECT t.document, t.seq FROM tails t LEFT JOIN entries e ON e.id = t.entry
       WHERE e.id IS NULL OR e.document <> t.document OR e.seq <> t.seq`,
    )
    .all()
  for (const [document, seq] of lost) {
    const what = `document ${document} has a row filed that is not there`
    findings.add({ kind: 'reference', seq, what })
  }
  await pace.end(step, lastEntry)
}
