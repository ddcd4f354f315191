import type {
  ArchiveId,
  CollectionName,
  DocumentId,
  DocumentRef,
  InstanceId,
  ReplicaId,
} from '@holdfast/peer/protocol'
import { sizeOf, walOf } from '../log/sqlite/files.adapter.js'
import type { Sql, Value } from '../log/sqlite/sql.adapter.js'
import { openForReading } from './open-for-reading.js'

export interface InspectOptions {
  /** Only this collection; all, if absent. */
  readonly collection?: CollectionName
  /** Documents, leases and quarantined bytes to list, at most, of each. Default: 20. */
  readonly limit?: number
}

/** What is in a log, largest first. */
export interface LogInspection {
  readonly file: string
  readonly fileBytes: number
  /** Of commits that are not yet carried over into the file. */
  readonly walBytes: number
  readonly archive: ArchiveId
  readonly version: number
  readonly createdAtMs: number
  /** How often it was opened. */
  readonly terms: number
  readonly lastOpenedAtMs: number
  readonly collections: readonly InspectedCollection[]
  readonly documents: readonly InspectedDocument[]
  readonly leases: readonly InspectedLease[]
  readonly quarantined: readonly InspectedQuarantine[]
  /** All there are; the lists may hold fewer. */
  readonly counts: {
    readonly documents: number
    readonly leases: number
    readonly quarantined: number
  }
}

export interface InspectedCollection {
  readonly name: CollectionName
  readonly head: number
  readonly documents: number
  /** Generations that have ended. */
  readonly deleted: number
  readonly gapped: number
  readonly rows: number
  readonly rowBytes: number
  readonly snapshotBytes: number
}

export interface InspectedDocument {
  readonly collection: CollectionName
  readonly document: DocumentRef
  readonly deleted: boolean
  readonly lastSeq: number
  readonly prunedThrough: number
  readonly snapshotSeq: number
  readonly snapshotBytes: number
  readonly tailRows: number
  readonly tailBytes: number
  readonly parkedRows: number
  readonly parkedBytes: number
  readonly gapped: boolean
  /** Of compactions, since the last that succeeded. */
  readonly failures: number
  readonly lastError: string
}

export interface InspectedLease {
  readonly collection: CollectionName
  readonly replica: ReplicaId
  readonly instance: InstanceId
  readonly sent: number
  readonly ack: number
  /** Entries of the collection that it has not acked. */
  readonly behind: number
  readonly seenAtMs: number
}

export interface InspectedQuarantine {
  readonly collection: CollectionName
  readonly document: DocumentRef
  readonly seq?: number
  readonly reason: string
  readonly size: number
  readonly atMs: number
}

/** Looks into a log, also beside the archive that is writing it. Reads counters, not contents. */
export function inspectLog(
  given: string,
  { collection, limit = 20 }: InspectOptions = {},
): LogInspection {
  const reading = openForReading(given)
  try {
    reading.holdView()
    const { sql, file, archive, version } = reading
    const where = collection === undefined ? '' : 'WHERE c.name = ?'
    const values = collection === undefined ? [] : [collection]
    return {
      file,
      fileBytes: sizeOf(file),
      walBytes: sizeOf(walOf(file)),
      archive,
      version,
      ...openingsOf(sql),
      collections: collectionsIn(sql, where, values),
      documents: documentsIn(sql, where, values, limit),
      leases: leasesIn(sql, where, values, limit),
      quarantined: quarantinedIn(sql, where, values, limit),
      counts: {
        documents: count(
          sql,
          'documents x JOIN collections c ON c.id = x.collection',
          where,
          values,
        ),
        leases: count(sql, 'leases x JOIN collections c ON c.name = x.collection', where, values),
        quarantined: count(
          sql,
          'quarantine x JOIN collections c ON c.id = x.collection',
          where,
          values,
        ),
      },
    }
  } finally {
    reading.close()
  }
}

function openingsOf(sql: Sql): Pick<LogInspection, 'createdAtMs' | 'terms' | 'lastOpenedAtMs'> {
  const [createdAtMs, terms, lastOpenedAtMs] = sql
    .readTuples<readonly [number, number, number]>(
      `SELECT created_at_ms, (SELECT count(*) FROM terms WHERE collection = 0),
         coalesce((SELECT opened_at_ms FROM terms WHERE collection = 0
                   ORDER BY ordinal DESC LIMIT 1), 0) FROM archive`,
    )
    .get() ?? [0, 0, 0]
  return { createdAtMs, terms, lastOpenedAtMs }
}

