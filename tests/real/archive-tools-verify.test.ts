import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { verifyLog, type FaultKind, type Progress } from '@holdfast/archive'
import { checksumOf, DocumentState, encodeCheckpoint } from '@holdfast/archive/testing'
import { systemClock } from '@holdfast/peer/ports'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { documentOf, notes } from '../contract/log/names.js'
import { commit } from '../contract/log/outcomes.js'
import { Writer } from '../contract/log/writer.js'
import { makeBaseInMemory } from './crash/base.js'
import { freshFile, openLog, richLog } from './tools/rich-log.js'

const base = makeBaseInMemory()
afterAll(() => rmSync(base, { recursive: true, force: true }))
const rich = freshFile(base)
beforeAll(() => richLog(rich))

const run = { clock: systemClock }

function copyOfRich(): string {
  const file = freshFile(base)
  copyFileSync(rich, file)
  return file
}

test('[TOOL-1] a log that has been through everything is whole', async () => {
  const report = await verifyLog(rich, run)
  expect(report).toMatchObject({ isWhole: true, faults: [], faultCount: 0 })
  expect(report.checked).toMatchObject({ collections: 2, documents: 6, snapshots: 3, terms: 3 })
  expect(report.checked.entries).toBeGreaterThan(4_200)
  expect(report.checked.ops).toBeGreaterThan(4_200)
})

test('[TOOL-1] an empty log is whole', async () => {
  const file = freshFile(base)
  await (await openLog(file)).close()
  const { isWhole, checked } = await verifyLog(file, run)
  expect(isWhole).toBe(true)
  expect(checked).toMatchObject({ collections: 0, documents: 0, entries: 0, terms: 1 })
})

test('[TOOL-3] verifying changes nothing, and runs beside the archive that is writing', async () => {
  const file = copyOfRich()
  const before = readFileSync(file)
  await verifyLog(file, run)
  expect(readFileSync(file).equals(before)).toBe(true)

  const log = await openLog(file)
  const writer = new Writer(9, { document: documentOf('note-9') })
  const first = writer.write('before')
  await commit(log, first)
  let written = 0
  const report = await verifyLog(file, {
    ...run,
    onProgress: () => {
      written++
      void log.append([writer.write('meanwhile')])
    },
  })
  expect(written).toBeGreaterThan(5)
  expect(report).toMatchObject({ isWhole: true, checked: { documents: 7, terms: 4 } })
  await log.close()
  expect(await verifyLog(file, run)).toMatchObject({ isWhole: true })
})

test('[TOOL-15] verifying tells how far it is, step by step', async () => {
  const seen: Progress[] = []
  await verifyLog(rich, { ...run, onProgress: (progress) => seen.push(progress) })
  const steps = [...new Set(seen.map(({ step }) => step))]
  expect(steps).toEqual([
    'checking pages',
    'checking seqs',
    'checking places',
    'checking documents',
    'checking ops',
    'checking sums',
  ])
  for (const step of steps) {
    const done = seen.filter((progress) => progress.step === step).map((progress) => progress.done)
    expect(done).toEqual(done.toSorted((a, b) => a - b))
  }
})

test('[TOOL-16] verifying stops when it is told to', async () => {
  const stop = new AbortController()
  const verifying = verifyLog(rich, {
    ...run,
    signal: stop.signal,
    onProgress: () => stop.abort(new Error('enough')),
  })
  await expect(verifying).rejects.toThrow('enough')
})

const sums = ['rows', 'row_bytes', 'documents', 'snapshots', 'snapshot_bytes'].concat([
  'gapped_documents',
  'parked_bytes',
  'quarantined',
  'quarantined_bytes',
])

