import type { CollectionName, DocumentId, DocumentRef, OpId } from '@holdfast/peer/protocol'
import type { DocumentState } from './document-state.js'
import type { KnownOp } from './judge.js'

/** What a `Ledger` looks up in the durable rows (and may find in those being written). */
export interface LedgerSource {
  /** How many collections are durable: those that the group begins are not among them. */
  collections(): number
  /** A fresh object: the ledger keeps and changes it. */
  collection(name: CollectionName): CollectionCounters | undefined
  /** The latest generation of a document, in a fresh object. */
  document(collection: CollectionName, id: DocumentId): DocumentState | undefined
  /** What is remembered of a live op in this collection. */
  op(collection: CollectionName, id: OpId): RememberedOp | undefined
}

export interface CollectionCounters {
  /** Seq of the last entry; 0 before the first. */
  head: number
  /** Generations of documents, deleted ones included. */
  documents: number
}

export interface RememberedOp extends KnownOp {
  readonly document: DocumentRef
}
