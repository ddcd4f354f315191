/**
 * The bytes that go into SHA-256 where two sides must come to the same hash. Hashing them is left to
 * the platform, which does it faster.
 */
import type { DocumentId, DocumentRef, OpId } from '../ids.js'
import { messageBounds } from '../limits.js'
import { Writer } from '../wire/writer.js'
import type { Held } from './fields.js'

/**
 * An op: the first 8 bytes of the hash are its `hash` in a place. A view, to be hashed before anything
 * else is asked of here: each op of a busy archive comes by, and a copy costs as much as hashing it.
 */
export function hashedOfOp(op: OpId, document: DocumentRef, update: Uint8Array): Uint8Array {
  writer.start()
  writer.hex(op.instance, 16)
  writer.uint(op.n)
  writer.text(document.id)
  writer.uint(document.generation)
  writer.bytes(update, messageBounds.maxUpdateBytes)
  return writer.view()
}

/** The hash of this, in hex, says where in the digest tree the document stands. */
export function hashedOfDocumentId(id: DocumentId): Uint8Array {
  writer.start()
  writer.text(id)
  return writer.finish()
}

/**
 * A node of the digest tree: all documents below it, in ascending order of the hashes of their ids,
 * which the caller knows already.
 */
export function hashedOfTreeNode(leaves: readonly Held[]): Uint8Array {
  writer.start()
  for (const { document, digest } of leaves) {
    writer.text(document.id)
    writer.uint(document.generation)
    writer.byte(digest === undefined ? 0 : 1)
    if (digest !== undefined) writer.hex(digest, 32)
  }
  return writer.finish()
}

/** Holds nothing between two of them but the memory that they are put together in: 16 KiB. */
const writer = new Writer()
