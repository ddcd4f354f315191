/** A log's half of compaction: see `CompactionLog`. */
import type {
  CollectionName,
  Coverage,
  DocumentRef,
  IdRanges,
  Refusal,
} from '@holdfast/peer/protocol'
import type { PackedRows } from '../packed-rows.js'
import type { LeaseKey } from './leases.js'

/**
 * The log's half of compaction: what wants it, what goes into it, and the two transactions that
 * carry it out. The `Compactor` drives it and builds the snapshots in a worker.
 */
export interface CompactionLog {
  /**
   * Documents over a threshold whose compaction would free something and that no back-off holds
   * back, most freed first. O(result), from counters kept in the insert transaction.
   */
  ripe(limit: number): Promise<readonly RipeDocument[]>

  /**
   * The rows and the previous snapshot that a new snapshot is built from; one read transaction.
   * `undefined` if the document is unknown or deleted, or has a gap younger than `gapAgeMs`.
   */
  source(collection: CollectionName, document: DocumentRef): Promise<CompactionSource | undefined>

  /**
   * Stores a snapshot by compare-and-set on the one that it was built on. It is refused as
   * `incomplete` unless its coverage contains everything that the log itself holds for the
   * document up to `through`, parked rows aside: the builder is not believed.
   */
  publish(snapshot: NewSnapshot): Promise<'published' | 'stale' | 'incomplete'>

  /**
   * Deletes a batch of rows that the snapshot stands for, oldest first, and raises pruned-through
   * in the same transaction: rows at or below the lowest ack of the active leases, and those
   * beyond the cap on the retained tail. Call until `more` is false.
   *
   * Nothing is deleted on the word of a snapshot that has not been read back since it was written:
   * if `settle` has not been called, this does the same first, and removes nothing if it is damaged.
   */
  retire(collection: CollectionName, document: DocumentRef, maxRows: number): Promise<RetireResult>

  /**
   * Reads the newest snapshot back after a checkpoint. If it is good, the older generation goes. If
   * not, it goes itself, and the older one stands again with all rows after it.
   */
  settle(collection: CollectionName, document: DocumentRef): Promise<'settled' | 'damaged'>

  /**
   * A peer's answer to "this document wants compacting": whether its Yjs snapshot contains what
   * the log held of the document up to `seq`, which must be within the lease's ack.
   */
  judgeHint(hint: Hint): Promise<HintVerdict>

  /** Records an attempt that failed: the next waits, longer each time. */
  failed(collection: CollectionName, document: DocumentRef, reason: string): Promise<void>

  /** Sets a row aside that cannot be compacted (a bomb, bytes that do not decode), with its reason. */
  quarantine(
    collection: CollectionName,
    document: DocumentRef,
    seq: number,
    reason: string,
  ): Promise<void>
}

export interface RipeDocument {
  readonly collection: CollectionName
  readonly document: DocumentRef
  /** Rows and bytes that a compaction would let go now. */
  readonly freedRows: number
  readonly freedBytes: number
  readonly gapped: boolean
}

export interface CompactionSource {
  /** H: everything up to here goes into the new snapshot. */
  readonly through: number
  readonly previous?: { readonly seq: number; readonly bytes: Uint8Array }
  /** Rows after the previous snapshot, and rows it parked, that integrate; oldest first. */
  readonly rows: PackedRows
  /** Rows whose gap is older than `gapAgeMs`: kept verbatim beside the snapshot. */
  readonly parked: PackedRows
}

export interface NewSnapshot {
  readonly collection: CollectionName
  readonly document: DocumentRef
  /** Seq of the snapshot that it was built on; 0 if there was none. */
  readonly base: number
  readonly through: number
  readonly bytes: Uint8Array
  /** Read from `bytes` after encoding. */
  readonly coverage: Coverage
  readonly stateVector: Uint8Array
  /** The source's, and whatever else the builder found not to integrate; verbatim. */
  readonly parked: PackedRows
}

export interface RetireResult {
  readonly removed: number
  /** Rows that are left although the snapshot stands for them. */
  readonly retained: number
  readonly prunedThrough: number
  readonly more: boolean
}

export interface Hint {
  readonly lease: LeaseKey
  readonly document: DocumentRef
  readonly seq: number
  /** Yjs snapshot: state vector and delete set. Untrusted bytes. */
  readonly snapshot: Uint8Array
}

/**
 * `agreed`: an independent replica holds what it acked. `laggard`: it does not; it is counted,
 * logged as an error, and resynced with. `refused`: not that lease's ack, or bytes that do not read.
 */
export type HintVerdict =
  | { readonly verdict: 'agreed' }
  | { readonly verdict: 'laggard'; readonly missing: IdRanges }
  | { readonly verdict: 'refused'; readonly refusal: Refusal }
