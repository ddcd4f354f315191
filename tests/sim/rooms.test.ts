/** An archive that nobody can dial: it and its devices meet at a signaller. */
import { ArchiveNode } from '@holdfast/archive'
import { MemoryDisk, openMemoryLog, Rooms } from '@holdfast/archive/testing'
import { createClient, type Client, type Collection, type Document } from '@holdfast/client'
import { openMemoryDriver } from '@holdfast/client/testing'
import { HandshakeGate } from '@holdfast/peer'
import { silentLogger } from '@holdfast/peer/ports'
import type { CollectionName } from '@holdfast/peer/protocol'
import { createWorld, type Life, type World } from '@holdfast/peer/testing'
import type { SwitchboardOptions } from '@holdfast/signal'
import { expect, test } from 'vitest'
import { storeOn } from '../unit/client/client-world.js'
import { taken } from '../unit/client/replica-world.js'
import { SimulatedRtc } from './mesh/simulated-dialer.js'
import { SimulatedSignaller } from './mesh/simulated-signaller.js'

const notes = 'notes' as CollectionName

class Meeting {
  readonly world: World
  readonly signaller: SimulatedSignaller
  readonly rtc: SimulatedRtc
  readonly #disk: MemoryDisk
  rooms: Rooms | undefined
  node: ArchiveNode | undefined
  #devices = 0

  constructor(seed: string, signaller: Partial<SwitchboardOptions> = {}) {
    this.world = createWorld({ seed })
    this.signaller = new SimulatedSignaller(this.world, signaller)
    this.rtc = new SimulatedRtc(this.world)
    this.#disk = new MemoryDisk(this.world.random.fork('disk'))
  }

