import { systemRandom } from '@holdfast/peer/ports'
import { ClientError } from '../../../errors.js'
import type { Durability } from '../../driver.js'
import type { RecordStore, Stored, StoredImage, StoredRecord } from './record-store.js'

/*
 * The redo log in IndexedDB: each call is one transaction, which is atomic, serial with those of every
 * other tab and worker, and over only when its `complete` came.
 *
 *   owner   'owner' → <epoch>.<random>, new with each opening and looked at in each transaction
 *           'through' → the last record that is in the image
 *   image   'image' → { through, checksum, bytes }
 *   log     n → bytes
 *   aside   name → { image, records }
 */
export class IndexedDbRecords implements RecordStore {
  readonly #name: string
  readonly #factory: IDBFactory
  readonly #quota: () => Promise<number | undefined>
  #database: IDBDatabase | undefined
  /** Its random half tells us from an owner of a store that was cleared and begun anew. */
  #owner = ''
  /** What this owner has set aside. */
  #asides = 0

  private constructor(name: string, factory: IDBFactory, quota: () => Promise<number | undefined>) {
    this.#name = name
    this.#factory = factory
    this.#quota = quota
  }

  /**
   * Undefined where this place has no IndexedDB (some private windows, sandboxed frames), so that
   * nothing can be kept. What is there and cannot be opened is an error: it is not nothing.
   */
  static async connect(
    name: string,
    factory: IDBFactory | undefined,
    quota: () => Promise<number | undefined> = async () => undefined,
  ): Promise<IndexedDbRecords | undefined> {
    if (factory === undefined || factory === null) return undefined
    const records = new IndexedDbRecords(name, factory, quota)
    try {
      await records.#connected()
      return records
    } catch (error) {
      if (error instanceof DOMException && absentNames.has(error.name)) return undefined
      throw typed(error, 'opening')
    }
  }

  async open(): Promise<Stored> {
    return this.#transaction('readwrite', 'strict', async (stores) => {
      const before: unknown = await result(stores.owner.get('owner'))
      const epoch = typeof before === 'string' ? Number.parseInt(before, 10) : 0
      const random = [systemRandom.uint32(), systemRandom.uint32()]
      this.#owner = `${epoch + 1}.${random.map((half) => half.toString(16)).join('-')}`
      stores.owner.put(this.#owner, 'owner')
      return readAll(stores)
    })
  }

  read(): Promise<Stored> {
    return this.#owned('readonly', 'relaxed', readAll)
  }

  /** All requests go at once, and are looked at together: what should not have been added is undone. */
  append(n: number, bytes: Uint8Array, durability: Durability): Promise<void> {
    return this.#transaction('readwrite', durability, async ({ owner, log }) => {
      const looking = [
        result<unknown>(owner.get('owner')),
        throughOf(owner),
        lastKeyOf(log),
      ] as const
      log.add(bytes, n)
      const [current, through, last] = await Promise.all(looking)
      if (current !== this.#owner) throw taken()
      const before = last ?? through
      if (n !== before + 1) {
        throw new ClientError('store-damaged', `record ${n} does not follow ${before}`)
      }
    })
  }

  checkpoint(image: StoredImage): Promise<void> {
    return this.#owned('readwrite', 'strict', async (stores) => {
      putImage(stores, image)
      stores.log.delete(IDBKeyRange.upperBound(image.through))
    })
  }

  setAside(image: StoredImage | undefined): Promise<string> {
    return this.#owned('readwrite', 'strict', async (stores) => {
      const name = `${this.#name} ${this.#owner} ${this.#asides++}`
      stores.aside.put(await readAll(stores), name)
      stores.log.clear()
      stores.image.clear()
      stores.owner.delete('through')
      if (image !== undefined) putImage(stores, image)
      return name
    })
  }

  checkOwner(): Promise<void> {
    return this.#owned('readonly', 'relaxed', async () => {})
  }

  quotaBytes(): Promise<number | undefined> {
    return this.#quota()
  }

  async close(): Promise<void> {
    this.#database?.close()
    this.#database = undefined
  }

  /** A transaction that ends at once where somebody else has become the owner. */
  #owned<Result>(
    mode: IDBTransactionMode,
    durability: Durability,
    work: (stores: Stores) => Promise<Result>,
  ): Promise<Result> {
    return this.#transaction(mode, durability, async (stores) => {
      const current: unknown = await result(stores.owner.get('owner'))
      if (current !== this.#owner) throw taken()
      return work(stores)
    })
  }

  /** Resolves when it is complete: then it is as durable as was asked. What `work` throws undoes it. */
  async #transaction<Result>(
    mode: IDBTransactionMode,
    durability: Durability,
    work: (stores: Stores) => Promise<Result>,
  ): Promise<Result> {
    try {
      const database = await this.#connected()
      const transaction = database.transaction(storeNames, mode, { durability })
      const complete = completion(transaction)
      try {
        const value = await work(storesOf(transaction))
        await complete
        return value
      } catch (error) {
        abort(transaction)
        // The reason of the abort (the quota) says more than the request that it took with it.
        await complete.catch((reason: unknown) => {
          if (reason instanceof DOMException && reason.name !== 'AbortError') throw reason
        })
        throw error
      }
    } catch (error) {
      throw typed(error, mode === 'readonly' ? 'reading' : 'writing')
    }
  }

  /** The connection; a new one where the browser has closed it (storage was cleared, a disk error). */
  async #connected(): Promise<IDBDatabase> {
    this.#database ??= await connect(this.#factory, `holdfast ${this.#name}`, () => {
      this.#database = undefined
    })
    return this.#database
  }
}

