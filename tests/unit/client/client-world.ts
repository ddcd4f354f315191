/** Devices that each run a client, a signaller and an archive, on virtual time. */
import { ArchiveNode, type AccessVerifier, type Log } from '@holdfast/archive'
import { MemoryDisk, openMemoryLog } from '@holdfast/archive/testing'
import {
  createClient,
  type Client,
  type ClientError,
  type ClientOptions,
  type ClientStore,
  type Collection,
} from '@holdfast/client'
import { openMemoryDriver, type Driver } from '@holdfast/client/testing'
import { silentLogger } from '@holdfast/peer/ports'
import type { CollectionName } from '@holdfast/peer/protocol'
import { createWorld, type Host, type Life, type World } from '@holdfast/peer/testing'
import { CountedClock } from '../../sim/mesh/counted-clock.js'
import { SimulatedRtc } from '../../sim/mesh/simulated-dialer.js'
import { SimulatedSignaller } from '../../sim/mesh/simulated-signaller.js'
import { taken } from './replica-world.js'

export type Ways = 'mesh' | 'archive' | 'both' | 'neither'

export class ClientWorld {
  readonly world: World
  readonly signaller: SimulatedSignaller
  readonly rtc: SimulatedRtc
  readonly archive: ArchiveHost
  #devices = 0

  constructor(seed: string) {
    this.world = createWorld({ seed })
    this.signaller = new SimulatedSignaller(this.world)
    this.rtc = new SimulatedRtc(this.world)
    this.archive = new ArchiveHost(this.world)
  }

  async device(ways: Ways, options: Partial<ClientOptions> = {}): Promise<Device> {
    const host = this.world.host(`device-${++this.#devices}`)
    const device = new Device(this, host, ways, await openMemoryDriver())
    await device.start(options)
    return device
  }

  until(condition: () => boolean, maxVirtualMs = 30_000): Promise<void> {
    return this.world.until(condition, { checkEveryMs: 10, maxVirtualMs })
  }

  /** Lets time pass until this is settled. */
  async settle<T>(work: Promise<T>, maxVirtualMs?: number): Promise<T> {
    let isSettled = false
    const settled = work.finally(() => (isSettled = true))
    settled.catch(() => {})
    await this.until(() => isSettled, maxVirtualMs)
    return settled
  }
}

/** One device: a store that outlives its runs, and the client of the run that is on. */
export class Device {
  readonly errors: ClientError[] = []
  readonly #world: ClientWorld
  readonly #host: Host
  readonly #ways: Ways
  readonly #disk: Driver
  /** What the store answers instead, while it fails. */
  failure: Error | undefined
  #running: Running | undefined

  constructor(world: ClientWorld, host: Host, ways: Ways, disk: Driver) {
    this.#world = world
    this.#host = host
    this.#ways = ways
    this.#disk = disk
  }

  get client(): Client {
    return this.#run.client
  }

  get notes(): Collection {
    return this.#run.notes
  }

  get pendingTasks(): number {
    return this.#run.clock.pendingTasks
  }

  /** What the store holds outlives each run. */
  get driver(): Driver {
    return taken(this.#disk, {
      transact: (statements, durability) =>
        this.failure === undefined
          ? this.#disk.transact(statements, durability)
          : Promise.reject(this.failure),
      close: () => Promise.resolve(),
    })
  }

  async start(options: Partial<ClientOptions> = {}): Promise<void> {
    let life: Life | undefined
    this.#host.start((begun) => (life = begun))
    if (life === undefined) throw new Error('the host did not start')
    const clock = new CountedClock(life.clock)
    const opening = this.#open(life, clock, options)
    this.#running = await this.#world.settle(opening)
  }

  crash(): void {
    this.#host.crash()
    this.#running = undefined
  }

  async #open(life: Life, clock: CountedClock, options: Partial<ClientOptions>): Promise<Running> {
    const { signaller, rtc } = this.#world
    const hasMesh = this.#ways === 'mesh' || this.#ways === 'both'
    const hasArchive = this.#ways === 'archive' || this.#ways === 'both'
    const client = await createClient({
      store: storeOn(() => this.driver),
      clock,
      random: life.random,
      logger: silentLogger,
      signal: hasMesh && signaller.dialFrom(life),
      ...(hasMesh ? { dialer: rtc.dialer(life) } : {}),
      archive: hasArchive && {
        url: 'sim://archive',
        dial: () => ({ link: life.dial('archive') }),
      },
      ...options,
    })
    client.onError((error) => this.errors.push(error))
    return { client, notes: await client.collection('notes'), clock }
  }

  get #run(): Running {
    if (this.#running === undefined) throw new Error('the device is down')
    return this.#running
  }
}

interface Running {
  readonly client: Client
  readonly notes: Collection
  readonly clock: CountedClock
}

export class ArchiveHost {
  /** Absent: whoever comes may write. */
  verifier: AccessVerifier | undefined
  readonly #world: World
  #disk: MemoryDisk
  #running: { readonly node: ArchiveNode; readonly log: Log } | undefined

  constructor(world: World) {
    this.#world = world
    this.#disk = new MemoryDisk(world.random.fork('archive'))
  }

  async start(): Promise<void> {
    this.#world.host('archive').start((life) => void this.#open(life))
    await this.#world.until(() => this.#running !== undefined)
  }

  crash(): void {
    this.#world.host('archive').crash()
    this.#disk.crash()
    this.#running = undefined
  }

  /** What is on its disk at this moment. */
  copy(): MemoryDisk {
    return this.#disk.copy()
  }

  /** It dies, and comes back with what was on this disk: an older copy of its own. */
  async restore(disk: MemoryDisk): Promise<void> {
    this.crash()
    this.#disk = disk.copy()
    await this.start()
  }

  async head(): Promise<number> {
    return (await this.#running?.log.head('notes' as CollectionName)) ?? 0
  }

  async #open(life: Life): Promise<void> {
    const { clock, random } = life
    const log = await openMemoryLog({ disk: this.#disk, clock, random, logger: silentLogger })
    const { verifier } = this
    const node = new ArchiveNode({
      log,
      clock,
      random,
      logger: silentLogger,
      ...(verifier === undefined ? {} : { verifier }),
    })
    life.listen((link) => node.accept(link))
    this.#running = { node, log }
  }
}

/** A store on a driver that the test has. */
export function storeOn(driver: () => Driver): ClientStore {
  return {
    async begin(host) {
      return { core: await host.createOwner(driver()), end: () => Promise.resolve() }
    },
  }
}
