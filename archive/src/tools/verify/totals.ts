import { entryKind } from '../../log/sqlite/entries.js'
import { numberFrom, type Subject } from './subject.js'

/** The sums over everything are what counting gives. */
export async function checkTotals({ sql, findings, pace }: Subject): Promise<void> {
  const rows = numberFrom(sql, 'SELECT count(*) FROM archive')
  if (rows !== 1) findings.add({ kind: 'counter', what: `${rows} rows of totals` })
  for (const [column, query] of Object.entries(sums)) {
    const kept = numberFrom(sql, `SELECT ${column} FROM archive`)
    const counted = numberFrom(sql, query)
    if (kept !== counted) {
      const what = `${column}: ${kept} written down, ${counted} there`
      findings.add({ kind: 'counter', what })
    }
    await pace.turn('checking sums', 0, 0)
  }
  await pace.end('checking sums', Object.keys(sums).length)
}

const sums = {
  rows: `SELECT count(*) FROM entries WHERE kind = ${entryKind.row}`,
  row_bytes: `SELECT sum(length(bytes)) FROM entries WHERE kind = ${entryKind.row}`,
  documents: 'SELECT count(*) FROM documents',
  snapshots: 'SELECT count(*) FROM snapshots',
  snapshot_bytes: 'SELECT sum(size + length(parked)) FROM snapshots',
  gapped_documents: 'SELECT count(*) FROM documents WHERE gapped_since_ms > 0',
  parked_bytes: 'SELECT sum(parked_bytes) FROM documents',
  quarantined: 'SELECT count(*) FROM quarantine',
  quarantined_bytes: 'SELECT sum(length(bytes)) FROM quarantine',
} as const
