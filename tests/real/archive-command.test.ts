import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import {
  compactLog,
  createCompactor,
  createWorkerBuilder,
  inspectLog,
  verifyLog,
  type CompactOptions,
  type VerifyReport,
} from '@holdfast/archive'
import { silentLogger, systemClock, type Clock } from '@holdfast/peer/ports'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contentOf } from '../contract/log/content.js'
import { documentOf, leaseOf, notes } from '../contract/log/names.js'
import { commit } from '../contract/log/outcomes.js'
import { asUpload, docOf, Writer } from '../contract/log/writer.js'
import { makeBase } from './crash/base.js'
import { binPath, runInside, startBin, type CommandOutcome } from './tools/bin.js'
import { freshFile, openLog, richLog, strangeName, tasks } from './tools/rich-log.js'

const base = makeBase()
afterAll(() => rmSync(base, { recursive: true, force: true }))
const rich = freshFile(base)
beforeAll(() => richLog(rich))
const commandNames = ['inspect', 'verify', 'backup', 'restore', 'export', 'import', 'compact']

function copyOfRich(): string {
  const file = freshFile(base)
  copyFileSync(rich, file)
  return file
}

describe('the command', () => {
  test('[TOOL-14] says what there is, and of each command what it takes', async () => {
    const help = await runInside('--help')
    expect(help).toMatchObject({ code: 0, error: '' })
    for (const name of commandNames) expect(help.out).toContain(`holdfast-archive ${name} `)
    expect(await runInside()).toEqual(help)
    expect(await startBin('--help').outcome).toEqual(help)
    const { out } = await startBin('--version').outcome
    expect(out.trim()).toMatch(/^\d+\.\d+\.\d+$/)
  })

  test.each(commandNames)('[TOOL-14] shows examples of %s that it understands', async (name) => {
    const { code, out } = await runInside(name, '--help')
    expect(code).toBe(0)
    expect(await runInside('help', name)).toMatchObject({ code: 0, out })
    const examples = [...out.matchAll(/^ {2}holdfast-archive (.*)$/gm)].map(
      ([, line]) => line ?? '',
    )
    expect(examples.length).toBeGreaterThan(0)
    for (const example of examples) {
      // What is understood fails only because there is nothing of that name here.
      const args = example.replace(/ > .*/, '').split(' ')
      const { code, error } = await runInside(...args)
      expect(code).toBe(2)
      expect(error).toMatch(/^There is no (log|folder) '/)
    }
  })

  test.each([
    [['verfy', 'a.db'], "There is no command 'verfy'. Did you mean 'verify'?"],
    [['--hlep'], "There is no option '--hlep'."],
    [['verify'], "'verify' needs FILE, as in: holdfast-archive verify data/archive.db"],
    [['backup', 'a.db'], "'backup' needs DESTINATION, as in: holdfast-archive backup"],
    [['verify', 'a.db', 'b.db'], "'verify' takes FILE and nothing more; it got 'b.db', too."],
    [['verify', rich, '--jsn'], "'verify' has no option '--jsn'. Did you mean '--json'?"],
    [['verify', rich, '--json=yes'], '--json takes no value.'],
    [['inspect', rich, '--limit'], '--limit needs N, as in: --limit 10'],
    [['inspect', rich, '--limit', 'many'], '--limit takes a whole number from 1'],
    [['verify', `${rich}x`], `There is no log '${rich}x'. Did you mean '${basename(rich)}'?`],
    [['inspect', rich, '--collection', 'nots'], "no collection 'nots'. Did you mean 'notes'?"],
    [
      ['export', rich, 'x', '--collection', 'notes', '--document', 'note1'],
      "'notes' has no document 'note1'. Did you mean 'note-1'?",
    ],
    [['export', rich, 'x', '--document', 'note-1'], '--document needs --collection'],
    [['verify', binPath], 'is not a log of Holdfast'],
    [['import', base, 'x.db'], 'has no manifest.json'],
  ])('[TOOL-14] answers %j by what was meant', async (args, answer) => {
    const { code, out, error } = await runInside(...args)
    expect(error).toContain(answer)
    expect(out).toBe('')
    expect(code).toBe(error.includes('is not a log') ? 1 : 2)
    // A mistake makes no log.
    expect(existsSync('x.db')).toBe(false)
  })

  test('[TOOL-14] never prints what a name would do to a terminal', async () => {
    const file = copyOfRich()
    const database = new Database(file)
    database.exec("UPDATE collections SET name = 'no' || char(27) || '[31mtes' WHERE id = 1")
    database.close()
    for (const args of [
      ['inspect', file],
      ['verify', file],
      ['inspect', `${file}\u001B[2J`],
    ]) {
      const { out, error } = await runInside(...args)
      expect(out + error).not.toContain('\u001B')
    }
  })

  test('[TOOL-14] verify exits with 1 and says where the fault is, or with 0', async () => {
    const good = await runInside('verify', rich)
    expect(good.code).toBe(0)
    expect(good.out).toMatch(/^.* is whole: 2 collections, 6 documents, 4,\d+ entries, /)
    const file = copyOfRich()
    const database = new Database(file)
    database.exec('UPDATE entries SET bytes = zeroblob(3) WHERE seq = 8 AND collection = 1')
    database.close()
    const bad = await runInside('verify', file)
    expect(bad.code).toBe(1)
    expect(bad.out).toContain('entry     notes note-1 #8: the checksum does not match')
    const json = await runInside('verify', file, '--json')
    const report = JSON.parse(json.out) as VerifyReport
    expect(report.isWhole).toBe(false)
    expect(report).toEqual(await verifyLog(file, { clock: systemClock }))
  })

  test('[TOOL-15] progress is one plain line a step where nobody watches, and never in the result', async () => {
    const { out, error } = await runInside('verify', rich, '--json')
    expect(() => JSON.parse(out) as unknown).not.toThrow()
    expect(error.trim().split('\n')).toEqual([
      expect.stringMatching(/^checking pages: [\d,]+$/) as string,
      'checking seqs: 2',
      expect.stringMatching(/^checking places: [\d,]+$/) as string,
      'checking documents: 6',
      expect.stringMatching(/^checking ops: \d+$/) as string,
      expect.stringMatching(/^checking sums: \d+$/) as string,
    ])
  })

  /** Of util-linux: runs a command on a terminal of its own. */
  const onTerminal = 'script'
  const hasTerminal = spawnSync(onTerminal, ['--version']).status === 0

  test.skipIf(!hasTerminal)('[TOOL-15] progress is a bar on a terminal', () => {
    const command = `'${process.execPath}' '${binPath}' verify '${rich}'`
    const { stdout } = spawnSync(onTerminal, ['-qec', command, '/dev/null'], {
      encoding: 'utf8',
      env: { ...process.env, TERM: 'xterm' },
    })
    const shown = stdout.replaceAll('\u001B[K', '<cleared>')
    expect(shown).toMatch(/\rchecking documents +▕█+ *▏ 100 % {2}6 of 6<cleared>/)
    expect(shown).toMatch(/\r<cleared>.* is whole: /)
    expect(stdout).not.toContain('checking pages: ')
  })

  test('[TOOL-5] inspect draws what is largest, and gives all of it as JSON', async () => {
    const { code, out } = await runInside('inspect', rich)
    expect(code).toBe(0)
    expect(out).toContain('2 collections\n')
    expect(out).toMatch(/ {2}notes +4,\d{3} +5 +1 +1 .*█{16}/)
    expect(out).toMatch(/notes\/note-3 .*deleted/)
    expect(out).toMatch(/notes\/note-4 .*3 rows waiting for what is missing/)
    expect(out).toContain('1 leases')
    expect(out).toContain('as the test wants it')
    const json = await runInside('inspect', rich, '--json', '--limit', '2')
    expect(JSON.parse(json.out)).toEqual(JSON.parse(JSON.stringify(inspectLog(rich, { limit: 2 }))))
  })

  test('[TOOL-8] [TOOL-11] takes a log apart and puts it together again', async () => {
    const file = copyOfRich()
    const folder = join(dirname(file), 'export')
    const exported = await runInside('export', file, folder, '--with-deleted', '--with-parked')
    expect(exported).toMatchObject({ code: 0 })
    expect(exported.out).toMatch(/^6 documents, .* in /)
    const copy = freshFile(base)
    const imported = await runInside('import', folder, copy, '--with-deleted')
    expect(imported).toMatchObject({ code: 0 })
    expect(imported.out).toContain('6 documents: 9 new rows')
    const again = await runInside('import', folder, copy, '--with-deleted')
    expect(again.out).toContain('6 documents: 0 new rows')
    const backup = join(dirname(file), 'backup.db')
    expect((await runInside('backup', copy, backup)).out).toMatch(
      /: .* whole: 6 documents, 10 entries$/m,
    )
    expect((await runInside('verify', backup)).code).toBe(0)
    expect(readFileSync(backup).length).toBeGreaterThan(0)
  })

  test('[TOOL-12] compact and import leave a log alone that an archive holds, and say who does', async () => {
    const file = copyOfRich()
    const folder = join(dirname(file), 'export')
    expect((await runInside('export', file, folder)).code).toBe(0)
    const log = await openLog(file)
    const refused: CommandOutcome[] = [
      await startBin('compact', file).outcome,
      await runInside('import', folder, file),
    ]
    for (const { code, out, error } of refused) {
      expect({ code, out }).toEqual({ code: 3, out: '' })
      expect(error).toContain(`in use by process ${process.pid} on `)
    }
    for (const args of [
      ['verify', file],
      ['inspect', file],
      ['backup', file, join(dirname(file), 'backup.db')],
      ['export', file, join(dirname(file), 'beside')],
    ]) {
      expect(await runInside(...args)).toMatchObject({ code: 0 })
    }
    await log.close()
    expect(await startBin('compact', file).outcome).toMatchObject({ code: 0 })
  })

  test('[TOOL-16] an interrupt stops it, with a code of its own and nothing half done', async () => {
    const file = freshFile(base)
    const log = await openLog(file)
    const writers = Array.from({ length: 3_000 }, (_, n) => {
      return new Writer(n + 1, { document: documentOf(`note-${n}`) })
    })
    await commit(log, ...writers.map((writer) => asUpload(writer.write('a word'))))
    await log.close()
    const folder = join(dirname(file), 'export')
    const { child, outcome } = startBin('export', file, folder)
    while (!existsSync(join(folder, 'notes')))
      await new Promise((resolve) => setTimeout(resolve, 5))
    child.kill('SIGINT')
    const { code, out, error } = await outcome
    expect({ code, out }).toEqual({ code: 130, out: '' })
    expect(error).toContain('holdfast-archive: stopped')
    expect(readdirSync(folder)).not.toContain('manifest.json')
  })
})

describe('compacting a log', () => {
  test('[TOOL-13] [TOOL-16] keeps what it says, lets go of what no reader waits for, and can be stopped', async () => {
    const file = copyOfRich()
    const log = await openLog(file)
    const builder = createWorkerBuilder({ clock: systemClock })
    const compactor = createCompactor({ log, builder, clock: systemClock, logger: silentLogger })
    const documents: string[] = []
    const options: CompactOptions = {
      log,
      compactor,
      collections: [notes, tasks],
      onDocument: ({ document, status }) => documents.push(`${document.id} ${status}`),
    }
    const before = await contents()
    const stop = new AbortController()
    const stopped = compactLog(
      { ...options, onDocument: () => stop.abort(new Error('enough')) },
      { clock: hasty, signal: stop.signal },
    )
    await expect(stopped).rejects.toThrow('enough')
    // What was done stays.
    expect(await log.latest(notes, documentOf('note-1').id)).toMatchObject({ prunedThrough: 4 })
    expect(await log.latest(notes, documentOf('note-2').id)).toMatchObject({ tailRows: 6 })

    const first = await compactLog(options, { clock: systemClock })
    expect(first).toMatchObject({ documents: 5, compacted: 4, failed: [] })
    // Its gap is young: what is missing may still come.
    expect(documents).toContain('note-4 unknown-document')
    // The lease has acked 4: what came later is kept for it.
    expect(await log.latest(notes, documentOf('note-5').id)).toMatchObject({ tailRows: 4_200 })
    await log.leases.end(leaseOf(1))
    const second = await compactLog(options, { clock: systemClock })
    expect(second).toMatchObject({ compacted: 3, failed: [] })
    expect(second.bytesAfter).toBeLessThan(second.bytesBefore / 4)
    expect(await contents()).toEqual(before)
    await compactor.close()
    await log.close()
    expect(statSync(file).size).toBeLessThan(statSync(rich).size * 0.7)
    expect(await verifyLog(file, { clock: systemClock })).toMatchObject({ isWhole: true })

    async function contents(): Promise<readonly string[]> {
      const page = await log.documents({ collection: notes, limit: 100 })
      const states = await Promise.all(
        page.documents.map(({ document }) => log.state(notes, document)),
      )
      return states.map((state) => contentOf(docOf([state?.bytes ?? new Uint8Array()])))
    }
  })

  test('[TOOL-13] of one document leaves the others as they are', async () => {
    const file = copyOfRich()
    const which = ['--collection', 'Aufgaben/2026', '--document', strangeName.id]
    const { code, out } = await runInside('compact', file, ...which)
    expect(code).toBe(0)
    expect(out).toMatch(/^1 document of 1 compacted: /)
    const rows = inspectLog(file).documents.map(({ tailRows }) => tailRows)
    const rowsBefore = inspectLog(rich).documents.map(({ tailRows }) => tailRows)
    expect(rows.reduce((a, b) => a + b)).toBe(rowsBefore.reduce((a, b) => a + b) - 4)
  })
})

let nowMs = 0
/** So much time passes at each look at it that a tool looks whether it is still wanted. */
const hasty: Clock = { ...systemClock, monotonic: () => (nowMs += 1_000) }
