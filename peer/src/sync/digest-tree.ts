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
import type { Undo } from '../ports/index.js'
import type { Documents, Holding } from './documents.js'
import { digestOfBytes } from './digest.js'

/**
 * What is held, in the order of the hashes of the ids: the order in which two sides compare many
 * documents without naming them. Built when it is asked for; a change makes it stale.
 */
export class DigestTree {
  readonly #documents: Documents
  readonly #stop: Undo
  /** In the place of a digest, of documents that are not whole: it equals nobody else's. */
  readonly #notWhole: Digest
  #hashById = new Map<DocumentId, string>()
  #leaves: readonly Leaf[] | undefined
  readonly #digestByPrefix = new Map<string, Digest>()

  /** @param instance whose tree it is: only it may say so of what is not whole */
  constructor(documents: Documents, instance: InstanceId) {
    this.#documents = documents
    this.#notWhole = digestOfBytes(bytesOfHex(instance))
    this.#stop = documents.onChange(() => {
      this.#leaves = undefined
      this.#digestByPrefix.clear()
    })
  }

  close(): void {
    this.#stop()
  }

  /** What is told of a document. */
  held({ document, digest, hasContent }: Holding): Held {
    if (!hasContent) return { document }
    return { document, digest: digest ?? this.#notWhole }
  }

  /** All that is held under a prefix, ascending. */
  under(prefix: string): readonly Held[] {
    const leaves = this.#sorted()
    return leaves.slice(firstNotBefore(leaves, prefix), firstNotBefore(leaves, after(prefix)))
  }

  countUnder(prefix: string): number {
    const leaves = this.#sorted()
    return firstNotBefore(leaves, after(prefix)) - firstNotBefore(leaves, prefix)
  }

  digestUnder(prefix: string): Digest {
    const known = this.#digestByPrefix.get(prefix)
    if (known !== undefined) return known
    const digest = digestOfBytes(hashedOfTreeNode(this.under(prefix)))
    // The prefixes are chosen by others: a full cache starts over.
    if (this.#digestByPrefix.size >= 4 * messageBounds.maxTreeNodes) this.#digestByPrefix.clear()
    this.#digestByPrefix.set(prefix, digest)
    return digest
  }

  /** The prefix under which this document stands, practically alone. */
  prefixOf(id: DocumentId): string {
    return this.#hashOf(id).slice(0, messageBounds.maxPrefixDigits)
  }

  isUnder(id: DocumentId, prefix: string): boolean {
    return this.#hashOf(id).startsWith(prefix)
  }

  #sorted(): readonly Leaf[] {
    if (this.#leaves !== undefined) return this.#leaves
    const hashById = new Map<DocumentId, string>()
    const leaves: Leaf[] = []
    for (const holding of this.#documents.list()) {
      const { id } = holding.document
      const hash = this.#hashOf(id)
      hashById.set(id, hash)
      leaves.push({ ...this.held(holding), hash })
    }
    // Of ids that are not held any more nothing is kept.
    this.#hashById = hashById
    this.#leaves = sorted(leaves, (a, b) => (a.hash < b.hash ? -1 : 1))
    return this.#leaves
  }

  #hashOf(id: DocumentId): string {
    return this.#hashById.get(id) ?? hexOf(sha256(hashedOfDocumentId(id)))
  }
}

interface Leaf extends Held {
  readonly hash: string
}

function firstNotBefore(leaves: readonly Leaf[], hash: string): number {
  let low = 0
  let high = leaves.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((leaves[middle] as Leaf).hash < hash) low = middle + 1
    else high = middle
  }
  return low
}

/** Sorts behind everything that starts with the prefix, and before what follows it. */
function after(prefix: string): string {
  return `${prefix}g`
}
