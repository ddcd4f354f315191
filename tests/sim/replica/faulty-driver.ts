import { ClientError, openMemoryDriver, type Driver } from '@holdfast/client/testing'
import type { Clock } from '@holdfast/peer/ports'
import type { SeededRandom } from '@holdfast/peer/testing'

/**
 * A store that outlives the runs of a replica: each run gets a driver of its own to it, which can die
 * at any transaction, before or after it became durable, and can fail while it lives.
 */
export class FaultyStore {
  readonly inner: Driver
  readonly #clock: Clock
  readonly #random: SeededRandom
  #life = 0
  /** Transactions until this life ends; or undefined. */
  crashAfter: number | undefined
  failing: 'storage-full' | 'storage-failed' | undefined
  transactions = 0
  /** The last one who used it has died. */
  isDead = false
  #copying: Promise<void> = Promise.resolve()

  constructor(inner: Driver, clock: Clock, random: SeededRandom) {
    this.inner = inner
    this.#clock = clock
    this.#random = random
  }

  static async create(clock: Clock, random: SeededRandom): Promise<FaultyStore> {
    return new FaultyStore(await openMemoryDriver(), clock, random)
  }

  /** The database as it is at one moment, under another driver. */
  async copy(): Promise<FaultyStore> {
    const copying = this.#copy()
    this.#copying = copying.then(() => undefined)
    return copying
  }

  async #copy(): Promise<FaultyStore> {
    const copy = await openMemoryDriver()
    const tables = await this.inner.query(
      `SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name`,
    )
    for (const [name, sql] of tables) {
      await copy.transact([{ sql: String(sql) }])
      if (!String(sql).startsWith('CREATE TABLE')) continue
      for (const row of await this.inner.query(`SELECT * FROM ${String(name)}`)) {
        const marks = row.map(() => '?').join(', ')
        await copy.transact([
          { sql: `INSERT INTO ${String(name)} VALUES (${marks})`, parameters: row },
        ])
      }
    }
    return new FaultyStore(copy, this.#clock, this.#random)
  }

  /** Whoever used it is dead: nothing that was under way is ever answered. */
  crash(): void {
    this.#life++
    this.isDead = true
    this.crashAfter = undefined
  }

  driver(): Driver {
    const life = ++this.#life
    this.isDead = false
    const { inner } = this
    const isAlive = (): boolean => life === this.#life
    const later = (): Promise<void> =>
      new Promise((resolve) => this.#clock.after(this.#random.below(8), resolve))
    return {
      kind: 'simulated',
      isDurable: true,
      transact: async (statements, durability) => {
        await this.#copying
        if (!isAlive()) return never()
        if (this.failing !== undefined) throw new ClientError(this.failing, 'as ordered')
        this.transactions++
        if (this.crashAfter !== undefined && this.crashAfter-- <= 0) {
          if (this.#random.chance(0.5)) await inner.transact(statements, durability)
          this.crash()
          return never()
        }
        const counts = await inner.transact(statements, durability)
        await later()
        return isAlive() ? counts : never()
      },
      query: async (sql, parameters) => {
        const rows = await inner.query(sql, parameters)
        return isAlive() ? rows : never()
      },
      size: () => inner.size(),
      onEvent: (listener) => inner.onEvent(listener),
      close: () => Promise.resolve(),
    }
  }
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => {})
}
