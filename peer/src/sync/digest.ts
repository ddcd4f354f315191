import { digest as sha256 } from 'lib0/hash/sha256'
import * as Y from 'yjs'
import { hexOf, type Digest } from '../protocol/index.js'

/**
 * SHA-256 of the document's Yjs snapshot: equal for equal content. Only of a document with nothing
 * pending: what is parked is no content.
 */
export function digestOf(doc: Y.Doc): Digest {
  return digestOfBytes(Y.encodeSnapshot(Y.snapshot(doc)))
}

export function digestOfBytes(bytes: Uint8Array): Digest {
  return hexOf(sha256(bytes)) as Digest
}
