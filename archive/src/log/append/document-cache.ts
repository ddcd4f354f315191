import type { CollectionName, DocumentId } from '@holdfast/peer/protocol'
import type { DocumentState } from './document-state.js'

export interface CacheBounds {
  readonly maxDocuments: number
  /** Estimated. A document that weighs more by itself is kept while it is being written to. */
  readonly maxBytes: number
}

/**
 * Documents in memory, by collection and name: the latest generation of each. What was not used for
 * the longest time goes first, but never within a group.
 */
export class DocumentCache {
  readonly #bounds: CacheBounds
  readonly #byCollection = new Map<CollectionName, Map<DocumentId, Cached>>()
  #documents = 0
  #bytes = 0
  /** Counts groups. */
  #now = 0

  constructor(bounds: CacheBounds) {
    this.#bounds = bounds
  }

  find(collection: CollectionName, id: DocumentId): DocumentState | undefined {
    const cached = this.#byCollection.get(collection)?.get(id)
    if (cached === undefined) return undefined
    cached.usedAt = this.#now
    if ((++cached.uses & (usesBetweenWeighings - 1)) === 0) this.#weigh(cached)
    return cached.state
  }

  /** In place of an earlier generation, if there is one. */
  keep(collection: CollectionName, state: DocumentState): void {
    if (this.#byCollection.get(collection)?.get(state.ref.id)?.state === state) return
    this.drop(collection, state.ref.id)
    let byId = this.#byCollection.get(collection)
    if (byId === undefined) {
      byId = new Map()
      this.#byCollection.set(collection, byId)
    }
    const cached = { collection, state, bytes: 0, usedAt: this.#now, uses: 0 }
    byId.set(state.ref.id, cached)
    this.#documents++
    this.#weigh(cached)
  }

  drop(collection: CollectionName, id: DocumentId): void {
    const byId = this.#byCollection.get(collection)
    const cached = byId?.get(id)
    if (byId === undefined || cached === undefined) return
    byId.delete(id)
    if (byId.size === 0) this.#byCollection.delete(collection)
    this.#documents--
    this.#bytes -= cached.bytes
  }

  /** Between two groups: makes room, some more than has to be, so that it need not be done each time. */
  trim(): void {
    this.#now++
    const { maxDocuments, maxBytes } = this.#bounds
    if (this.#documents <= maxDocuments && this.#bytes <= maxBytes) return
    const [enoughDocuments, enoughBytes] = [lessATenth(maxDocuments), lessATenth(maxBytes)]
    const all = [...this.#byCollection.values()].flatMap((byId) => [...byId.values()])
    for (const { collection, state } of all.toSorted((a, b) => a.usedAt - b.usedAt)) {
      if (this.#documents <= enoughDocuments && this.#bytes <= enoughBytes) return
      this.drop(collection, state.ref.id)
    }
  }

  #weigh(cached: Cached): void {
    this.#bytes -= cached.bytes
    cached.bytes = cached.state.memoryBytes
    this.#bytes += cached.bytes
  }
}

interface Cached {
  readonly collection: CollectionName
  readonly state: DocumentState
  bytes: number
  usedAt: number
  uses: number
}

/** A power of two: documents grow slowly, and weighing looks at each client. */
const usesBetweenWeighings = 64

function lessATenth(most: number): number {
  return most - Math.floor(most / 10)
}
