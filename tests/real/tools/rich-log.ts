import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openSqliteLog, type AppendOp, type Log, type LogPolicy } from '@holdfast/archive'
import { inlineHosts } from '@holdfast/archive/testing'
import { silentLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import { compactNow, publishNow } from '../../contract/log/build.js'
import { collectionOf, documentOf, leaseOf, notes } from '../../contract/log/names.js'
import { answers, commit } from '../../contract/log/outcomes.js'
import { Writer } from '../../contract/log/writer.js'

export const tasks = collectionOf('Aufgaben/2026')
/** What documents can be called. */
export const strangeName = documentOf('../Über “alles” 💾')

export function openLog(file: string, policy: Partial<LogPolicy> = {}): Promise<Log> {
  return openSqliteLog({
    file,
    policy,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    hosts: inlineHosts(),
  })
}

let folders = 0

/** A file in a fresh folder of its own. */
export function freshFile(base: string): string {
  const folder = join(base, `folder-${++folders}`)
  mkdirSync(folder)
  return join(folder, 'archive.db')
}

/**
 * A closed log that has been through everything:
 *
 *     note-1   compacted; rows after it, a reader who has not got all of them
 *     note-2   two generations of snapshots, no row retired
 *     note-3   deleted; a row of it in quarantine
 *     note-4   waits for what never came
 *     note-5   so many rows that what they add up to is written down
 *     tasks    another collection, with a strange document; an op that two have signed
 */
export async function richLog(file: string): Promise<void> {
  let log = await openLog(file)
  const anna = new Writer(1)
  await commit(log, ...words(anna, 6))
  await log.leases.start(leaseOf(1), 0)
  await log.leases.sent(leaseOf(1), 6)
  await log.leases.ack(leaseOf(1), 4)
  await compactNow(log)
  await commit(log, ...words(anna, 3), anna.erase(4))

  const ben = new Writer(2, { document: documentOf('note-2') })
  await commit(log, ...words(ben, 4))
  await publishNow(log, ben.document)
  await log.compaction.settle(notes, ben.document)
  await commit(log, ...words(ben, 2))
  await publishNow(log, ben.document)
  await log.close()

  log = await openLog(file)
  const carl = new Writer(3, { document: documentOf('note-3') })
  const [, bomb] = await commit(log, ...words(carl, 3))
  await log.compaction.quarantine(notes, carl.document, bomb?.seq ?? 0, 'as the test wants it')
  await log.delete(notes, carl.document)
  const dora = new Writer(4, { document: documentOf('note-4') })
  await commit(log, ...words(dora, 4).slice(1))
  const crowd = new Writer(5, { document: documentOf('note-5') })
  await commit(log, ...Array.from({ length: 4_200 }, (_, n) => crowd.write(String(n % 10))))
  await log.close()

  log = await openLog(file)
  const eve = new Writer(6, { collection: tasks, document: strangeName })
  const ops = words(eve, 3)
  await commit(log, ...ops)
  const forged: AppendOp = { ...(ops[0] as AppendOp), bytes: eve.write('other').bytes }
  await answers(log, forged)
  await commit(log, eve.upload())
  await log.close()
}

function words(writer: Writer, count: number): readonly AppendOp[] {
  return Array.from({ length: count }, (_, n) => writer.write(`word ${n} `))
}
