import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { LogError, openSqliteLog, verifyLog, type AppendOp, type Log } from '@holdfast/archive'
import { systemClock, systemRandom, type Logger } from '@holdfast/peer/ports'
import Database from 'better-sqlite3'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { buildFrom } from '../contract/log/build.js'
import { notes } from '../contract/log/names.js'
import { commit } from '../contract/log/outcomes.js'
import { Reader } from '../contract/log/reader.js'
import { Writer } from '../contract/log/writer.js'
import { makeBase } from './crash/base.js'

const base = makeBase()
const disk = join(base, 'disk')
mkdirSync(disk)
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'none', disk])
const isMounted = mounted.status === 0
if (!isMounted) {
  const why = mounted.error?.message ?? mounted.stderr.toString().trim()
  console.log(`a full disk is not tested with a real one: ${why}`)
}
afterAll(() => {
  if (isMounted) spawnSync('umount', ['-l', disk])
  rmSync(base, { recursive: true, force: true })
})

const ballast = join(disk, 'ballast')
const opened: Log[] = []
afterEach(async () => {
  rmSync(ballast, { force: true })
  for (const log of opened.splice(0)) await log.close()
})

const errors: string[] = []
const logger: Logger = { error: (message) => errors.push(message), info: () => {}, debug: () => {} }

async function open(name: string): Promise<Log> {
  const file = join(disk, name)
  const log = await openSqliteLog({ file, clock: systemClock, random: systemRandom, logger })
  opened.push(log)
  return log
}

/** Takes all room that is left. */
function fill(): void {
  const file = openSync(ballast, 'w')
  const block = new Uint8Array(4_096)
  try {
    for (;;) writeSync(file, block)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  } finally {
    closeSync(file)
  }
}

interface Failure {
  readonly error: unknown
  readonly tookMs: number
}

/** Appends 256 KiB at a time until that fails. */
async function appendUntilFull(log: Log, writer: Writer, kept: AppendOp[]): Promise<Failure> {
  for (;;) {
    const op = writer.write('x'.repeat(262_144))
    const startedMs = performance.now()
    try {
      await commit(log, op)
      kept.push(op)
    } catch (error) {
      return { error, tookMs: performance.now() - startedMs }
    }
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe.skipIf(!isMounted)('a full disk', () => {
  test('[R6] [L40] fails what it cannot store, at once and by name; reads go on; with room again all is well', async () => {
    const log = await open('append.db')
    const writer = new Writer(1)
    const kept: AppendOp[] = []
    for (let n = 0; n < 20; n++) kept.push(writer.write(`word ${n} `))
    await commit(log, ...kept)
    const { error, tookMs } = await appendUntilFull(log, writer, kept)
    expect(error).toBeInstanceOf(LogError)
    expect(error).toMatchObject({ code: 'storage-full' })
    expect(tookMs).toBeLessThan(2_000)

    // What could not be stored was the writer's last op: it is not there, the others are.
    const lost = writer.ops.at(-1) as AppendOp
    expect(await log.head(notes)).toBe(kept.length)
    const reader = await new Reader().readAll(log)
    expect(reader.updatesOf(writer.document).map(hashOf)).toEqual(
      kept.map(({ bytes }) => hashOf(bytes)),
    )
    expect((await log.state(notes, writer.document))?.through).toBe(kept.length)
    await expect(commit(log, lost)).rejects.toMatchObject({ code: 'storage-full' })

    spawnSync('mount', ['-o', 'remount,size=12m', disk])
    expect(await commit(log, lost)).toMatchObject([{ seq: kept.length + 1, added: true }])
    await log.close()
    expect(await verifyLog(join(disk, 'append.db'), { clock: systemClock })).toMatchObject({
      isWhole: true,
      checked: { entries: kept.length + 1 },
    })
    const again = await open('append.db')
    expect(await again.head(notes)).toBe(kept.length + 1)
  })

  test('[R6] [L32] a compaction without room changes nothing, and succeeds once there is room', async () => {
    const log = await open('compact.db')
    const writer = new Writer(1)
    await commit(log, ...[1, 2, 3, 4].map(() => writer.write('y'.repeat(262_144))))
    const snapshot = await buildFrom(log)
    if (snapshot === undefined) throw new Error('nothing to compact')
    fill()
    await expect(log.compaction.publish(snapshot)).rejects.toMatchObject({ code: 'storage-full' })
    const [before] = (await log.documents({ collection: notes, limit: 1 })).documents
    expect(before).toMatchObject({ snapshotBytes: 0, tailRows: 4 })

    rmSync(ballast)
    expect(await log.compaction.publish(snapshot)).toBe('published')
    expect(await log.compaction.settle(notes, writer.document)).toBe('settled')
    // Letting go of rows needs room, too, before it gives any back.
    fill()
    const retired = await log.compaction.retire(notes, writer.document, 100).then(
      () => 'storage-full',
      (error: unknown) => (error as LogError).code,
    )
    expect(retired).toBe('storage-full')
    rmSync(ballast)
    await log.compaction.retire(notes, writer.document, 100)
    const [after] = (await log.documents({ collection: notes, limit: 1 })).documents
    expect(after).toMatchObject({ tailRows: 0, prunedThrough: 4 })
    expect((await new Reader().readAll(log)).textOf(writer.document)).toBe(writer.text.toJSON())
    await log.close()
    const file = join(disk, 'compact.db')
    expect(await verifyLog(file, { clock: systemClock })).toMatchObject({ isWhole: true })
  })

  test('[R6] a log that another program has locked says so in time, and goes on when it is free', async () => {
    const log = await open('locked.db')
    const writer = new Writer(1)
    await commit(log, writer.write('a'))
    const other = new Database(join(disk, 'locked.db'))
    other.exec('BEGIN IMMEDIATE')
    const op = writer.write('b')
    const startedMs = performance.now()
    await expect(commit(log, op)).rejects.toMatchObject({ code: 'storage-failed' })
    expect(performance.now() - startedMs).toBeLessThan(2_000)
    expect((await new Reader().readAll(log)).textOf(writer.document)).toBe('a')
    other.exec('ROLLBACK')
    other.close()
    expect(await commit(log, op)).toMatchObject([{ seq: 2, added: true }])
  })

  test('[R6] opening says that there is no room, and opens once there is', async () => {
    fill()
    const failure = await open('opening.db').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(LogError)
    expect(failure).toMatchObject({ code: 'storage-full' })
    rmSync(ballast)
    const log = await open('opening.db')
    await commit(log, new Writer(1).write('a'))
    expect(await log.head(notes)).toBe(1)
  })
})
