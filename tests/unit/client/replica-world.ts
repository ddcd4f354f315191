import {
  CollectionReplica,
  openMemoryDriver,
  openStore,
  type Driver,
} from '@holdfast/client/testing'
import { silentLogger } from '@holdfast/peer/ports'
import { hexOf, type CollectionName, type InstanceId } from '@holdfast/peer/protocol'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'

const collection = 'notes' as CollectionName

/** The memory driver, taken for durable: what these tests crash is the replica, not the process. */
export async function durableDriver(): Promise<Driver> {
  return taken(await openMemoryDriver())
}

export function taken(driver: Driver, changes: Partial<Driver> = {}): Driver {
  return {
    kind: 'simulated',
    isDurable: true,
    transact: (statements, durability) => driver.transact(statements, durability),
    query: (sql, parameters) => driver.query(sql, parameters),
    size: () => driver.size(),
    onEvent: (listener) => driver.onEvent(listener),
    close: () => driver.close(),
    ...changes,
  }
}

export interface ReplicaWorld {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  open(driver: Driver, expectsArchive?: boolean): Promise<CollectionReplica>
}

export function replicaWorld(seed: string): ReplicaWorld {
  const clock = new VirtualClock()
  const random = new SeededRandom(seed)
  return {
    clock,
    random,
    async open(driver, expectsArchive = true) {
      const store = await openStore(driver, random)
      return CollectionReplica.open({
        store: await store.collection(collection),
        instance: hexOf(random.bytes(16)) as InstanceId,
        clock,
        random,
        logger: silentLogger,
        expectsArchive,
      })
    },
  }
}
