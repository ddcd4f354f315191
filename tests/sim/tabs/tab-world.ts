/**
 * A browser in which tabs of one app live, on virtual time: the lock, the channel and the disk that
 * they share, and tabs that are closed, killed, frozen and thawed at any moment.
 */
import { createClient, type Client, type ClientOptions } from '@holdfast/client'
import {
  ClientError,
  openMemoryDriver,
  tabsStore,
  type Driver,
  type DriverEvent,
  type HeldLock,
  type TabLife,
  type TabsPort,
} from '@holdfast/client/testing'
import { silentLogger, type Clock, type Undo } from '@holdfast/peer/ports'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'

export class TabWorld {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly tabs: Tab[] = []
  readonly lock = new SimulatedLock()
  readonly disk: SharedDisk
  /** Of a hundred messages between tabs, so many get lost. */
  lossPercent = 0

  /** @param clock of a world that the tabs are part of */
  static async begin(seed: string, clock = new VirtualClock()): Promise<TabWorld> {
    return new TabWorld(seed, await openMemoryDriver(), clock)
  }

  private constructor(seed: string, base: Driver, clock: VirtualClock) {
    this.clock = clock
    this.random = new SeededRandom(seed)
    this.disk = new SharedDisk(base)
  }

  tab(): Tab {
    const tab = new Tab(this, this.tabs.length)
    this.tabs.push(tab)
    return tab
  }

  /** A tab with a client, once it has one. */
  async open(options: TabOptions = {}): Promise<Tab> {
    const tab = this.tab()
    tab.begin(options)
    await this.until(() => tab.isReady)
    return tab
  }

  until(condition: () => boolean): Promise<void> {
    return this.clock.runUntil(condition, { maxVirtualMs: 300_000 })
  }

  run(ms: number): Promise<void> {
    return this.clock.run(ms)
  }

  /** What a promise comes to, with the time that it takes. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let isDone = false
    const done = promise.finally(() => (isDone = true))
    done.catch(() => {})
    await this.until(() => isDone)
    return done
  }

  post(from: Tab, message: unknown): void {
    const bytes = structuredClone(message)
    for (const tab of this.tabs) {
      if (tab === from) continue
      if (this.lossPercent > 0 && this.random.uint32() % 100 < this.lossPercent) continue
      this.clock.after(0.2, () => tab.awake(() => tab.hear(structuredClone(bytes))))
    }
  }

  get owner(): Tab | undefined {
    return this.tabs.find((tab) => tab.isAwake && tab.client?.status.role === 'owner')
  }
}

export interface TabOptions {
  readonly version?: number
  /** How opening the store goes; by default well. */
  readonly opening?: () => Promise<void>
  readonly isDurable?: boolean
  /** What else the app gives its client. */
  readonly client?: Partial<ClientOptions>
}

export class Tab {
  readonly index: number
  readonly #world: TabWorld
  readonly #frozen: (() => void)[] = []
  readonly #life = new Set<(life: TabLife) => void>()
  readonly errors: ClientError[] = []
  client: Client | undefined
  failure: unknown
  hear: (message: unknown) => void = () => {}
  #state: 'awake' | 'frozen' | 'dead' = 'awake'

  constructor(world: TabWorld, index: number) {
    this.#world = world
    this.index = index
  }

  begin({ version, opening, isDurable = true, client }: TabOptions = {}): void {
    const openDriver = async (): Promise<Driver> => {
      await opening?.()
      return this.#world.disk.open(this.#clock, isDurable)
    }
    const store = tabsStore({
      port: this.#port,
      openDriver,
      ...(version === undefined ? {} : { version }),
    })
    createClient({
      store,
      clock: this.#clock,
      random: this.#world.random.fork(`tab ${this.index}`),
      logger: silentLogger,
      ...client,
    }).then(
      (begun) => {
        begun.onError((error) => this.errors.push(error))
        this.client = begun
        return undefined
      },
      (error: unknown) => (this.failure = error),
    )
  }

  get isReady(): boolean {
    return this.client !== undefined || this.failure !== undefined
  }

  get isAwake(): boolean {
    return this.#state === 'awake'
  }

  get isDead(): boolean {
    return this.#state === 'dead'
  }

  /** With what it has not said and not stored. */
  kill(): void {
    this.#state = 'dead'
    this.#frozen.length = 0
    this.#world.lock.gone(this)
  }

  /** @param isTold the browser says so before: else it just stops, as a laptop that is shut */
  freeze(isTold = false): void {
    if (isTold) this.live('frozen')
    this.#state = 'frozen'
  }

