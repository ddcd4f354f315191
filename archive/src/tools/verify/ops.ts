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
  await pace.end(step, done)
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
