import type * as Y from 'yjs'
import { publishNow } from '../../contract/log/build.js'
import { contentOf, digestOf } from '../../contract/log/content.js'
import { Reader } from '../../contract/log/reader.js'
import { docOf, hasPending, type LiveOp } from '../../contract/log/writer.js'
import { checkInvariants } from './invariants.js'
import type { ModelDocument } from './model.js'
import { leaseOf, subscribe } from './reading.js'
import { nameOfDocument, type LogRun } from './run.js'

/** Everybody sends all that they hold, reads to the end, and is equal to everybody else. */
export async function endEqual(run: LogRun): Promise<void> {
  for (const { writers } of run.authors) for (const { ops } of writers) await pushAll(run, ops)
  for (const subscriber of run.subscribers) {
    await subscribe(run, subscriber)
    await subscriber.reader.readAll(run.log)
    await run.log.leases.end(leaseOf(subscriber))
  }
  await checkInvariants(run)
  for (const owed of run.model.documents) {
    if (!owed.deleted && owed.acked.length > 0) await checkEqual(run, owed)
  }
}

/** Again where the end of an earlier generation had to be sent first. */
async function pushAll(run: LogRun, ops: readonly LiveOp[]): Promise<void> {
  const outcomes = await run.log.append(ops)
  await run.answered(ops, outcomes)
  const isEarly = outcomes.some(
    (outcome) => outcome.status === 'refused' && outcome.refusal.code === 'predecessors-first',
  )
  if (isEarly) await pushAll(run, ops)
}

/** [I10] [I11] Readers, the log, and the log after one more compaction, against all that it owes. */
async function checkEqual(run: LogRun, owed: ModelDocument): Promise<void> {
  const { collection, document } = owed
  const docs = await docsInLog(run, owed, 'before')
  for (const { reader, number } of run.subscribers) {
    if (reader.collection === collection) docs.set(`reader ${number}`, reader.docOf(document))
  }
  await publishNow(run.log, document, collection)
  while ((await run.log.compaction.retire(collection, document, 7)).more) continue
  for (const [who, doc] of await docsInLog(run, owed, 'after')) docs.set(who, doc)

  const expected = docOf(owed.acked.map(({ bytes }) => bytes))
  if (hasPending(expected)) throw new Error(`${nameOfDocument(owed)} has a gap to the end`)
  for (const [who, doc] of docs) {
    if (digestOf(doc) !== digestOf(expected) || contentOf(doc) !== contentOf(expected)) {
      throw new Error(`${who} has another ${nameOfDocument(owed)} than the model`)
    }
  }
}

async function docsInLog(
  { log }: LogRun,
  { collection, document }: ModelDocument,
  when: string,
): Promise<Map<string, Y.Doc>> {
  const state = await log.state(collection, document)
  if (state === undefined) throw new Error(`${document.id} is unknown`)
  const newcomer = await new Reader(collection).readAll(log)
  return new Map([
    [`the log ${when}`, docOf([state.bytes, ...state.parked])],
    [`a newcomer ${when}`, newcomer.docOf(document)],
  ])
}
