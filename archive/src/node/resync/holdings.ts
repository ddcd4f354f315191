import { createHash } from 'node:crypto'
import {
  bytesOfHex,
  hashedOfDocumentId,
  hashedOfTreeNode,
  hexOf,
  messageBounds,
  type CollectionName,
  type Digest,
  type DocumentId,
  type Held,
  type InstanceId,
} from '@holdfast/peer/protocol'
import type { DocumentRef } from '@holdfast/peer/protocol'
import type { DocumentSummary, Log } from '../../log/port.js'
import type { DocumentDigests } from './digests.js'

/** A document that the log has seen. */
export interface Holding {
  readonly held: Held
  /** SHA-256 of the id, in hex: its place in the digest tree. */
  readonly hash: string
}

/**
 * What the log held of a collection at one head, in the order of the digest tree. Taken down whole,
 * because the digest of a node covers everything below it.
 */
export class Holdings {
  readonly #leaves: readonly Holding[]
  readonly #byId: ReadonlyMap<DocumentId, Holding>
  readonly #digestByPrefix = new Map<string, Digest>()

  constructor(leaves: readonly Holding[]) {
    this.#leaves = leaves.toSorted((a, b) => (a.hash < b.hash ? -1 : 1))
    this.#byId = new Map(leaves.map((leaf) => [leaf.held.document.id, leaf]))
  }

  get(id: DocumentId): Holding | undefined {
    return this.#byId.get(id)
  }

  under(prefix: string): readonly Holding[] {
    return this.#leaves.slice(this.#from(prefix), this.#from(`${prefix}g`))
  }

  countUnder(prefix: string): number {
    return this.#from(`${prefix}g`) - this.#from(prefix)
  }

  digestUnder(prefix: string): Digest {
    const known = this.#digestByPrefix.get(prefix)
    if (known !== undefined) return known
    const digest = sha256(hashedOfTreeNode(this.under(prefix).map(({ held }) => held)))
    // The prefixes are chosen by others: a full cache starts over.
    if (this.#digestByPrefix.size >= 4 * messageBounds.maxTreeNodes) this.#digestByPrefix.clear()
    this.#digestByPrefix.set(prefix, digest)
    return digest
  }

  #from(hash: string): number {
    let low = 0
    let high = this.#leaves.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#leaves[middle] as Holding).hash < hash) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Takes down what the log holds of a collection now. */
export async function readHoldings(
  log: Log,
  digests: DocumentDigests,
  collection: CollectionName,
  instance: InstanceId,
): Promise<Holdings> {
  const latest = new Map<DocumentId, DocumentSummary>()
  let after: DocumentRef | undefined
  for (;;) {
    const page = await log.documents({ collection, limit: 1_024, ...(after && { after }) })
    for (const summary of page.documents) latest.set(summary.document.id, summary)
    after = page.documents.at(-1)?.document
    if (!page.more || after === undefined) break
  }
  const holdings: Holding[] = []
  for (const [id, summary] of latest) {
    const held = await heldOf(digests, collection, summary, instance)
    holdings.push({ held, hash: hashOf(id) })
  }
  return new Holdings(holdings)
}

export async function heldOf(
  digests: DocumentDigests,
  collection: CollectionName,
  summary: DocumentSummary,
  instance: InstanceId,
): Promise<Held> {
  const { document, deleted } = summary
  // What has ended is told by the generation that comes after it.
  if (deleted) return { document: { id: document.id, generation: document.generation + 1 } }
  const { digest } = await digests.of(collection, summary)
  return { document, digest: digest ?? notWhole(instance) }
}

/** In the place of a digest, of documents that are not whole: it equals nobody else's. */
export function notWhole(instance: InstanceId): Digest {
  return sha256(bytesOfHex(instance))
}

export function hashOf(id: DocumentId): string {
  return sha256(hashedOfDocumentId(id))
}

function sha256(bytes: Uint8Array): Digest {
  return hexOf(createHash('sha256').update(bytes).digest()) as Digest
}
