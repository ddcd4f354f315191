import type { CollectionName, DocumentId, DocumentRef } from '@holdfast/peer/protocol'
import type { CompactionReport } from '../compaction/compact-document.js'
import type { Compactor } from '../compaction/compactor.js'
import type { DocumentSummary, Log } from '../log/port.js'
import { Pace, type ToolRun } from './run.js'

export interface CompactOptions {
  readonly log: Log
  /** Of this log; the caller closes it. */
  readonly compactor: Compactor
  /** Which of them to look at. */
  readonly collections: readonly CollectionName[]
  /** Only this document. */
  readonly document?: DocumentId
  /** Hears of each document, when it is done. */
  readonly onDocument?: (compacted: CompactedDocument) => void
}

export interface CompactedDocument {
  readonly collection: CollectionName
  readonly document: DocumentRef
  readonly status: CompactionReport['status']
  readonly reason?: string
  /** Snapshot and rows. */
  readonly bytesBefore: number
  readonly bytesAfter: number
}

export interface CompactReport {
  /** Looked at; those without a row are not counted. */
  readonly documents: number
  readonly compacted: number
  readonly bytesBefore: number
  readonly bytesAfter: number
  readonly failed: readonly CompactedDocument[]
}

/**
 * Compacts every document that has rows, whether it is over a threshold or not. Rows that active
 * readers have not acked stay, as always.
 */
export async function compactLog(options: CompactOptions, run: ToolRun): Promise<CompactReport> {
  const { log, compactor, collections, onDocument } = options
  const pace = new Pace(run)
  const subjects: Subject[] = []
  for (const collection of collections) {
    subjects.push(...(await subjectsIn(log, collection, options.document)))
  }
  const failed: CompactedDocument[] = []
  let compacted = 0
  let bytesBefore = 0
  let bytesAfter = 0
  let done = 0
  for (const { collection, summary } of subjects) {
    const report = await compactor.compact(collection, summary.document)
    const after = await log.latest(collection, summary.document.id)
    const document: CompactedDocument = {
      collection,
      document: summary.document,
      status: report.status,
      ...('reason' in report && { reason: report.reason }),
      bytesBefore: sizeOf(summary),
      bytesAfter: after === undefined ? 0 : sizeOf(after),
    }
    bytesBefore += document.bytesBefore
    bytesAfter += document.bytesAfter
    if (report.status === 'compacted') compacted++
    if (report.status === 'failed') failed.push(document)
    onDocument?.(document)
    await pace.turn(step, ++done, subjects.length)
  }
  await pace.end(step, done)
  if (compacted > 0) await untilRoomIsBack(log, run)
  return { documents: done, compacted, bytesBefore, bytesAfter, failed }
}

/**
 * The log gives room back by itself, some at a time: waits until it gives no more. The file is smaller
 * once the log was closed.
 */
async function untilRoomIsBack(log: Log, { clock, onProgress, signal }: ToolRun): Promise<void> {
  const step = 'giving room back'
  const { freeBytes: total } = await log.statistics()
  let free = total
  for (let quietMs = 0; quietMs < roomQuietMs; quietMs += lookEveryMs) {
    signal?.throwIfAborted()
    await new Promise<void>((resolve) => {
      clock.after(lookEveryMs, resolve)
    })
    const { freeBytes } = await log.statistics()
    if (freeBytes === free) continue
    quietMs = 0
    free = freeBytes
    onProgress?.({ step, done: Math.max(0, total - free), total })
  }
}

/** The log begins within a second after the last change. */
const roomQuietMs = 1_500
const lookEveryMs = 100

const step = 'compacting documents'
const pageDocuments = 500

interface Subject {
  readonly collection: CollectionName
  readonly summary: DocumentSummary
}

/** Live documents that have rows, so that there is something to do. */
async function subjectsIn(
  log: Log,
  collection: CollectionName,
  only: DocumentId | undefined,
): Promise<readonly Subject[]> {
  if (only !== undefined) {
    const summary = await log.latest(collection, only)
    return summary === undefined || !isSubject(summary) ? [] : [{ collection, summary }]
  }
  const subjects: Subject[] = []
  let after: DocumentRef | undefined
  for (;;) {
    const limit = pageDocuments
    const page = await log.documents({ collection, ...(after && { after }), limit })
    for (const summary of page.documents) {
      if (isSubject(summary)) subjects.push({ collection, summary })
    }
    if (!page.more) return subjects
    after = page.documents.at(-1)?.document
  }
}

function isSubject({ deleted, tailRows }: DocumentSummary): boolean {
  return !deleted && tailRows > 0
}

function sizeOf({ tailBytes, snapshotBytes }: DocumentSummary): number {
  return tailBytes + snapshotBytes
}
