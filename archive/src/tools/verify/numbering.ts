import { parseArchiveId, parseCollectionName, parseTermId } from '@holdfast/peer/protocol'
import { collectionsOf, numberFrom, type CollectionSubject, type Subject } from './subject.js'

const step = 'checking seqs'

/** The archive's id, terms, and each collection's numbering. */
export async function checkNumbering(subject: Subject): Promise<void> {
  const { sql, findings, pace } = subject
  for (const [archive] of sql.readTuples<readonly [string]>('SELECT archive FROM archive').all()) {
    const parsed = parseArchiveId(archive)
    if (!parsed.ok) findings.add({ kind: 'sequence', what: parsed.refusal.detail })
  }
  checkTerms(subject)
  const collections = collectionsOf(sql)
  let done = 0
  for (const collection of collections) {
    findings.checked.collections++
    checkCollectionTerms(subject, collection)
    checkCounters(subject, collection)
    checkHoles(subject, collection)
    checkLeases(subject, collection)
    await pace.turn(step, ++done, collections.length)
  }
  const orphans = numberFrom(
    sql,
    `SELECT count(*) FROM terms
     WHERE collection <> 0 AND collection NOT IN (SELECT id FROM collections)`,
  )
  if (orphans > 0) {
    findings.add({ kind: 'reference', what: `${orphans} starts of terms in no collection` })
  }
  await pace.end(step, done)
}

function checkTerms({ sql, findings }: Subject): void {
  const terms = sql
    .readTuples<readonly [number, string]>(
      'SELECT ordinal, term FROM terms WHERE collection = 0 ORDER BY ordinal',
    )
    .all()
  terms.forEach(([ordinal, term], at) => {
    findings.checked.terms++
    const parsed = parseTermId(term)
    if (!parsed.ok) findings.add({ kind: 'sequence', what: parsed.refusal.detail })
    if (ordinal !== at + 1) {
      findings.add({ kind: 'sequence', what: `term ${at + 1} has the place ${ordinal}` })
    }
  })
}

/** A term that wrote in a collection starts where the one before it has ended: strictly after. */
function checkCollectionTerms({ sql, findings }: Subject, collection: CollectionSubject): void {
  const { id, name, head } = collection
  const starts = sql
    .readTuples<readonly [number, number, number | null]>(
      `SELECT c.ordinal, c.start_seq, t.ordinal FROM terms c
       LEFT JOIN terms t ON t.collection = 0 AND t.ordinal = c.ordinal
       WHERE c.collection = ? ORDER BY c.ordinal`,
    )
    .all(id)
  let before = -1
  for (const [term, start, known] of starts) {
    if (known === null) {
      findings.add({ kind: 'reference', collection: name, what: `term ${term} is not known` })
    }
    if (start <= before || start >= head || (before === -1 && start !== 0)) {
      const what = `term ${term} starts at ${start}, after ${Math.max(0, before)}, head ${head}`
      findings.add({ kind: 'sequence', collection: name, what })
    }
    before = start
  }
  if (head > 0 && starts.length === 0) {
    findings.add({ kind: 'sequence', collection: name, what: 'no term has written it' })
  }
}

function checkCounters({ sql, findings }: Subject, collection: CollectionSubject): void {
  const { id, name, head, documents } = collection
  const parsed = parseCollectionName(name)
  if (!parsed.ok) findings.add({ kind: 'sequence', what: parsed.refusal.detail })
  const counted = numberFrom(sql, 'SELECT count(*) FROM documents WHERE collection = ?', id)
  if (counted !== documents) {
    const what = `${documents} documents are written down, ${counted} are there`
    findings.add({ kind: 'counter', collection: name, what })
  }
  // Every entry was the last of some document, and that is kept when the entry goes.
  const last = numberFrom(sql, 'SELECT max(last_seq) FROM documents WHERE collection = ?', id)
  if (last !== head) {
    const what = `the head is ${head}, the last entry of a document is ${last}`
    findings.add({ kind: 'sequence', collection: name, what })
  }
  const beyond = numberFrom(
    sql,
    'SELECT count(*) FROM entries WHERE collection = ? AND (seq > ? OR seq < 1)',
    id,
    head,
  )
  if (beyond > 0) {
    findings.add({
      kind: 'sequence',
      collection: name,
      what: `${beyond} entries are beyond ${head}`,
    })
  }
  const unordered = numberFrom(
    sql,
    `SELECT count(*) FROM (
       SELECT seq, lag(seq, 1, 0) OVER (ORDER BY id) AS before FROM entries WHERE collection = ?
     ) WHERE seq <= before`,
    id,
  )
  if (unordered > 0) {
    const what = `${unordered} entries were written after one with a higher seq`
    findings.add({ kind: 'sequence', collection: name, what })
  }
}

/**
 * A seq without an entry was given out and has gone: below what a document was pruned through, or
 * into quarantine. Above that a hole is a lost entry.
 */
function checkHoles({ sql, findings }: Subject, { id, name, head }: CollectionSubject): void {
  const pruned = numberFrom(
    sql,
    `SELECT max(CASE deleted_seq WHEN 0 THEN pruned_through ELSE deleted_seq END)
     FROM documents WHERE collection = ?`,
    id,
  )
  const setAside = new Set(
    sql
      .readTuples<readonly [number]>(
        'SELECT seq FROM quarantine WHERE collection = ? AND seq IS NOT NULL',
      )
      .all(id)
      .map(([seq]) => seq),
  )
  let expected = pruned + 1
  const seqs = sql.readTuples<readonly [number]>(
    'SELECT seq FROM entries WHERE collection = ? AND seq > ? ORDER BY seq',
  )
  for (const [seq] of seqs.iterate(id, pruned)) {
    while (expected < seq && setAside.has(expected)) expected++
    if (expected < seq) {
      const what = `nothing has the seqs from ${expected} to ${seq - 1}`
      findings.add({ kind: 'sequence', collection: name, seq: expected, what })
    }
    expected = seq + 1
  }
  while (expected <= head && setAside.has(expected)) expected++
  if (expected <= head) {
    const what = `nothing has the seqs from ${expected} to the head, ${head}`
    findings.add({ kind: 'sequence', collection: name, seq: expected, what })
  }
}

function checkLeases({ sql, findings }: Subject, { name, head }: CollectionSubject): void {
  const wrong = sql
    .readTuples<readonly [string, number, number]>(
      `SELECT replica, sent, ack FROM leases
       WHERE collection = ? AND (ack > sent OR sent > ? OR ack < 0)`,
    )
    .all(name, head)
  for (const [replica, sent, ack] of wrong) {
    const what = `the lease of ${replica} was sent ${sent} and has acked ${ack}, head ${head}`
    findings.add({ kind: 'sequence', collection: name, what })
  }
}
