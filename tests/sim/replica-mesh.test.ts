import { CollectionReplica, openStore, type Driver } from '@holdfast/client/testing'
import { Channel, CollectionSync } from '@holdfast/peer'
import { silentLogger, type Link } from '@holdfast/peer/ports'
import { hexOf, type InstanceId, type ReplicaId } from '@holdfast/peer/protocol'
import { createWorld, type World } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { collection } from './replica/device.js'
import { FaultyStore } from './replica/faulty-driver.js'

test('[REPLICA-27] replicas on real sessions of the mesh come to hold the same, from their stores, and spread what is saved', async () => {
  const world = createWorld({ seed: 'replicas in a mesh' })
  world.network.setConditions({ delayMs: 20 })
  const drivers: Driver[] = []
  for (let at = 0; at < 3; at++) {
    drivers.push((await FaultyStore.create(world.clock, world.random)).driver())
  }
  // Each has something that the others lack, in its store alone.
  for (const [at, driver] of drivers.entries()) {
    const replica = await settled(world, openReplica(world, driver))
    for (let document = 0; document < 40; document++) {
      const open = await settled(world, replica.open(`note ${document}`))
      open.ydoc.getMap('tokens').set(`before ${at}`, document)
      await settled(world, open.close())
    }
    await settled(world, replica.close())
  }
  const peers: { replica: CollectionReplica; sync: CollectionSync }[] = []
  for (const [at, driver] of drivers.entries()) {
    const instance = hexOf(world.random.bytes(16)) as InstanceId
    const replica = await settled(world, openReplica(world, driver, instance))
    world.host(`p${at}`).start((life) => {
      const sync = new CollectionSync({
        self: {
          replica: hexOf(life.random.bytes(16)) as ReplicaId,
          instance,
          collection,
          access: 'write',
        },
        documents: replica.documents,
        clock: life.clock,
        random: life.random,
        logger: silentLogger,
      })
      const meet = (link: Link): void => {
        const { clock, random } = life
        sync.add(new Channel({ link, clock, random }), { access: 'write' })
      }
      life.listen(meet)
      for (let other = 0; other < at; other++) meet(life.dial(`p${other}`))
      peers.push({ replica, sync })
    })
  }
  await synced(world, peers)
  for (const { replica } of peers) expect(await digestsOf(world, replica)).toHaveLength(40)
  const [first, second] = [
    await digestsOf(world, at(peers, 0)),
    await digestsOf(world, at(peers, 1)),
  ]
  expect(first).toEqual(second)
  expect(new Set(first).size).toBe(40)

  const open = await settled(world, at(peers, 0).open('note 7'))
  open.ydoc.getMap('tokens').set('live', 1)
  const seen = await settled(world, at(peers, 2).open('note 7'))
  await world.until(() => seen.ydoc.getMap('tokens').has('live'))
  expect([...seen.ydoc.getMap('tokens').keys()].toSorted()).toEqual([
    'before 0',
    'before 1',
    'before 2',
    'live',
  ])
  await settled(world, at(peers, 1).delete('note 7'))
  await world.until(() => seen.state.isDeleted && open.state.isDeleted)
  expect(at(peers, 0).list()).toHaveLength(39)
  for (const { replica, sync } of peers) {
    sync.close()
    await settled(world, replica.close())
  }
})

async function openReplica(
  world: World,
  driver: Driver,
  instance = hexOf(world.random.bytes(16)) as InstanceId,
): Promise<CollectionReplica> {
  const store = await openStore(driver, world.random)
  return CollectionReplica.open({
    store: await store.collection(collection),
    instance,
    clock: world.clock,
    random: world.random,
    logger: silentLogger,
    expectsArchive: false,
  })
}

function at(peers: readonly { replica: CollectionReplica }[], index: number): CollectionReplica {
  const peer = peers[index]
  if (peer === undefined) throw new RangeError(`no peer ${index}`)
  return peer.replica
}

function synced(world: World, peers: readonly { sync: CollectionSync }[]): Promise<void> {
  return world.until(
    () => peers.every(({ sync }) => sync.sessions.every(({ isSynced }) => isSynced)),
    { maxVirtualMs: 60_000 },
  )
}

async function digestsOf(world: World, replica: CollectionReplica): Promise<readonly unknown[]> {
  const { documents } = await settled(world, replica.ledger.holdings(undefined, 100))
  return documents.map(({ digest }) => digest)
}

/** Waits while virtual time passes. */
async function settled<T>(world: World, work: Promise<T>): Promise<T> {
  let isOver = false
  const over = (): void => {
    isOver = true
  }
  work.then(over, over)
  await world.until(() => isOver)
  return work
}
