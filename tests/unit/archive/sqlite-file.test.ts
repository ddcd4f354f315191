import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { inspectLog } from '@holdfast/archive'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { documentOf, note, notes } from '../../contract/log/names.js'
import { answers, commit } from '../../contract/log/outcomes.js'
import { Reader } from '../../contract/log/reader.js'
import { Writer } from '../../contract/log/writer.js'
import { inFolder, type LogFolder } from './sqlite-folder.js'

test(
  '[SQL-1] commits are made safe when the file is opened, whatever it was before',
  inFolder(async (folder) => {
    folder.openEngine().close()
    folder.tamper((database) => database.pragma('journal_mode = DELETE'))
    const { sql } = folder.openEngine().file
    expect(sql.pragma('journal_mode')).toBe('wal')
    expect(sql.pragma('synchronous')).toBe(2)
  }),
)

test(
  '[A11] an empty log is a page for each table and index, and one for all of their statements',
  inFolder(async (folder) => {
    folder.openEngine().close()
    const trees = folder.count("SELECT count(*) FROM dbstat WHERE name <> 'sqlite_schema'")
    expect(folder.count("SELECT count(*) FROM dbstat WHERE name = 'sqlite_schema'")).toBe(1)
    expect(folder.count('SELECT count(*) FROM sqlite_schema')).toBe(trees)
    // And one that says where the others are referred to, so that free pages can be given back.
    expect(folder.tamper((database) => database.pragma('page_count', { simple: true }))).toBe(
      trees + 2,
    )
    expect(trees).toBeLessThanOrEqual(19)
  }),
)

test(
  '[SQL-2] a second opening is told who holds the log: process, machine, since when',
  inFolder(async (folder) => {
    folder.openEngine()
    const since = new Date(folder.clock.now()).toISOString()
    expect(() => folder.openEngine()).toThrow(
      `${folder.file} is in use by process ${process.pid} on ${hostname()} since ${since}`,
    )
  }),
)

