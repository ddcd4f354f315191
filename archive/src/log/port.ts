import type {
  ArchiveId,
  CollectionName,
  Coverage,
  Cursor,
  DocumentId,
  DocumentRef,
  IdRanges,
  InstanceId,
  OpId,
  Refusal,
  ReplicaId,
  TermId,
} from '@holdfast/peer/protocol'
import type { Undo } from '@holdfast/peer/ports'
import type { PackedRows } from './packed-rows.js'

/**
 * The archive's log: numbered, durable, compacted without ever losing an edit.
 *
 * One contract suite, `describeLog`, holds every implementation to what is written here. The
 * interface is asynchronous and small, so that a database on another machine can stand behind it.
 *
 * Guarantees over all members:
 * - Nothing is answered, returned or announced before it is durable.
 * - In one collection, seqs ascend, are never reused (not after compaction, a crash or a restart)
 *   and every seq names one entry.
 * - A promise rejects only with `LogError`: the log is closed, or storage failed. What a remote
 *   peer sent wrongly is an outcome, never a rejection.
 * - Byte arrays given to the log are not kept after the promise settles and not changed; byte
 *   arrays that it returns belong to the caller.
 */
export interface Log {
  /** The archive whose log this is. Made with the file and kept in it. */
  readonly archive: ArchiveId
  /** This opening of the log. It was recorded durably before `open` returned. */
  readonly term: TermId

  /**
   * Stores ops, in order, in one transaction shared with whatever else arrived meanwhile.
   * Outcomes are in the order of the ops.
   */
  append(ops: readonly AppendOp[]): Promise<readonly AppendOutcome[]>

  /**
   * Ends a generation of a document. The tombstone is an entry like any other; late edits of this
   * or an earlier generation are refused from then on. Deleting twice answers the same place again.
   */
  delete(collection: CollectionName, document: DocumentRef): Promise<DeleteOutcome>

  /**
   * What a page of the stream after a cursor holds: see `Page`. Rows of a generation that has ended
   * need not be in it any more: the tombstone stands for them.
   */
  read(request: ReadRequest): Promise<Page>

  /** Where a cursor stands in this log: see `CursorStanding`. */
  locate(collection: CollectionName, cursor: Cursor): Promise<Standing>

  /** The seq of the last entry of a collection; 0 before the first. */
  head(collection: CollectionName): Promise<number>

  /**
   * Calls `listener` once for each durable group, in order, before the promises of its appends
   * settle. A listener that throws is reported to the logger and stays subscribed.
   */
  onCommit(listener: (commit: Commit) => void): Undo

  /**
   * The state of a document as one update: all that is stored of it, or what a reader with this
   * state vector lacks (the delete set always comes whole; bytes that are no state vector count as
   * an empty one). Also serves deleted generations, so that they can be exported. `undefined` if the
   * log has never seen the document.
   */
  state(
    collection: CollectionName,
    document: DocumentRef,
    stateVector?: Uint8Array,
  ): Promise<DocumentState | undefined>

  /** The collections that have an entry, or ever had one, by name, a page at a time. */
  collections(request: CollectionsRequest): Promise<CollectionsPage>

  /** The documents of a collection, by name, a page at a time. */
  documents(request: DocumentsRequest): Promise<DocumentsPage>

  /** The latest generation of a document; `undefined` if the log has never seen any. */
  latest(collection: CollectionName, id: DocumentId): Promise<DocumentSummary | undefined>

  /**
   * Whether an update speaks of a clientID that wrote in a generation of the document that has
   * ended: what comes by a path that carries no generation is refused then, for good. `false` for
   * bytes that do not read: `append` says what is wrong with them.
   */
  touchesDeleted(collection: CollectionName, id: DocumentId, update: Uint8Array): Promise<boolean>

  /** Documents with a gap and what peers should be asked for: what `Commit.gaps` said, after a restart. */
  gaps(collection: CollectionName, limit: number): Promise<readonly GapChange[]>

  readonly leases: Leases
  readonly compaction: CompactionLog

  /** Bytes that could not be entries, kept for whoever investigates: newest first. */
  quarantined(limit: number): Promise<readonly Quarantined[]>

  statistics(): Promise<LogStatistics>

  /** Finishes what was begun, then closes. Later calls reject with `closed`. Idempotent. */
  close(): Promise<void>
}

// ---------------------------------------------------------------------------------- appending

