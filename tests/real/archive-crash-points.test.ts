import { LogError, type AppendOp, type Log } from '@holdfast/archive'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, describe, expect, test } from 'vitest'
import { compactNow, publishNow, retireAll } from '../contract/log/build.js'
import { collectionOf, documentOf, leaseOf, notes } from '../contract/log/names.js'
import { answers } from '../contract/log/outcomes.js'
import { asUpload, Writer } from '../contract/log/writer.js'
import { Bench, crashPoints, pointsToFailAt, seenIn, type Scenario } from './crash/points.js'
import { makeBaseInMemory } from './crash/base.js'

const base = makeBaseInMemory()
afterAll(() => rmSync(base, { recursive: true, force: true }))

const tasks = collectionOf('tasks')
const other = documentOf('note-2')
const collections = [notes, tasks]

/*
 * The same bytes in every run of a scenario: its writers are made once, and what they have written is
 * sent again after the crash, as an outbox does.
 */
const anna = new Writer(1)
const ben = new Writer(2, { document: other })
const early = [1, 2, 3, 4, 5].map((n) => anna.write(`early ${n} `))
early.push(anna.erase(6))
const late = [1, 2, 3].map((n) => anna.write(`late ${n} `))
const bens = [1, 2, 3].map((n) => ben.write(`ben ${n} `))
const far = new Writer(3, { collection: tasks })
const fars = [1, 2, 3].map((n) => far.write(`far ${n} `))
/** Another instance under Anna's clientID. */
const thief: AppendOp = { ...(late[0] as AppendOp), id: { instance: ben.instance, n: 99 } }
const crowd = new Writer(4)
const keystrokes = Array.from({ length: 4_100 }, (_, n) => crowd.write(String(n % 10)))

async function send(log: Log, ...ops: readonly AppendOp[]): Promise<void> {
  await answers(log, ...ops)
}

const scenarios: Readonly<Record<string, Scenario>> = {
  'the first append': { step: (log) => send(log, ...early) },
  'a group of everything': {
    prepare: (log) => send(log, ...early),
    step: (log) =>
      Promise.all([
        // Rows, one that waits for others, a repetition, contained bytes, a stolen clientID.
        send(log, ...late, early[0] as AppendOp, asUpload(early[1] as AppendOp), thief),
        send(log, ...bens, ...fars.slice(2)),
        log.delete(notes, documentOf('never-seen')),
      ]),
  },
  'a gap that closes': {
    prepare: (log) => send(log, ...fars.slice(1)),
    step: (log) => send(log, ...fars.slice(0, 1)),
  },
  'an append that files a batch': {
    prepare: (log) => send(log, ...keystrokes),
    step: (log) => send(log, ...bens),
    failAt: /file|producers|commit/,
  },
  'a deletion': {
    prepare: (log) => send(log, ...early, ...bens),
    step: (log) => log.delete(notes, other),
  },
  publishing: {
    prepare: (log) => send(log, ...early, ...bens),
    step: (log) => publishNow(log),
  },
  'publishing over a settled snapshot': {
    prepare: async (log) => {
      await send(log, ...early, ...bens)
      await compactNow(log)
      await send(log, ...late)
    },
    step: (log) => publishNow(log),
  },
  settling: {
    prepare: async (log) => {
      await send(log, ...early)
      await compactNow(log)
      await send(log, ...late)
      await publishNow(log)
    },
    step: (log) => log.compaction.settle(notes, anna.document),
  },
  'retiring, two rows at a time': {
    prepare: async (log) => {
      await send(log, ...early, ...late, ...bens)
      await publishNow(log)
    },
    step: (log) => retireAll(log, anna.document, notes, 2),
  },
  'retiring beside a reader': {
    prepare: async (log) => {
      await send(log, ...early, ...late)
      await publishNow(log)
    },
    step: async (log) => {
      await log.leases.start(leaseOf(7), 0)
      await log.leases.sent(leaseOf(7), 9)
      await log.leases.ack(leaseOf(7), 4)
      await retireAll(log)
    },
  },
  'a whole compaction': {
    prepare: (log) => send(log, ...early, ...late),
    step: (log) => compactNow(log),
  },
  'setting a row aside': {
    prepare: (log) => send(log, ...early, ...bens),
    step: (log) => log.compaction.quarantine(notes, ben.document, early.length + 3, 'a bomb'),
  },
  'noting a failed compaction': {
    prepare: (log) => send(log, ...early),
    step: (log) => log.compaction.failed(notes, anna.document, 'as the test wants it'),
  },
  'taking a damaged row out': {
    prepare: (log) => send(log, ...early, ...bens),
    tamper: (file) => {
      const database = new Database(file)
      const flip = 'UPDATE entries SET bytes = zeroblob(length(bytes)) WHERE seq = 8'
      if (database.prepare(flip).run().changes !== 1) throw new Error('no such row')
      database.close()
    },
    step: (log) => log.read({ collection: notes, after: 0, maxBytes: 1e9, maxEntries: 1e6 }),
    onlyReads: true,
  },
}

