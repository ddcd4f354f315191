/** A device of the system: a disk that outlives its runs, and the client of the run that is on. */
import { ClientError, createClient, type Client, type Document } from '@holdfast/client'
import { CollectionReplica } from '@holdfast/client/testing'
import { silentLogger } from '@holdfast/peer/ports'
import type { CollectionName } from '@holdfast/peer/protocol'
import type { Disk, Host, Life, World } from '@holdfast/peer/testing'
import { openSimulatedDriver, type SimulatedDatabase } from '../driver/simulated-driver.js'
import type { SimulatedRtc } from '../mesh/simulated-dialer.js'
import type { SimulatedSignaller } from '../mesh/simulated-signaller.js'
import { StoreView } from './store-view.js'

export const collection = 'notes' as CollectionName
/** Edited by all, all the time. */
export const lastingIds = ['note-1', 'note-2', 'list'] as const
/** Deleted now and then, and begun again. */
export const endingId = 'draft'

export interface Surroundings {
  readonly world: World
  readonly signaller: SimulatedSignaller
  readonly rtc: SimulatedRtc
}

export class SystemDevice {
  readonly host: Host
  /** What this run's client has told that no call was waiting for. */
  errors: ClientError[] = []
  running: Running | undefined
  readonly #around: Surroundings

  constructor(around: Surroundings, name: string) {
    this.#around = around
    this.host = around.world.host(name)
    this.host.disk.latencyMs = { read: 0, write: 1, fsync: 4, names: 1 }
  }

  get name(): string {
    return this.host.name
  }

  start(): void {
    this.host.start((life) => life.watch(this.#run(life)))
  }

  /** Dies without a word; its neighbours and the signaller find out by themselves. */
  crash(): void {
    this.running = undefined
    this.errors = []
    this.#around.signaller.loseHost(this.name)
    this.host.crash()
  }

  /** What is on the disk of a device that is down, on that of one that has never run. */
  async copyTo(other: SystemDevice): Promise<void> {
    const { clock } = this.#around.world
    const [from, to] = [this.host.disk.handle(clock), other.host.disk.handle(clock)]
    let isOver = false
    const copying = copyFiles(from, to).then(() => (isOver = true))
    await this.#around.world.until(() => isOver)
    await copying
  }

  async #run(life: Life): Promise<void> {
    const { signaller, rtc } = this.#around
    let database: SimulatedDatabase | undefined
    const driver = await onceThereIsRoom(life, () =>
      openSimulatedDriver(life, { onDatabase: (latest) => (database = latest) }),
    )
    let replica: CollectionReplica | undefined
    const client = await createClient({
      store: {
        async begin(host) {
          const core = await host.createOwner(driver)
          const opened = await core.collection(collection)
          // The invariants look at what stands behind the API.
          if ('replica' in opened && opened.replica instanceof CollectionReplica) {
            replica = opened.replica
          }
          return { core, end: () => Promise.resolve() }
        },
      },
      clock: life.clock,
      random: life.random,
      logger: { ...silentLogger, error: (text) => life.log(`client: ${text}`) },
      signal: signaller.dialFrom(life),
      dialer: rtc.dialer(life),
      archive: { url: 'sim://archive', dial: () => ({ link: life.dial('archive') }) },
    })
    const errors: ClientError[] = []
    client.onError((error) => {
      life.log(`is told: ${error.code} ${error.message}`)
      errors.push(error)
    })
    const notes = await client.collection(collection)
    const documents = new Map<string, Document>()
    for (const id of [...lastingIds, endingId]) documents.set(id, await notes.open(id))
    if (replica === undefined) throw new Error('the core has shown no replica')
    this.errors = errors
    const store = new StoreView(() => database)
    this.running = { life, client, notes, documents, replica, store }
  }
}

export interface Running {
  readonly life: Life
  readonly client: Client
  readonly notes: Awaited<ReturnType<Client['collection']>>
  readonly documents: Map<string, Document>
  readonly replica: CollectionReplica
  readonly store: StoreView
}

/** An app that is told at its start that the disk is full tries again a second later. */
async function onceThereIsRoom<T>(life: Life, open: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await open()
    } catch (error) {
      if (!(error instanceof ClientError && error.code === 'storage-full')) throw error
      life.log('is told that the disk is full')
      await new Promise<void>((resolve) => life.clock.after(1_000, resolve))
    }
  }
}

async function copyFiles(from: Disk, to: Disk): Promise<void> {
  for (const name of await from.names()) {
    await to.write(name, 0, await from.read(name))
    await to.fsync(name)
  }
  await to.fsyncNames()
}