test(
  '[SQL-2] the lock of a process that was killed is no obstacle',
  inFolder(async (folder) => {
    folder.openEngine().close()
    const child = spawn(
      process.execPath,
      ['--input-type=module', '--eval', holdingChild, folder.file],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const ended = once(child, 'exit')
    const [said] = (await once(child.stdout, 'data')) as [Buffer]
    expect(said.toString()).toBe('open\n')
    expect(() => folder.openEngine()).toThrow(`process ${child.pid} on`)
    child.kill('SIGKILL')
    await ended
    expect(folder.openEngine().append([new Writer(1).write('a')], 0).outcomes).toHaveLength(1)
  }),
)

const holdingChild = `
  import { openSqliteLog } from '@holdfast/archive'
  import { inlineHosts } from '@holdfast/archive/testing'
  import { silentLogger, systemClock, systemRandom } from '@holdfast/peer/ports'
  await openSqliteLog({
    file: process.argv[1],
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    hosts: inlineHosts(),
  })
  console.log('open')
  setInterval(() => {}, 1_000)
`

test(
  '[SQL-3] what is no database is refused and not touched',
  inFolder(async (folder) => {
    writeFileSync(folder.file, 'dear diary')
    await expect(folder.openLog()).rejects.toMatchObject({ code: 'unsupported-file' })
    expect(readFileSync(folder.file, 'utf8')).toBe('dear diary')
    expect(readdirSync(folder.root).toSorted()).toEqual(['log.db', 'log.db.lock'])
  }),
)

test.each([0, 1234])(
  '[SQL-3] a database of something else, with application id %d, is refused and not touched',
  async (applicationId) => {
    await inFolder(async (folder) => {
      folder.tamper((database) => {
        database.pragma(`application_id = ${applicationId}`)
        database.exec("CREATE TABLE letters (text TEXT); INSERT INTO letters VALUES ('dear')")
      })
      const before = readFileSync(folder.file)
      await expect(folder.openLog()).rejects.toMatchObject({ code: 'unsupported-file' })
      expect(readFileSync(folder.file).equals(before)).toBe(true)
    })()
  },
)

test(
  '[SQL-3] a file of a newer version is refused by name and not touched',
  inFolder(async (folder) => {
    const engine = folder.openEngine()
    engine.append([new Writer(1).write('a')], 0)
    engine.close()
    folder.tamper((database) => database.pragma('user_version = 1000'))
    await expect(folder.openLog()).rejects.toThrow('has version 1000')
    await expect(folder.openLog()).rejects.toMatchObject({ code: 'unsupported-file' })
    expect(folder.count('SELECT count(*) FROM entries')).toBe(1)
    expect(folder.count('SELECT count(*) FROM terms WHERE collection = 0')).toBe(1)
  }),
)

test(
  '[SQL-3] a file of this version that an unfinished build wrote is refused by what it lacks, what is known here and what to do, and not touched',
  inFolder(async (folder) => {
    const engine = folder.openEngine()
    engine.append([new Writer(1).write('a')], 0)
    engine.close()
    folder.tamper((database) => database.exec('ALTER TABLE documents DROP COLUMN retry_at_ms'))
    await expect(folder.openLog()).rejects.toMatchObject({
      code: 'unsupported-file',
      message: expect.stringMatching(
        /log\.db says that it has version 1 of the log, but lacks documents\.retry_at_ms: .* Export it with that build/,
      ) as unknown,
    })
    expect(() => inspectLog(folder.file)).toThrow('lacks documents.retry_at_ms')
    folder.tamper((database) => database.exec('DROP TABLE authors'))
    await expect(folder.openLog()).rejects.toThrow('lacks authors.document')
    expect(folder.count('SELECT count(*) FROM entries')).toBe(1)
    expect(folder.count('SELECT count(*) FROM terms WHERE collection = 0')).toBe(1)
  }),
)

test(
  '[SQL-4] a file whose beginning is overwritten is set aside under a new name, with its commits, and said so',
  inFolder(async (folder) => {
    const log = await folder.openLog()
    await commit(log, new Writer(1).write('a'))
    await log.close()
    const whole = readFileSync(folder.file)
    writeFileSync(
      folder.file,
      Buffer.concat([whole.subarray(0, 100), Buffer.alloc(whole.length - 100, 7)]),
    )
    writeFileSync(`${folder.file}-wal`, 'recent commits')
    const stamp = new Date(folder.clock.now()).toISOString().replaceAll(/[:.]/g, '-')
    const aside = `${folder.file}.damaged-${stamp}`
    writeFileSync(aside, 'an earlier one')
    await expect(folder.openLog()).rejects.toMatchObject({
      name: 'LogError',
      code: 'damaged',
      message: `${folder.file} is damaged and was set aside as ${aside}-2`,
    })
    expect(folder.errors.join('\n')).toContain(`${aside}-2`)
    expect(readFileSync(aside, 'utf8')).toBe('an earlier one')
    expect(readFileSync(`${aside}-2`).subarray(0, 100).equals(whole.subarray(0, 100))).toBe(true)
    expect(existsSync(`${aside}-2-wal`)).toBe(true)
    expect(existsSync(folder.file)).toBe(false)
    // The next opening begins anew, under another id, for whoever holds the edits to bring them.
    const anew = await folder.openLog()
    expect(anew.archive).not.toBe(log.archive)
    expect(await answers(anew, new Writer(1).write('a'))).toEqual(['1'])
  }),
)

test(
  '[SQL-5] structure that breaks in a running log stops writing, not reading, and the next opening sets it aside',
  inFolder(async (folder) => {
    const a = new Writer(1)
    const whole = await folder.openLog()
    for (let at = 0; at < 30; at++) await commit(whole, a.write('x'.repeat(2_000)))
    await whole.close()
    overwriteIndex(folder, 'documents_by_name')
    const log = await folder.openLog()
    const b = new Writer(2, {
      document: documentOf('note-2'),
    })
    await expect(log.append([b.write('b')])).rejects.toMatchObject({ code: 'damaged' })
    await expect(log.append([a.write('a')])).rejects.toMatchObject({ code: 'damaged' })
    expect(folder.errors.join('\n')).toContain('nothing more is written to it')
    const page = await log.read({ collection: notes, after: 0, maxBytes: 1e9, maxEntries: 1e9 })
    expect(page.entries).toHaveLength(30)
    await log.close()
    await expect(folder.openLog()).rejects.toMatchObject({ code: 'damaged' })
    expect(readdirSync(folder.root).filter((name) => /damaged-[^-].*Z$/.test(name))).toHaveLength(1)
    expect(await (await folder.openLog()).head(notes)).toBe(0)
  }),
)

/** Fills the page in which SQLite begins to look into an index. */
function overwriteIndex(folder: LogFolder, index: string): void {
  const pageBytes = folder.count('PRAGMA page_size')
  const page = folder.count('SELECT rootpage FROM sqlite_schema WHERE name = ?', index)
  const descriptor = openSync(folder.file, 'r+')
  writeSync(descriptor, Buffer.alloc(pageBytes, 7), 0, pageBytes, (page - 1) * pageBytes)
  closeSync(descriptor)
}

test(
  '[SQL-5] a mark of damage on a file that turns out to be whole is taken away',
  inFolder(async (folder) => {
    const log = await folder.openLog()
    await commit(log, new Writer(1).write('a'))
    await log.close()
    writeFileSync(`${folder.file}.suspect`, 'a cosmic ray')
    const again = await folder.openLog()
    expect((await new Reader().readAll(again)).textOf(note)).toBe('a')
    expect(existsSync(`${folder.file}.suspect`)).toBe(false)
  }),
)

test(
  '[SQL-6] commits without their file are set aside, not replayed into an empty one',
  inFolder(async (folder) => {
    const engine = folder.openEngine()
    engine.append([new Writer(1).write('a')], 0)
    const copy = join(folder.root, 'copy.db')
    copyFileSync(`${folder.file}-wal`, `${copy}-wal`)
    const other = folder.openEngine({}, {}, copy)
    expect(other.sums().rows).toBe(0)
    expect(folder.errors.join('\n')).toContain('the log is gone, but not its recent commits')
    expect(readdirSync(folder.root).some((name) => /copy\.db\.damaged-.*-wal$/.test(name))).toBe(
      true,
    )
  }),
)

test(
  '[SQL-7] a log that a crash left half made is finished by the next opening',
  inFolder(async (folder) => {
    const states: string[] = []
    const copy = (): void => {
      const name = join(folder.root, `half-${states.length}.db`)
      for (const part of ['', '-wal']) {
        if (existsSync(folder.file + part)) copyFileSync(folder.file + part, name + part)
      }
      states.push(name)
    }
    folder.openEngine({}, { onStatement: copy }).close()
    expect(states.length).toBeGreaterThan(6)
    for (const name of states) {
      const engine = folder.openEngine({}, {}, name)
      expect(engine.append([new Writer(1).write('a')], 0).outcomes).toMatchObject([{ seq: 1 }])
      engine.close()
    }
  }),
)

test(
  '[SQL-8] the file of a term’s opening says when each began, in order',
  inFolder(async (folder) => {
    for (let opening = 0; opening < 3; opening++) {
      folder.openEngine().close()
      folder.clock.advance(1_000)
    }
    const database = new Database(folder.file)
    const rows = database
      .prepare(
        'SELECT ordinal, opened_at_ms AS at FROM terms WHERE collection = 0 ORDER BY ordinal',
      )
      .all() as { ordinal: number; at: number }[]
    database.close()
    const [first] = rows
    expect(rows.map(({ ordinal, at }) => [ordinal, at - (first?.at ?? 0)])).toEqual([
      [1, 0],
      [2, 1_000],
      [3, 2_000],
    ])
  }),
)
