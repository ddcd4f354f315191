import type { SqlRow } from '../driver.js'
import type { CheckedStatement } from './statement.js'

/**
 * One connection of a SQLite that answers at once (sql.js, better-sqlite3). What it throws is SQLite's
 * own: `storeErrorOf` gives it its type.
 */
export interface SqlEngine {
  begin(): void
  commit(): void
  /** Also right where nothing is begun, or an error has already undone it. */
  rollback(): void
  /** Answers how many rows it has changed. */
  run(statement: CheckedStatement): number
  query(statement: CheckedStatement): readonly SqlRow[]
  close(): void
}

/**
 * Runs the statements in one transaction and commits it, unless `check` throws at what they have
 * changed. Of what throws, anywhere in it, nothing is left.
 */
export function transaction(
  engine: SqlEngine,
  statements: readonly CheckedStatement[],
  check: (changes: readonly number[]) => void = () => {},
): readonly number[] {
  try {
    engine.begin()
    const changes = statements.map((statement) => engine.run(statement))
    check(changes)
    engine.commit()
    return changes
  } catch (error) {
    engine.rollback()
    throw error
  }
}