  thaw(): void {
    if (this.#state !== 'frozen') return
    this.#state = 'awake'
    for (const task of this.#frozen.splice(0)) this.#world.clock.after(0, () => this.awake(task))
    this.live('resumed')
  }

  live(life: TabLife): void {
    for (const listener of this.#life) listener(life)
  }

  /** Runs it as soon as this tab runs at all. */
  awake(task: () => void): void {
    if (this.#state === 'awake') task()
    else if (this.#state === 'frozen') this.#frozen.push(task)
  }

  get #clock(): Clock {
    const { clock } = this.#world
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs, task) => {
        let isOff = false
        const undo = clock.after(delayMs, () => {
          this.awake(() => {
            if (!isOff) task()
          })
        })
        return () => {
          isOff = true
          undo()
        }
      },
    }
  }

  get #port(): TabsPort {
    const { lock } = this.#world
    return {
      request: () => lock.request(this),
      steal: () => lock.steal(this),
      openChannel: (hear) => {
        this.hear = hear
        return {
          post: (message) => {
            if (this.#state === 'awake') this.#world.post(this, message)
          },
          close: () => (this.hear = () => {}),
        }
      },
      onLife: (listener): Undo => {
        this.#life.add(listener)
        return () => this.#life.delete(listener)
      },
    }
  }
}

interface Holder {
  readonly tab: Tab
  readonly lose: () => void
}

class SimulatedLock {
  #holder: Holder | undefined
  #queue: { readonly tab: Tab; readonly grant: () => void }[] = []

  request(tab: Tab): { granted: Promise<HeldLock>; withdraw(): void } {
    let entry: { tab: Tab; grant: () => void } | undefined
    const granted = new Promise<HeldLock>((resolve) => {
      entry = { tab, grant: () => resolve(this.#hold(tab)) }
      this.#queue.push(entry)
    })
    this.#next()
    return { granted, withdraw: () => (this.#queue = this.#queue.filter((one) => one !== entry)) }
  }

  steal(tab: Tab): Promise<HeldLock> {
    const before = this.#holder
    this.#holder = undefined
    if (before !== undefined) before.tab.awake(() => before.lose())
    return Promise.resolve(this.#hold(tab))
  }

  gone(tab: Tab): void {
    this.#queue = this.#queue.filter((one) => one.tab !== tab)
    if (this.#holder?.tab === tab) this.#holder = undefined
    this.#next()
  }

  #hold(tab: Tab): HeldLock {
    let lose = nothing
    const lost = new Promise<void>((resolve) => (lose = resolve))
    const holder = { tab, lose }
    this.#holder = holder
    return {
      lost,
      release: () => {
        if (this.#holder !== holder) return
        this.#holder = undefined
        this.#next()
      },
    }
  }

  #next(): void {
    if (this.#holder !== undefined) return
    const next = this.#queue.shift()
    if (next === undefined) return
    if (next.tab.isAwake) next.grant()
    else {
      // It has it, and does not know yet.
      this.#holder = { tab: next.tab, lose: () => {} }
      next.tab.awake(next.grant)
    }
  }
}

/** One database that outlives its tabs. Who opens it last owns it: the others are turned away. */
export class SharedDisk {
  readonly #base: Driver
  #owner = 0
  /** Every write fails with this. */
  failing: ClientError | undefined
  /** Every read does. */
  failingReads: ClientError | undefined
  writeMs = 1

  constructor(base: Driver) {
    this.#base = base
  }

  open(clock: Clock, isDurable: boolean): Driver {
    const owner = ++this.#owner
    const listeners = new Set<(event: DriverEvent) => void>()
    // As in the browser: a page asks a worker, and both stop with the tab.
    const call = <T>(work: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        clock.after(this.writeMs, () => {
          if (owner !== this.#owner) {
            for (const listener of listeners) listener({ kind: 'taken' })
            reject(new ClientError('store-taken', 'another tab has the store'))
            return
          }
          // A rejection crosses as fast as an answer: what it resolves to is looked at when it arrives.
          const worked = work()
          worked.catch(() => {})
          clock.after(2 * this.writeMs, () => resolve(worked))
        })
      })
    let isClosed = false
    const open = <T>(work: () => Promise<T>): Promise<T> =>
      isClosed ? Promise.reject(new ClientError('closed', 'the store is closed')) : call(work)
    return {
      kind: 'simulated',
      isDurable,
      transact: (statements, durability) =>
        open(() =>
          this.failing === undefined
            ? this.#base.transact(statements, durability)
            : Promise.reject(this.failing),
        ),
      query: (sql, parameters) =>
        open(() =>
          this.failingReads === undefined
            ? this.#base.query(sql, parameters)
            : Promise.reject(this.failingReads),
        ),
      size: () => this.#base.size(),
      onEvent: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      close: () => {
        isClosed = true
        return Promise.resolve()
      },
    }
  }
}

const nothing = (): void => {}
