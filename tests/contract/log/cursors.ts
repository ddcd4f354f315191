import type { Cursor } from '@holdfast/peer/protocol'
import { parseArchiveId, parseTermId } from '@holdfast/peer/protocol'
import { describe, expect, test } from 'vitest'
import { compactNow } from './build.js'
import { collectionOf, note, notes } from './names.js'
import { answers, commit } from './outcomes.js'
import { Reader } from './reader.js'
import { onLog, type LogContract } from './subject.js'
import { Writer } from './writer.js'

/** Where a cursor stands: over restarts, restored copies and forks. */
export function describeCursors(contract: LogContract): void {
  describe('cursors', () => {
    test(
      '[LOG-28] a cursor is behind, at head, or ahead of what its term reached',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('a'), a.write('b'))
        const { archive, term } = log
        const at = async (seq: number) => (await log.locate(notes, { archive, term, seq })).standing
        expect([await at(0), await at(1), await at(2), await at(3)]).toEqual([
          'behind',
          'behind',
          'at-head',
          'ahead',
        ])
        expect(await log.locate(collectionOf('new'), { archive, term, seq: 0 })).toEqual({
          standing: 'at-head',
          head: 0,
        })
      }),
    )

    test(
      '[L51] every opening has a term of its own, on every page, and earlier terms stay valid',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        await commit(subject.log, a.write('a'))
        const reader = await new Reader().readAll(subject.log)
        const first = reader.cursor as Cursor
        const terms = new Set([subject.log.term])
        for (let opening = 0; opening < 3; opening++) {
          await (opening === 1 ? subject.crash() : subject.reopen())
          expect(subject.log.archive).toBe(first.archive)
          terms.add(subject.log.term)
          expect((await subject.log.locate(notes, first)).standing).toBe(
            opening === 0 ? 'at-head' : 'behind',
          )
          await commit(subject.log, a.write('b'))
        }
        expect(terms.size).toBe(4)
        await reader.readAll(subject.log)
        // The page came from this opening, so its cursor does too, wherever it started.
        expect(reader.cursor).toEqual({ ...first, term: subject.log.term, seq: 4 })
      }),
    )

    test(
      '[L27] a cursor of another archive, or of a term that this one never saw, is not believed',
      onLog(contract, async ({ log }) => {
        await commit(log, new Writer(1).write('a'))
        const { archive, term } = log
        const other = parseArchiveId('0123456789abcdef0123456789abcdef')
        const unseen = parseTermId('fedcba9876543210fedcba9876543210')
        if (!other.ok || !unseen.ok) throw new Error('bad ids')
        const standingOf = async (cursor: Cursor) => (await log.locate(notes, cursor)).standing
        expect(await standingOf({ archive: other.value, term, seq: 1 })).toBe('unknown-term')
        expect(await standingOf({ archive, term: unseen.value, seq: 1 })).toBe('unknown-term')
        expect(await standingOf({ archive, term, seq: 1 })).toBe('at-head')
      }),
    )

    test(
      '[L26] a restored copy knows whose cursors lie beyond it, also once it has gone on itself',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        await commit(subject.log, a.write('a'), a.write('b'))
        const backup = await subject.backup()
        const early = await new Reader().readAll(subject.log)
        await commit(subject.log, a.write('c'), a.write('d'), a.write('e'))
        const late = await new Reader().readAll(subject.log)
        await subject.restore(backup)
        const standingOf = async ({ cursor }: Reader) =>
          (await subject.log.locate(notes, cursor as Cursor)).standing
        expect([await standingOf(early), await standingOf(late)]).toEqual(['at-head', 'ahead'])
        // The copy gives out the lost numbers again, under its own term: 5 is another 5 now.
        const b = new Writer(2)
        b.learn(...a.ops.slice(0, 2))
        const ops = [1, 2, 3, 4].map((at) => b.write(`${at}`))
        expect(await answers(subject.log, ...ops)).toEqual(['3', '4', '5', '6'])
        expect([await standingOf(early), await standingOf(late)]).toEqual(['behind', 'ahead'])
        await early.readAll(subject.log)
        expect(early.textOf(note)).toBe('ab1234')
        expect(await standingOf(early)).toBe('at-head')
      }),
    )

    test(
      '[L26] an opening after the copy was taken is unknown to it, whatever its seq',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        await commit(subject.log, a.write('a'))
        const backup = await subject.backup()
        await subject.reopen()
        await commit(subject.log, a.write('b'))
        const later = await new Reader().readAll(subject.log)
        const onlyFirst = { ...(later.cursor as Cursor), seq: 1 }
        await subject.restore(backup)
        expect((await subject.log.locate(notes, later.cursor as Cursor)).standing).toBe(
          'unknown-term',
        )
        expect((await subject.log.locate(notes, onlyFirst)).standing).toBe('unknown-term')
      }),
    )

    test(
      '[L26] terms end in each collection by itself: a quiet one stays valid throughout',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        const quiet = new Writer(2, { collection: collectionOf('quiet') })
        await commit(subject.log, a.write('a'), quiet.write('q'))
        const first = { archive: subject.log.archive, term: subject.log.term }
        await subject.reopen()
        await commit(subject.log, a.write('b'))
        const { log } = subject
        expect((await log.locate(notes, { ...first, seq: 1 })).standing).toBe('behind')
        expect((await log.locate(notes, { ...first, seq: 2 })).standing).toBe('ahead')
        expect((await log.locate(collectionOf('quiet'), { ...first, seq: 1 })).standing).toBe(
          'at-head',
        )
        expect((await log.locate(collectionOf('quiet'), { ...first, seq: 2 })).standing).toBe(
          'ahead',
        )
      }),
    )

    test(
      '[I13] [L48] after a restore everything comes back that any writer still holds',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        const b = new Writer(2)
        await commit(subject.log, a.write('a'))
        const backup = await subject.backup()
        b.learn(...a.ops)
        await commit(subject.log, a.write('lost'), b.write('too'))
        await subject.restore(backup)
        // Each sends what it holds; nobody knows what is missing, and nothing is stored twice.
        expect(await answers(subject.log, a.upload(), b.upload())).toEqual(['2', '3'])
        expect(await answers(subject.log, ...a.ops, ...b.ops)).toEqual(['1=', '3=', '3='])
        a.learn(...b.ops)
        expect((await new Reader().readAll(subject.log)).textOf(note)).toBe(a.text.toJSON())
      }),
    )

    test(
      '[K8] whoever has nothing reads from 0: a compacted log is still a log',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        for (let round = 0; round < 3; round++) {
          await commit(subject.log, a.write('x'), a.write('y'))
          await compactNow(subject.log)
        }
        await subject.reopen()
        const newcomer = new Reader()
        await newcomer.readAll(subject.log)
        expect(newcomer.received).toEqual(['snapshot note-1@6'])
        expect(newcomer.textOf(note)).toBe('xyxyxy')
        expect((await subject.log.locate(notes, newcomer.cursor as Cursor)).standing).toBe(
          'at-head',
        )
      }),
    )
  })
}
