import type { CollectionName } from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import { Reader } from '../../contract/log/reader.js'
import { docOf, hasPending } from '../../contract/log/writer.js'
import { coverageOf, coverageOfAll, type ModelDocument } from './model.js'
import { collections, nameOfDocument, type LogRun } from './run.js'

/** What has to hold at any moment, whatever has happened. */
export async function checkInvariants(run: LogRun): Promise<void> {
  if (run.misheard !== undefined) throw new Error(run.misheard)
  const wasTouched = run.touched
  run.touched = false
  for (const collection of collections) {
    if (wasTouched) await checkDocuments(run, collection, await readWhole(run, collection))
    await checkReaders(run, collection)
    await checkLeases(run, collection)
  }
}

/** By document the seq through which its rows are gone. */
export async function floorsOf({ log }: LogRun): Promise<ReadonlyMap<string, number>> {
  const floors = new Map<string, number>()
  for (const collection of collections) {
    const { documents } = await log.documents({ collection, limit: 1_000 })
    for (const { document, prunedThrough } of documents) {
      floors.set(nameOfDocument({ collection, document }), prunedThrough)
    }
  }
  return floors
}

/** [I1] Everything there is, by the stream, in pages of a random size; the head never goes back. */
async function readWhole(run: LogRun, collection: CollectionName): Promise<Reader> {
  const reader = new Reader(collection)
  await reader.readAll(run.log, { maxEntries: 1 + run.random.below(50) })
  run.model.sawHead(collection, reader.seq)
  return reader
}

/**
 * [I2] [I4] [I11] What was acknowledged is in it, no row is gone without a snapshot, and gaps are
 * marked and asked for exactly where Yjs has something pending.
 */
async function checkDocuments(
  { log, model }: LogRun,
  collection: CollectionName,
  whole: Reader,
): Promise<void> {
  const gaps = await log.gaps(collection, 1_000)
  const asked = new Map(gaps.map((gap) => [nameOfDocument(gap), gap.missing.size > 0]))
  const { documents } = await log.documents({ collection, limit: 1_000 })
  for (const { document, deleted, gapped, lastSeq, prunedThrough, snapshotBytes } of documents) {
    const owed = model.of(collection, document)
    const name = nameOfDocument(owed)
    if (owed.deleted && !deleted) throw new Error(`${name} is back`)
    if (deleted) continue
    checkHolds(owed, Infinity, whole.updatesOf(document), 'the log')
    if (prunedThrough > lastSeq) throw new Error(`${name} is pruned beyond its last entry`)
    if (prunedThrough > 0 && snapshotBytes === 0) throw new Error(`${name} has no snapshot`)
    if (hasPending(whole.docOf(document)) !== gapped) {
      throw new Error(`${name} is ${gapped ? '' : 'not '}called gapped, and Yjs disagrees`)
    }
    if ((asked.get(name) ?? false) !== gapped) throw new Error(`${name} is not asked for`)
  }
}

/**
 * [I5] [I6] What was acknowledged at or below a cursor is with the reader whose cursor it is, or in
 * a snapshot that stands further on: then it is there once the reader has been at the head.
 */
async function checkReaders(run: LogRun, collection: CollectionName): Promise<void> {
  const floors = await floorsOf(run)
  for (const { reader, number, subscribed } of run.subscribers) {
    if (reader.collection !== collection || !subscribed) continue
    for (const owed of run.model.documents) {
      if (owed.collection !== collection || owed.deleted) continue
      const standsFurtherOn = (floors.get(nameOfDocument(owed)) ?? 0) > reader.seq
      const through = standsFurtherOn ? reader.wholeThrough : reader.seq
      checkHolds(owed, through, reader.updatesOf(owed.document), `reader ${number}`)
    }
  }
}

/** [I7] Nobody has acked what it was not sent. */
async function checkLeases({ log, model }: LogRun, collection: CollectionName): Promise<void> {
  for (const { sent, ack } of await log.leases.list(collection)) {
    if (ack > sent || sent > model.headOf(collection)) throw new Error(`ack ${ack}, sent ${sent}`)
  }
}

function checkHolds(
  owed: ModelDocument,
  through: number,
  updates: readonly Uint8Array[],
  who: string,
): void {
  const held = coverageOfAll(updates)
  const due = owed.acked.filter(({ seq }) => seq <= through)
  if (due.every(({ coverage }) => held.contains(coverage))) return
  // Two who set one key at once: Yjs deletes what loses, and an upload may be the first to say so.
  held.add(coverageOf(Y.encodeStateAsUpdate(docOf(updates))))
  const lacking = due.find(({ coverage }) => !held.contains(coverage))
  if (lacking === undefined) return
  throw new Error(`${who} lacks what was acknowledged at ${nameOfDocument(owed)}@${lacking.seq}`)
}
