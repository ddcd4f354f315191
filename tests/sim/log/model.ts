import {
  GrowingCoverage,
  isEmpty,
  readUpdate,
  type CollectionName,
  type Coverage,
  type DocumentId,
  type DocumentRef,
} from '@holdfast/peer/protocol'

/**
 * What an archive owes to those it has answered: for each document all that was acknowledged, and up
 * to which seq. It knows nothing of rows, snapshots or leases.
 */
export class Model {
  readonly #documents: Map<string, ModelDocument>
  readonly #heads: Map<CollectionName, number>
  /** By collection and seq, what entry has been seen there. */
  readonly #seen: Map<string, string>
  /** Ids of acknowledged ops, and their bytes. */
  readonly ids: Map<string, string>

  constructor(from?: Model) {
    this.#documents = new Map(from?.documents.map((one) => [keyOf(one), copyOf(one)]))
    this.#heads = new Map(from?.heads)
    this.#seen = new Map(from?.seen)
    this.ids = new Map(from?.ids)
  }

  get documents(): readonly ModelDocument[] {
    return [...this.#documents.values()]
  }

  get heads(): ReadonlyMap<CollectionName, number> {
    return this.#heads
  }

  get seen(): ReadonlyMap<string, string> {
    return this.#seen
  }

  headOf(collection: CollectionName): number {
    return this.#heads.get(collection) ?? 0
  }

  of(collection: CollectionName, document: DocumentRef): ModelDocument {
    const key = keyOf({ collection, document })
    let known = this.#documents.get(key)
    if (known === undefined) {
      known = { collection, document, deleted: false, acked: [] }
      this.#documents.set(key, known)
    }
    return known
  }

  /** The generation to write in: the first that has not ended. */
  liveGeneration(collection: CollectionName, id: DocumentId): DocumentRef {
    let generation = 0
    for (const one of this.documents) {
      if (one.collection !== collection || one.document.id !== id) continue
      const first = one.deleted ? one.document.generation + 1 : one.document.generation
      generation = Math.max(generation, first)
    }
    return { id, generation }
  }

  acknowledge(
    collection: CollectionName,
    document: DocumentRef,
    seq: number,
    bytes: Uint8Array,
  ): void {
    const coverage = coverageOf(bytes)
    if (!isEmpty(coverage)) this.of(collection, document).acked.push({ seq, bytes, coverage })
  }

  end(collection: CollectionName, document: DocumentRef): void {
    this.of(collection, document).deleted = true
  }

  /** A head was seen. It never goes back. */
  sawHead(collection: CollectionName, head: number): void {
    if (head < this.headOf(collection)) {
      throw new Error(`${collection}: head ${head} after ${this.headOf(collection)}`)
    }
    this.#heads.set(collection, head)
  }

  /** An entry was seen at a seq. Nothing else is ever seen there, but what stands for it. */
  sawEntry(collection: CollectionName, seq: number, what: string): void {
    const key = `${collection}@${seq}`
    const known = this.#seen.get(key)
    if (known !== undefined && known !== what) {
      throw new Error(`${key} was ${known} and is ${what}`)
    }
    this.#seen.set(key, what)
  }
}

export interface ModelDocument {
  readonly collection: CollectionName
  readonly document: DocumentRef
  deleted: boolean
  readonly acked: Acked[]
}

interface Acked {
  /** The answer: all of it is in the log at or below this seq. */
  readonly seq: number
  readonly bytes: Uint8Array
  readonly coverage: Coverage
}

export function coverageOf(bytes: Uint8Array): Coverage {
  const read = readUpdate(bytes)
  if (!read.ok) throw new Error(read.refusal.detail)
  return read.value
}

/** What these bytes contain together. */
export function coverageOfAll(updates: readonly Uint8Array[]): GrowingCoverage {
  const coverage = new GrowingCoverage()
  for (const bytes of updates) coverage.add(coverageOf(bytes))
  return coverage
}

function keyOf({ collection, document }: Pick<ModelDocument, 'collection' | 'document'>): string {
  return `${collection}/${document.id}/${document.generation}`
}

function copyOf(one: ModelDocument): ModelDocument {
  return { ...one, acked: [...one.acked] }
}
