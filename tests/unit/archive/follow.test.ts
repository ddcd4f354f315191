import { ArchiveNode } from '@holdfast/archive'
import {
  Follower,
  FollowLedger,
  listCollections,
  MemoryDisk,
  openMemoryLog,
  openRecordsFile,
  OwedRows,
} from '@holdfast/archive/testing'
import { silentLogger } from '@holdfast/peer/ports'
import type { ArchiveId, InstanceId, TermId } from '@holdfast/peer/protocol'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compactNow } from '../../contract/log/build.js'
import { notes } from '../../contract/log/names.js'
import { commit } from '../../contract/log/outcomes.js'
import { Writer } from '../../contract/log/writer.js'

const instance = 'f'.repeat(32) as InstanceId
const term = 'd'.repeat(32) as TermId

async function openLog() {
  const random = new SeededRandom('follow')
  const disk = new MemoryDisk(random)
  return openMemoryLog({ disk, clock: new VirtualClock(), random, logger: silentLogger })
}

describe('what is owed to another archive', () => {
  test('[FOLLOW-3] [L28] rows go under their own ids, once, and what came from there does not go', async () => {
    const log = await openLog()
    const rows = new OwedRows(log, notes, instance, 0)
    const a = new Writer(1)
    const [first, theirs, third] = [a.write('1'), a.write('2'), a.write('3')]
    await commit(log, first, theirs, third)
    rows.came(2)
    const { ops, more } = await rows.read(0, 100, 1e6)
    expect(ops.map(({ op, position, kind }) => ({ op, position, kind }))).toEqual([
      { op: first.id, position: 1, kind: 'live' },
      { op: third.id, position: 3, kind: 'live' },
    ])
    expect(more).toBe(false)
    expect(rows.openCount).toBe(2)
    for (const { op } of ops) rows.committed(op, term, 10)
    expect((await rows.read(0, 100, 1e6)).ops).toEqual([])
    expect(rows.given).toBe(0)
    rows.passed(term, 10, true)
    expect(rows.given).toBe(3)
  })

  test('[FOLLOW-6] what an opening that is over has answered is owed again', async () => {
    const log = await openLog()
    const rows = new OwedRows(log, notes, instance, 0)
    const row = new Writer(1).write('1')
    await commit(log, row)
    const [owed] = (await rows.read(0, 100, 1e6)).ops
    if (owed === undefined) throw new Error('nothing is owed')
    rows.committed(owed.op, term, 10)
    expect(rows.passed(term, 9, true)).toBe(false)
    expect(rows.passed('e'.repeat(32) as TermId, 9, true)).toBe(true)
    expect((await rows.read(0, 100, 1e6)).ops.map(({ op }) => op)).toEqual([row.id])
  })

  test('[FOLLOW-7] [L48] a snapshot whose answer a broken link has lost is owed on the next link', async () => {
    const log = await openLog()
    const rows = new OwedRows(log, notes, instance, 0)
    const a = new Writer(1)
    await commit(log, a.write('1'), a.write('2'))
    expect((await rows.read(0, 100, 1e6)).ops).toHaveLength(2)
    await compactNow(log, a.document)
    const [gone] = (await rows.read(0, 100, 1e6)).ops
    expect(gone).toMatchObject({ kind: 'upload', position: 2 })
    expect(rows.given).toBe(0)
    expect((await rows.read(0, 100, 1e6)).ops).toEqual([gone])
  })

  test('[FOLLOW-7] rows that were retired before they were answered go as their snapshot', async () => {
    const log = await openLog()
    const rows = new OwedRows(log, notes, instance, 0)
    const a = new Writer(1)
    await commit(log, a.write('1'), a.write('2'), a.write('3'))
    const asked = (await rows.read(0, 100, 1e6)).ops
    const last = asked.at(-1)
    if (last === undefined) throw new Error('nothing is owed')
    // The last one is answered, and its place is the snapshot's.
    rows.committed(last.op, term, 10)
    rows.passed(term, 10, true)
    await compactNow(log)
    const { ops } = await rows.read(0, 100, 1e6)
    expect(ops.map(({ kind, position }) => ({ kind, position }))).toEqual([
      { kind: 'upload', position: 3 },
    ])
    for (const { op } of ops) rows.committed(op, term, undefined)
    rows.passed(term, 11, true)
    expect(rows.given).toBe(3)
  })
})

