/** A client as an app holds it, whichever core stands behind it. */
import type { Clock, Logger, Random, Undo } from '@holdfast/peer/ports'
import { parseCollectionName, type CollectionName } from '@holdfast/peer/protocol'
import type { Client, ClientStatus, Collection, Pending, Reach, Way } from '../api.js'
import type { Core, CoreHost, CoreSeat } from '../core/core.js'
import type { Network } from '../core/network.js'
import { OwnerCore } from '../core/owner-core.js'
import { ClientError } from '../errors.js'
import type { Driver } from '../store/driver.js'
import { AppListeners } from './app-listeners.js'
import { AppCollection } from './collection.js'
import { ErrorsTold } from './errors-told.js'
import { Turns } from './turns.js'

export interface AppClientOptions {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export class AppClient implements Client {
  readonly #options: AppClientOptions
  readonly #errors: ErrorsTold
  readonly #entryByName = new Map<CollectionName, Entry>()
  /** Opening and closing a collection wait for each other; and so do exchanges. */
  readonly #turns = new Turns<string>()
  readonly #left = new Set<Way>()
  readonly #onStatus: AppListeners<[ClientStatus]>
  #seat: CoreSeat | undefined
  #core: Core | undefined
  #undo: readonly Undo[] = []
  #isAway = false
  #telling: Undo | undefined
  #told = ''
  #closing: Promise<void> | undefined

  constructor(options: AppClientOptions) {
    this.#options = options
    this.#errors = new ErrorsTold(options.clock)
    this.#onStatus = new AppListeners('onStatus', (error) => this.#errors.tell(error))
  }

  /** For the store, that gives the first core and may give others. */
  get host(): CoreHost {
    const { clock, random, logger } = this.#options
    return {
      clock,
      random,
      logger,
      createOwner: (driver) => this.#createOwner(driver),
      exchange: (core) => this.#turns.run(exchanging, () => this.#exchange(core)),
      report: (error) => this.#errors.tell(error),
      setAway: (away) => this.setAway(away),
      retryNow: () => this.retryNow(),
    }
  }

  /** The first core is there. */
  begin(seat: CoreSeat): void {
    this.#seat = seat
    // The store may have exchanged it already.
    if (this.#core === undefined) this.#take(seat.core)
    const { isDurable, kind } = seat.core.storage
    if (!isDurable && kind !== 'memory') {
      const text = 'this window has no storage that outlives it (private browsing?)'
      this.#errors.tell(new ClientError('not-durable', text))
    }
    this.#errors.begin()
  }

  get replica(): string {
    return this.#begun.replica
  }

  get instance(): string {
    return this.#begun.instance
  }

  get status(): ClientStatus {
    const collections = [...this.#entryByName.values()].flatMap(({ collection }) => {
      return collection === undefined ? [] : [collection.status]
    })
    return {
      reach: collections.reduce<Reach>((best, { reach }) => better(best, reach), 'offline'),
      pending: collections.reduce<Pending>((sum, { pending }) => added(sum, pending), none),
      storage: this.#begun.storage,
      role: this.#begun.role,
    }
  }

  async collection(given: string): Promise<Collection> {
    const parsed = parseCollectionName(given)
    if (!parsed.ok) throw new ClientError('bad-name', parsed.refusal.detail)
    const name = parsed.value
    return this.#turns.run(name, async () => {
      this.#assertOpen()
      const known = this.#entryByName.get(name)
      if (known?.collection !== undefined) {
        known.count++
        return known.collection
      }
      const core = this.#begun
      const opened = await core.collection(name)
      const collection = new AppCollection(opened, {
        letGo: () => this.#letGoOf(name),
        report: (error) => this.#errors.tell(error),
      })
      if (this.#closing !== undefined) {
        collection.destroy()
        throw closed()
      }
      collection.onStatus(() => this.#tellSoon())
      this.#entryByName.set(name, { collection, count: 1 })
      // Exchanged meanwhile: it goes after the others.
      if (this.#core !== core && this.#core !== undefined) await collection.move(this.#core)
      this.#tellSoon()
      return collection
    })
  }

  onStatus(listener: (status: ClientStatus) => void): Undo {
    return this.#onStatus.add(listener)
  }

