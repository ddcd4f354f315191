/** What comes out of a log: pages of its stream, states of its documents, lists of what it holds. */
import type { CollectionName, DocumentRef, IdRanges, OpId, TermId } from '@holdfast/peer/protocol'

export interface ReadRequest {
  readonly collection: CollectionName
  /** Entries above this seq. The caller has checked the cursor with `locate`: it is at most the head. */
  readonly after: number
  /**
   * The page ends with the entry that reaches one of these. At least one entry is returned if
   * there is any, however large it is.
   */
  readonly maxBytes: number
  readonly maxEntries: number
  /** Snapshots larger than this come without bytes, to be asked for with `state`. Default: no limit. */
  readonly maxSnapshotBytes?: number
}

/** One read transaction's view of the stream: rows, pruned-through and snapshots belong together. */
export interface Page {
  /** This opening's term: what a cursor that is moved by this page must carry. */
  readonly term: TermId
  /** Strictly ascending by seq. */
  readonly entries: readonly Entry[]
  /**
   * Where the next page starts. Whoever has durably applied a page that ends at the head has
   * everything up to here. After another page that is so only of documents that do not stand further
   * on in the stream, as a snapshot or a tombstone: such a cursor is good at this opening of the log,
   * and at no other, because a copy that is put back may still have as rows what was passed over.
   */
  readonly through: number
  /** The collection's head in the same read transaction. `through === head`: nothing is left. */
  readonly head: number
}

export type Entry = RowEntry | SnapshotEntry | TombstoneEntry

export interface RowEntry {
  readonly kind: 'row'
  readonly seq: number
  readonly document: DocumentRef
  readonly bytes: Uint8Array
  /** Present if the row came as a live op. */
  readonly id?: OpId
}

/**
 * Stands for all of a document's entries up to `seq`, the document's pruned-through. Its content
 * may reach further; the document's remaining rows follow at their own places all the same.
 */
export interface SnapshotEntry {
  readonly kind: 'snapshot'
  readonly seq: number
  readonly document: DocumentRef
  /** Size of the state, also when `bytes` were left out. */
  readonly size: number
  /** Yjs state vector of the snapshot. */
  readonly stateVector: Uint8Array
  /** The state, V1; absent if it is larger than the request's `maxSnapshotBytes`. */
  readonly bytes?: Uint8Array
  /** Rows that did not integrate when the snapshot was built, verbatim, oldest first. */
  readonly parked: readonly Uint8Array[]
}

export interface TombstoneEntry {
  readonly kind: 'tombstone'
  readonly seq: number
  /** The generation that ended. */
  readonly document: DocumentRef
}

/**
 * - `behind`: the entries after it follow.
 * - `at-head`: nothing follows yet.
 * - `ahead`: the term is known, and its record ends before the cursor's seq: resync.
 * - `unknown-term`: another archive's, or of an opening that this file never saw: resync.
 */
export type CursorStanding = 'behind' | 'at-head' | 'ahead' | 'unknown-term'

export interface Standing {
  readonly standing: CursorStanding
  /** The collection's head at that moment. */
  readonly head: number
}

export interface Commit {
  readonly term: TermId
  /** New entries of all collections, ascending within each. */
  readonly entries: readonly CommittedEntry[]
  /** Documents whose gap has opened, grown or closed with this group. */
  readonly gaps: readonly GapChange[]
}

export interface CommittedEntry {
  readonly collection: CollectionName
  readonly entry: RowEntry | TombstoneEntry
}

export interface GapChange {
  readonly collection: CollectionName
  readonly document: DocumentRef
  /** What peers should be asked for; empty when the gap has closed. */
  readonly missing: IdRanges
}

export interface DocumentState {
  readonly bytes: Uint8Array
  /** Every row of the document up to here is in `bytes`, or in `parked`. */
  readonly through: number
  readonly parked: readonly Uint8Array[]
}

/** How a state is to come. */
export interface StateForm {
  /**
   * Parked updates that the caller can use: more come merged into one, and with 0 all of them merged
   * into `bytes`. Default: no limit. Merging a large state takes seconds, so the log does it where
   * nobody else waits.
   */
  readonly maxParked?: number
}

/** Which structs are stored of a document, by client and clock. */
export interface StoredIds {
  /** Of what is integrated. */
  readonly integrated: IdRanges
  /** Of what is parked. */
  readonly parked: IdRanges
  /** Every row of the document up to here counts. */
  readonly through: number
}

export interface CollectionsRequest {
  /** Collections named after this one, as UTF-8 sorts; from the first if absent. */
  readonly after?: CollectionName
  readonly limit: number
}

export interface CollectionsPage {
  readonly collections: readonly CollectionName[]
  readonly more: boolean
}

export interface DocumentsRequest {
  readonly collection: CollectionName
  /** Documents named after this one (by code points, as UTF-8 sorts); from the first if absent. */
  readonly after?: DocumentRef
  readonly limit: number
}

export interface DocumentsPage {
  readonly documents: readonly DocumentSummary[]
  readonly more: boolean
}

export interface DocumentSummary {
  readonly document: DocumentRef
  readonly deleted: boolean
  readonly lastSeq: number
  readonly prunedThrough: number
  readonly tailRows: number
  readonly tailBytes: number
  readonly snapshotBytes: number
  readonly gapped: boolean
}
