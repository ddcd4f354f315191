import type {
  ArchiveId,
  Digest,
  DocumentId,
  DocumentRef,
  ErrorCode,
  OpHash,
  OpId,
  TermId,
} from '@holdfast/peer/protocol'

/** A document as the store lists it: its latest generation, and what it is made of. */
export interface DocumentRow extends DocumentRef {
  /** In this store, for ever. */
  readonly key: number
  readonly hasContent: boolean
  /** Of the content in the store; absent where it is not known, or the document is not whole. */
  readonly digest: Digest | undefined
  /** Something of it was set aside. */
  readonly isDamaged: boolean
  /** Updates since the snapshot. */
  readonly rowCount: number
  readonly rowBytes: number
  readonly snapshotBytes: number
}

/** Where in an archive's log something stands: poison is set aside under this name. */
export interface LogPlace {
  /** A key of `openings`: one term of one archive. */
  readonly opening: number
  readonly seq: number
}

export interface UpdateRow {
  readonly key: number
  readonly bytes: Uint8Array
  readonly place: LogPlace | undefined
}

/** What a document is made of. */
export interface StoredDocument {
  readonly snapshot: Uint8Array | undefined
  /** Since the snapshot, oldest first. */
  readonly updates: readonly UpdateRow[]
}

export const opKinds = ['live', 'upload', 'tombstone'] as const

/** An op that is owed, without its bytes. */
export interface OpRow {
  /** Ascending in the store: the order in which ops are pushed. */
  readonly key: number
  readonly document: DocumentRef
  readonly documentKey: number
  readonly kind: (typeof opKinds)[number]
  readonly op: OpId
  /** False: it is somebody else's and only carried. */
  readonly isOwn: boolean
  /** By which places name it; of live ops only. */
  readonly hash: OpHash | undefined
  readonly byteLength: number
}

export const answerOutcomes = ['gapped', 'committed', 'passed', 'refused'] as const

/**
 * What an archive has said of an op:
 * - `gapped`: stored there, and something that it builds upon is missing;
 * - `committed`: on its disk; the cursor has not passed its place yet;
 * - `passed`: on its disk, and the cursor has passed it;
 * - `refused`: never.
 */
export interface AnswerRow {
  readonly op: number
  readonly archive: ArchiveId
  readonly outcome: (typeof answerOutcomes)[number]
  readonly term: TermId
  /** Absent: the log held all of it before. */
  readonly seq: number | undefined
}

export interface CursorRow {
  readonly archive: ArchiveId
  readonly term: TermId
  readonly seq: number
  readonly isWhole: boolean
  readonly isCompared: boolean
}

export interface KeptRow {
  readonly key: number
  readonly document: DocumentRef
  readonly isOwn: boolean
  readonly code: ErrorCode
  readonly atMs: number
  readonly bytes: Uint8Array
}

/** Bytes that could not be applied. */
export interface QuarantinedRow {
  readonly document: DocumentId
  readonly archive: ArchiveId | undefined
  readonly term: TermId | undefined
  readonly seq: number | undefined
  readonly reason: string
  readonly bytes: Uint8Array
}

interface PlaceRow {
  readonly documentKey: number
  readonly archive: ArchiveId
  readonly seq: number
}

/** All that is kept of a collection but bytes. */
export interface CollectionIndex {
  readonly documents: readonly DocumentRow[]
  readonly ops: readonly OpRow[]
  readonly answers: readonly AnswerRow[]
  readonly cursors: readonly CursorRow[]
  readonly places: readonly PlaceRow[]
  /** Own edits that were refused, by document. */
  readonly keptByDocument: ReadonlyMap<number, number>
}
