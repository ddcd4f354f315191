import type { Driver } from './driver.js'
import { RowReader } from './rows.js'

/** Tables whose keys are given here. */
const tables = [
  'collections',
  'documents',
  'updates',
  'openings',
  'ops',
  'kept',
  'quarantined',
] as const

export type KeyedTable = (typeof tables)[number]

/** Gives keys for new rows, ascending. What a transaction that failed has taken is not given again. */
export class Keys {
  readonly #last: Map<KeyedTable, number>

  private constructor(last: Map<KeyedTable, number>) {
    this.#last = last
  }

  static async read(driver: Driver): Promise<Keys> {
    const last = new Map<KeyedTable, number>()
    for (const table of tables) {
      const [row] = await driver.query(`SELECT max(key) FROM ${table}`)
      last.set(table, new RowReader(row ?? []).optional((column) => column.integer()) ?? 0)
    }
    return new Keys(last)
  }

  next(table: KeyedTable): number {
    const key = (this.#last.get(table) ?? 0) + 1
    this.#last.set(table, key)
    return key
  }

  /** The last one that was given. */
  last(table: KeyedTable): number {
    return this.#last.get(table) ?? 0
  }
}
