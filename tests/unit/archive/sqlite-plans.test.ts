import { expect, test } from 'vitest'
import { inFolder, type LogFolder } from './sqlite-folder.js'

/**
 * Statements that may look at a whole table, and why that costs nothing that grows with the log.
 * Everything else has to find its rows by a key or an index.
 */
const mayScan = [
  // One row.
  /\barchive\b/,
  // Opening: one row for each opening before.
  /FROM terms/,
  // Opening: as many as there were readers.
  /FROM leases\b/,
  // In the order of their ids, and no more than are asked for.
  /FROM quarantine\b[^]*ORDER BY (q\.)?id (DESC )?LIMIT/,
]

/** In that index is only what is over a threshold or has a gap. */
const ofWhatIsToDo = /^SCAN documents USING (COVERING )?INDEX documents_to_do$/

test(
  '[SQL-9] [K4] no statement looks at rows that it does not want',
  inFolder(async (folder) => {
    const statements = new Set<string>()
    const hooks = { onPrepare: (sql: string) => statements.add(sql) }
    folder.openReader(folder.openEngine({}, hooks), hooks)
    expect(statements.size).toBeGreaterThan(60)
    const scans: string[] = []
    for (const sql of statements) {
      const scanned = plan(folder, sql).filter(
        (step) =>
          /^SCAN (?!CONSTANT|\d+-ROW VALUES|\(|filed)/.test(step) && !ofWhatIsToDo.test(step),
      )
      if (scanned.length > 0 && !mayScan.some((allowed) => allowed.test(sql))) {
        scans.push(`${scanned.join('; ')}: ${sql}`)
      }
    }
    expect(scans).toEqual([])
  }),
)

test(
  '[SQL-9] pages, appends, retiring and what is ripe go by these indexes',
  inFolder(async (folder) => {
    folder.openEngine()
    const cases = [
      ['SELECT 1 FROM entries WHERE collection = ? AND seq > ? ORDER BY seq', 'entries_by_seq'],
      [
        'SELECT id FROM documents WHERE collection = ? AND pruned_through > ? AND deleted_seq = 0 ORDER BY pruned_through',
        'documents_by_place',
      ],
      [
        'SELECT 1 FROM documents WHERE collection = ? AND gapped_since_ms > 0 ORDER BY gapped_since_ms',
        'documents_to_do',
      ],
    ] as const
    for (const [sql, index] of cases) {
      expect(plan(folder, sql)).toEqual([expect.stringContaining(index)])
      expect(plan(folder, sql).join()).not.toContain('TEMP B-TREE')
    }
  }),
)

function plan(folder: LogFolder, sql: string): readonly string[] {
  if (/^(BEGIN|COMMIT|ROLLBACK)/.test(sql)) return []
  return folder.tamper((database) => {
    const statement = database.prepare(`EXPLAIN QUERY PLAN ${sql.replaceAll(/\?\d*/g, '0')}`)
    return (statement.all() as { detail: string }[]).map(({ detail }) => detail)
  })
}
