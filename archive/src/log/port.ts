import type {
  ArchiveId,
  CollectionName,
  Cursor,
  DocumentId,
  DocumentRef,
  TermId,
} from '@holdfast/peer/protocol'
import type { Undo } from '@holdfast/peer/ports'
import type { AppendOp, AppendOutcome, DeleteOutcome } from './port/appending.js'
import type { CompactionLog } from './port/compaction.js'
import type { Leases } from './port/leases.js'
import type { LogStatistics, Quarantined } from './port/operating.js'
import type {
  CollectionsPage,
  CollectionsRequest,
  Commit,
  DocumentState,
  DocumentSummary,
  DocumentsPage,
  DocumentsRequest,
  GapChange,
  Page,
  ReadRequest,
  Standing,
  StateForm,
  StoredIds,
} from './port/reading.js'

export type * from './port/appending.js'
export type * from './port/compaction.js'
export type * from './port/leases.js'
export type * from './port/operating.js'
export type * from './port/reading.js'

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
    form?: StateForm,
  ): Promise<DocumentState | undefined>

  /** Which structs `state` would hold, without the bytes. `undefined` as there. */
  ids(collection: CollectionName, document: DocumentRef): Promise<StoredIds | undefined>

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
