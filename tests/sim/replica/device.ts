import { CollectionReplica, openStore, type OpenDocument } from '@holdfast/client/testing'
import type { Received } from '@holdfast/peer'
import { silentLogger, type Clock } from '@holdfast/peer/ports'
import {
  hexOf,
  readUpdate,
  type CollectionName,
  type DocumentId,
  type InstanceId,
} from '@holdfast/peer/protocol'
import type { SeededRandom } from '@holdfast/peer/testing'
import type { FaultyStore } from './faulty-driver.js'

export const collection = 'notes' as CollectionName

/** One device: a store, and the run of a replica on it, if it is up. */
export class Device {
  readonly name: string
  readonly store: FaultyStore
  readonly refused: string[] = []
  replica: CollectionReplica | undefined
  readonly opened = new Map<DocumentId, OpenDocument>()
  readonly #clock: Clock
  readonly #random: SeededRandom
  readonly #heard: Heard
  #starting = false

  constructor(name: string, store: FaultyStore, clock: Clock, random: SeededRandom, heard: Heard) {
    this.name = name
    this.store = store
    this.#clock = clock
    this.#random = random
    this.#heard = heard
  }

  async start(): Promise<void> {
    if (this.replica !== undefined || this.#starting) return
    this.#starting = true
    const store = await openStore(this.store.driver(), this.#random)
    const replica = await CollectionReplica.open({
      store: await store.collection(collection),
      instance: hexOf(this.#random.bytes(16)) as InstanceId,
      clock: this.#clock,
      random: this.#random,
      logger: silentLogger,
      expectsArchive: true,
    })
    replica.documents.onOp((op) => {
      if (this.replica !== replica) return
      if (op.kind === 'tombstone') this.#heard(this, { ended: op.document })
      else {
        const coverage = readUpdate(op.bytes)
        if (!coverage.ok) throw new Error('an op that does not read')
        const { document, bytes } = op
        this.#heard(this, { document, bytes, coverage: coverage.value, op: op.op })
      }
    })
    replica.onEvent((event) => {
      if (event.kind === 'refused') this.refused.push(event.code)
      if (event.kind === 'damaged') throw new Error(`damaged: ${event.reason}`)
    })
    this.replica = replica
    this.#starting = false
  }

  /** The process is gone, as it was. */
  crash(): void {
    this.store.crash()
    this.replica = undefined
    this.#starting = false
    this.opened.clear()
  }

  async openDocument(id: DocumentId): Promise<OpenDocument | undefined> {
    const { replica } = this
    const known = this.opened.get(id)
    if (known !== undefined && !known.state.isDeleted) return known
    const open = await replica?.open(id)
    if (open !== undefined && this.replica === replica) this.opened.set(id, open)
    return open
  }
}

/** Something that this device has made durable, and tells the others. */
export type Heard = (
  device: Device,
  news: Received | { readonly ended: Received['document'] },
) => void
