import type { Random } from '@holdfast/peer/ports'
import {
  hexOf,
  idBytes,
  parseReplicaId,
  type CollectionName,
  type ReplicaId,
} from '@holdfast/peer/protocol'
import { ClientError } from '../errors.js'
import { CollectionStore } from './collection-store.js'
import type { Driver, Statement } from './driver.js'
import { Keys } from './keys.js'
import { Openings } from './openings.js'
import { RowReader } from './rows.js'
import { migrations, schemaVersion } from './schema.js'

/**
 * Everything durable of one replica: its id, and its collections. Whoever opens a store owns it: two
 * that write one database at the same time would give the same keys twice, which a driver prevents.
 */
export class Store {
  readonly driver: Driver
  #replica: ReplicaId
  readonly #keys: Keys

  readonly #openings: Openings

  /** By `openStore` alone. */
  constructor(driver: Driver, replica: ReplicaId, keys: Keys, openings: Openings) {
    this.driver = driver
    this.#replica = replica
    this.#keys = keys
    this.#openings = openings
  }

  /** Made with the store and kept in it. A copy of the store has the same. */
  get replica(): ReplicaId {
    return this.#replica
  }

  /** Somebody else goes by the id that it has: it is a copy. Resolves when the new one is durable. */
  async changeReplica(random: Random): Promise<ReplicaId> {
    const replica = hexOf(random.bytes(idBytes)) as ReplicaId
    await this.driver.transact([fact('replica', replica)], 'strict')
    this.#replica = replica
    return replica
  }

  /** The part of the store that belongs to a collection; made where there is none. */
  async collection(name: CollectionName): Promise<CollectionStore> {
    const { driver } = this
    const [row] = await driver.query('SELECT key FROM collections WHERE name = ?', [name])
    if (row !== undefined) {
      return new CollectionStore(driver, this.#keys, this.#openings, new RowReader(row).integer())
    }
    const key = this.#keys.next('collections')
    await driver.transact([
      { sql: 'INSERT INTO collections (key, name) VALUES (?, ?)', parameters: [key, name] },
    ])
    return new CollectionStore(driver, this.#keys, this.#openings, key)
  }

  /** Names of all collections of which anything is kept. */
  async collections(): Promise<readonly CollectionName[]> {
    const rows = await this.driver.query('SELECT name FROM collections ORDER BY name')
    return rows.map((row) => new RowReader(row).text() as CollectionName)
  }
}

/**
 * Opens what a driver holds: brings it to this version, and makes the replica's id where there is none.
 * Rejects with `store-too-new`, having changed nothing, where a newer version has written it.
 */
export async function openStore(driver: Driver, random: Random): Promise<Store> {
  const version = await versionOf(driver)
  if (version > schemaVersion) {
    throw new ClientError(
      'store-too-new',
      `the store has version ${version}, and this is ${schemaVersion}: update the app`,
    )
  }
  if (version < schemaVersion) await driver.transact(migration(version, random), 'strict')
  const [row] = await driver.query(`SELECT value FROM facts WHERE name = 'replica'`)
  const replica = parseReplicaId(row === undefined ? undefined : new RowReader(row).text())
  if (!replica.ok) throw new ClientError('store-damaged', 'the store does not say whose it is')
  const keys = await Keys.read(driver)
  return new Store(driver, replica.value, keys, await Openings.read(driver, keys))
}

/** 0: nothing is there yet. */
async function versionOf(driver: Driver): Promise<number> {
  const tables = await driver.query(
    `SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'facts'`,
  )
  if (tables.length === 0) return 0
  const [row] = await driver.query(`SELECT value FROM facts WHERE name = 'version'`)
  const version = row === undefined ? Number.NaN : Number(new RowReader(row).text())
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new ClientError('store-damaged', 'the store does not say which version it has')
  }
  return version
}

/** One transaction: a store is of one version or of another, and never without an owner. */
function migration(from: number, random: Random): readonly Statement[] {
  const steps: Statement[] = []
  for (let version = from + 1; version <= schemaVersion; version++) {
    steps.push(...(migrations.get(version) ?? []))
  }
  steps.push(fact('version', String(schemaVersion)))
  if (from === 0) steps.push(fact('replica', hexOf(random.bytes(idBytes))))
  return steps
}

function fact(name: string, value: string): Statement {
  return { sql: 'REPLACE INTO facts (name, value) VALUES (?, ?)', parameters: [name, value] }
}