export interface AppendOp {
  readonly collection: CollectionName
  readonly document: DocumentRef
  /**
   * `live`: exactly the bytes that `id` was given to, from the author or from anybody who carries
   * them; judged by clientID and by id. `upload`: state bytes of whatever origin; never judged.
   */
  readonly kind: 'live' | 'upload'
  /** Required for `live`; ignored for `upload`. */
  readonly id?: OpId
  /** A Yjs update, V1. */
  readonly bytes: Uint8Array
}

export type AppendOutcome = Committed | AppendRefused

/** Durable. */
export interface Committed {
  readonly status: 'committed'
  /**
   * Everything in the op is in the log at or below this seq: its own row's, the one that an
   * earlier sending of the same op id got, or, for contained bytes, the document's last.
   */
  readonly seq: number
  /** Whether this op made a new row. Empty and contained bytes make none. */
  readonly added: boolean
  /**
   * Whether something that the op refers to is missing. It is stored, but must not be called
   * archived; once the gap has closed, sending it again answers `gapped: false`.
   */
  readonly gapped: boolean
}

/** Not stored as an entry. The code says whether the same op may succeed later. */
export interface AppendRefused {
  readonly status: 'refused'
  readonly refusal: Refusal
}

export type DeleteOutcome =
  | { readonly status: 'committed'; readonly seq: number; readonly added: boolean }
  | AppendRefused

// ------------------------------------------------------------------------------------ reading

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

// ------------------------------------------------------------------------------------- leases

/** One instance of a replica, reading one collection. */
export interface LeaseKey {
  readonly collection: CollectionName
  readonly replica: ReplicaId
  readonly instance: InstanceId
}

/**
 * Who reads, how far they were sent and how far they say they are. Only cost depends on any of
 * it: acks spare live peers a snapshot, and nothing is ever lost by a wrong, late or missing one.
 * Changes become durable with a later group, not each by itself.
 */
export interface Leases {
  /**
   * Begins a lease whose `sent` and `ack` start at `from`, the valid cursor of its subscription.
   * Other leases of the replica that are not live end. Beside a live one it is `replica-in-use`:
   * the newcomer must mint a new replica id.
   */
  start(key: LeaseKey, from: number): Promise<'started' | 'replica-in-use'>
  /** Entries up to `seq` have been sent. Never lowers. */
  sent(key: LeaseKey, seq: number): Promise<LeaseAnswer>
  /** The reader says that it holds everything up to `seq`. Beyond what was sent it is refused. */
  ack(key: LeaseKey, seq: number): Promise<LeaseAnswer>
  /** A sign of life. */
  seen(key: LeaseKey): Promise<LeaseAnswer>
  /** Whether its link answers. A lease that is not live still counts until `peerTimeoutMs`. */
  live(key: LeaseKey, live: boolean): Promise<LeaseAnswer>
  end(key: LeaseKey): Promise<void>
  list(collection: CollectionName): Promise<readonly Lease[]>
}

export type LeaseAnswer = 'ok' | 'lease-ended' | 'ack-beyond-sent'

export interface Lease extends LeaseKey {
  readonly sent: number
  readonly ack: number
  readonly live: boolean
  /** Seen within `peerTimeoutMs`: only such leases hold rows back from retiring. */
  readonly active: boolean
  readonly seenAtMs: number
}

// --------------------------------------------------------------------------------- compaction

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

// -------------------------------------------------------------------------------- the operator

export interface Quarantined {
  readonly collection: CollectionName
  readonly document: DocumentRef
  /** Of the row that was set aside; absent if it never became one. */
  readonly seq?: number
  readonly id?: OpId
  readonly reason: string
  readonly atMs: number
  readonly size: number
  /** Absent once the cap on quarantined bytes was reached: the hash and the reason stay. */
  readonly bytes?: Uint8Array
}

export interface LogStatistics {
  readonly collections: number
  readonly documents: number
  readonly rows: number
  readonly rowBytes: number
  readonly snapshots: number
  readonly snapshotBytes: number
  readonly gappedDocuments: number
  /** Documents that compaction failed on: each waits for its next try. */
  readonly failingDocuments: number
  readonly parkedBytes: number
  readonly quarantined: number
  readonly leases: number
  readonly appended: number
  readonly contained: number
  readonly refusedByCode: Readonly<Record<string, number>>
  readonly groups: number
  readonly lastGroupOps: number
  readonly published: number
  readonly retiredRows: number
  readonly failedCompactions: number
  readonly laggards: number
  readonly fileBytes: number
  readonly walBytes: number
  /** Of the file: holds nothing now; the next rows take it, or it goes back to the file system. */
  readonly freeBytes: number
}
