import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { backupLog, openSqliteLog, verifyLog, type AppendOp, type Log } from '@holdfast/archive'
import { silentLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
import { parseArchiveId, type Cursor } from '@holdfast/peer/protocol'
import { SeededRandom } from '@holdfast/peer/testing'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contentOf, digestOf } from '../contract/log/content.js'
import { documentOf, note, notes } from '../contract/log/names.js'
import { commit } from '../contract/log/outcomes.js'
import { Reader } from '../contract/log/reader.js'
import { Writer } from '../contract/log/writer.js'
import { makeBaseInMemory } from './crash/base.js'
import { runAndKill } from './crash/child.js'
import { compileShim, cut, forgetfulFolder } from './crash/powercut.js'
import { freshFile, openLog, richLog } from './tools/rich-log.js'

const base = makeBaseInMemory()
afterAll(() => rmSync(base, { recursive: true, force: true }))
const rich = freshFile(base)
const large = freshFile(base)
const run = { clock: systemClock }

beforeAll(async () => {
  await richLog(rich)
  // Some times larger than what is copied at once.
  const log = await openLog(large)
  const writer = new Writer(1)
  for (let n = 0; n < 16; n++) await commit(log, writer.write('x'.repeat(1 << 20)))
  await log.close()
})

/** As in production, so that writing and backing up really happen at once. */
function openThreads(file: string): Promise<Log> {
  return openSqliteLog({
    file,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  })
}

async function isWhole(file: string): Promise<boolean> {
  const report = await verifyLog(file, run)
  return report.isWhole && report.checked.entries === 16
}

describe('a backup', () => {
  test('[TOOL-11] [TOOL-3] is the log as it was at one moment, however much is written meanwhile', async () => {
    const file = freshFile(base)
    copyFileSync(large, file)
    const log = await openThreads(file)
    const writer = new Writer(2, { document: documentOf('note-2') })
    const before = [1, 2, 3].map(() => writer.write('before '))
    await commit(log, ...before)
    const firstSeq = await log.head(notes)
    const done = new AbortController()
    let written = 0
    const writing = (async () => {
      while (!done.signal.aborted) {
        await commit(log, writer.write('meanwhile '))
        written++
      }
    })()
    const destination = join(dirname(file), 'backup.db')
    const steps: number[] = []
    const report = await backupLog(
      { file, destination },
      { ...run, onProgress: ({ step, done }) => step === 'copying pages' && steps.push(done) },
    )
    done.abort()
    await writing
    expect(written).toBeGreaterThan(0)
    expect(steps.length).toBeGreaterThan(3)
    expect(steps).toEqual(steps.toSorted((a, b) => a - b))
    expect(report.verified).toMatchObject({ isWhole: true })
    const headThen = await log.head(notes)
    await log.close()

    // A single file, in which nothing is half there.
    expect(readdirSync(dirname(file)).filter((name) => name.startsWith('backup'))).toEqual([
      'backup.db',
    ])
    expect(readFileSync(destination)).toHaveLength(report.bytes)
    expect(await verifyLog(destination, run)).toMatchObject({ isWhole: true })
    expect(await verifyLog(file, run)).toMatchObject({ isWhole: true })
    const restored = await openLog(destination)
    expect(await restored.head(notes)).toBeGreaterThanOrEqual(firstSeq)
    expect(await restored.head(notes)).toBeLessThanOrEqual(headThen)
    expect((await new Reader().readAll(restored)).textOf(note)).toHaveLength(16 << 20)
    await restored.close()
  })

  test('[TOOL-11] never takes the place of a file that is there', async () => {
    const destination = join(dirname(rich), 'taken.db')
    writeFileSync(destination, 'mine')
    await expect(backupLog({ file: rich, destination }, run)).rejects.toMatchObject({
      code: 'invalid-argument',
    })
    expect(readFileSync(destination, 'utf8')).toBe('mine')
    const nowhere = join(base, 'no such folder', 'backup.db')
    await expect(backupLog({ file: rich, destination: nowhere }, run)).rejects.toMatchObject({
      code: 'invalid-argument',
    })
  })

  test('[TOOL-11] [TOOL-16] that is stopped leaves nothing behind', async () => {
    const destination = join(dirname(freshFile(base)), 'stopped.db')
    const stop = new AbortController()
    const backing = backupLog(
      { file: large, destination },
      { ...run, signal: stop.signal, onProgress: () => stop.abort(new Error('enough')) },
    )
    await expect(backing).rejects.toThrow('enough')
    expect(readdirSync(dirname(destination))).toEqual([])
  })

  test('[TOOL-11] of a damaged log is refused, by its first fault', async () => {
    const file = freshFile(base)
    copyFileSync(rich, file)
    const database = new Database(file)
    database.exec('UPDATE archive SET rows = rows + 1')
    database.close()
    const destination = join(dirname(file), 'backup.db')
    await expect(backupLog({ file, destination }, run)).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringContaining('rows') as string,
    })
    expect(existsSync(destination)).toBe(false)
    await backupLog({ file, destination, verify: false }, run)
    expect(existsSync(destination)).toBe(true)
  })

  const shim = compileShim(base)
  if ('missing' in shim) console.log(`power cuts are not tested: ${shim.missing}`)

  test.skipIf('missing' in shim)(
    '[TOOL-11] that has its name is whole, also after a power cut',
    async () => {
      const library = 'library' in shim ? shim.library : ''
      const random = new SeededRandom('backup')
      const found = { named: 0, whole: 0, absent: 0 }
      for (let at = 0; at < 8; at++) {
        const forgetful = forgetfulFolder(base, library, undefined)
        const end = await runAndKill({
          script: 'backup-maker',
          args: [large, join(forgetful.folder, 'backup.db')],
          environment: forgetful.environment,
          kill:
            at < 2
              ? { after: 'words', bytes: 1 }
              : { after: 'start', delayMs: random.between(200, 900) },
        })
        expect(end).toMatchObject({ ending: 'SIGKILL', printed: '' })
        const left = cut(forgetful, at % 2 === 0 ? 'nothing' : 'some', random)
        const isThere = readdirSync(left).includes('backup.db')
        // Once it was said to be done, it has to be there.
        expect(isThere || end.told.length === 0).toBe(true)
        found[isThere ? 'named' : 'absent']++
        if (isThere && (await isWhole(join(left, 'backup.db')))) found.whole++
        rmSync(dirname(left), { recursive: true })
      }
      expect(found.named).toBeGreaterThan(1)
      expect(found.whole).toBe(found.named)
    },
  )
})

