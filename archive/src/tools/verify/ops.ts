import { parseInstanceId } from '@holdfast/peer/protocol'
import type { Subject } from './subject.js'

const step = 'checking ops'

/** Who wrote live, what is remembered of it, and where it went. */
export async function checkOps({ sql, findings, pace }: Subject): Promise<void> {
  const producers = sql
    .readTuples<readonly [number, number, string, number, number]>(
      'SELECT id, collection, instance, rows, highest_n FROM producers ORDER BY id',
    )
    .all()
  const rowsByProducer = countRows(sql)
  const remembered = sql.readTuples<readonly [number, number | null]>(
    'SELECT count(*), max(n) FROM ops WHERE producer = ?',
  )
  // An op without a hash is the row's own word: the row has to be there.
  const lost = sql.readTuples<readonly [n: number, seq: number]>(
    `SELECT o.n, o.seq FROM ops o
     LEFT JOIN entries e
       ON e.collection = ? AND e.seq = o.seq AND e.producer = o.producer AND e.n = o.n
     WHERE o.producer = ? AND o.hash = x'' AND e.id IS NULL`,
  )
  const beyond = sql.readTuples<readonly [n: number, seq: number]>(
    `SELECT o.n, o.seq FROM ops o LEFT JOIN documents d ON d.id = o.document AND d.collection = ?
     WHERE o.producer = ? AND (d.id IS NULL OR o.seq > d.last_seq)`,
  )
  let done = 0
  for (const [id, collection, instance, rows, highestN] of producers) {
    const parsed = parseInstanceId(instance)
    if (!parsed.ok) findings.add({ kind: 'reference', what: parsed.refusal.detail })
    const counted = rowsByProducer.get(id) ?? 0
    if (counted !== rows) {
      const what = `${instance} has ${rows} rows written down, and ${counted} there`
      findings.add({ kind: 'counter', what })
    }
    const [ops, maxN] = remembered.get(id) ?? [0, 0]
    findings.checked.ops += ops
    if ((maxN ?? 0) > highestN) {
      const what = `${instance} has op ${maxN}, beyond its highest, ${highestN}`
      findings.add({ kind: 'counter', what })
    }
    for (const [n, seq] of lost.all(collection, id)) {
      findings.add({ kind: 'reference', seq, what: `op ${n} of ${instance}: its row is gone` })
    }
    for (const [n, seq] of beyond.all(collection, id)) {
      findings.add({ kind: 'reference', seq, what: `op ${n} of ${instance} went nowhere` })
    }
    await pace.turn(step, ++done, producers.length)
  }
  checkKeptOut({ sql, findings, pace })
  await pace.end(step, done)
}

/** A row that was taken out because of its bytes is noted twice: in quarantine, and so that it stays out. */
function checkKeptOut({ sql, findings }: Subject): void {
  const wrong = sql.readTuples<readonly [seq: number]>(
    `WITH aside AS (
       SELECT d.id AS document, q.seq, q.hash FROM quarantine q
       JOIN documents d
         ON d.collection = q.collection AND d.name = q.name AND d.generation = q.generation
       WHERE q.seq IS NOT NULL AND q.hash <> ''
     ), kept AS (
       SELECT document, seq, lower(hex(hash)) AS hash FROM ops WHERE producer < 0
     )
     SELECT seq FROM (SELECT * FROM aside EXCEPT SELECT * FROM kept)
     UNION SELECT seq FROM (SELECT * FROM kept EXCEPT SELECT * FROM aside)`,
  )
  for (const [seq] of wrong.all()) {
    const what = 'a row that was taken out is noted in one place only'
    findings.add({ kind: 'reference', seq, what })
  }
}

function countRows(sql: Subject['sql']): ReadonlyMap<number, number> {
  return new Map(
    sql
      .readTuples<readonly [number, number]>(
        `SELECT producer, count(*) FROM entries
         WHERE producer > 0 AND id <= (SELECT filed_through FROM archive) GROUP BY producer`,
      )
      .all(),
  )
}
