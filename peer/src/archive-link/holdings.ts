import { digest as sha256 } from 'lib0/hash/sha256'
import {
  bytesOfHex,
  hashedOfDocumentId,
  hashedOfTreeNode,
  hexOf,
  messageBounds,
  type Digest,
  type DocumentId,
  type Held,
  type InstanceId,
  sorted,
} from '../protocol/index.js'
import type { HeldDocument } from './ledger.js'

/**
 * What a replica holds at the beginning of a resync, in the order of the hashes of the ids: so that
 * two sides can compare many documents without naming them.
 */
export class Holdings {
  readonly #leaves: readonly Leaf[]
  readonly #leafById: ReadonlyMap<DocumentId, Leaf>
  readonly #digestByPrefix = new Map<string, Digest>()

  /** @param instance whose they are: only it may say so of what is not whole */
  constructor(documents: readonly HeldDocument[], instance: InstanceId) {
    // In the place of a digest, of documents that are not whole: it equals nobody else's.
    const notWhole = digestOfBytes(bytesOfHex(instance))
    const leaves = documents.map(({ document, digest, hasContent }) => ({
      document,
      ...(hasContent ? { digest: digest ?? notWhole } : {}),
      hash: hashOf(document.id),
    }))
    this.#leaves = sorted(leaves, (a, b) => (a.hash < b.hash ? -1 : 1))
    this.#leafById = new Map(this.#leaves.map((leaf) => [leaf.document.id, leaf]))
  }

  get(id: DocumentId): Held | undefined {
    return this.#leafById.get(id)
  }

  under(prefix: string): readonly Held[] {
    return this.#under(prefix).map(({ document, digest }) => ({
      document,
      ...(digest === undefined ? {} : { digest }),
    }))
  }

  countUnder(prefix: string): number {
    return this.#under(prefix).length
  }

  digestUnder(prefix: string): Digest {
    const known = this.#digestByPrefix.get(prefix)
    if (known !== undefined) return known
    const digest = digestOfBytes(hashedOfTreeNode(this.#under(prefix)))
    // The prefixes are chosen by others: a full cache starts over.
    if (this.#digestByPrefix.size >= 4 * messageBounds.maxTreeNodes) this.#digestByPrefix.clear()
    this.#digestByPrefix.set(prefix, digest)
    return digest
  }

  #under(prefix: string): readonly Leaf[] {
    // `g` sorts behind every digit, so behind everything that begins with the prefix.
    return this.#leaves.slice(this.#firstNotBefore(prefix), this.#firstNotBefore(`${prefix}g`))
  }

  #firstNotBefore(hash: string): number {
    let low = 0
    let high = this.#leaves.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const leaf = this.#leaves[middle]
      if (leaf !== undefined && leaf.hash < hash) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** The prefix under which this document stands, practically alone. */
export function prefixOf(id: DocumentId): string {
  return hashOf(id).slice(0, messageBounds.maxPrefixDigits)
}

/** Whether this document stands below that node of the tree. */
export function isUnder(id: DocumentId, prefix: string): boolean {
  return hashOf(id).startsWith(prefix)
}

interface Leaf extends Held {
  readonly hash: string
}

function hashOf(id: DocumentId): string {
  return hexOf(sha256(hashedOfDocumentId(id)))
}

function digestOfBytes(bytes: Uint8Array): Digest {
  return hexOf(sha256(bytes)) as Digest
}