  onError(listener: (error: ClientError) => void): Undo {
    return this.#errors.on(listener)
  }

  async flush(): Promise<void> {
    this.#assertOpen()
    const collections = [...this.#entryByName.values()].map(({ collection }) => collection)
    await Promise.all(collections.map((collection) => collection.whenSaved()))
  }

  setAway(away: boolean): void {
    this.#isAway = away
    this.#core?.setAway(away)
  }

  retryNow(): void {
    this.#core?.retryNow()
  }

  disconnect(way?: Way): void {
    for (const one of way === undefined ? ways : [way]) this.#left.add(one)
    this.#core?.disconnect(way)
  }

  connect(way?: Way): void {
    for (const one of way === undefined ? ways : [way]) this.#left.delete(one)
    this.#core?.connect(way)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#onStatus.clear()
    this.#telling?.()
    try {
      // An exchange that has begun ends first: what it moves must not get lost on the way.
      await this.#turns.run(exchanging, () => this.#core?.close() ?? Promise.resolve())
    } finally {
      for (const { collection } of this.#entryByName.values()) collection.destroy()
      this.#entryByName.clear()
      for (const undo of this.#undo) undo()
      await this.#seat?.end()
      this.#errors.close()
    }
  }

  get #begun(): Core {
    if (this.#core === undefined) throw new ClientError('internal', 'there is no core yet')
    return this.#core
  }

  #createOwner(driver: Driver): Promise<Core> {
    return OwnerCore.open({ ...this.#options, driver })
  }

  #take(core: Core): void {
    for (const undo of this.#undo) undo()
    this.#core = core
    this.#undo = [
      core.onStorage(() => this.#tellSoon()),
      core.onError((error) => this.#errors.tell(error)),
    ]
    core.setAway(this.#isAway)
    for (const way of this.#left) core.disconnect(way)
  }

  async #exchange(core: Core): Promise<void> {
    if (this.#closing !== undefined) {
      await core.close()
      return
    }
    const before = this.#core
    this.#take(core)
    await Promise.all(
      // Not in their turns: who closes one may wait for this very exchange.
      [...this.#entryByName.values()].map(({ collection }) => this.#move(collection, core)),
    )
    this.#tellSoon()
    try {
      await before?.close()
    } catch (error) {
      // What it had not stored was handed over.
      this.#options.logger.info('the core before did not end well', { error: String(error) })
    }
  }

  async #move(collection: AppCollection, core: Core): Promise<void> {
    try {
      await collection.move(core)
    } catch (error) {
      const text = `${collection.name} could not be moved`
      this.#errors.tell(
        error instanceof ClientError ? error : new ClientError('internal', text, { cause: error }),
      )
    }
  }

  async #letGoOf(name: CollectionName): Promise<void> {
    const entry = this.#entryByName.get(name)
    if (entry === undefined || entry.count === 0) return
    if (--entry.count > 0) return
    await this.#turns.run(name, async () => {
      if (entry.count > 0 || this.#entryByName.get(name) !== entry) return
      await entry.collection.end()
      this.#entryByName.delete(name)
      this.#tellSoon()
    })
  }

  #tellSoon(): void {
    if (this.#closing !== undefined) return
    this.#telling ??= this.#options.clock.after(0, () => {
      this.#telling = undefined
      const { status } = this
      const told = JSON.stringify({ ...status, failing: status.storage.failing?.code })
      if (told === this.#told) return
      this.#told = told
      this.#onStatus.tell(status)
    })
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closed()
  }
}

interface Entry {
  readonly collection: AppCollection
  /** How many have it open. */
  count: number
}

/** Not a name that a collection may have. */
const exchanging = ''
const ways: readonly Way[] = ['archive', 'mesh']
const none: Pending = { local: 0, saved: 0, refused: 0 }
const byWorth: readonly Reach[] = ['offline', 'connecting', 'mesh', 'archive']

function better(a: Reach, b: Reach): Reach {
  return byWorth.indexOf(a) < byWorth.indexOf(b) ? b : a
}

function added(a: Pending, b: Pending): Pending {
  return { local: a.local + b.local, saved: a.saved + b.saved, refused: a.refused + b.refused }
}

function closed(): ClientError {
  return new ClientError('closed', 'the client is closed')
}