function collectionsIn(
  sql: Sql,
  where: string,
  values: readonly Value[],
): readonly InspectedCollection[] {
  return sql
    .read<InspectedCollection>(
      `SELECT c.name, c.head, count(d.id) AS documents,
         coalesce(sum(d.deleted_seq > 0), 0) AS deleted,
         coalesce(sum(d.gapped_since_ms > 0), 0) AS gapped,
         coalesce(sum(d.tail_rows), 0) AS rows, coalesce(sum(d.tail_bytes), 0) AS rowBytes,
         coalesce(sum(d.snapshot_bytes), 0) AS snapshotBytes
       FROM collections c LEFT JOIN documents d ON d.collection = c.id ${where}
       GROUP BY c.id ORDER BY rowBytes + snapshotBytes DESC, c.name`,
    )
    .all(...values)
}

interface DocumentLine extends Omit<InspectedDocument, 'document' | 'deleted' | 'gapped'> {
  readonly name: DocumentId
  readonly generation: number
  readonly deletedSeq: number
  readonly gappedSinceMs: number
}

function documentsIn(
  sql: Sql,
  where: string,
  values: readonly Value[],
  limit: number,
): readonly InspectedDocument[] {
  return sql
    .read<DocumentLine>(
      `SELECT c.name AS collection, d.name, d.generation, d.deleted_seq AS deletedSeq,
         d.last_seq AS lastSeq, d.pruned_through AS prunedThrough, d.snapshot_seq AS snapshotSeq,
         d.snapshot_bytes AS snapshotBytes, d.tail_rows AS tailRows, d.tail_bytes AS tailBytes,
         d.parked_rows AS parkedRows, d.parked_bytes AS parkedBytes,
         d.gapped_since_ms AS gappedSinceMs, d.failures, d.last_error AS lastError
       FROM documents d JOIN collections c ON c.id = d.collection ${where}
       ORDER BY d.snapshot_bytes + d.tail_bytes DESC, c.name, d.name, d.generation LIMIT ?`,
    )
    .all(...values, limit)
    .map(({ name, generation, deletedSeq, gappedSinceMs, ...rest }) => ({
      ...rest,
      document: { id: name, generation },
      deleted: deletedSeq > 0,
      gapped: gappedSinceMs > 0,
    }))
}

function leasesIn(
  sql: Sql,
  where: string,
  values: readonly Value[],
  limit: number,
): readonly InspectedLease[] {
  return sql
    .read<InspectedLease>(
      `SELECT l.collection, l.replica, l.instance, l.sent, l.ack, c.head - l.ack AS behind,
         l.seen_at_ms AS seenAtMs
       FROM leases l JOIN collections c ON c.name = l.collection ${where}
       ORDER BY behind DESC, l.seen_at_ms LIMIT ?`,
    )
    .all(...values, limit)
}

interface QuarantineLine extends Omit<InspectedQuarantine, 'document' | 'seq'> {
  readonly name: DocumentId
  readonly generation: number
  readonly seq: number | null
}

function quarantinedIn(
  sql: Sql,
  where: string,
  values: readonly Value[],
  limit: number,
): readonly InspectedQuarantine[] {
  return sql
    .read<QuarantineLine>(
      `SELECT c.name AS collection, q.name, q.generation, q.seq, q.reason, q.size, q.at_ms AS atMs
       FROM quarantine q JOIN collections c ON c.id = q.collection ${where}
       ORDER BY q.id DESC LIMIT ?`,
    )
    .all(...values, limit)
    .map(({ name, generation, seq, ...rest }) => ({
      ...rest,
      document: { id: name, generation },
      ...(seq !== null && { seq }),
    }))
}

function count(sql: Sql, from: string, where: string, values: readonly Value[]): number {
  const counted = sql.readTuples<readonly [number]>(`SELECT count(*) FROM ${from} ${where}`)
  return counted.get(...values)?.[0] ?? 0
}
