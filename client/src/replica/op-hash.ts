import { digest as sha256 } from 'lib0/hash/sha256'
import {
  hashedOfOp,
  hexOf,
  opHashBytes,
  type DocumentRef,
  type OpHash,
  type OpId,
} from '@holdfast/peer/protocol'

/** By which an archive names a live op to those who are said to hold it already. */
export function opHashOf(op: OpId, document: DocumentRef, bytes: Uint8Array): OpHash {
  return hexOf(sha256(hashedOfOp(op, document, bytes)).subarray(0, opHashBytes)) as OpHash
}
