import type { ArchivePosition } from '@holdfast/peer/archive-link'
import type { ArchiveId, CollectionName, Cursor } from '@holdfast/peer/protocol'

/** How far following another archive has come in one collection. */
export interface FollowRecord {
  readonly collection: CollectionName
  /** Where this archive stands in the other's log. */
  readonly position: ArchivePosition
  /**
   * Where the own log stood when this was written. A log that was put back from an older copy does
   * not reach it: then nothing here is believed, and the two compare.
   */
  readonly own: Cursor
  /** What the own log held up to here the other one has answered, or came from it. */
  readonly given: number
}

/**
 * Where the records are kept, beside the log. They may be older than the log, or lost: then more is
 * read and compared than needed. What makes one too new is found by its `own`.
 */
export interface FollowRecords {
  /** All of them; empty where they cannot be read. Called once. */
  load(): Promise<readonly FollowRecord[]>
  /** Durable sooner or later, in the order of the calls. Never throws. */
  save(record: FollowRecord): void
  /** What was saved is durable when it resolves. */
  close(): Promise<void>
}

/** One record for each archive that was followed in a collection. */
export function keyOfRecord(collection: CollectionName, archive: ArchiveId): string {
  return `${archive} ${collection}`
}
