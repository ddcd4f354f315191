/** What whoever runs an archive looks at. */
import type { CollectionName, DocumentRef, OpId } from '@holdfast/peer/protocol'

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
