import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportLog, importFolder, inspectLog, verifyLog, type Log } from '@holdfast/archive'
import { systemClock, type Clock } from '@holdfast/peer/ports'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { contentOf, digestOf } from '../contract/log/content.js'
import { collectionOf, documentOf, notes } from '../contract/log/names.js'
import { commit } from '../contract/log/outcomes.js'
import { docOf, Writer } from '../contract/log/writer.js'
import { makeBaseInMemory } from './crash/base.js'
import { freshFile, openLog, richLog, strangeName, tasks } from './tools/rich-log.js'

const base = makeBaseInMemory()
afterAll(() => rmSync(base, { recursive: true, force: true }))
const rich = freshFile(base)
beforeAll(() => richLog(rich))

const run = { clock: systemClock }
let folders = 0
const freshFolder = (): string => join(base, `export-${++folders}`)

interface ManifestFile {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

interface ManifestDocument {
  readonly collection: string
  readonly document: string
  readonly generation: number
  readonly deleted: boolean
  readonly through: number
  readonly state: ManifestFile
  readonly parked: readonly ManifestFile[]
}

function manifestOf(folder: string): { readonly documents: readonly ManifestDocument[] } {
  const text = readFileSync(join(folder, 'manifest.json'), 'utf8')
  return JSON.parse(text) as { documents: ManifestDocument[] }
}

/** What each document of a log is, for people: by collection, name and generation. */
async function contentsOf(log: Log): Promise<Readonly<Record<string, unknown>>> {
  const contents: Record<string, unknown> = {}
  for (const collection of [notes, tasks]) {
    const { documents } = await log.documents({ collection, limit: 1_000 })
    for (const { document, deleted, gapped } of documents) {
      const state = await log.state(collection, document)
      const doc = docOf(state === undefined ? [] : [state.bytes])
      contents[`${collection}/${document.id} ${document.generation}`] = {
        deleted,
        gapped,
        parked: state?.parked.length,
        digest: digestOf(doc),
        content: contentOf(doc),
      }
    }
  }
  return contents
}

describe('an export', () => {
  test('[TOOL-6] holds each document as an update that Yjs reads by itself, named and proven by a manifest', async () => {
    const folder = freshFolder()
    const before = readFileSync(rich)
    const report = await exportLog({ file: rich, folder }, run)
    expect(report).toMatchObject({ documents: 5, damaged: [] })
    expect(readFileSync(rich).equals(before)).toBe(true)

    const { documents } = manifestOf(folder)
    const log = await openLog(rich)
    for (const { collection, document, generation, deleted, through, state } of documents) {
      const bytes = readFileSync(join(folder, state.file))
      expect(bytes).toHaveLength(state.bytes)
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(state.sha256)
      const doc = new Y.Doc()
      Y.applyUpdate(doc, bytes)
      const stored = await log.state(collectionOf(collection), documentOf(document, generation))
      expect(digestOf(doc)).toBe(digestOf(docOf([stored?.bytes ?? new Uint8Array()])))
      expect({ deleted, through }).toEqual({ deleted: false, through: stored?.through })
    }
    expect(documents.map(({ collection, document }) => `${collection}: ${document}`)).toEqual([
      `${tasks}: ${strangeName.id}`,
      ...['note-1', 'note-2', 'note-4', 'note-5'].map((name) => `notes: ${name}`),
    ])
    await log.close()
  })

  test('[TOOL-6] without its manifest is one that was stopped: the manifest comes last', async () => {
    const folder = freshFolder()
    const stop = new AbortController()
    let steps = 0
    const exporting = exportLog(
      { file: rich, folder },
      {
        clock: hasty(),
        signal: stop.signal,
        onProgress: () => {
          if (++steps === 3) stop.abort(new Error('enough'))
        },
      },
    )
    await expect(exporting).rejects.toThrow('enough')
    expect(readdirSync(join(folder, 'notes')).length).toBeGreaterThan(0)
    expect(readdirSync(folder)).not.toContain('manifest.json')
    const log = await openLog(freshFile(base))
    await expect(importFolder({ log, folder }, run)).rejects.toMatchObject({
      code: 'invalid-argument',
    })
    await log.close()
  })

  test('[TOOL-6] needs a folder of its own', async () => {
    const folder = freshFolder()
    mkdirSync(folder)
    writeFileSync(join(folder, 'mine.txt'), 'mine')
    await expect(exportLog({ file: rich, folder }, run)).rejects.toMatchObject({
      code: 'invalid-argument',
    })
    expect(readdirSync(folder)).toEqual(['mine.txt'])
  })

  test('[TOOL-7] names files safely, whatever documents are called, and never two alike', async () => {
    const file = freshFile(base)
    const log = await openLog(file)
    const names = ['a', 'A', 'ä', '..', '.', 'con', 'a/b', 'a\\b', 'a b', 'a-b', 'x'.repeat(256)]
    names.push('x'.repeat(255), 'x'.repeat(100), '-', '_', '💾', 'a.0', 'manifest.json', 'a:b')
    const writers = names.map((name, n) => new Writer(n + 1, { document: documentOf(name) }))
    await commit(log, ...writers.map((writer, n) => writer.write(`this is ${n}`)))
    await log.close()
    const folder = freshFolder()
    await exportLog({ file, folder }, run)
    const files = manifestOf(folder).documents.map(({ state }) => state.file)
    expect(new Set(files.map((name) => name.toLowerCase())).size).toBe(names.length)
    for (const name of files) {
      expect(name).toMatch(/^notes\/[a-z0-9][a-z0-9_-]*(\.[0-9a-f]{16})?\.0\.yjs$/)
      expect(name.length).toBeLessThan(150)
      expect(name).not.toMatch(/\/con\./)
    }
    const copy = await openLog(freshFile(base))
    await importFolder({ log: copy, folder }, run)
    for (const [n, name] of names.entries()) {
      const state = await copy.state(notes, documentOf(name))
      expect(
        docOf([state?.bytes ?? new Uint8Array()])
          .getText('text')
          .toJSON(),
      ).toBe(`this is ${n}`)
    }
    await copy.close()
  })

  test('[TOOL-9] leaves out what was deleted and what waits, unless asked, and says so', async () => {
    const without = await exportLog({ file: rich, folder: freshFolder() }, run)
    expect(without.leftOut).toEqual({ deleted: 1, parked: 3 })
    const folder = freshFolder()
    const all = await exportLog({ file: rich, folder, withDeleted: true, withParked: true }, run)
    expect(all).toMatchObject({ documents: 6, leftOut: { deleted: 0, parked: 0 } })
    const { documents } = manifestOf(folder)
    expect(documents.filter(({ deleted }) => deleted)).toMatchObject([{ document: 'note-3' }])
    expect(documents.find(({ document }) => document === 'note-4')?.parked).toHaveLength(3)
  })

  test('[TOOL-6] of a collection or a document holds that and nothing else', async () => {
    const folder = freshFolder()
    const document = documentOf('note-2').id
    await exportLog({ file: rich, folder, collection: notes, document }, run)
    expect(manifestOf(folder).documents.map((one) => one.document)).toEqual(['note-2'])
    const collection = freshFolder()
    await exportLog({ file: rich, folder: collection, collection: tasks }, run)
    expect(manifestOf(collection).documents.map((one) => one.document)).toEqual([strangeName.id])
    const nothing = exportLog(
      { file: rich, folder: freshFolder(), collection: collectionOf('nowhere') },
      run,
    )
    await expect(nothing).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  test('[TOOL-17] names what it could not read, and exports the rest', async () => {
    const file = freshFile(base)
    cpSync(rich, file)
    const database = new Database(file)
    database.exec('UPDATE entries SET bytes = zeroblob(length(bytes)) WHERE seq = 8')
    database.close()
    const folder = freshFolder()
    const report = await exportLog({ file, folder, collection: notes }, run)
    expect(report.damaged).toMatchObject([{ collection: notes, document: documentOf('note-1') }])
    expect(manifestOf(folder).documents.map(({ document }) => document)).toEqual([
      'note-2',
      'note-4',
      'note-5',
    ])
  })

  test('[TOOL-3] runs beside the archive that is writing', async () => {
    const file = freshFile(base)
    cpSync(rich, file)
    const log = await openLog(file)
    const writer = new Writer(9, { document: documentOf('note-9') })
    await commit(log, writer.write('there'))
    const folder = freshFolder()
    const exporting = exportLog({ file, folder }, run)
    await commit(log, writer.write(' and more'))
    expect(await exporting).toMatchObject({ documents: 6, damaged: [] })
    await log.close()
    expect(await verifyLog(file, run)).toMatchObject({ isWhole: true })
  })
})

function headOf(): object {
  const archive = '0123456789abcdef0123456789abcdef'
  return { format: 'holdfast-export', version: 1, encoding: 'yjs-update-v1', archive }
}

function withFile(file: string, bytes: unknown = 12): string {
  const state = { file, bytes, sha256: 'a'.repeat(64) }
  const document = { collection: 'notes', document: 'a', generation: 0, through: 1, state }
  return JSON.stringify({ ...headOf(), documents: [{ ...document, deleted: false, parked: [] }] })
}

/** Everything that can be exported, in a folder. */
async function everything(): Promise<string> {
  const folder = freshFolder()
  await exportLog({ file: rich, folder, withDeleted: true, withParked: true }, run)
  return folder
}

/** So much time passes at each look at it that a tool rests, and tells its progress, all the time. */
function hasty(): Clock {
  let nowMs = 0
  return { ...systemClock, monotonic: () => (nowMs += 1_000) }
}

describe('an import', () => {
  test('[TOOL-8] [TOOL-9] gives what was exported, and doing it again changes nothing', async () => {
    const folder = await everything()
    const file = freshFile(base)
    const log = await openLog(file)
    const first = await importFolder({ log, folder, withDeleted: true }, run)
    expect(first).toMatchObject({ documents: 6, ended: 1, leftOut: 0, refused: [] })
    // The document that only waits has an empty state.
    expect(first.contained).toBe(1)
    // Three, and one of the deleted document, whose predecessor is in quarantine.
    expect(first.gapped).toBe(4)
    const original = await openLog(rich)
    expect(await contentsOf(log)).toEqual(await contentsOf(original))
    await original.close()
    const heads = [await log.head(notes), await log.head(tasks)]
    const again = await importFolder({ log, folder, withDeleted: true }, run)
    expect(again).toMatchObject({ documents: 6, added: 0, ended: 0, refused: [] })
    expect([await log.head(notes), await log.head(tasks)]).toEqual(heads)
    await log.close()
    expect(await verifyLog(file, run)).toMatchObject({ isWhole: true })
  })

  test('[TOOL-8] keeps what the log has beyond the export', async () => {
    const folder = await everything()
    const log = await openLog(freshFile(base))
    const writer = new Writer(20)
    await commit(log, writer.write('mine '))
    await importFolder({ log, folder }, run)
    const state = await log.state(notes, writer.document)
    const text = docOf([state?.bytes ?? new Uint8Array()])
      .getText('text')
      .toJSON()
    expect(text).toContain('mine ')
    expect(text).toContain('word 5 ')
    await log.close()
  })

  test('[TOOL-9] deletes nothing unless asked', async () => {
    const folder = await everything()
    const log = await openLog(freshFile(base))
    const writer = new Writer(20, { document: documentOf('note-3') })
    await commit(log, writer.write('lives'))
    const careful = await importFolder({ log, folder }, run)
    expect(careful).toMatchObject({ documents: 5, leftOut: 1, ended: 0 })
    expect(await log.latest(notes, writer.document.id)).toMatchObject({ deleted: false })
    await importFolder({ log, folder, withDeleted: true }, run)
    expect(await log.latest(notes, writer.document.id)).toMatchObject({ deleted: true })
    await log.close()
  })

  test('[TOOL-8] of a document whose later generation lives here is refused by name, the rest goes in', async () => {
    const folder = await everything()
    const log = await openLog(freshFile(base))
    await log.delete(notes, documentOf('note-1'))
    const report = await importFolder({ log, folder }, run)
    expect(report.refused).toMatchObject([
      { document: documentOf('note-1'), refusal: { code: 'document-deleted' } },
    ])
    expect(await log.latest(notes, documentOf('note-2').id)).toMatchObject({ deleted: false })
    await log.close()
  })

  test('[TOOL-8] of one document takes that and nothing else', async () => {
    const folder = await everything()
    const log = await openLog(freshFile(base))
    const document = documentOf('note-2').id
    await importFolder({ log, folder, collection: notes, document }, run)
    expect(Object.keys(await contentsOf(log))).toEqual(['notes/note-2 0'])
    await log.close()
  })

  test.each([
    ['no JSON', 'manifest {'],
    ['another format', '{"format":"zip"}'],
    ['another version', '{"format":"holdfast-export","version":2}'],
    ['no list', JSON.stringify({ ...headOf(), documents: 7 })],
    ['no collection', JSON.stringify({ ...headOf(), documents: [{}] })],
    ['a file outside', withFile('../../etc/passwd')],
    ['a file at the root', withFile('/etc/passwd')],
    ['a hidden file', withFile('notes/.ssh')],
    ['no number', withFile('notes/a.0.yjs', '12')],
  ])('[TOOL-10] with a manifest that has %s is refused', async (_what, manifest) => {
    const folder = freshFolder()
    mkdirSync(folder)
    writeFileSync(join(folder, 'manifest.json'), manifest)
    const log = await openLog(freshFile(base))
    await expect(importFolder({ log, folder }, run)).rejects.toMatchObject({
      code: 'unsupported-file',
    })
    expect(await log.statistics()).toMatchObject({ rows: 0 })
    await log.close()
  })

  test('[TOOL-10] of a file that is not what the manifest says, or is not there, is refused by name', async () => {
    const folder = freshFolder()
    const document = documentOf('note-2').id
    await exportLog({ file: rich, folder, collection: notes, document }, run)
    const file = join(folder, 'notes', 'note-2.0.yjs')
    const bytes = readFileSync(file)
    bytes[9] = (bytes[9] ?? 0) ^ 1
    writeFileSync(file, bytes)
    const log = await openLog(freshFile(base))
    const refusal = { code: 'damaged', message: expect.stringContaining('note-2.0.yjs') as string }
    await expect(importFolder({ log, folder }, run)).rejects.toMatchObject(refusal)
    rmSync(file)
    await expect(importFolder({ log, folder }, run)).rejects.toMatchObject(refusal)
    rmSync(join(folder, 'manifest.json'))
    await expect(importFolder({ log, folder }, run)).rejects.toMatchObject({
      code: 'invalid-argument',
    })
    expect(await log.statistics()).toMatchObject({ rows: 0 })
    await log.close()
  })
})

test('[TOOL-5] inspecting says what the log itself says, largest first', async () => {
  const found = inspectLog(rich)
  const log = await openLog(rich)
  const statistics = await log.statistics()
  expect(found.archive).toBe(log.archive)
  expect(found.collections.map(({ rows }) => rows).reduce((a, b) => a + b)).toBe(statistics.rows)
  expect(found.counts).toMatchObject({ documents: 6, leases: 1, quarantined: 2 })
  const sizes = found.documents.map(({ snapshotBytes, tailBytes }) => snapshotBytes + tailBytes)
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
  for (const collection of [notes, tasks]) {
    const { documents } = await log.documents({ collection, limit: 100 })
    const inspected = found.documents.filter((one) => one.collection === collection)
    expect(inspected).toHaveLength(documents.length)
    for (const { document, ...summary } of documents) {
      const one = inspected.find(({ document: { id } }) => id === document.id)
      expect(one).toMatchObject({ document, ...summary })
    }
  }
  expect(found.leases).toMatchObject([{ ack: 4, sent: 6, behind: (await log.head(notes)) - 4 }])
  expect(found.quarantined.map(({ reason }) => reason)).toContain('as the test wants it')
  await log.close()

  const limited = inspectLog(rich, { limit: 2, collection: notes })
  expect(limited.documents).toHaveLength(2)
  expect(limited.counts.documents).toBe(5)
  expect(limited.collections.map(({ name }) => name)).toEqual([notes])
})
