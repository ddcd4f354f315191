import {
  buildSnapshot,
  createCompactor,
  unpackRows,
  type BuildSource,
  type BuildStopped,
  type CompactionReport,
  type CompactorOptions,
  type LogPolicy,
  type SnapshotBuilder,
} from '@holdfast/archive'
import { MemoryDisk, openMemoryLog } from '@holdfast/archive/testing'
import type { Logger } from '@holdfast/peer/ports'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { publishNow } from '../../contract/log/build.js'
import { documentOf, note, notes } from '../../contract/log/names.js'
import { textOf, Writer } from '../../contract/log/writer.js'

test('[K5] [COMPACT-7] ripe documents are compacted one after the other, what frees most first', async () => {
  const house = await open()
  await house.write('small', 15)
  await house.write('large', 60)
  await house.write('tiny', 3)
  const reports = await house.compactor.compactRipe()
  expect(reports.map(named)).toEqual(['compacted large', 'compacted small'])
  expect(house.builder.mostAtOnce).toBe(1)
  expect(await house.log.compaction.ripe(10)).toEqual([])
  await house.close()
})

test('[K6] [COMPACT-6] a document that fails backs off, says so, and does not hold up the others', async () => {
  const house = await open()
  await house.write('broken', 60)
  await house.write('fine', 20)
  house.builder.fault = (source) =>
    rowsOf(source) >= 60 ? { status: 'unproven', reason: 'as the test wants it' } : undefined
  expect((await house.compactor.compactRipe()).map(named)).toEqual([
    'failed broken',
    'compacted fine',
  ])
  expect(house.errors).toEqual(['a compaction failed'])

  // It is not tried again before its time, and is when that has come.
  await house.write('broken', 1)
  expect(await house.compactor.compactRipe()).toEqual([])
  house.clock.advance(60_000)
  house.builder.fault = undefined
  expect((await house.compactor.compactRipe()).map(named)).toEqual(['compacted broken'])
  await house.close()
})

test('[K17] [L22] [COMPACT-5] a row that ends the building thread by itself is set aside, the rest is compacted', async () => {
  const house = await open()
  const writer = await house.write('doc', 30)
  house.builder.fault = (source) => {
    const bomb = [...unpackRows(source.rows)].find(({ seq }) => seq === 30)
    return bomb && { status: 'out-of-memory', seq: 30, stuck: false, reason: 'boom' }
  }
  const report = await house.compactor.compact(notes, documentOf('doc'))
  expect(report).toMatchObject({ status: 'compacted', setAside: 1 })
  expect(await house.log.quarantined(10)).toMatchObject([{ seq: 30, bytes: writer.ops[29]?.bytes }])
  const state = await house.log.state(notes, documentOf('doc'))
  expect(textOf([state?.bytes ?? new Uint8Array([0, 0])])).toBe('x'.repeat(29))
  await house.close()
})

test('[COMPACT-5] a thread that was stuck in a row sets it aside', async () => {
  const house = await open()
  await house.write('doc', 20)
  house.builder.fault = (source) =>
    rowsOf(source) === 20
      ? { status: 'timeout', seq: 20, stuck: true, reason: 'a loop without end' }
      : undefined
  const report = await house.compactor.compact(notes, documentOf('doc'))
  expect(report).toMatchObject({ status: 'compacted', setAside: 1 })
  await house.close()
})

test('[COMPACT-5] a document that is too large for the thread loses no row', async () => {
  const house = await open()
  await house.write('doc', 40)
  house.builder.fault = (source) =>
    rowsOf(source) > 5
      ? { status: 'out-of-memory', seq: 6, stuck: false, reason: 'heap limit' }
      : undefined
  const report = await house.compactor.compact(notes, documentOf('doc'))
  expect(report).toMatchObject({ status: 'failed' })
  expect(await house.log.quarantined(10)).toEqual([])
  const state = await house.log.state(notes, documentOf('doc'))
  expect(textOf([state?.bytes ?? new Uint8Array([0, 0])])).toBe('x'.repeat(40))
  await house.close()
})