  startArchive(collections: readonly CollectionName[]): void {
    const host = this.world.host('archive')
    host.start((life) => life.watch(this.#serve(life, collections)))
  }

  crashArchive(): void {
    this.world.host('archive').crash()
    this.signaller.loseHost('archive')
    this.#disk.crash()
  }

  async device(): Promise<Device> {
    let life: Life | undefined
    this.world.host(`device-${++this.#devices}`).start((begun) => (life = begun))
    if (life === undefined) throw new Error('the host did not start')
    const driver = taken(await openMemoryDriver())
    const opening = createClient({
      store: storeOn(() => driver),
      clock: life.clock,
      random: life.random,
      logger: silentLogger,
      signal: this.signaller.dialFrom(life),
      dialer: this.rtc.dialer(life),
    })
    const client = await this.settle(opening)
    const collection = await this.settle(client.collection('notes'))
    const note = await this.settle(collection.open('note-1'))
    return { client, collection, note }
  }

  until(condition: () => boolean): Promise<void> {
    return this.world.until(condition, { checkEveryMs: 20, maxVirtualMs: 120_000 })
  }

  async settle<T>(work: Promise<T>): Promise<T> {
    let isSettled = false
    const settled = work.finally(() => (isSettled = true))
    settled.catch(() => {})
    await this.until(() => isSettled)
    return settled
  }

  async #serve(life: Life, collections: readonly CollectionName[]): Promise<void> {
    const world = { clock: life.clock, random: life.random, logger: silentLogger }
    const log = await openMemoryLog({ ...world, disk: this.#disk })
    const node = new ArchiveNode({ ...world, log })
    const rooms = new Rooms({
      ...world,
      log,
      node,
      collections,
      signallers: [{ url: 'sim://signaller', dial: this.signaller.dialFrom(life) }],
      dialer: this.rtc.dialer(life),
      gate: new HandshakeGate(),
    })
    rooms.start()
    this.rooms = rooms
    this.node = node
  }
}

interface Device {
  readonly client: Client
  readonly collection: Collection
  readonly note: Document
}

const textOf = ({ note }: Device): string => note.ydoc.getText('body').toJSON()
const isLive = ({ collection }: Device): boolean =>
  collection.status.archives.some(({ state }) => state === 'live')

test('[ROOMS-1] [ROOMS-2] [ROOMS-3] [ROOMS-4] an archive in the room archives what its peers write, also after it was away, and is no peer of the mesh', async () => {
  const meeting = new Meeting('rooms')
  meeting.startArchive([notes])
  const [one, two] = [await meeting.device(), await meeting.device()]
  one.note.ydoc.getText('body').insert(0, 'from the start. ')
  await meeting.until(() => isLive(one) && isLive(two))
  two.note.ydoc.getText('body').insert(0, 'archived. ')
  await meeting.settle(two.note.whenArchived())
  expect(two.note.state.safety).toBe('archived')
  await meeting.until(() => textOf(one) === textOf(two))
  expect(meeting.rooms?.stats()).toEqual({
    signallers: 1,
    calling: 1,
    rooms: 1,
    joined: 1,
    links: 2,
  })
  // The mesh counts the other device alone.
  expect([one, two].map(({ collection }) => collection.status.peers)).toEqual([1, 1])
  expect(meeting.node?.stats().errorsByCode).toEqual({})

  meeting.crashArchive()
  await meeting.until(() => !isLive(one) && !isLive(two))
  one.note.ydoc.getText('body').insert(0, 'meanwhile. ')
  await meeting.until(() => textOf(one) === textOf(two))
  // Its log holds the collection now: nobody has to name it.
  meeting.startArchive([])
  await meeting.until(() => isLive(one) && isLive(two))
  await meeting.settle(one.note.whenArchived())
  // The signaller loses the socket of before; what nobody answers at is not tried for ever.
  await meeting.until(() => one.collection.status.archives.length === 1)

  // Somebody new, with nobody there but the archive.
  for (const { client } of [one, two]) await meeting.settle(client.close())
  const three = await meeting.device()
  await meeting.until(() => textOf(three) === 'meanwhile. archived. from the start. ')
  await meeting.settle(three.client.close())
  meeting.rooms?.close()
})

test('[ROOMS-3] links that fail are made again, and a signaller that was away changes nothing for those that stand', async () => {
  const meeting = new Meeting('rooms in bad weather')
  meeting.rtc.weather.failRate = 0.4
  meeting.rtc.weather.silentRate = 0.2
  meeting.startArchive([notes])
  const one = await meeting.device()
  await meeting.until(() => isLive(one))
  meeting.signaller.crash()
  one.note.ydoc.getText('body').insert(0, 'without a signaller')
  await meeting.settle(one.note.whenArchived())
  meeting.signaller.start()
  await meeting.until(() => meeting.rooms?.stats().joined === 1)
  meeting.rtc.links = 0
  for (const pipe of meeting.world.network.pipes) pipe.break()
  await meeting.until(() => meeting.rtc.links > 0 && isLive(one))
  one.note.ydoc.getText('body').insert(0, 'again, ')
  await meeting.settle(one.note.whenArchived())
  expect(one.note.state.safety).toBe('archived')
  await meeting.settle(one.client.close())
  meeting.rooms?.close()
})

test('[ROOMS-5] an archive that was told of no collection is where somebody is, and leaves when nobody has been there for a while', async () => {
  const meeting = new Meeting('rooms that nobody named')
  meeting.startArchive([])
  const one = await meeting.device()
  one.note.ydoc.getText('body').insert(0, 'never heard of. ')
  await meeting.until(() => isLive(one))
  await meeting.settle(one.note.whenArchived())
  expect(one.note.state.safety).toBe('archived')
  expect(meeting.rooms?.stats()).toEqual({
    signallers: 1,
    calling: 1,
    rooms: 1,
    joined: 1,
    links: 1,
  })

  // Back within a minute: it stays where it was.
  await meeting.settle(one.client.close())
  const two = await meeting.device()
  await meeting.until(() => textOf(two) === 'never heard of. ')
  expect(meeting.rooms?.stats().rooms).toBe(1)
  await meeting.settle(two.client.close())
  await meeting.until(() => meeting.rooms?.stats().rooms === 0)
  const three = await meeting.device()
  await meeting.until(() => textOf(three) === 'never heard of. ')
  await meeting.settle(three.client.close())
  meeting.rooms?.close()
})

test('[ROOMS-1] where a signaller does not tell which rooms there are, the archive is in those of its log, and of each new one', async () => {
  const meeting = new Meeting('rooms of a signaller that is open to all', { open: true })
  meeting.startArchive([notes])
  const one = await meeting.device()
  one.note.ydoc.getText('body').insert(0, 'archived. ')
  await meeting.until(() => isLive(one))
  await meeting.settle(one.note.whenArchived())
  meeting.crashArchive()
  await meeting.until(() => !isLive(one))
  meeting.startArchive([])
  await meeting.until(() => isLive(one))
  expect(meeting.rooms?.stats()).toMatchObject({ calling: 0, rooms: 1, joined: 1 })
  const drafts = await meeting.settle(one.client.collection('drafts'))
  const draft = await meeting.settle(drafts.open('draft-1'))
  draft.ydoc.getText('body').insert(0, 'in no log')
  // What has never been in the log is joined when it is named, or comes there by another way.
  await meeting.until(() => isSaved(draft))
  expect(meeting.rooms?.stats().rooms).toBe(1)
  await meeting.settle(one.client.close())
  meeting.rooms?.close()
})

const isSaved = (document: Document): boolean => document.state.safety === 'saved'