test('[TOOL-18] [L26] the drill: a backup taken under load is put back, and whoever had more brings it back', async () => {
  const file = freshFile(base)
  let log = await openThreads(file)
  const archive = log.archive
  const anna = new Writer(1)
  const ben = new Writer(2)
  const other = new Writer(3, { document: documentOf('note-2') })
  for (let n = 0; n < 20; n++) await commit(log, anna.write(`anna ${n} `), other.write(`${n} `))
  const slow = await new Reader().readAll(log)

  const destination = join(dirname(file), 'backup.db')
  const backing = backupLog({ file, destination }, run)
  for (let n = 20; n < 30; n++) await commit(log, anna.write(`anna ${n} `))
  await backing
  const ahead = new Reader()
  ahead.cursor = slow.cursor
  ahead.take(note, ...slow.updatesOf(note))
  ahead.take(other.document, ...slow.updatesOf(other.document))
  for (let n = 30; n < 40; n++) await commit(log, anna.write(`anna ${n} `))
  await ahead.readAll(log)
  await log.close()

  // Another opening after the backup, which the backup knows nothing of.
  log = await openThreads(file)
  const late = await new Reader().readAll(log)
  ben.learn(...anna.ops)
  for (let n = 0; n < 5; n++) await commit(log, ben.write(`ben ${n} `))
  await late.readAll(log)
  const lost = late.docOf(note)
  const lostOther = late.docOf(other.document)
  await log.close()

  // The disk dies; the copy is put in its place, as the manual says.
  for (const part of ['', '-wal', '-shm']) rmSync(file + part, { force: true })
  copyFileSync(destination, file)
  log = await openThreads(file)
  expect(log.archive).toBe(archive)
  const head = await log.head(notes)
  expect(head).toBeLessThan(ahead.seq)
  const standingOf = async (reader: Reader): Promise<string> =>
    (await log.locate(notes, reader.cursor as Cursor)).standing
  expect(await standingOf(slow)).toMatch(/^(behind|at-head)$/)
  expect(await standingOf(ahead)).toBe('ahead')
  expect(await standingOf(late)).toBe('unknown-term')
  const elsewhere = parseArchiveId('f'.repeat(32))
  if (!elsewhere.ok) throw new Error('no archive id')
  const foreign = { ...(slow.cursor as Cursor), archive: elsewhere.value }
  expect((await log.locate(notes, foreign)).standing).toBe('unknown-term')

  // New entries take the numbers that were lost: the old cursor must not come true by that.
  const fresh = new Writer(4, { document: documentOf('note-3') })
  while ((await log.head(notes)) <= ahead.seq + 5) await commit(log, fresh.write('new '))
  expect(await standingOf(ahead)).toBe('ahead')
  expect(await standingOf(late)).toBe('unknown-term')

  // Resync: each gives what it holds, and goes on from the head; an outbox sends what it has again.
  for (const reader of [ahead, late]) {
    for (const document of [note, other.document]) {
      for (const bytes of reader.updatesOf(document)) {
        await commit(log, { collection: notes, document, kind: 'upload', bytes } satisfies AppendOp)
      }
    }
  }
  const again = await commit(log, ...anna.ops, ...ben.ops)
  expect(again.filter(({ added }) => added)).toEqual([])
  const healed = await new Reader().readAll(log)
  expect(digestOf(healed.docOf(note))).toBe(digestOf(lost))
  expect(contentOf(healed.docOf(note))).toBe(contentOf(lost))
  expect(contentOf(healed.docOf(other.document))).toBe(contentOf(lostOther))
  expect(healed.docOf(note).getText('text').toJSON()).toContain('ben 4')
  // The reader that was behind the backup never noticed.
  await slow.readAll(log)
  expect(contentOf(slow.docOf(note))).toBe(contentOf(lost))
  await log.close()
  expect(await verifyLog(file, run)).toMatchObject({ isWhole: true })
})
