import type { Clock, Logger, Random } from '@holdfast/peer/ports'
import type { ArchiveId, DocumentId, DocumentRef, ErrorCode, OpId } from '@holdfast/peer/protocol'
import type { CollectionStore } from '../store/collection-store.js'
import type { Books } from './books.js'
import type { LocalChanges } from './local-changes.js'
import type { Serial } from './serial.js'
import type { Shelf } from './shelf.js'

/** What the parts of one replica share. */
export interface ReplicaContext {
  readonly store: CollectionStore
  readonly books: Books
  readonly serial: Serial
  readonly shelf: Shelf
  readonly local: LocalChanges
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Of transactions that bring what others edited. */
  readonly origin: object
  /** Ops are kept until archives have answered: one is expected, or has been met. */
  readonly owesOps: () => boolean
  readonly news: ReplicaNews
}

/** What the parts say when something has happened, after the transaction. Never throws. */
export interface ReplicaNews {
  /** What is held of this document is not what it was. */
  changed(id: DocumentId): void
  /** There may be more to push, at this time. */
  owed(atMs: number): void
  /** An archive has it. */
  archived(op: OpId, document: DocumentRef, archive: ArchiveId): void
  /** An archive will never take it: it is kept aside. */
  refused(op: OpId, document: DocumentRef, code: ErrorCode): void
  /** An own op goes by another id from now on. */
  renamed(from: OpId, to: OpId, key: number): void
  /** Something could not be applied and was set aside. */
  damaged(document: DocumentRef, reason: string): void
  /** A generation has ended. */
  ended(document: DocumentRef): void
  /** It has many updates beyond its snapshot. */
  ripe(id: DocumentId): void
}
