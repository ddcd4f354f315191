import { packRows, type CompactionSource, type NewSnapshot } from '@holdfast/archive'
import { readUpdate, type Coverage } from '@holdfast/peer/protocol'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { buildFrom, compactNow, publishNow, retireAll } from './build.js'
import { digestOf } from './content.js'
import { documentOf, note, notes } from './names.js'
import { answers, commit } from './outcomes.js'
import { Reader } from './reader.js'
import { onLog, type LogContract } from './subject.js'
import { asUpload, docOf, textOf, Writer, type LiveOp } from './writer.js'

/** What goes into a snapshot, and what the log takes for one. */
export function describeCompacting(contract: LogContract): void {
  describe('compacting', () => {
    test(
      '[LOG-37] a source is the previous snapshot and the rows since, through the document’s last',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const other = new Writer(2, { document: documentOf('note-2') })
        await commit(log, a.write('1'), a.write('2'), other.write('x'))
        expect(inShort(await log.compaction.source(notes, note))).toEqual({
          through: 2,
          previous: undefined,
          rows: [1, 2],
          parked: [],
        })
        await publishNow(log)
        await commit(log, a.write('3'))
        expect(inShort(await log.compaction.source(notes, note))).toEqual({
          through: 4,
          previous: 2,
          rows: [4],
          parked: [],
        })
        expect(await log.compaction.source(notes, documentOf('unheard-of'))).toBeUndefined()
      }),
    )

    test(
      '[L1] a snapshot that lacks anything the log holds is refused, whatever it says of itself',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const b = new Writer(2)
        await commit(log, a.write('abc'), b.write('xyz'), a.erase(1))
        const good = await built(log)
        const docWithout = docOf([a, b].flatMap(({ ops }) => ops.slice(0, 1).map(bytesOf)))
        const lacking = [
          // One writer's structs; a deletion; everything.
          Y.encodeStateAsUpdate(docOf(a.ops.map(bytesOf))),
          Y.encodeStateAsUpdate(docWithout),
          Uint8Array.of(0, 0),
          // And bytes that do not read at all.
          good.bytes.slice(0, -1),
          Uint8Array.of(),
        ]
        for (const bytes of lacking) {
          expect(await log.compaction.publish({ ...good, bytes })).toBe('incomplete')
        }
        expect(await log.compaction.publish(good)).toBe('published')
        expect((await log.statistics()).published).toBe(1)
      }),
    )

    test(
      '[L2] [I3] a snapshot that claims a higher seq than it covers is refused',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('1'))
        const snapshot = await built(log)
        expect(await log.compaction.publish({ ...snapshot, through: 2 })).toBe('incomplete')
        await commit(log, a.write('2'))
        expect(await log.compaction.publish({ ...snapshot, through: 2 })).toBe('incomplete')
        expect(await log.compaction.publish(snapshot)).toBe('published')
        expect(await retireAll(log)).toMatchObject({ removed: 1, prunedThrough: 1 })
        expect((await new Reader().readAll(log)).textOf(note)).toBe('12')
      }),
    )

    test(
      '[L16] [L24] a snapshot with structs that were never logged is refused: no reader would get them',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const stranger = new Writer(2, { document: documentOf('note-2') })
        await commit(log, a.write('1'), stranger.write('another document'))
        const snapshot = await built(log)
        const both = Y.mergeUpdates([snapshot.bytes, stranger.upload().bytes])
        expect(await log.compaction.publish(withBytes(snapshot, both))).toBe('incomplete')
        a.write('never pushed')
        expect(await log.compaction.publish(withBytes(snapshot, a.upload().bytes))).toBe(
          'incomplete',
        )
        expect((await log.latest(notes, note.id))?.snapshotBytes).toBe(0)
      }),
    )

    test(
      '[L19] a snapshot with anything pending in it is refused',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const [one, , three] = [a.write('1'), a.write('2'), a.write('3')]
        await commit(log, one, three)
        const bytes = Y.mergeUpdates([one.bytes, three.bytes])
        const snapshot = {
          collection: notes,
          document: note,
          base: 0,
          through: 2,
          parked: packRows([]),
        }
        const stateVector = Y.encodeStateVectorFromUpdate(bytes)
        const coverage = coverageOf(bytes)
        expect(await log.compaction.publish({ ...snapshot, bytes, stateVector, coverage })).toBe(
          'incomplete',
        )
        // Nor may it delete what nobody has written yet: the next edits would vanish.
        const b = new Writer(2, { document: documentOf('note-2') })
        await commit(log, b.write('all'))
        const whole = await buildFrom(log, b.document)
        if (whole === undefined) throw new Error('nothing to compact')
        const deletion = Uint8Array.of(0, 1, 2, 1, 3, 5)
        const poisoned = withBytes(whole, Y.mergeUpdates([whole.bytes, deletion]))
        expect(await log.compaction.publish(poisoned)).toBe('incomplete')
        expect(await log.compaction.publish(whole)).toBe('published')
      }),
    )

    test(
      '[L8] [I9] an older snapshot never replaces a newer one, and of two compactors one publishes',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('1'))
        const older = await built(log)
        await commit(log, a.write('2'))
        const newer = await built(log)
        expect(await Promise.all([newer, older].map((one) => log.compaction.publish(one)))).toEqual(
          ['published', 'stale'],
        )
        expect(await log.compaction.publish(newer)).toBe('stale')
        expect(await log.compaction.publish({ ...older, base: 2 })).toBe('stale')
        await retireAll(log)
        expect((await new Reader().readAll(log)).textOf(note)).toBe('12')
      }),
    )

    test(
      '[L8] rows that came while a snapshot was being built stay, and the next one has them',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('1'))
        const snapshot = await built(log)
        await commit(log, a.write('2'))
        expect(await log.compaction.publish(snapshot)).toBe('published')
        expect(await retireAll(log)).toMatchObject({ removed: 1, retained: 0, prunedThrough: 1 })
        expect((await new Reader().readAll(log)).received).toEqual([
          'snapshot note-1@1',
          'row note-1@2',
        ])
        await compactNow(log)
        const reader = await new Reader().readAll(log)
        expect(reader.received).toEqual(['snapshot note-1@2'])
        expect(reader.textOf(note)).toBe('12')
      }),
    )

    test(
      '[LOG-38] a snapshot is published again over the same rows, so that what is left of them can go',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('1'))
        await publishNow(log)
        const again = await built(log)
        expect(again).toMatchObject({ base: 1, through: 1 })
        expect(await log.compaction.publish(again)).toBe('published')
        expect(await retireAll(log)).toMatchObject({ removed: 1 })
        expect((await new Reader().readAll(log)).textOf(note)).toBe('1')
      }),
    )

    test(
      '[L20] what was deleted leaves the log: the state is that of a collected document',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        for (let round = 0; round < 20; round++) {
          await commit(log, a.write('x'.repeat(500)), a.erase(500))
        }
        const before = await log.statistics()
        await compactNow(log)
        const after = await log.statistics()
        expect(before.rowBytes).toBeGreaterThan(10_000)
        expect(after.rowBytes + after.snapshotBytes).toBeLessThan(300)
        const state = await log.state(notes, note)
        expect(digestOf(docOf([state?.bytes ?? new Uint8Array()]))).toBe(digestOf(a.ydoc))
      }),
    )

    test(
      '[LOG-39] after compaction everything is judged as before: contents, ids, authors, garbage too',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        const ops = [a.write('abc'), a.erase(2), a.write('d')]
        await commit(subject.log, ...ops)
        await compactNow(subject.log)
        for (const reopened of [false, true]) {
          if (reopened) await subject.crash()
          expect(await answers(subject.log, ...ops, a.upload(), ...ops.map(asUpload))).toEqual([
            '1=',
            '2=',
            '3=',
            '3=',
            '3=',
            '3=',
            '3=',
          ])
          const clone = new Writer(2, { clientId: 1 })
          expect(await answers(subject.log, clone.write('x'))).toEqual(['rekey'])
        }
        expect(await answers(subject.log, a.write('e'))).toEqual(['4'])
        expect((await new Reader().readAll(subject.log)).textOf(note)).toBe('cde')
      }),
    )

    test(
      '[K23] [L19] a young gap holds compaction back; an old one is gone past, and kept verbatim',
      onLog(
        contract,
        async (subject) => {
          const { log } = subject
          const a = new Writer(1)
          const [one, two, three] = [a.write('1'), a.write('2'), a.write('3')]
          const b = new Writer(2)
          await commit(log, one, three, b.write('b'))
          expect(await log.compaction.source(notes, note)).toBeUndefined()
          expect(await log.compaction.ripe(10)).toEqual([])
          await subject.advance(60 * 60 * 1000 + 1)
          expect(await log.compaction.ripe(10)).toMatchObject([{ document: note, gapped: true }])
          expect(inShort(await log.compaction.source(notes, note))).toEqual({
            through: 3,
            previous: undefined,
            rows: [1, 3],
            parked: [2],
          })
          await compactNow(log)
          // It travels beside the snapshot, is still not archived, and still asked for.
          const { entries } = await log.read({ collection: notes, after: 0, ...wide })
          expect(entries).toMatchObject([{ kind: 'snapshot', seq: 3, parked: [three.bytes] }])
          expect((await log.state(notes, note))?.parked).toEqual([three.bytes])
          expect(await log.latest(notes, note.id)).toMatchObject({ tailRows: 0, gapped: true })
          for (const reopened of [false, true]) {
            if (reopened) await subject.crash()
            expect(await answers(subject.log, three)).toEqual(['2=?'])
            expect((await subject.log.gaps(notes, 10))[0]?.missing).toEqual(new Map([[1, [1, 2]]]))
          }
          // It closes as any gap does, and the next snapshot has it within.
          const reader = await new Reader().readAll(subject.log)
          expect(await answers(subject.log, two, three)).toEqual(['4', '2='])
          expect((await reader.readAll(subject.log)).textOf(note)).toBe(
            docOf([...a.ops, ...b.ops].map(bytesOf))
              .getText('text')
              .toJSON(),
          )
          expect(inShort(await subject.log.compaction.source(notes, note))).toEqual({
            through: 4,
            previous: 3,
            rows: [2, 4],
            parked: [],
          })
          await compactNow(subject.log)
          const last = await new Reader().readAll(subject.log)
          expect(last.received).toEqual(['snapshot note-1@4'])
          expect(last.textOf(note)).toBe(reader.textOf(note))
        },
        { ripeRows: 1 },
      ),
    )

    test(
      '[LOG-40] parked rows beside a snapshot have to be the log’s own, letter by letter',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('1'), a.write('2'))
        const snapshot = await built(log)
        const stranger = new Writer(2).write('x')
        const foreign = [
          [{ seq: 2, bytes: stranger.bytes }],
          [{ seq: 3, bytes: (a.ops[1] as LiveOp).bytes }],
        ]
        for (const rows of foreign) {
          expect(await log.compaction.publish({ ...snapshot, parked: packRows(rows) })).toBe(
            'incomplete',
          )
        }
        // Its own may stay beside it, also where the log believes that they integrate.
        const own = packRows([{ seq: 2, bytes: (a.ops[1] as LiveOp).bytes }])
        const first = Y.encodeStateAsUpdate(docOf([(a.ops[0] as LiveOp).bytes]))
        expect(await log.compaction.publish({ ...withBytes(snapshot, first), parked: own })).toBe(
          'published',
        )
        await retireAll(log)
        expect((await new Reader().readAll(log)).textOf(note)).toBe('12')
        const state = await log.state(notes, note)
        expect(textOf([state?.bytes ?? new Uint8Array(), ...(state?.parked ?? [])])).toBe('12')
        await compactNow(log)
        expect((await new Reader().readAll(log)).textOf(note)).toBe('12')
      }),
    )

    test(
      '[L25] [I12] one document’s compaction moves nothing of another',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const b = new Writer(2, { document: documentOf('note-2') })
        await commit(log, a.write('1'), b.write('1'), a.write('2'), b.write('2'))
        const before = await log.latest(notes, b.document.id)
        const state = await log.state(notes, b.document)
        await compactNow(log)
        expect(await log.latest(notes, b.document.id)).toEqual(before)
        expect(await log.state(notes, b.document)).toEqual(state)
        expect((await new Reader().readAll(log)).received).toEqual([
          'row note-2@2',
          'snapshot note-1@3',
          'row note-2@4',
        ])
      }),
    )

    test(
      '[K6] [K5] a compaction that failed waits, longer each time, and its document starves no other',
      onLog(
        contract,
        async (subject) => {
          const { log } = subject
          const a = new Writer(1)
          const b = new Writer(2, { document: documentOf('note-2') })
          await commit(log, a.write('x'.repeat(100)), b.write('y'))
          const ripe = async (): Promise<readonly string[]> =>
            (await log.compaction.ripe(10)).map(({ document }) => document.id)
          expect(await ripe()).toEqual(['note-1', 'note-2'])
          const minuteMs = 60_000
          for (const pauseMs of [minuteMs, 2 * minuteMs, 4 * minuteMs]) {
            await log.compaction.failed(notes, note, 'as the test wants it')
            expect(await ripe()).toEqual(['note-2'])
            await subject.advance(pauseMs - 1)
            expect(await ripe()).toEqual(['note-2'])
            await subject.advance(1)
            expect(await ripe()).toEqual(['note-1', 'note-2'])
          }
          await log.compaction.failed(notes, note, 'once more')
          expect((await log.statistics()).failingDocuments).toBe(1)
          await subject.crash()
          expect(
            (await subject.log.compaction.ripe(10)).map(({ document }) => document.id),
          ).toEqual(['note-2'])
          // A day at the most; and the first success forgets it.
          for (let at = 0; at < 20; at++) await subject.log.compaction.failed(notes, note, 'again')
          await subject.advance(24 * 60 * minuteMs)
          expect(await subject.log.compaction.ripe(10)).toHaveLength(2)
          await publishNow(subject.log)
          expect((await subject.log.statistics()).failingDocuments).toBe(0)
          await subject.log.compaction.failed(notes, note, 'and again')
          await subject.advance(minuteMs)
          expect(await subject.log.compaction.ripe(10)).toHaveLength(2)
        },
        { ripeRows: 1 },
      ),
    )

    test(
      '[K17] [L22] a row that cannot be compacted is set aside, and what builds on it waits',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        const b = new Writer(2)
        const bomb = b.write('bomb')
        a.learn(bomb)
        const victim = a.write(' on it')
        await commit(subject.log, bomb, victim, new Writer(3).write('apart'))
        const reader = await new Reader().readAll(subject.log)
        await subject.log.compaction.quarantine(notes, note, 1, 'it explodes')
        await subject.log.compaction.quarantine(notes, note, 1, 'it explodes')
        expect(await subject.log.quarantined(10)).toMatchObject([
          { collection: notes, document: note, seq: 1, id: bomb.id, reason: 'it explodes' },
        ])
        for (const reopened of [false, true]) {
          if (reopened) await subject.crash()
          expect(await subject.log.latest(notes, note.id)).toMatchObject({
            tailRows: 2,
            gapped: true,
          })
          expect((await subject.log.gaps(notes, 10))[0]?.missing).toEqual(new Map([[2, [0, 4]]]))
          // The same bytes do not come in again, under its id or as an upload.
          expect(await answers(subject.log, bomb, asUpload(bomb))).toEqual([
            'malformed-update',
            'malformed-update',
          ])
        }
        await subject.advance(60 * 60 * 1000 + 1)
        await compactNow(subject.log)
        const { entries } = await subject.log.read({ collection: notes, after: 0, ...wide })
        expect(entries).toMatchObject([{ kind: 'snapshot', seq: 3, parked: [victim.bytes] }])
        // Readers at the head are not disturbed, and numbering goes on.
        expect(await reader.readAll(subject.log)).toBe(reader)
        expect(await answers(subject.log, new Writer(4).write('x'))).toEqual(['4'])
      }),
    )
  })
}

const wide = { maxBytes: 1e9, maxEntries: 1e6 }

async function built(log: Parameters<typeof buildFrom>[0]): Promise<NewSnapshot> {
  const snapshot = await buildFrom(log)
  if (snapshot === undefined) throw new Error('nothing to compact')
  return snapshot
}

/** The same snapshot with other bytes, which tells the truth about them. */
function withBytes(snapshot: NewSnapshot, bytes: Uint8Array): NewSnapshot {
  const stateVector = Y.encodeStateVectorFromUpdate(bytes)
  return { ...snapshot, bytes, coverage: coverageOf(bytes), stateVector }
}

function coverageOf(bytes: Uint8Array): Coverage {
  const read = readUpdate(bytes)
  if (!read.ok) throw new Error(read.refusal.detail)
  return read.value
}

function bytesOf({ bytes }: LiveOp): Uint8Array {
  return bytes
}

function inShort(source: CompactionSource | undefined): unknown {
  if (source === undefined) return undefined
  return {
    through: source.through,
    previous: source.previous?.seq,
    rows: [...source.rows.seqs],
    parked: [...source.parked.seqs],
  }
}
