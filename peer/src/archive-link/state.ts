import type { DocumentRef, ErrorCode } from '../protocol/index.js'

/** How things stand with one archive. Each is said when it is a fact. */
export type ArchiveState =
  /** No link. It is dialled again by itself when the pause is over, where there is one. */
  | { readonly phase: 'offline'; readonly retryInMs?: number; readonly code?: ErrorCode }
  | { readonly phase: 'connecting' }
  /** The archive and this replica compare what they hold; edits are archived meanwhile. */
  | { readonly phase: 'resyncing' }
  /** The archive's log is being read. */
  | { readonly phase: 'catching-up' }
  /** Everything that the archive had is durable here, and what is new comes at once. */
  | { readonly phase: 'live' }
  /** The archive will not have this client as it is. Nothing happens until `retryNow`. */
  | { readonly phase: 'refused'; readonly code: ErrorCode }
  | { readonly phase: 'closed' }

export interface ArchiveProgress {
  /** What the log still sends: the first load, or what was missed. */
  readonly download: Share | undefined
  /** What this replica owes. */
  readonly upload: Share | undefined
  /** Documents that differ, and those of them that are settled. */
  readonly recovery: { readonly done: number; readonly total: number } | undefined
}

export interface Share {
  readonly doneBytes: number
  readonly totalBytes: number
}

/** What a developer or an operator should hear of, and no call is waiting for. */
export type ArchiveTrouble =
  /** Resync followed resync: the next one waits. */
  | { readonly kind: 'resync-paused'; readonly pauseMs: number }
  /** The archive lacks something of this document and will not take it. It is kept here. */
  | { readonly kind: 'upload-refused'; readonly document: DocumentRef; readonly code: ErrorCode }
  /** What the archive holds of this document cannot be had. */
  | { readonly kind: 'download-refused'; readonly document: DocumentRef; readonly code: ErrorCode }
  /** Another live instance has this replica's id: mint a new one, then `retryNow`. */
  | { readonly kind: 'replica-in-use' }
  /** The ledger could not read or write. The connection comes back after a pause. */
  | { readonly kind: 'store-failed'; readonly cause: unknown }
  /** The archive says what the protocol has no room for. The connection comes back after a pause. */
  | { readonly kind: 'archive-misbehaved'; readonly reason: string }
