import type { Undo } from '../ports/index.js'
import type {
  Coverage,
  Cursor,
  Digest,
  DocumentId,
  DocumentRef,
  ErrorCode,
  OpId,
} from '../protocol/index.js'

/**
 * Whoever holds the documents of a collection: Y.Docs that the application gives (`YDocuments`), or
 * a replica with its store. The sync engine sees documents only through this, and never a Y.Doc.
 *
 * Calls answer from memory, but for those that give a promise, which may go to a disk. What `receive`
 * takes is there for good when its promise resolves: the engine tells neighbours so. What a state
 * vector or a difference says held at some moment between the call and the answer.
 */
export interface Documents {
  /** Every document with content, and every one that is known to have ended. */
  list(): Iterable<Holding>
  /** What is held under this id; undefined for an id of which nothing is known. */
  holding(id: DocumentId): Holding | undefined
  /** Whether content of this document would be taken, also if nothing of it is held yet. */
  accepts(document: DocumentRef): boolean
  /** Of what is integrated. Undefined: nothing of this generation is held. */
  stateVector(document: DocumentRef): Promise<Uint8Array | undefined>
  /**
   * What the other lacks, with the whole delete set, and with what is not integrated. The state
   * vector has been read and is sound. Undefined: nothing of this generation is held.
   */
  difference(document: DocumentRef, stateVector: Uint8Array): Promise<Uint8Array | undefined>
  /**
   * Takes in what neighbours sent: merged per document, applied once. One outcome for each, in
   * order. Never rejects: what a disk does is an outcome, too.
   */
  receive(batch: readonly Received[]): Promise<readonly Outcome[]>
  /** This generation has ended, somebody else said. False where that was known, or is not taken. */
  end(document: DocumentRef): boolean
  /** Local changes, in the order of their ids, each once. */
  onOp(listener: (op: LocalOp) => void): Undo
  /** What is held of this id is not what it was a moment ago. */
  onChange(listener: (id: DocumentId) => void): Undo
  /** Where this replica stands in an archive's log; undefined where none is followed. */
  position(): Position | undefined
}

export interface Holding {
  readonly document: DocumentRef
  /** Absent: nothing is held of this generation, or what is held is not whole. */
  readonly digest?: Digest
  /** False for an ended document of which nothing new is held. */
  readonly hasContent: boolean
}

/** Bytes that the bounded reader has accepted. */
export interface Received {
  readonly document: DocumentRef
  readonly bytes: Uint8Array
  readonly coverage: Coverage
  /** Where they are one op, in the words of its author. */
  readonly op?: OpId
}

export type Outcome =
  /** Integrated, and the document is whole. */
  | { readonly kind: 'whole' }
  /** Kept, but something that it builds upon is not here. */
  | { readonly kind: 'gapped' }
  /** Nothing of this document is held here, by choice. */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'refused'; readonly code: ErrorCode }

export type LocalOp =
  | {
      readonly kind: 'update'
      readonly op: OpId
      readonly document: DocumentRef
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'tombstone'; readonly op: OpId; readonly document: DocumentRef }

/** "I have the log up to here, and beyond it these." */
export interface Position {
  /** Moved by the archive's own stream alone, never by what comes over the mesh. */
  readonly cursor: Cursor
  /** Ids of documents with anything that the cursor has not passed, whoever it came from. */
  dirty(): Iterable<DocumentId>
  /** Ids of documents whose last entry in the log lies beyond seq. */
  after(seq: number): Iterable<DocumentId>
}

/** A key for maps: one string a document, the same for equal ones. */
export function keyOf({ id, generation }: DocumentRef): string {
  return `${generation} ${id}`
}
