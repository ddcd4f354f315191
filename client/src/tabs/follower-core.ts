/**
 * The core of a tab that does not own the store. All that it says is what the owner has told it; while
 * there is none, it goes on with what is in memory, and says that it is not saved.
 */
import { Listeners, type Awareness } from '@holdfast/peer'
import type { Clock, Logger, Random, Undo } from '@holdfast/peer/ports'
import type { CollectionName, InstanceId, ReplicaId } from '@holdfast/peer/protocol'
import type { StorageStatus, WaitOptions, Way } from '../api.js'
import type { Core } from '../core/core.js'
import type { OwnerCore } from '../core/owner-core.js'
import { ClientError } from '../errors.js'
import { unlessAborted } from '../replica/unless-aborted.js'
import { FollowerCollection } from './follower-collection.js'
import type { OwnerLine } from './owner-line.js'
import { OpNumbers } from './unsaved-edits.js'
import { errorOf, storageOf, type Answer, type OwnerWord, type Question } from './words.js'

export interface FollowerCoreOptions {
  /** Closed with the core. */
  readonly line: OwnerLine
  readonly instance: InstanceId
  /** As the owner, or the core before, has told them. */
  readonly replica: ReplicaId
  readonly storage: StorageStatus
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export class FollowerCore implements Core {
  readonly role = 'follower'
  readonly instance: InstanceId
  readonly #options: FollowerCoreOptions
  readonly #line: OwnerLine
  readonly #numbers: OpNumbers
  readonly #collectionByName = new Map<CollectionName, FollowerCollection>()
  readonly #askedById = new Map<number, Asked>()
  readonly #left = new Set<Way | undefined>()
  readonly #onStorage = new Listeners<[StorageStatus]>()
  readonly #onError = new Listeners<[ClientError]>()
  #replica: ReplicaId
  #storage: StorageStatus
  #asked = 0
  #stranded: ClientError | undefined
  #offered: OwnerCore | undefined
  #closing: Promise<void> | undefined

  constructor(options: FollowerCoreOptions) {
    const { line, instance, replica, storage } = options
    this.#options = options
    this.#line = line
    this.instance = instance
    this.#replica = replica
    this.#storage = { ...storage, failing: undefined }
    this.#numbers = new OpNumbers(instance)
    line.onUp.add((welcome) => this.#up(welcome.replica, storageOf(welcome.storage)))
    line.onDown.add(() => {
      for (const collection of this.#collectionByName.values()) collection.down()
    })
    line.onWord.add((word) => this.#hear(word))
  }

  get replica(): ReplicaId {
    return this.#replica
  }

  get storage(): StorageStatus {
    return this.#storage
  }

  collection(name: CollectionName, awareness?: Awareness): Promise<FollowerCollection> {
    if (this.#closing !== undefined) return Promise.reject(closed())
    const known = this.#collectionByName.get(name)
    if (known !== undefined) return Promise.resolve(known.retain())
    const collection = new FollowerCollection({
      ...this.#options,
      name,
      replica: this.#replica,
      numbers: this.#numbers,
      awareness,
      storage: () => this.#storage,
      stranded: () => this.#stranded,
      ask: (question, options) => this.#ask(question, options),
      report: (error) => this.#onError.tell(error),
      onClosed: () => this.#collectionByName.delete(name),
    })
    this.#collectionByName.set(name, collection)
    return Promise.resolve(collection)
  }

  onStorage(listener: (storage: StorageStatus) => void): Undo {
    return this.#onStorage.add(listener)
  }

  onError(listener: (error: ClientError) => void): Undo {
    return this.#onError.add(listener)
  }

  /** Links are the owner's: whether it answers slowly is for its own page to say. */
  setAway(): void {}

  retryNow(): void {
    this.#line.say({ what: 'retry' })
  }

  /** The ways are the device's: they are left for all tabs. */
  disconnect(way?: Way): void {
    this.#left.add(way)
    this.#line.say({ what: 'way', way, isWanted: false })
  }

  connect(way?: Way): void {
    if (way === undefined) this.#left.clear()
    this.#left.delete(way)
    this.#line.say({ what: 'way', way, isWanted: true })
  }

  /** Waits for an owner to store what is not stored, if need be for the next one. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /**
   * This tab is about to own the store itself. Where the client is closing, nothing moves to that
   * core any more: what is not stored goes there now.
   */
  offer(owner: OwnerCore): void {
    this.#offered = owner
    if (this.#closing !== undefined) this.#storeIn(owner)
  }

  /** No owner will ever be heard again. What is edited stays in memory, and is not called saved. */
  strand(error: ClientError): void {
    this.#stranded = error
    for (const collection of this.#collectionByName.values()) collection.strand(error)
    for (const { reject } of this.#askedById.values()) reject(error)
    this.#askedById.clear()
  }

  async #close(): Promise<void> {
    const collections = [...this.#collectionByName.values()]
    if (this.#offered !== undefined) this.#storeIn(this.#offered)
    const flushed = await Promise.allSettled(
      // What was handed over is the next core's to store.
      collections.filter(({ isEdited }) => isEdited).map((collection) => collection.flush()),
    )
    for (const collection of collections) collection.end()
    for (const { reject } of this.#askedById.values()) reject(closed())
    this.#askedById.clear()
    this.#onStorage.clear()
    this.#onError.clear()
    this.#line.close()
    for (const end of flushed) if (end.status === 'rejected') throw end.reason
  }

  #storeIn(owner: OwnerCore): void {
    for (const collection of this.#collectionByName.values()) {
      if (!collection.isEdited) continue
      collection.storeIn(owner).catch((error: unknown) => {
        // The closing goes on to wait, for the next owner.
        this.#options.logger.error('what was edited could not be stored', { error: String(error) })
      })
    }
  }

  #up(replica: ReplicaId, storage: StorageStatus): void {
    this.#replica = replica
    this.#storageIs(storage)
    for (const way of this.#left) this.#line.say({ what: 'way', way, isWanted: false })
    for (const collection of this.#collectionByName.values()) collection.up()
    for (const [id, { question }] of this.#askedById) this.#line.say({ what: 'ask', id, question })
  }

  #hear(word: OwnerWord): void {
    switch (word.what) {
      case 'storage':
        this.#storageIs(storageOf(word.storage))
        return
      case 'error':
        this.#onError.tell(errorOf(word.error))
        return
      case 'answer': {
        const asked = this.#askedById.get(word.id)
        this.#askedById.delete(word.id)
        if (word.answer.kind === 'failed') asked?.reject(errorOf(word.answer.error))
        else asked?.resolve(word.answer)
        return
      }
      case 'welcome':
      case 'pong':
        return
      default:
        this.#collectionByName.get(word.collection as CollectionName)?.hear(word)
    }
  }

  async #ask(question: Question, { signal }: WaitOptions = {}): Promise<Answer> {
    signal?.throwIfAborted()
    if (this.#stranded !== undefined) throw this.#stranded
    const id = ++this.#asked
    const answered = new Promise<Answer>((resolve, reject) => {
      this.#askedById.set(id, { question, resolve, reject })
    })
    this.#line.say({ what: 'ask', id, question })
    try {
      return await unlessAborted(answered, signal)
    } finally {
      this.#askedById.delete(id)
    }
  }

  #storageIs(storage: StorageStatus): void {
    this.#storage = storage
    this.#onStorage.tell(storage)
  }
}

interface Asked {
  readonly question: Question
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: ClientError) => void
}

function closed(): ClientError {
  return new ClientError('closed', 'the client is closed')
}
