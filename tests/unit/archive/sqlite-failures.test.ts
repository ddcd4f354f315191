import { buildSnapshot, LogError, type AppendOp } from '@holdfast/archive'
import type { Engine } from '@holdfast/archive/testing'
import Database from 'better-sqlite3'
import { renameSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { documentOf, leaseOf, note, notes } from '../../contract/log/names.js'
import { answers, commit, commitsOf } from '../../contract/log/outcomes.js'
import { asUpload, Writer } from '../../contract/log/writer.js'
import { inFolder, type LogFolder } from './sqlite-folder.js'

test(
  '[SQL-13] [R6] a disk that is full takes nothing of a group, says so, serves readers, and goes on when there is room',
  inFolder(async (folder) => {
    const engine = folder.openEngine()
    const reader = folder.openReader(engine)
    const a = new Writer(1)
    engine.append([a.write('before ')], 0)
    const { sql } = engine.file
    sql.pragma(`max_page_count = ${(sql.pragma('page_count') as number) + 4}`)
    const large = a.write('x'.repeat(100_000))
    const group = [new Writer(2, { document: documentOf('note-2') }).write('y'), large]
    for (let attempt = 0; attempt < 3; attempt++) {
      const failure = errorOf(() => engine.append(group, 0))
      expect(failure).toMatchObject({ name: 'LogError', code: 'storage-full' })
      expect(failure.message).toContain(folder.file)
      expect(engine.sums()).toMatchObject({ rows: 1, documents: 1 })
      const page = reader.pages.read({ collection: notes, after: 0, maxBytes: 1e9, maxEntries: 10 })
      expect({ head: page.head, seq: page.numbers[0] }).toEqual({ head: 1, seq: 1 })
    }
    // What needs no room is still answered.
    expect(engine.append([asUpload(a.ops[0] as AppendOp)], 0).outcomes).toMatchObject([{ seq: 1 }])
    sql.pragma('max_page_count = 1000000')
    expect(engine.append(group, 0).outcomes).toMatchObject([
      { seq: 2, added: true },
      { seq: 3, added: true },
    ])
  }),
)

test(
  '[SQL-26] [R6] nothing counts as stored in a file that was moved, removed or replaced while it was open',
  inFolder(async (folder) => {
    const engine = folder.openEngine()
    const a = new Writer(1)
    engine.append([a.write('a')], 0)
    const lost = a.write('b')
    for (const name of [folder.file, `${folder.file}-wal`]) {
      const away = `${name}.away`
      renameSync(name, away)
      for (const isReplaced of [false, true]) {
        if (isReplaced) writeFileSync(name, '')
        const failure = errorOf(() => engine.append([lost], 0))
        expect(failure).toMatchObject({ name: 'LogError', code: 'storage-failed' })
        expect(failure.message).toContain(folder.file)
      }
      renameSync(away, name)
      expect(engine.append([lost], 0).outcomes).toMatchObject([{ status: 'committed', seq: 2 }])
    }
  }),
)

test(
  '[SQL-13] [L15] nobody is answered and nothing is announced when the commit’s own fsync fails',
  inFolder(async (folder) => {
    let code: string | undefined
    const onStatement = (statement: string, phase: string): void => {
      if (code === undefined || statement !== 'commit' || phase !== 'before') return
      throw new Database.SqliteError('disk I/O error', code)
    }
    const log = await folder.openLog({}, { onStatement })
    const a = new Writer(1)
    const commits = commitsOf(log)
    code = 'SQLITE_IOERR_FSYNC'
    const op = a.write('a')
    await expect(log.append([op])).rejects.toMatchObject({
      code: 'storage-failed',
      cause: { code: 'SQLITE_IOERR_FSYNC' },
    })
    await expect(log.delete(notes, note)).rejects.toMatchObject({ code: 'storage-failed' })
    expect(commits).toEqual([])
    expect(await log.head(notes)).toBe(0)
    code = undefined
    expect(await answers(log, op)).toEqual(['1'])
    expect(commits).toHaveLength(1)
  }),
)

test(
  '[SQL-14] leases and what is forgotten wait for a disk that works again',
  inFolder(async (folder) => {
    let isFailing = false
    const onStatement = (statement: string): void => {
      if (isFailing && statement === 'begin') throw new Database.SqliteError('full', 'SQLITE_FULL')
    }
    const log = await folder.openLog({}, { onStatement })
    await commit(log, new Writer(1).write('a'))
    isFailing = true
    await log.leases.start(leaseOf(1), 1)
    folder.clock.advance(1_000)
    await log.statistics()
    expect(folder.count('SELECT count(*) FROM leases')).toBe(0)
    isFailing = false
    // With the next thing that changes, at the latest.
    await log.leases.seen(leaseOf(1))
    folder.clock.advance(1_000)
    await log.statistics()
    expect(folder.count('SELECT count(*) FROM leases')).toBe(1)
    expect(folder.errors).toEqual([])
  }),
)

test(
  '[SQL-15] [L33] [R3] an error before or after any statement changes neither the disk nor what is believed',
  { timeout: 120_000 },
  inFolder(async (folder) => {
    const statements: string[] = []
    const want = live(folder, 'untouched', (statement, phase) => {
      if (phase === 'before') statements.push(statement)
    })
    expect(new Set(statements).size).toBeGreaterThan(25)
    for (let at = 0; at < statements.length; at++) {
      for (const phase of ['before', 'after'] as const) {
        const failing = { at, phase, seen: -1 }
        const dump = live(folder, `${at}-${phase}`, (_, now) => {
          if (now === 'before') failing.seen++
          if (failing.seen === at && now === phase) {
            failing.seen = Infinity
            throw new Database.SqliteError('as the test wants it', 'SQLITE_IOERR')
          }
        })
        expect(failing.seen).toBe(Infinity)
        expect(dump, `${phase} ${statements[at]}, statement ${at}`).toEqual(want)
      }
    }
  }),
)

/**
 * A log's life, each step once more if it fails (unless that was after the commit: then it is durable,
 * although nobody was told); then everything that its tables hold.
 */
function live(
  folder: LogFolder,
  name: string,
  onStatement: (statement: string, phase: 'before' | 'after') => void,
): unknown {
  const file = `${folder.root}/${name}.db`
  // Opening has its own test.
  folder.openEngine({}, {}, file).close()
  let isOpen = false
  let isDurable = false
  const hook = (statement: string, phase: 'before' | 'after'): void => {
    isDurable = statement === 'commit' && phase === 'after'
    if (isOpen) onStatement(statement, phase)
  }
  const engine = folder.openEngine({ gapAgeMs: 0 }, { onStatement: hook }, file)
  // Thousands of commits that no power cut will meet.
  engine.file.sql.pragma('synchronous = OFF')
  isOpen = true
  for (const step of steps(folder, engine)) {
    try {
      step()
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      if (!isDurable) step()
    }
  }
  isOpen = false
  engine.close()
  return folder.tamper(dump, file)
}

function steps(folder: LogFolder, engine: Engine): readonly (() => void)[] {
  const nowMs = 1_000
  const [a, b] = [new Writer(1), new Writer(2, { document: documentOf('note-2') })]
  const [one, two, three] = [a.write('1'), a.write('2'), a.write('3')]
  const parked = [b.write('lost'), b.write('parked')]
  const thief = { ...new Writer(3).write('thief'), id: one.id }
  const reader = folder.openReader(engine)
  return [
    () => engine.append([one, two], nowMs),
    () => engine.append([asUpload(three), three, thief, ...parked.slice(1)], nowMs),
    () =>
      engine.saveLeases({ changed: [{ ...leaseOf(1), sent: 3, ack: 1, seenAtMs: 1 }], ended: [] }),
    () => publish(),
    () => engine.settle(notes, note, readBack(), nowMs),
    () => engine.retire(notes, note, 1, 2, nowMs),
    () => engine.quarantine(notes, note, 3, 'a bomb', nowMs),
    () => engine.failed(notes, note, 'a reason', nowMs),
    () => engine.append([{ kind: 'delete', collection: notes, document: b.document }], nowMs),
    () => engine.append([new Writer(4, { document: documentOf('note-2', 1) }).write('x')], nowMs),
    () => engine.heal(1, nowMs),
    () => engine.tidy(nowMs),
  ]

  function publish(): void {
    const source = reader.compaction.source(notes, note, nowMs)
    if (source === undefined) throw new Error('nothing to compact')
    const built = buildSnapshot(source)
    if (built.status !== 'built') throw new Error(built.status)
    const base = source.previous?.seq ?? 0
    if (base > 0) return
    const { through } = source
    const proven = reader.compaction.prove({
      collection: notes,
      document: note,
      base,
      through,
      ...built,
    })
    if (typeof proven === 'string') throw new Error(proven)
    engine.publish(proven, nowMs)
  }

  function readBack() {
    const found = reader.compaction.readsBack(notes, note)
    if (found === undefined) throw new Error('no snapshot')
    return found
  }
}

/** Every row of every table, except who opened the file. */
function dump(database: Database.Database): unknown {
  const tables = database
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('terms', 'archive')",
    )
    .pluck()
    .all() as string[]
  return Object.fromEntries(
    tables.map((table) => [table, database.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all()]),
  )
}

function errorOf(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('did not throw')
}