test('[L8] [COMPACT-7] a snapshot that was overtaken is built again on the newer one', async () => {
  const house = await open()
  await house.write('doc', 20)
  let overtaken = false
  house.builder.before = async () => {
    if (overtaken) return
    overtaken = true
    await publishNow(house.log, documentOf('doc'))
  }
  const report = await house.compactor.compact(notes, documentOf('doc'))
  expect(report).toMatchObject({ status: 'compacted', through: 20 })
  expect(house.builder.builds).toBe(2)
  await house.close()
})

test('[COMPACT-6] what was never written is said to be unknown', async () => {
  const house = await open()
  expect(await house.compactor.compact(notes, note)).toMatchObject({ status: 'unknown-document' })
  await house.close()
})

test('[K4] [COMPACT-7] a commit wakes it once, later, and closing leaves nothing armed', async () => {
  const house = await open()
  const reports: CompactionReport[] = []
  house.compactor.onReport((report) => reports.push(report))
  house.compactor.start()
  await house.clock.run(2_000)
  await house.write('doc', 30)
  expect(reports).toEqual([])
  await house.clock.run(1_500)
  expect(reports.map(named)).toEqual(['compacted doc'])
  await house.compactor.close()
  expect(house.clock.pendingTasks).toBe(0)
  await house.compactor.close()
  await house.close()
})

test('[K2] [L19] a peer is asked before a whole document is compacted, and about no gapped one', async () => {
  const asked: string[] = []
  const house = await open(
    {
      ask: async ({ document }) => {
        asked.push(document.id)
      },
    },
    { gapAgeMs: 0 },
  )
  await house.write('whole', 20)
  const gapped = new Writer(9, { document: documentOf('gapped') })
  for (let at = 0; at < 20; at++) gapped.write('y')
  await house.log.append(gapped.ops.filter((_, at) => at !== 10))
  house.clock.advance(1)
  const reports = await house.compactor.compactRipe()
  expect(reports.map(named).toSorted()).toEqual(['compacted gapped', 'compacted whole'])
  expect(asked).toEqual(['whole'])
  await house.close()
})

async function open(options: Partial<CompactorOptions> = {}, policy: Partial<LogPolicy> = {}) {
  const clock = new VirtualClock()
  const random = new SeededRandom('compactor')
  const errors: string[] = []
  const logger: Logger = {
    error: (message) => errors.push(message),
    info: () => {},
    debug: () => {},
  }
  const log = await openMemoryLog({
    disk: new MemoryDisk(random),
    clock,
    random,
    logger,
    policy: { ripeRows: 10, ...policy },
  })
  const builder = new FaultyBuilder()
  const compactor = createCompactor({ log, builder, clock, logger, ...options })
  let writers = 0
  const writerByName = new Map<string, Writer>()
  return {
    clock,
    log,
    builder,
    compactor,
    errors,
    /** Somebody writes so many letters into a document. */
    write: async (name: string, letters: number): Promise<Writer> => {
      const writer = writerByName.get(name) ?? new Writer(++writers, { document: documentOf(name) })
      writerByName.set(name, writer)
      for (let at = 0; at < letters; at++) await log.append([writer.write('x')])
      return writer
    },
    close: async (): Promise<void> => {
      await compactor.close()
      await log.close()
    },
  }
}

/** Builds in this thread; fails, or lets something happen first, where a test wants it. */
class FaultyBuilder implements SnapshotBuilder {
  fault: ((source: BuildSource) => Fault | undefined) | undefined
  before: (() => Promise<void>) | undefined
  builds = 0
  mostAtOnce = 0
  #atOnce = 0

  async build(source: BuildSource) {
    this.builds++
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce)
    await this.before?.()
    this.#atOnce--
    return this.fault?.(source) ?? buildSnapshot(source)
  }

  async close(): Promise<void> {}
}

type Fault = BuildStopped | { readonly status: 'unproven'; readonly reason: string }

function rowsOf(source: BuildSource): number {
  return source.rows.seqs.length
}

function named(report: CompactionReport): string {
  return `${report.status} ${report.document.id}`
}