describe('the file of positions', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-followed-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  test('[FOLLOW-5] holds what was saved last, and one that does not read is none', async () => {
    const file = join(folder, 'followed.json')
    const clock = new VirtualClock()
    const errors: string[] = []
    const logger = { ...silentLogger, error: (text: string) => void errors.push(text) }
    const records = openRecordsFile({ file, clock, logger })
    expect(await records.load()).toEqual([])
    const archive = 'a'.repeat(32) as ArchiveId
    const cursor = { archive, term, seq: 7 }
    const record = {
      collection: notes,
      position: { cursor, isWhole: true, isCompared: false },
      own: { archive: 'b'.repeat(32) as ArchiveId, term, seq: 9 },
      given: 5,
    }
    records.save({ ...record, given: 4 })
    records.save(record)
    await records.close()
    expect(await openRecordsFile({ file, clock, logger }).load()).toEqual([record])
    expect(errors).toEqual([])
    await writeFile(file, (await readFile(file, 'utf8')).replace('"seq":7', '"seq":-7'))
    expect(await openRecordsFile({ file, clock, logger }).load()).toEqual([])
    expect(errors.length).toBe(1)
  })
})

describe('an archive that lies', () => {
  test('[FOLLOW-8] [K11] by another id each time: the positions that are kept are bounded, and the newest stays', async () => {
    const log = await openLog()
    const saved: string[] = []
    const ledger = await FollowLedger.open({
      log,
      digests: {} as never,
      collection: notes,
      records: { save: ({ position }) => void saved.push(position.cursor.archive) },
      kept: [],
      random: new SeededRandom('liar'),
      logger: silentLogger,
    })
    const archives = Array.from(
      { length: 500 },
      (_, at) => at.toString(16).padStart(32, '0') as ArchiveId,
    )
    for (const archive of archives) {
      const page = { archive, term, after: 0, through: 1, head: 1, entries: [], fetched: new Map() }
      expect(await ledger.take(page)).toMatchObject({ kind: 'taken' })
    }
    expect(saved).toHaveLength(500)
    const known = archives.filter((archive) => ledger.position(archive) !== undefined)
    expect(known).toEqual(archives.slice(-32))
  })

  test.each([
    ['names that are none, for ever', '{"collections":["\\u0000"],"more":true}', []],
    ['the same name, for ever', '{"collections":[],"more":true}', []],
    ['one name, and an end', '{"collections":["notes",7],"more":false}', ['notes']],
  ])('[FOLLOW-8] that lists %s is asked once', async (_, body, names) => {
    const { asked, list } = await listing(body)
    expect(await list()).toEqual(names)
    expect(asked()).toBe(1)
  })

  test('[FOLLOW-8] that lists without end is heard no further, nor is one that sends elsewhere', async () => {
    const one = JSON.stringify({ collections: ['x'.repeat(100)] })
    await expect((await listing(one + ' '.repeat(3_000_000))).list()).rejects.toThrow('longer than')
    await expect(
      (await listing('', { Location: 'http://127.0.0.1:1/' }, 307)).list(),
    ).rejects.toThrow('fetch failed')
    const many = Array.from({ length: 12_000 }, (_, at) => `room ${at}`)
    const { list, asked } = await listing(JSON.stringify({ collections: many, more: true }))
    expect(await list()).toHaveLength(10_000)
    expect(asked()).toBe(1)
  })
})

describe('an archive that never answers', () => {
  test('[FOLLOW-9] [R8] is waited for no longer than the follower lives', async () => {
    const server = createServer(() => {})
    const asked = once(server, 'request')
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const errors: string[] = []
    let listed: Promise<unknown> | undefined
    const log = await openLog()
    const [clock, random] = [new VirtualClock(), new SeededRandom('deaf')]
    const node = new ArchiveNode({ log, clock, random, logger: silentLogger })
    const follower = new Follower({
      log,
      digests: node.digests,
      records: { load: async () => [], save: () => {}, close: async () => {} },
      instance,
      dial: () => {
        throw new Error('nothing is followed yet')
      },
      list: (stop) => {
        const listing = listCollections(`ws://127.0.0.1:${port}/archive`, undefined, stop)
        listed = listing.catch((error: unknown) => error)
        return listing
      },
      clock,
      random,
      logger: { ...silentLogger, error: (text) => void errors.push(text) },
    })
    await follower.start()
    await asked
    await follower.close()
    expect(await listed).toMatchObject({ name: 'AbortError' })
    expect(errors).toEqual([])
    server.closeAllConnections()
    server.close()
  })
})

/** Somebody who answers every question alike. */
async function listing(body: string, headers: Record<string, string> = {}, status = 200) {
  let asked = 0
  const server = createServer((_, response) => {
    asked++
    response.writeHead(status, { ...headers, Connection: 'close' })
    response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    asked: () => asked,
    list: async () => {
      try {
        const { signal } = new AbortController()
        return await listCollections(`ws://127.0.0.1:${port}/archive`, undefined, signal)
      } finally {
        server.close()
        server.closeAllConnections()
      }
    },
  }
}
