import type { LeaseKey } from '@holdfast/archive'
import * as Y from 'yjs'
import { instanceOf, replicaOf } from '../../contract/log/names.js'
import type { Reader } from '../../contract/log/reader.js'
import { documentIds, type LogRun, type Subscriber } from './run.js'

/** Somebody reads one page, of whatever size. */
export async function read(run: LogRun): Promise<void> {
  const { random, log } = run
  const subscriber = random.pick(run.subscribers)
  const { reader } = subscriber
  await subscribe(run, subscriber)
  const before = reader.received.length
  const limits = { maxEntries: 1 + random.below(6), maxBytes: 50 + random.below(500) }
  await reader.readPage(log, {
    ...(random.chance(0.8) ? limits : {}),
    ...(random.chance(0.3) ? { maxSnapshotBytes: 40 } : {}),
  })
  // Silent for too long it may have been forgotten: the next page subscribes anew.
  const isHeld = (await log.leases.sent(leaseOf(subscriber), reader.seq)) === 'ok'
  if (!isHeld) subscriber.subscribed = false
  const entries = reader.received.slice(before)
  run.note('page', `${subscriber.number} to ${reader.seq}: ${entries.join(', ')}`)
  const hasSnapshot = entries.some((entry) => entry.startsWith('snapshot'))
  if (hasSnapshot) run.world.count('pruned entry read')
}

/** Somebody says how far it is, and sometimes that it is further than it can be. */
export async function ack(run: LogRun): Promise<void> {
  const { random } = run
  const { leases } = run.log
  const subscriber = random.pick(run.subscribers)
  if (!subscriber.subscribed) return
  const key = leaseOf(subscriber)
  const lease = (await leases.list(key.collection)).find((one) => one.instance === key.instance)
  if (lease === undefined) {
    subscriber.subscribed = false
    return
  }
  if (random.chance(0.2)) {
    expectAnswer(await leases.ack(key, lease.sent + 1 + random.below(9)), 'ack-beyond-sent')
    run.note('ack-beyond-sent', `${subscriber.number}`)
  }
  expectAnswer(await leases.ack(key, subscriber.reader.seq), 'ok')
  subscriber.acked = subscriber.reader.seq
  if (random.chance(0.3)) await leases.live(key, random.chance(0.5))
  run.note('ack', `${subscriber.number} ${subscriber.acked}`)
}

/** Somebody says what it holds. Everybody here is honest, so nobody may be called a laggard. */
export async function hint(run: LogRun): Promise<void> {
  const subscriber = run.random.pick(run.subscribers)
  if (!subscriber.subscribed) return
  const { reader, acked: seq } = subscriber
  const document = run.model.liveGeneration(reader.collection, run.random.pick(documentIds))
  const snapshot = Y.encodeSnapshot(Y.snapshot(reader.docOf(document)))
  const lease = leaseOf(subscriber)
  const { verdict } = await run.log.compaction.judgeHint({ lease, document, seq, snapshot })
  if (verdict === 'laggard') throw new Error(`reader ${subscriber.number} is called a laggard`)
  run.note(verdict, `${subscriber.number} ${seq}`)
}

/** As a replica does when its link to this opening of the log stands. */
export async function subscribe(run: LogRun, subscriber: Subscriber): Promise<void> {
  if (subscriber.subscribed) return
  const { reader } = subscriber
  const { collection, cursor } = reader
  if (cursor !== undefined) {
    const { standing } = await run.log.locate(collection, cursor)
    // A cursor on its way past snapshots is good at the opening that gave it, and at no other.
    const isGood = reader.wholeThrough === cursor.seq || cursor.term === run.log.term
    if (!isGood || standing === 'ahead' || standing === 'unknown-term') await resync(run, reader)
  }
  // Half of them come back as another instance, which has to wait while the old one is live.
  if (run.random.chance(0.5)) subscriber.instance++
  let started = await run.log.leases.start(leaseOf(subscriber), reader.seq)
  if (started === 'replica-in-use') {
    subscriber.instance--
    started = await run.log.leases.start(leaseOf(subscriber), reader.seq)
  }
  expectAnswer(started, 'started')
  subscriber.subscribed = true
  subscriber.acked = reader.seq
}

export function leaseOf({ reader, number, instance }: Subscriber): LeaseKey {
  return {
    collection: reader.collection,
    replica: replicaOf(number),
    instance: instanceOf(instance),
  }
}

/** Both directions: first what the reader holds goes up, then all that is there comes down. */
async function resync(run: LogRun, reader: Reader): Promise<void> {
  const { collection } = reader
  const head = await run.log.head(collection)
  for (const document of reader.documents) {
    if (reader.hasDeleted(document)) {
      await run.end(collection, document)
    } else {
      const bytes = Y.mergeUpdates([...reader.updatesOf(document)])
      const op = { collection, document, kind: 'upload' as const, bytes }
      await run.answered([op], await run.log.append([op]))
    }
  }
  const { documents } = await run.log.documents({ collection, limit: 1_000 })
  for (const { document, deleted } of documents) {
    const state = await run.log.state(collection, document)
    if (deleted) reader.markDeleted(document)
    else if (state !== undefined) reader.take(document, state.bytes, ...state.parked)
  }
  reader.cursor = { archive: run.log.archive, term: run.log.term, seq: head }
  reader.wholeThrough = head
  run.note('resync', `to ${head}`)
}

function expectAnswer(answer: string, expected: string): void {
  if (answer !== expected) throw new Error(`a lease answered ${answer}, not ${expected}`)
}
