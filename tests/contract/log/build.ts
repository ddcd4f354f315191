import { buildSnapshot, type Log, type NewSnapshot, type RetireResult } from '@holdfast/archive'
import type { CollectionName, DocumentRef } from '@holdfast/peer/protocol'
import { note, notes } from './names.js'

/** What a compactor would publish now; undefined if the log has nothing to compact. */
export async function buildFrom(
  log: Log,
  document: DocumentRef = note,
  collection: CollectionName = notes,
): Promise<NewSnapshot | undefined> {
  const source = await log.compaction.source(collection, document)
  if (source === undefined) return undefined
  const base = source.previous?.seq ?? 0
  const built = buildSnapshot(source)
  if (built.status !== 'built') throw new Error(`${built.status}: ${built.reason}`)
  const { bytes, coverage, stateVector, parked } = built
  return {
    collection,
    document,
    base,
    through: source.through,
    bytes,
    coverage,
    stateVector,
    parked,
  }
}

/** Builds and publishes; throws if the log does not take it. */
export async function publishNow(
  log: Log,
  document: DocumentRef = note,
  collection: CollectionName = notes,
): Promise<NewSnapshot> {
  const snapshot = await buildFrom(log, document, collection)
  if (snapshot === undefined) throw new Error('nothing to compact')
  const outcome = await log.compaction.publish(snapshot)
  if (outcome !== 'published') throw new Error(outcome)
  return snapshot
}

/** Retires all that may go. */
export async function retireAll(
  log: Log,
  document: DocumentRef = note,
  collection: CollectionName = notes,
  maxRows = 1_000,
): Promise<RetireResult> {
  let removed = 0
  for (;;) {
    const result = await log.compaction.retire(collection, document, maxRows)
    removed += result.removed
    if (!result.more) return { ...result, removed }
  }
}

/** The whole of a compaction. */
export async function compactNow(
  log: Log,
  document: DocumentRef = note,
  collection: CollectionName = notes,
): Promise<RetireResult> {
  await publishNow(log, document, collection)
  await log.compaction.settle(collection, document)
  return retireAll(log, document, collection)
}