/** Changes behind the log's back, and what has to be found. */
const tamperings: readonly (readonly [what: string, sql: string, kind: FaultKind])[] = [
  ['a letter of a row', `UPDATE entries SET bytes = flipped(bytes) WHERE seq = 8`, 'entry'],
  ['a row’s seq', `UPDATE entries SET seq = seq + 9e6 WHERE seq = 8`, 'sequence'],
  ['a row gone', `DELETE FROM entries WHERE seq = 8`, 'counter'],
  ['a row gone after all that was let go', `DELETE FROM entries WHERE seq = 4000`, 'sequence'],
  ['rows that change places', swap('bytes'), 'entry'],
  ['a row of another document', `UPDATE entries SET document = 2 WHERE seq = 8`, 'reference'],
  ['a row of no document', `UPDATE entries SET document = 99 WHERE seq = 8`, 'reference'],
  ['a row of no producer', `UPDATE entries SET producer = 99 WHERE seq = 8`, 'reference'],
  ['a kind that is unknown', `UPDATE entries SET kind = 7 WHERE seq = 8`, 'reference'],
  ['a tombstone gone', `DELETE FROM entries WHERE kind = 1`, 'sequence'],
  ['rows in the wrong order', swap('seq'), 'sequence'],
  ['a row that is not filed', `DELETE FROM tails WHERE seq = 8`, 'reference'],
  ['an index entry of nothing', `INSERT INTO tails VALUES (1, 3, 1e6)`, 'reference'],
  ['a head lowered', `UPDATE collections SET head = head - 1`, 'sequence'],
  ['a head raised', `UPDATE collections SET head = head + 1`, 'sequence'],
  ['documents miscounted', `UPDATE collections SET documents = documents + 1`, 'counter'],
  ['a collection’s name', `UPDATE collections SET name = char(7) WHERE id = 1`, 'sequence'],
  ['a document’s name', `UPDATE documents SET name = char(7) WHERE id = 1`, 'sequence'],
  ['a term gone', `DELETE FROM terms WHERE ordinal = 2 AND collection = 0`, 'sequence'],
  [
    'a term of no name',
    `UPDATE terms SET term = 'x' WHERE ordinal = 2 AND collection = 0`,
    'sequence',
  ],
  ['the archive’s id', `UPDATE archive SET archive = 'x'`, 'sequence'],
  ['a term’s start', `UPDATE terms SET start_seq = 0 WHERE collection > 0`, 'sequence'],
  ['a start in no collection', `INSERT INTO terms VALUES (9, 1, 0, NULL, NULL)`, 'reference'],
  ['a start of no term', `INSERT INTO terms VALUES (1, 9, 4000, NULL, NULL)`, 'reference'],
  [
    'pruned further than proven',
    `UPDATE documents SET pruned_through = 9 WHERE id = 1`,
    'snapshot',
  ],
  ['pruned below rows', `UPDATE documents SET pruned_through = 5 WHERE id = 1`, 'sequence'],
  ['a last seq raised', `UPDATE documents SET last_seq = last_seq + 1 WHERE id = 2`, 'sequence'],
  ['a last seq lowered', `UPDATE documents SET last_seq = last_seq - 1 WHERE id = 2`, 'sequence'],
  ['a snapshot’s place', `UPDATE documents SET snapshot_seq = 3 WHERE id = 1`, 'counter'],
  ['a snapshot’s size', `UPDATE documents SET snapshot_bytes = 3 WHERE id = 1`, 'counter'],
  ['tail rows', `UPDATE documents SET tail_rows = tail_rows + 1 WHERE id = 1`, 'counter'],
  ['tail bytes', `UPDATE documents SET tail_bytes = tail_bytes + 1 WHERE id = 1`, 'counter'],
  ['covered rows', `UPDATE documents SET covered_rows = covered_rows + 1 WHERE id = 2`, 'counter'],
  ['covered bytes', `UPDATE documents SET covered_bytes = 1 WHERE id = 2`, 'counter'],
  ['parked rows', `UPDATE documents SET parked_rows = 0 WHERE id = 4`, 'counter'],
  ['parked bytes', `UPDATE documents SET parked_bytes = 0 WHERE id = 4`, 'counter'],
  ['a gap denied', `UPDATE documents SET gapped_since_ms = 0 WHERE id = 4`, 'coverage'],
  ['a gap claimed', `UPDATE documents SET gapped_since_ms = 7 WHERE id = 1`, 'coverage'],
  ['a dead document that lives', `UPDATE documents SET deleted_seq = 0 WHERE id = 3`, 'sequence'],
  ['two that live', later('0'), 'sequence'],
  [
    'a living document that is dead',
    `UPDATE documents SET deleted_seq = 8 WHERE id = 1`,
    'sequence',
  ],
  ['a letter of a snapshot', `UPDATE snapshots SET bytes = flipped(bytes)`, 'snapshot'],
  ['a letter of a coverage', `UPDATE snapshots SET coverage = flipped(coverage)`, 'snapshot'],
  ['a letter of a state vector', `UPDATE snapshots SET state_vector = x'00'`, 'snapshot'],
  ['a snapshot gone', `DELETE FROM snapshots WHERE id IN (2, 3)`, 'snapshot'],
  ['a snapshot of another', `UPDATE snapshots SET id = id + 8 WHERE id IN (2, 3)`, 'snapshot'],
  ['a snapshot never read back', `UPDATE snapshots SET settled = 0 WHERE id IN (2, 3)`, 'snapshot'],
  ['an author', `UPDATE authors SET instance = 'somebody' WHERE document = 1`, 'reference'],
  ['an author gone', `DELETE FROM authors WHERE document = 1`, 'reference'],
  ['an end forgotten', `DELETE FROM authors WHERE document = 3`, 'reference'],
  ['an op’s row', `UPDATE ops SET seq = 9e6 WHERE n = 2 AND hash = x''`, 'reference'],
  ['an op gone', `DELETE FROM ops WHERE hash = x''`, 'reference'],
  ['an op of no document', `UPDATE ops SET document = 99`, 'reference'],
  ['a producer’s rows', `UPDATE producers SET rows = rows + 1`, 'counter'],
  ['a producer’s highest op', `UPDATE producers SET highest_n = 1`, 'counter'],
  ['a producer’s name', `UPDATE producers SET instance = 'x' WHERE id = 1`, 'reference'],
  ['a lease beyond the head', `UPDATE leases SET sent = 9e6`, 'sequence'],
  ['an ack beyond what was sent', `UPDATE leases SET ack = sent + 1`, 'sequence'],
  ['a row let in again', `DELETE FROM ops WHERE producer < 0`, 'reference'],
  ['quarantine emptied', `DELETE FROM quarantine`, 'counter'],
  ['entries given out', `UPDATE archive SET last_entry = 3`, 'counter'],
  ['filed further', `UPDATE archive SET filed_through = last_entry + 1`, 'counter'],
  ['an index dropped', `DROP INDEX documents_to_do`, 'schema'],
  ['a column added', `ALTER TABLE entries ADD COLUMN more`, 'schema'],
  ['a table added', `CREATE TABLE more (id)`, 'schema'],
  ...sums.map(
    (sum) => [`the sum of ${sum}`, `UPDATE archive SET ${sum} = ${sum} + 1`, 'counter'] as const,
  ),
]