const storeNames = ['owner', 'image', 'log', 'aside'] as const

type Stores = Readonly<Record<(typeof storeNames)[number], IDBObjectStore>>

/** What a platform says that has no IndexedDB for us, rather than a broken one. */
const absentNames = new Set(['SecurityError', 'NotSupportedError', 'InvalidStateError'])

function connect(factory: IDBFactory, name: string, onClosed: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = factory.open(name, 1)
    opening.onupgradeneeded = () => {
      for (const store of storeNames) opening.result.createObjectStore(store)
    }
    opening.onerror = () => reject(opening.error ?? new Error('IndexedDB does not open'))
    opening.onsuccess = () => {
      const database = opening.result
      database.onclose = onClosed
      // Somebody deletes it, or a later version wants to change it: it is not held up.
      database.onversionchange = () => {
        database.close()
        onClosed()
      }
      resolve(database)
    }
  })
}

function storesOf(transaction: IDBTransaction): Stores {
  const [owner, image, log, aside] = storeNames.map((name) => transaction.objectStore(name))
  if (owner === undefined || image === undefined || log === undefined || aside === undefined) {
    throw new Error('IndexedDB has lost a store')
  }
  return { owner, image, log, aside }
}

function taken(): ClientError {
  return new ClientError('store-taken', 'another tab or process has taken the store')
}

/** The last record's number. To be called before the next one is added. */
async function lastKeyOf(log: IDBObjectStore): Promise<number | undefined> {
  const cursor = await result(log.openKeyCursor(null, 'prev'))
  return typeof cursor?.key === 'number' ? cursor.key : undefined
}

async function readAll({ image, log }: Stores): Promise<Stored> {
  const [stored, keys, values] = await Promise.all([
    result<unknown>(image.get('image')),
    result(log.getAllKeys()),
    result<unknown[]>(log.getAll()),
  ])
  const records: StoredRecord[] = keys.map((key, at) => ({
    n: typeof key === 'number' ? key : Number.NaN,
    bytes: bytesOf(values[at]),
  }))
  return { image: stored === undefined ? undefined : imageOf(stored), records }
}

function putImage({ owner, image }: Stores, { through, checksum, bytes }: StoredImage): void {
  image.put({ through, checksum, bytes }, 'image')
  // Also where an append looks, which must not have to read the image.
  owner.put(through, 'through')
}

/** 0 where there is no image yet. */
async function throughOf(owner: IDBObjectStore): Promise<number> {
  const value: unknown = await result(owner.get('through'))
  return typeof value === 'number' ? value : 0
}

/** What is no image of ours is one whose checksum is wrong: its reader sets it aside. */
function imageOf(stored: unknown): StoredImage {
  const { through, checksum, bytes } = (stored ?? {}) as Partial<Record<keyof StoredImage, unknown>>
  return {
    through: typeof through === 'number' ? through : 0,
    checksum: typeof checksum === 'number' ? checksum : -1,
    bytes: bytesOf(bytes),
  }
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(0)
}

function result<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('IndexedDB failed'))
  })
}

function completion(transaction: IDBTransaction): Promise<void> {
  const complete = new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => {
      reject(transaction.error ?? new DOMException('the transaction was undone', 'AbortError'))
    }
  })
  // Who runs the transaction waits for it after its work; until then nobody is listening.
  complete.catch(() => {})
  return complete
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort()
  } catch (error) {
    // It is over already.
    if (!(error instanceof DOMException) || error.name !== 'InvalidStateError') throw error
  }
}

function typed(error: unknown, doing: string): ClientError {
  if (error instanceof ClientError) return error
  const name = error instanceof Error ? error.name : 'Error'
  const message = error instanceof Error ? error.message : String(error)
  const code = name === 'QuotaExceededError' ? 'storage-full' : 'storage-failed'
  return new ClientError(code, `IndexedDB failed at ${doing}: ${message} (${name})`, {
    cause: error,
  })
}
