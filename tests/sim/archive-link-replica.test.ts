import {
  ArchiveConnection,
  CollectionReplica,
  openMemoryDriver,
  openStore,
} from '@holdfast/client/testing'
import { silentLogger } from '@holdfast/peer/ports'
import {
  hexOf,
  type CollectionName,
  type DocumentId,
  type InstanceId,
  type ReplicaId,
} from '@holdfast/peer/protocol'
import { createWorld, type World } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { taken } from '../unit/client/replica-world.js'
import { ArchiveHost } from './archive-link/archive-host.js'

const notes = 'notes' as CollectionName

/** A replica in a store, connected to the archive of its world. */
async function device(world: World, name: string): Promise<Device> {
  const { clock, network } = world
  const random = world.random.fork(name)
  const store = await openStore(taken(await openMemoryDriver()), random)
  const instance = hexOf(random.bytes(16)) as InstanceId
  const replicaId = hexOf(random.bytes(16)) as ReplicaId
  const replica = await CollectionReplica.open({
    store: await store.collection(notes),
    instance,
    clock,
    random,
    logger: silentLogger,
    expectsArchive: true,
  })
  const connection = new ArchiveConnection({
    collection: notes,
    identity: () => ({ replica: replicaId, instance }),
    ledger: replica.ledger,
    dial: () => ({ link: network.dial(name, 'archive') }),
    clock,
    random,
    logger: silentLogger,
  })
  const troubles: string[] = []
  connection.onTrouble(({ kind }) => troubles.push(kind))
  return { replica, connection, troubles }
}

interface Device {
  readonly replica: CollectionReplica
  readonly connection: ArchiveConnection
  readonly troubles: string[]
}

test('[CONN-21] [L48] [L26] replicas in their stores and an archive agree, also when its disk was an older one, or is empty', async () => {
  const world = createWorld({ seed: 'replicas' })
  const archive = new ArchiveHost(world)
  archive.start()
  const devices = [await device(world, 'one'), await device(world, 'two')]
  const opened = await Promise.all(devices.map(({ replica }) => replica.open('note')))
  const [first, second] = opened.map(({ ydoc }) => ydoc.getText('body'))
  if (first === undefined || second === undefined) throw new Error('nothing is open')
  const agreed = (): boolean =>
    devices.every(
      ({ replica, connection }) =>
        connection.state.phase === 'live' &&
        replica.pending().saved === 0 &&
        replica.pending().local === 0,
    ) && first.toJSON() === second.toJSON()
  const agree = async (): Promise<void> => {
    await world.until(agreed, { checkEveryMs: 50 })
    expect((await archive.text('note' as DocumentId))?.text).toBe(first.toJSON())
    archive.check()
  }
  first.insert(0, 'before the archive was met. ')
  await world.run(1_000)
  for (const { connection } of devices) connection.start()
  second.insert(0, 'two. ')
  await world.run(1_000)
  await agree()
  expect(first.toJSON()).toContain('two. ')
  const older = archive.disk.copy()
  for (let at = 0; at < 40; at++) {
    first.insert(0, `${at}.`)
    await world.run(40)
  }
  await agree()
  const all = first.toJSON()
  archive.restart(older)
  await world.run(5_000)
  await agree()
  expect(first.toJSON()).toBe(all)
  archive.restart(archive.emptyDisk())
  second.delete(0, 3)
  await world.run(5_000)
  await agree()
  expect(first.toJSON()).toBe(all.slice(3))
  expect(devices.flatMap(({ troubles }) => troubles)).toEqual([])
  const resyncs = archive.node?.stats().resyncs
  await world.run(120_000)
  expect(archive.node?.stats().resyncs).toBe(resyncs)
  for (const { connection } of devices) connection.close()
})