function swap(column: string): string {
  const value = (seq: number): string => `(SELECT ${column} FROM entries WHERE seq = ${seq})`
  return column === 'seq'
    ? `UPDATE entries SET seq = -1 WHERE seq = 8 AND collection = 1;
       UPDATE entries SET seq = 8 WHERE seq = 9 AND collection = 1;
       UPDATE entries SET seq = 9 WHERE seq = -1`
    : `UPDATE entries SET ${column} = CASE seq WHEN 8 THEN ${value(9)} ELSE ${value(8)} END
       WHERE seq IN (8, 9) AND collection = 1`
}

function later(deletedSeq: string): string {
  return `INSERT INTO documents SELECT 77, collection, name, generation + 1, ${deletedSeq}, last_seq, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '' FROM documents WHERE id = 1`
}

function tamper(file: string, sql: string): void {
  const database = new Database(file)
  database.function('flipped', (bytes) => {
    const copy = Uint8Array.from(bytes as Uint8Array)
    copy[copy.length >> 1] = (copy[copy.length >> 1] ?? 0) ^ 0x04
    return copy
  })
  const before = database.pragma('data_version', { simple: true })
  database.exec(sql)
  expect(database.pragma('data_version', { simple: true })).toBe(before)
  database.close()
}

describe('[TOOL-2] a change behind the log’s back is found', () => {
  test.each(tamperings)('[TOOL-2] %s', async (_what, sql, kind) => {
    const file = copyOfRich()
    tamper(file, sql)
    expect(readFileSync(file).equals(readFileSync(rich))).toBe(false)
    const { isWhole, faults } = await verifyLog(file, run)
    expect(isWhole).toBe(false)
    expect(faults.map((fault) => fault.kind)).toContain(kind)
  })

  test('[TOOL-2] a checkpoint that says too much', async () => {
    const file = copyOfRich()
    const state = new DocumentState(documentOf('note-5'))
    state.lastSeq = 4_000
    const bytes = encodeCheckpoint(state)
    const database = new Database(file)
    const { document } = database.prepare('SELECT document FROM checkpoints').get() as {
      document: number
    }
    const checksum = checksumOf(bytes, document, state.lastSeq)
    const save = 'UPDATE checkpoints SET seq = ?, checksum = ?, bytes = ? WHERE document = ?'
    expect(database.prepare(save).run(state.lastSeq, checksum, bytes, document).changes).toBe(1)
    database.close()
    const { faults } = await verifyLog(file, run)
    expect(faults).toMatchObject([
      { kind: 'coverage', collection: notes, document: documentOf('note-5') },
    ])
  })

  test('[TOOL-2] a page of garbage', async () => {
    const file = copyOfRich()
    const bytes = readFileSync(file)
    bytes.fill(0x5a, bytes.length - 16_384, bytes.length - 8_192)
    writeFileSync(file, bytes)
    const { faults } = await verifyLog(file, run)
    expect(faults.map(({ kind }) => kind)).toContain('structure')
  })

  test('[TOOL-2] where it is, is said', async () => {
    const file = copyOfRich()
    tamper(file, 'UPDATE entries SET bytes = flipped(bytes) WHERE seq = 8 AND collection = 1')
    const { faults } = await verifyLog(file, run)
    expect(faults[0]).toMatchObject({
      kind: 'entry',
      collection: notes,
      document: documentOf('note-1'),
      seq: 8,
    })
  })
})

test('[TOOL-4] what is no log, and what is of another version, is refused by name', async () => {
  const missing = freshFile(base)
  await expect(verifyLog(missing, run)).rejects.toMatchObject({ code: 'invalid-argument' })
  const text = freshFile(base)
  writeFileSync(
    text,
    'no database at all, but long enough for a header of one hundred bytes '.repeat(3),
  )
  await expect(verifyLog(text, run)).rejects.toMatchObject({ code: 'unsupported-file' })
  const other = freshFile(base)
  new Database(other).exec('CREATE TABLE a (b)').close()
  await expect(verifyLog(other, run)).rejects.toMatchObject({ code: 'unsupported-file' })
  const newer = copyOfRich()
  tamper(newer, 'PRAGMA user_version = 99')
  await expect(verifyLog(newer, run)).rejects.toMatchObject({
    code: 'unsupported-file',
    message: expect.stringContaining('version 99') as string,
  })
})
