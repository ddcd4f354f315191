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

test(
  '[SQL-9] [A6] what was compacted after a cursor is found by its index, not among all documents',
  inFolder(async (folder) => {
    const statements: string[] = []
    const hooks = { onPrepare: (sql: string) => void statements.push(sql) }
    folder.openReader(folder.openEngine(), hooks)
    const places = statements.filter((sql) =>
      /pruned_through > .*ORDER BY pruned_through/s.test(sql),
    )
    expect(places).toHaveLength(1)
    const steps = folder.tamper((database) =>
      // With a parameter as it is: a value in its place lets SQLite find more.
      database.prepare(`EXPLAIN QUERY PLAN ${places.join()}`).all(1, 5),
    ) as { readonly detail: string }[]
    expect(steps.map(({ detail }) => detail)).toEqual([
      expect.stringContaining('documents_by_place (collection=? AND pruned_through>?)'),
    ])
  }),
)

function plan(folder: LogFolder, sql: string): readonly string[] {
  if (/^(BEGIN|COMMIT|ROLLBACK)/.test(sql)) return []
  return folder.tamper((database) => {
    const statement = database.prepare(`EXPLAIN QUERY PLAN ${sql.replaceAll(/\?\d*/g, '0')}`)
    return (statement.all() as { detail: string }[]).map(({ detail }) => detail)
  })
}