describe.each(Object.entries(scenarios))('%s', (name, scenario) => {
  test('[R3] [L32] [L5] every prefix recovers when the process dies at a statement', async () => {
    const bench = new Bench(join(base, `dies ${name}`))
    const prepared = await bench.prepared(scenario)
    const { points, names } = await crashPoints(bench, scenario, prepared)
    expect(names).toContain('before commit')
    expect(points.length).toBeGreaterThan(1)

    const before = await seenOf(bench, scenario, bench.copy(prepared))
    const after = await seenOf(bench, scenario, bench.copy(points.at(-1)?.file ?? ''))
    let hasHappened = false
    for (const point of points) {
      const log = await bench.open(point.file, scenario.policy)
      const seen = await seenIn(log, collections)
      // All of the step's transaction or nothing, and never back again.
      hasHappened ||= isSame(seen, after)
      const faults = await bench.faultsIn(point.file)
      await scenario.step(log)
      const again = await seenIn(log, collections)
      await goesOn(log)
      await log.close()
      const faultsAfter = await bench.faultsIn(point.file)
      expect({ at: point.name, seen, faults, again, faultsAfter }).toEqual({
        at: point.name,
        seen: hasHappened ? after : before,
        faults: [],
        again: after,
        faultsAfter: [],
      })
    }
    expect(hasHappened).toBe(true)
  })

  test('[R3] [L33] [L47] a statement that fails answers nothing, and memory is never ahead', async () => {
    const bench = new Bench(join(base, `fails ${name}`))
    const prepared = await bench.prepared(scenario)
    const { points, names } = await crashPoints(bench, scenario, prepared)
    const before = await seenOf(bench, scenario, bench.copy(prepared))
    const after = await seenOf(bench, scenario, bench.copy(points.at(-1)?.file ?? ''))
    const answers = new Set<string>()
    for (const at of pointsToFailAt(names, scenario)) {
      const file = bench.copy(prepared)
      let left = Infinity
      let failed = ''
      const log = await bench.open(file, scenario.policy, (statement, phase) => {
        if (left-- !== 0) return
        failed = `${phase} ${statement}`
        throw new Database.SqliteError('as the test wants it', 'SQLITE_IOERR_WRITE')
      })
      left = at
      answers.add(await scenario.step(log).then(() => 'done', codeOf))
      left = Infinity
      const inMemory = await seenIn(log, collections)
      const onDisk = await seenOf(bench, scenario, bench.copy(file))
      await scenario.step(log)
      const again = await seenIn(log, collections)
      await goesOn(log)
      await log.close()
      const faults = await bench.faultsIn(file)
      expect({ at: failed, onDisk, again, faults }).toEqual({
        at: names[at],
        onDisk: inMemory,
        again: after,
        faults: [],
      })
      expect([before, after]).toContainEqual(inMemory)
    }
    // A single failing statement fails the whole step.
    expect([...answers]).toEqual([scenario.onlyReads === true ? 'done' : 'storage-failed'])
  })
})

async function seenOf(bench: Bench, { policy }: Scenario, file: string): Promise<unknown> {
  const log = await bench.open(file, policy)
  const seen = await seenIn(log, collections)
  await log.close()
  return seen
}

/** The next seq is the next seq. */
async function goesOn(log: Log): Promise<void> {
  const head = await log.head(notes)
  const writer = new Writer(50, { document: documentOf('afterwards') })
  expect(await answers(log, writer.write('a'))).toEqual([`${head + 1}`])
}

function codeOf(error: unknown): string {
  return error instanceof LogError ? error.code : String(error)
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
