/**
 * What the connection to an archive needs of whoever follows one, and nothing else. The
 * replica keeps documents, ops and cursors in its store; the connection speaks the protocol.
 */
import type { Undo } from '../ports/index.js'
import type {
  ArchiveId,
  Cursor,
  Digest,
  DocumentRef,
  Entry,
  ErrorCode,
  OpId,
  Page,
  TermId,
} from '../protocol/index.js'

/**
 * Guarantees over all members:
 * - A promise resolves when what it says is durable in the store, never before.
 * - A promise rejects only with what the store says of itself; then nothing of the call has happened.
 */
export interface ArchiveLedger {
  /**
   * Where this replica stands in that archive's log; undefined: never met. Then the stream starts at
   * 0, and what was held before is compared with the archive once: see `isCompared`.
   */
  position(archive: ArchiveId): ArchivePosition | undefined

  /**
   * Takes in a page, in one transaction with the cursor. Entries have been told apart by kind only;
   * bytes are read by the bounded reader here, and copied. A poison entry is set aside under
   * (archive, term, seq) and reported; the page goes on.
   *
   * Nothing is taken, and the cursor stays, while the store does not hold the ops of some places, or
   * a large snapshot still has to be fetched: the answer says which seqs.
   */
  take(page: TakenPage): Promise<PageOutcome>

  /**
   * Ops that this archive has not answered yet, oldest first, from after `position`. Carried ops (of
   * others, and states that came over the mesh) appear when the archive has had time to hear of them
   * from their author. Gapped ones are among them: whoever asks again after a new start learns
   * whether the gap has closed. Bytes belong to the caller.
   */
  owed(archive: ArchiveId, after: number, maxOps: number, maxBytes: number): Promise<OwedPage>
  /** All of them, for progress: exact where that is cheap. */
  owing(archive: ArchiveId): Promise<{ readonly ops: number; readonly bytes: number }>
  /** There may be more in `owed` than a moment ago. */
  onOwed(listener: () => void): Undo

  /** The archive has answered `committed`. A gapped op stays owed, and is not sent again by itself. */
  committed(archive: ArchiveId, term: TermId, results: readonly CommittedOp[]): Promise<void>
  /**
   * The archive has answered `refused`, with a code that is final: the ops move to the kept table, in
   * one transaction, and are reported. (What may be retried, the connection retries.) `rekey`: the
   * replica makes them again under a new clientID where they are its own. Ids that are not owed are
   * passed over.
   */
  refused(archive: ArchiveId, results: readonly RefusedOp[]): Promise<void>

  /** Every document, for comparing in a resync: digests are computed where they are not known. */
  holdings(after: string | undefined, limit: number): Promise<HoldingsPage>
  /** Of what is integrated; undefined: nothing of this generation is held. */
  stateVector(document: DocumentRef): Promise<Uint8Array | undefined>
  /** What the other lacks, with the whole delete set and with what is not integrated. */
  difference(document: DocumentRef, stateVector: Uint8Array): Promise<Uint8Array | undefined>
  /** Takes in what an archive answered to a `state` or a `fetch`, durably. It moves no cursor. */
  receive(document: DocumentRef, updates: readonly Uint8Array[]): Promise<void>
  /** Ends a generation because the archive says so. */
  end(document: DocumentRef): Promise<void>
  /**
   * The end of a resync: one transaction sets the cursor, with `isCompared`. What was owed before
   * stays owed until it is answered: the resync moves states, not ops.
   */
  resynced(position: ArchivePosition): Promise<void>

  /** Yjs snapshot (state vector and delete set) of a document as the store holds it; undefined: not whole. */
  snapshot(document: DocumentRef): Promise<Uint8Array | undefined>
  /** Folds a document's rows into one state in the store: the archive has just compacted it. */
  compact(document: DocumentRef): Promise<void>
}

export interface ArchivePosition {
  readonly cursor: Cursor
  /**
   * The page that moved it last ended at the head, or a resync did. Any other cursor may have passed
   * the place of a row whose snapshot stands further on, so it is good at the opening that gave it
   * alone, also if it was whole before: at another one the replica resyncs.
   */
  readonly isWhole: boolean
  /**
   * What this replica held before it met this archive has been compared with it, and uploaded where
   * the archive lacked it; true from the start for a replica that then held nothing. Kept with the
   * cursor: while it is false the connection resyncs once after the first load.
   */
  readonly isCompared: boolean
}

export interface TakenPage extends Page {
  readonly archive: ArchiveId
  readonly term: TermId
  /** What was fetched for places and large snapshots of this page, by seq. */
  readonly fetched: ReadonlyMap<number, FetchedEntry>
}

export type FetchedEntry =
  | Extract<Entry, { kind: 'row' | 'snapshot' | 'tombstone' }>
  | {
      readonly kind: 'difference'
      readonly document: DocumentRef
      readonly bytes: Uint8Array
      readonly parked: readonly Uint8Array[]
    }

export type PageOutcome =
  | { readonly kind: 'taken'; readonly position: ArchivePosition }
  /** These have to be fetched first: by seq, or as the difference from this state vector. */
  | {
      readonly kind: 'needs'
      readonly entries: readonly {
        readonly seq: number
        readonly difference?: { readonly document: DocumentRef; readonly stateVector: Uint8Array }
      }[]
    }

export type OwedOp = (
  | { readonly kind: 'live' | 'upload'; readonly bytes: Uint8Array }
  | { readonly kind: 'tombstone' }
) & {
  /** Ascending in the store: where to go on from. */
  readonly position: number
  readonly op: OpId
  readonly document: DocumentRef
  /** False: it is somebody else's and only carried. Whoever may only read does not push it. */
  readonly isOwn: boolean
}

export interface OwedPage {
  readonly ops: readonly OwedOp[]
  readonly more: boolean
}

export interface CommittedOp {
  readonly op: OpId
  /** Absent: the log held all of it before. */
  readonly seq?: number
  readonly gapped: boolean
}

export interface RefusedOp {
  readonly op: OpId
  readonly code: ErrorCode
}

export interface HoldingsPage {
  readonly documents: readonly HeldDocument[]
  /** Give it as `after` for the next page; absent: this was the last. */
  readonly next?: string
}

export interface HeldDocument {
  /** The latest generation that is known of; earlier ones have ended. */
  readonly document: DocumentRef
  /** Absent: nothing is held, or what is held is not whole. */
  readonly digest?: Digest
  /** False: nothing of this generation is held, only that the ones before it have ended. */
  readonly hasContent: boolean
}
