/** The core that owns the store: its collections, and what all of them share. */
import { createSignalling, Listeners, type Awareness, type Signalling } from '@holdfast/peer'
import type { Clock, Logger, Random, Undo } from '@holdfast/peer/ports'
import {
  hexOf,
  idBytes,
  type CollectionName,
  type InstanceId,
  type ReplicaId,
} from '@holdfast/peer/protocol'
import type { StorageStatus, Way } from '../api.js'
import { ClientError } from '../errors.js'
import type { Driver, DriverEvent } from '../store/driver.js'
import { openStore, type Store } from '../store/store.js'
import type { Core } from './core.js'
import type { Network } from './network.js'
import { OwnerCollection } from './owner-collection.js'

export interface OwnerCoreOptions {
  /** Closed with the core. */
  readonly driver: Driver
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export class OwnerCore implements Core {
  readonly role = 'owner'
  readonly instance: InstanceId
  readonly #options: OwnerCoreOptions
  readonly #store: Store
  readonly #signalling: Signalling | undefined
  /** Also those that are still being opened. */
  readonly #collectionByName = new Map<CollectionName, Promise<OwnerCollection>>()
  readonly #open = new Set<OwnerCollection>()
  readonly #left = new Set<Way>()
  readonly #onStorage = new Listeners<[StorageStatus]>()
  readonly #onError = new Listeners<[ClientError]>()
  readonly #undo: Undo[] = []
  /** Of the time before anybody could listen: what was told while the store was opened. */
  #early: ClientError[] | undefined = []
  #failing: ClientError | undefined
  #isAway = false
  #closing: Promise<void> | undefined

  /** Rejects with a `ClientError` where the driver does not hold a store that can be used. */
  static async open(options: OwnerCoreOptions): Promise<OwnerCore> {
    return new OwnerCore(options, await openStore(options.driver, options.random))
  }

  private constructor(options: OwnerCoreOptions, store: Store) {
    const { driver, network, clock, random, logger } = options
    this.#options = options
    this.#store = store
    this.instance = hexOf(random.bytes(idBytes)) as InstanceId
    const { signal, token } = network
    if (signal !== undefined) {
      this.#signalling = createSignalling({
        dial: signal,
        clock,
        random,
        logger,
        identity: { replica: store.replica, instance: this.instance },
        ...(token === undefined ? {} : { token }),
      })
      this.#undo.push(this.#signalling.onState(() => this.#signalChanged()))
    }
    this.#undo.push(driver.onEvent((event) => this.#driverSaid(event)))
  }

  get replica(): ReplicaId {
    return this.#store.replica
  }

  get storage(): StorageStatus {
    const { kind, isDurable } = this.#options.driver
    return { kind, isDurable, failing: this.#failing }
  }

  async collection(name: CollectionName, awareness?: Awareness): Promise<OwnerCollection> {
    this.#assertOpen()
    const known = this.#collectionByName.get(name)
    if (known !== undefined) return (await known).retain()
    const opening = this.#openCollection(name, awareness)
    this.#collectionByName.set(name, opening)
    try {
      return await opening
    } catch (error) {
      this.#collectionByName.delete(name)
      throw error
    }
  }

  onStorage(listener: (storage: StorageStatus) => void): Undo {
    return this.#onStorage.add(listener)
  }

  onError(listener: (error: ClientError) => void): Undo {
    const undo = this.#onError.add(listener)
    const early = this.#early ?? []
    this.#early = undefined
    for (const error of early) listener(error)
    return undo
  }

  setAway(away: boolean): void {
    this.#isAway = away
    for (const collection of this.#open) collection.setAway(away)
  }

  retryNow(): void {
    this.#signalling?.retryNow()
    for (const collection of this.#open) collection.retryNow()
  }

  disconnect(way?: Way): void {
    for (const one of waysOf(way)) {
      this.#left.add(one)
      for (const collection of this.#open) collection.disconnect(one)
    }
  }

  connect(way?: Way): void {
    for (const one of waysOf(way)) {
      this.#left.delete(one)
      for (const collection of this.#open) collection.connect(one)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #openCollection(
    name: CollectionName,
    awareness: Awareness | undefined,
  ): Promise<OwnerCollection> {
    const collection: OwnerCollection = await OwnerCollection.open({
      ...this.#options,
      name,
      store: this.#store,
      instance: this.instance,
      signalling: this.#signalling,
      awareness,
      report: (error) => this.#report(error),
      storage: (failure) => this.#storageIs(failure),
      onClosed: () => {
        this.#open.delete(collection)
        this.#collectionByName.delete(name)
      },
    })
    this.#open.add(collection)
    if (this.#closing !== undefined) {
      await collection.end()
      throw closed()
    }
    collection.setAway(this.#isAway)
    for (const way of waysOf(undefined)) if (!this.#left.has(way)) collection.connect(way)
    return collection
  }

  async #close(): Promise<void> {
    // One that is being opened sees that the core is closed, and ends.
    await Promise.allSettled(this.#collectionByName.values())
    const ends = await Promise.allSettled([...this.#open].map((collection) => collection.end()))
    this.#signalling?.close()
    for (const undo of this.#undo) undo()
    this.#onStorage.clear()
    this.#onError.clear()
    await this.#options.driver.close()
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  #signalChanged(): void {
    for (const collection of this.#open) collection.signalChanged()
  }

  #driverSaid(event: DriverEvent): void {
    switch (event.kind) {
      case 'taken':
        this.#storageIs(new ClientError('store-taken', 'another owner has the store'))
        break
      case 'damaged': {
        const text = `the store was damaged; it is set aside as ${event.setAside}`
        this.#report(new ClientError('store-damaged', text, { cause: event.cause }))
        break
      }
      case 'trouble':
        this.#storageIs(
          event.cause instanceof ClientError
            ? event.cause
            : new ClientError('storage-failed', 'the store fails', { cause: event.cause }),
        )
        break
      case 'recovered':
        this.#storageIs(undefined)
        break
    }
  }

  /** Told as an error when it begins; what follows of it is the same trouble. */
  #storageIs(failure: ClientError | undefined): void {
    const before = this.#failing
    if (this.#closing !== undefined || before?.code === failure?.code) return
    this.#failing = failure
    if (failure !== undefined) this.#report(failure)
    this.#onStorage.tell(this.storage)
  }

  #report(error: ClientError): void {
    if (this.#early === undefined) this.#onError.tell(error)
    else this.#early.push(error)
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closed()
  }
}

function waysOf(way: Way | undefined): readonly Way[] {
  return way === undefined ? ['archive', 'mesh'] : [way]
}

function closed(): ClientError {
  return new ClientError('closed', 'the client is closed')
}
