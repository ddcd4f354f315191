import { migrate } from '../../log/sqlite/schema.js'
import { Sql } from '../../log/sqlite/sql.adapter.js'
import type { Subject } from './subject.js'

/** SQLite's own check of every page and index; and that nobody has changed the tables. */
export async function checkStructure({ sql, findings, pace }: Subject): Promise<void> {
  await pace.turn('checking pages', 0, 0)
  const problems = sql
    .readTuples<readonly [string]>(`PRAGMA integrity_check(${maxProblems})`)
    .all()
    .map(([problem]) => problem)
  for (const what of problems) if (what !== 'ok') findings.add({ kind: 'structure', what })
  findings.checked.bytes = Number(sql.pragma('page_count')) * Number(sql.pragma('page_size'))

  const found = tablesOf(sql)
  const wanted = wantedTables()
  for (const [name, text] of wanted) {
    if (!found.has(name)) findings.add({ kind: 'schema', what: `${name} is missing` })
    else if (found.get(name) !== text) {
      findings.add({ kind: 'schema', what: `${name} is not as this version makes it` })
    }
  }
  for (const name of found.keys()) {
    if (!wanted.has(name)) findings.add({ kind: 'schema', what: `${name} does not belong here` })
  }
  await pace.end('checking pages', Number(sql.pragma('page_count')))
}

const maxProblems = 100

/** Tables and indexes by name, as the statements that make them. */
function tablesOf(sql: Sql): ReadonlyMap<string, string> {
  return new Map(
    sql
      .readTuples<readonly [string, string]>(
        "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
      )
      .all(),
  )
}

function wantedTables(): ReadonlyMap<string, string> {
  const fresh = new Sql({ file: ':memory:' })
  try {
    migrate(fresh)
    return tablesOf(fresh)
  } finally {
    fresh.close()
  }
}
