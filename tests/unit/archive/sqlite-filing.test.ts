import type { AppendOp } from '@holdfast/archive'
import { expect, test } from 'vitest'
import { compactNow } from '../../contract/log/build.js'
import { documentOf, notes } from '../../contract/log/names.js'
import { answers, commit } from '../../contract/log/outcomes.js'
import { Reader } from '../../contract/log/reader.js'
import { asUpload, Writer, type LiveOp } from '../../contract/log/writer.js'
import { inFolder } from './sqlite-folder.js'

/** Entries a batch: see `filing.ts`. */
const batch = 4_096

test(
  '[SQL-10] rows and op ids are found whether they have been filed or not, before and after a crash',
  inFolder(async (folder) => {
    const writers = [1, 2, 3].map(
      (number) => new Writer(number, { document: documentOf(`note-${number}`) }),
    )
    const ops: LiveOp[] = []
    for (let at = 0; at < batch + 1_000; at++) {
      ops.push((writers[at % 3] as Writer).write('x'))
    }
    const log = await folder.openLog()
    for (let at = 0; at < ops.length; at += 500) await commit(log, ...ops.slice(at, at + 500))
    const filed = folder.count('SELECT count(*) FROM tails')
    expect(filed).toBeGreaterThanOrEqual(batch)
    expect(filed).toBeLessThan(ops.length)
    expect(folder.count('SELECT count(*) FROM ops')).toBe(filed)

    const some = [0, 1, 2, 2_000, filed - 1, filed, ops.length - 1].map((at) => ops[at] as LiveOp)
    const seqs = some.map((op) => `${ops.indexOf(op) + 1}=`)
    expect(await answers(log, ...some)).toEqual(seqs)
    await log.close()
    const again = await folder.openLog()
    expect(await answers(again, ...some)).toEqual(seqs)
    const forged = some.map((op) => ({ ...op, bytes: new Writer(9).write('forged').bytes }))
    expect(new Set(await answers(again, ...forged))).toEqual(new Set(['rekey']))
    const reader = await new Reader().readAll(again)
    for (const { document, ydoc } of writers) {
      expect(reader.textOf(document)).toBe(ydoc.getText('text').toJSON())
      const state = await again.state(notes, document)
      expect(state?.through).toBeGreaterThan(filed)
      expect(state?.bytes.length).toBeGreaterThan(1_000)
    }
  }),
)

test(
  '[SQL-10] a page of an index takes many entries at a time: a group writes what it holds, not what it indexes',
  inFolder(async (folder) => {
    const engine = folder.openEngine()
    const writers = Array.from(
      { length: 200 },
      (_, at) => new Writer(at + 1, { document: documentOf(`note-${at}`) }),
    )
    const group = (): AppendOp[] => writers.map((writer) => writer.write('x'.repeat(50)))
    // Until the documents are known, and everything is in the file.
    for (let at = 0; at < 3; at++) engine.append(group(), 0)
    engine.file.sql.pragma('wal_checkpoint(TRUNCATE)')
    const before = engine.sums().walBytes
    for (let at = 0; at < 10; at++) engine.append(group(), 0)
    const bytesAGroup = (engine.sums().walBytes - before) / 10
    // 200 rows of about 130 bytes, 200 counters in documents, and what leads there: some pages.
    expect(bytesAGroup).toBeLessThan(200 * 1_500)
  }),
)

