import type { ArchiveId, TermId } from '@holdfast/peer/protocol'
import type { StoreChange } from './changes.js'
import type { Driver } from './driver.js'
import type { Keys } from './keys.js'
import { RowReader } from './rows.js'

/** Short names for the openings of archives' logs, the same in all collections. */
export class Openings {
  readonly #keys: Keys
  readonly #keyByName: Map<string, number>
  readonly #stored: Set<number>

  private constructor(keys: Keys, keyByName: Map<string, number>) {
    this.#keys = keys
    this.#keyByName = keyByName
    this.#stored = new Set(keyByName.values())
  }

  static async read(driver: Driver, keys: Keys): Promise<Openings> {
    const rows = await driver.query('SELECT key, archive, term FROM openings ORDER BY key')
    const keyByName = new Map(
      rows.map((row) => {
        const reader = new RowReader(row)
        const key = reader.integer()
        return [`${reader.text()} ${reader.text()}`, key] as const
      }),
    )
    return new Openings(keys, keyByName)
  }

  /** Its key, and the change that stores it, where no transaction is known to have done so. */
  of(archive: ArchiveId, term: TermId): { readonly key: number; readonly change?: StoreChange } {
    const name = `${archive} ${term}`
    const key = this.#keyByName.get(name) ?? this.#keys.next('openings')
    this.#keyByName.set(name, key)
    return this.#stored.has(key)
      ? { key }
      : { key, change: { kind: 'opening', key, archive, term } }
  }

  stored(key: number): void {
    this.#stored.add(key)
  }
}
