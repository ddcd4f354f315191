import type { CollectionName, DocumentId, OpId } from '@holdfast/peer/protocol'
import type {
  CollectionCounters,
  DocumentState,
  LedgerSource,
  RememberedOp,
} from '../append/index.js'
import type { Store } from './store.js'

/** What the ledger looks up, in the tables. */
export class DurableSource implements LedgerSource {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  collections(): number {
    return this.#store.collections.stored
  }

  collection(name: CollectionName): CollectionCounters | undefined {
    const record = this.#store.collections.byName(name)
    return record && { head: record.head, documents: record.documents }
  }

  document(collectionName: CollectionName, id: DocumentId): DocumentState | undefined {
    const collection = this.#store.collections.byName(collectionName)
    const row = collection && this.#store.documents.latest(collection.id, id)
    return row && this.#store.load(row)
  }

  op(collection: CollectionName, id: OpId): RememberedOp | undefined {
    return this.#store.ops.find(collection, id)
  }
}