test(
  '[SQL-11] [K11] what is remembered of an instance goes when it was silent for a month and its rows are gone',
  inFolder(async (folder) => {
    const dayMs = 24 * 60 * 60 * 1000
    const log = await folder.openLog()
    const [gone, stays] = [new Writer(1), new Writer(2, { document: documentOf('note-2') })]
    const ops = Array.from({ length: 1_500 }, () => gone.write('x'))
    await commit(log, ...ops)
    await commit(log, stays.write('y'))
    await compactNow(log)
    const remembered = (): readonly [number, number] => [
      folder.count('SELECT count(*) FROM ops'),
      folder.count('SELECT count(*) FROM producers'),
    ]
    // Of ops that were retired the last still find their answer, and their impostors.
    expect(await answers(log, ...ops.slice(-2))).toEqual(['1499=', '1500='])
    const forged = { ...(ops.at(-128) as LiveOp), bytes: new Writer(9).write('forged').bytes }
    expect(await answers(log, forged)).toEqual(['rekey'])
    expect(await answers(log, ...ops.slice(0, 2))).toEqual(['1500=', '1500='])
    const kept = 128 + 1
    expect(remembered()).toEqual([kept, 2])
    for (let day = 0; day < 29; day++) await passADay()
    expect(remembered()).toEqual([kept, 2])
    for (let hour = 0; hour < 5; hour++) await passADay()
    // Of the other a row is left, which says by whom it came.
    expect(remembered()).toEqual([1, 1])
    expect(await answers(log, ops[0] as LiveOp)).toEqual(['1500='])
    const stranger = new Writer(3, { clientId: 1 })
    expect(await answers(log, stranger.write('z'))).toEqual(['rekey'])

    async function passADay(): Promise<void> {
      folder.clock.advance(dayMs)
      // Chores are done beside groups, in a later turn.
      await log.append([{ ...asUpload(ops[0] as LiveOp), bytes: Uint8Array.of(0, 0) }])
      folder.clock.advance(1_000)
      await log.statistics()
    }
  }),
)

test(
  '[SQL-12] a document that was not used for a while costs its recent rows',
  inFolder(async (folder) => {
    const a = new Writer(1)
    const ops = Array.from({ length: 9_000 }, () => a.write('x'))
    const early = ops.splice(7_000, 1)
    const engine = folder.openEngine()
    for (let at = 0; at < ops.length; at += 300) engine.append(ops.slice(at, at + 300), 0)
    engine.close()
    const seq = folder.count('SELECT seq FROM checkpoints')
    expect(seq).toBeGreaterThan(8_000)
    expect(folder.count('SELECT count(*) FROM checkpoints')).toBe(1)
    const again = folder.openEngine()
    // The gap that the first left is known, and closes.
    const [late, lost] = again.append([...ops.slice(-1), ...early], 0).outcomes
    expect(late).toMatchObject({ added: false, gapped: false })
    expect(lost).toMatchObject({ added: true, gapped: false })
    again.close()

    folder.tamper((database) => database.exec('UPDATE checkpoints SET checksum = checksum + 1'))
    const rebuilt = folder.openEngine()
    expect(
      rebuilt.append(ops.slice(0, 200), 0).outcomes.every((one) => 'added' in one && !one.added),
    ).toBe(true)
  }),
)

test(
  '[SQL-11] [L25] what an instance wrote in one document is not forgotten because another was compacted',
  inFolder(async (folder) => {
    const log = await folder.openLog()
    const counter = { n: 0 }
    const [here, there] = ['note-1', 'note-2'].map(
      (name) => new Writer(1, { document: documentOf(name), counter }),
    ) as [Writer, Writer]
    const other = new Writer(2, { document: here.document })
    for (let at = 0; at < 300; at++) {
      await commit(log, here.write('x'), there.write('y'))
      if (at % 3 === 0) await commit(log, other.write('z'))
    }
    const before = await answers(log, ...there.ops, ...here.ops.slice(-50), ...other.ops.slice(-50))
    await compactNow(log, here.document)
    expect(folder.count('SELECT count(*) FROM tails')).toBe(there.ops.length)
    const after = await answers(log, ...there.ops, ...here.ops.slice(-50), ...other.ops.slice(-50))
    expect(after).toEqual(before)
    // Of the 128 last of this instance half are in the document that was compacted.
    const kept = folder.count("SELECT count(*) FROM ops WHERE producer = 1 AND hash <> x''")
    expect(kept).toBe(64)
    const forged = { ...(there.ops[0] as LiveOp), bytes: new Writer(9).write('forged').bytes }
    expect(await answers(log, forged)).toEqual(['rekey'])
  }),
)
