import { ArchiveNode } from '@holdfast/archive'
import { MemoryDisk, openMemoryLog } from '@holdfast/archive/testing'
import { ArchiveConnection, webSocketArchiveDial } from '@holdfast/client/testing'
import { systemClock, systemRandom, webSocketLink } from '@holdfast/peer'
import { silentLogger } from '@holdfast/peer/ports'
import type { CollectionName } from '@holdfast/peer/protocol'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { MemoryLedger } from '../sim/archive-link/memory-ledger.js'
import { ReplicaDisk } from '../sim/archive-link/replica-disk.js'

const world = { clock: systemClock, random: systemRandom, logger: silentLogger }

/** Looks again and again, with a deadline of the test's own. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise<void>((resolve) => {
      systemClock.after(10, resolve)
    })
  }
}

test('[CONN-1] [CONN-5] over real WebSockets an edit is archived, and comes to others', async () => {
  const log = await openMemoryLog({ ...world, disk: new MemoryDisk(systemRandom) })
  const node = new ArchiveNode({ ...world, log })
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('connection', (socket) => node.accept(webSocketLink(socket)))
  await until(() => server.address() !== null)
  const { port } = server.address() as AddressInfo
  const dial = webSocketArchiveDial(WebSocket, `ws://127.0.0.1:${port}`)
  const devices = [0, 1].map(() => {
    const disk = new ReplicaDisk(systemRandom)
    const ledger = new MemoryLedger({ ...world, disk, writeMs: 1 })
    const connection = new ArchiveConnection({
      ...world,
      collection: 'notes' as CollectionName,
      identity: () => ({ replica: disk.replica, instance: ledger.instance }),
      ledger,
      dial,
    })
    connection.start()
    return { ledger, connection }
  })
  const [one, two] = devices
  if (one === undefined || two === undefined) throw new Error('no devices')
  await until(() => devices.every(({ connection }) => connection.state.phase === 'live'))
  await one.ledger.type('note', 'over the wire')
  await until(() => two.ledger.text('note') === 'over the wire')
  const { archive } = one.connection
  if (archive === undefined) throw new Error('no archive')
  await until(() => one.ledger.owes(archive).length === 0)
  expect(two.connection.archive).toBe(archive)
  for (const { connection } of devices) connection.close()
  await node.close()
  await log.close()
  server.close()
})

test('[CONN-2] a WebSocket address that is none is told at once, and a dead one is tried again', async () => {
  expect(() => webSocketArchiveDial(WebSocket, 'https://example.org')).toThrow(RangeError)
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await until(() => server.address() !== null)
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const disk = new ReplicaDisk(systemRandom)
  const ledger = new MemoryLedger({ ...world, disk })
  const connection = new ArchiveConnection({
    ...world,
    collection: 'notes' as CollectionName,
    identity: () => ({ replica: disk.replica, instance: ledger.instance }),
    ledger,
    dial: webSocketArchiveDial(WebSocket, `ws://127.0.0.1:${port}`),
  })
  const phases: string[] = []
  connection.onState(({ phase }) => phases.push(phase))
  connection.start()
  await until(() => phases.length >= 4)
  connection.close()
  expect(phases.slice(0, 4)).toEqual(['connecting', 'offline', 'connecting', 'offline'])
})
