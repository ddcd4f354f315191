import type { CollectionName, DocumentId } from '@holdfast/peer/protocol'
import { createWorld, type World } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { ArchiveHost } from './archive-link/archive-host.js'
import { ClientHost } from './archive-link/client-host.js'

interface Given {
  readonly world: World
  readonly archive: ArchiveHost
  readonly client: ClientHost
  readonly live: (client: ClientHost) => Promise<void>
}

function given(seed: string): Given {
  const world = createWorld({ seed })
  return {
    world,
    archive: new ArchiveHost(world),
    client: new ClientHost(world, 'client'),
    async live(client) {
      const { connection, ledger } = client
      const isLive = (): boolean => {
        const archive = connection?.archive
        if (connection?.state.phase !== 'live' || archive === undefined) return false
        return ledger?.owes(archive).length === 0
      }
      await world.until(isLive, { checkEveryMs: 50 })
    },
  }
}

test('[CONN-22] [L48] an empty disk gets 1,300 documents back, a few questions at a time', async () => {
  const { world, archive, client, live } = given('many')
  archive.start()
  client.start()
  await live(client)
  for (let at = 0; at < 1_300; at++) void client.ledger?.type(`note-${at}`, `text ${at}`)
  await world.run(30_000)
  await live(client)
  expect(client.disk.ops).toEqual([])
  archive.restart(archive.emptyDisk())
  await world.run(1_000)
  await live(client)
  archive.check()
  for (const at of [0, 1_234, 1_299]) {
    expect((await archive.text(`note-${at}` as DocumentId))?.text).toBe(`text ${at}`)
  }
  expect(archive.node?.stats().resyncs).toBe(1)
  // A newcomer reads all of it as a log, and compares nothing.
  const newcomer = new ClientHost(world, 'newcomer')
  newcomer.start()
  await live(newcomer)
  expect(newcomer.ledger?.digests() === client.ledger?.digests()).toBe(true)
  expect(archive.node?.stats().resyncs).toBe(1)
  archive.check()
}, 120_000)

test('[CONN-13] a document of several megabytes comes and goes, also over a slow way', async () => {
  const { world, archive, client, live } = given('large')
  world.network.setConditions({ delayMs: 40, bytesPerSecond: 2_000_000 })
  archive.start()
  client.start()
  await live(client)
  for (let at = 0; at < 30; at++) void client.ledger?.type('book', 'x'.repeat(100_000))
  await world.run(1_000)
  await live(client)
  // Long enough for the archive to have folded it.
  await world.run(300_000)
  const newcomer = new ClientHost(world, 'newcomer')
  newcomer.start()
  await live(newcomer)
  expect(newcomer.ledger?.text('book').length).toBe(3_000_000)
  archive.restart(archive.emptyDisk())
  await world.run(1_000)
  await live(client)
  await live(newcomer)
  expect((await archive.text('book' as DocumentId))?.text.length).toBe(3_000_000)
  archive.check()
}, 120_000)

test('[CONN-11] a reader offers what an archive lacks, and takes what it has', async () => {
  const { world, archive, client, live } = given('reader')
  archive.start()
  client.start()
  await live(client)
  void client.ledger?.type('kept', 'by the reader alone')
  void client.ledger?.type('both', 'first')
  await world.run(2_000)
  await live(client)
  const copy = archive.emptyDisk()
  client.crash()
  archive.openAccess = 'read'
  archive.restart(copy)
  await world.run(500)
  client.start()
  await live(client)
  const { sessions = 0, resyncs = 0 } = archive.node?.stats() ?? {}
  expect({ sessions, resyncs }).toEqual({ sessions: 1, resyncs: 1 })
  const offered = archive.node?.offers('notes' as CollectionName) ?? []
  expect(offered.map(({ document }) => document.id).toSorted()).toEqual(['both', 'kept'])
  archive.check()
}, 60_000)
