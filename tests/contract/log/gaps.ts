import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { note, notes } from './names.js'
import { compactNow } from './build.js'
import { answers, commit, commitsOf, refusalOf } from './outcomes.js'
import { Reader } from './reader.js'
import { onLog, type LogContract } from './subject.js'
import { asUpload, docOf, hasPending, textOf, Writer, type LiveOp } from './writer.js'

/** What came before its predecessors. */
export function describeGaps(contract: LogContract): void {
  describe('gaps', () => {
    test(
      '[L19] an op without its predecessors is stored, is not called archived, and is asked for',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const commits = commitsOf(log)
        const [one, two, three] = [a.write('1'), a.write('2'), a.write('3')]
        expect(await answers(log, one, three)).toEqual(['1', '2?'])
        expect(commits.at(-1)?.gaps).toEqual([
          { collection: notes, document: note, missing: new Map([[1, [1, 2]]]) },
        ])
        expect(await log.gaps(notes, 10)).toEqual(commits.at(-1)?.gaps)
        expect(await log.latest(notes, note.id)).toMatchObject({ gapped: true })
        expect(await log.statistics()).toMatchObject({
          gappedDocuments: 1,
          parkedBytes: three.bytes.length,
        })
        // Sent again it is still not archived, in whatever guise.
        expect(await answers(log, three, asUpload(three))).toEqual(['2=?', '2=?'])

        expect(await answers(log, two)).toEqual(['3'])
        expect(commits.at(-1)?.gaps).toEqual([
          { collection: notes, document: note, missing: new Map() },
        ])
        expect(await answers(log, three)).toEqual(['2='])
        expect(await log.gaps(notes, 10)).toEqual([])
        expect(await log.statistics()).toMatchObject({ gappedDocuments: 0, parkedBytes: 0 })
      }),
    )

    test(
      '[L19] a missing origin is a gap although no clock is missing',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const b = new Writer(2)
        const origin = a.write('origin')
        b.learn(origin)
        const reply = b.write(' reply')
        expect(await answers(log, reply)).toEqual(['1?'])
        expect((await log.gaps(notes, 10))[0]?.missing).toEqual(new Map([[1, [0, 6]]]))
        expect(await answers(log, origin, reply)).toEqual(['2', '1='])
      }),
    )

    test(
      '[L19] so is a missing parent, and something deleted that nobody has seen yet',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const map = new Y.Map<string>()
        const made = a.edit(() => a.ydoc.getMap('map').set('inner', map))
        const b = new Writer(2)
        b.learn(made)
        const inner = b.ydoc.getMap<Y.Map<string>>('map').get('inner')
        const nested = b.edit(() => inner?.set('key', 'value'))
        const c = new Writer(3)
        c.learn(made, nested)
        const erased = c.edit(() => c.ydoc.getMap('map').delete('inner'))
        expect(await answers(log, erased)).toEqual(['1?'])
        expect(await answers(log, nested)).toEqual(['2?'])
        expect(await answers(log, made)).toEqual(['3'])
        expect(await answers(log, erased, nested)).toEqual(['1=', '2='])
      }),
    )

    test(
      '[L19] gaps close one after the other, however deep, and in one group too',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const b = new Writer(2)
        for (let round = 0; round < 10; round++) {
          b.learn(a.write('a'))
          a.learn(b.write('b'))
        }
        const backwards = a.ops.flatMap((op, at) => [op, b.ops[at] as LiveOp]).toReversed()
        const root = backwards.pop() as LiveOp
        const parked = await answers(log, ...backwards)
        expect(parked).toEqual(backwards.map((_, at) => `${at + 1}?`))
        expect(await answers(log, root)).toEqual(['20'])
        expect(await answers(log, ...backwards)).toEqual(backwards.map((_, at) => `${at + 1}=`))
        const reader = await new Reader().readAll(log)
        expect(reader.textOf(note)).toBe(a.text.toJSON())
      }),
    )

    test(
      '[L19] a gap closes to its end while another one stays open',
      onLog(contract, async ({ log }) => {
        const stranded = new Writer(9)
        const [, forever] = [stranded.write('lost'), stranded.write('!')]
        const a = new Writer(1)
        const [one, two, three, four] = [a.write('1'), a.write('2'), a.write('3'), a.write('4')]
        expect(await answers(log, forever, four, three, two)).toEqual(['1?', '2?', '3?', '4?'])
        expect(await answers(log, one, two, three, four, forever)).toEqual([
          '5',
          '4=',
          '3=',
          '2=',
          '1=?',
        ])
        expect((await log.gaps(notes, 10))[0]?.missing).toEqual(new Map([[9, [0, 4]]]))
      }),
    )

    test(
      '[LOG-12] a gap that opens and closes within a group was never there',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const [one, two, three] = [a.write('1'), a.write('2'), a.write('3')]
        const commits = commitsOf(log)
        expect(await answers(log, three, two, one)).toEqual(['1', '2', '3'])
        expect(commits.flatMap(({ gaps }) => gaps)).toEqual([])
        expect(await log.gaps(notes, 10)).toEqual([])
      }),
    )

    test(
      '[LOG-13] a gap that grows is told again, with all that is missing',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const b = new Writer(2)
        const [, a2] = [a.write('1'), a.write('2')]
        const [, b2] = [b.write('1'), b.write('2')]
        const commits = commitsOf(log)
        await commit(log, a2)
        await commit(log, b2)
        expect(commits.map(({ gaps }) => gaps[0]?.missing)).toEqual([
          new Map([[1, [0, 1]]]),
          new Map([
            [1, [0, 1]],
            [2, [0, 1]],
          ]),
        ])
      }),
    )

    test(
      '[LOG-14] uploads with holes that fill each other close the gap together',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const [one, two, three, four] = [a.write('1'), a.write('2'), a.write('3'), a.write('4')]
        const odd = { ...asUpload(one), bytes: Y.mergeUpdates([one.bytes, three.bytes]) }
        const even = { ...asUpload(one), bytes: Y.mergeUpdates([two.bytes, four.bytes]) }
        expect(await answers(log, odd)).toEqual(['1?'])
        expect(await answers(log, even)).toEqual(['2'])
        expect(await answers(log, odd, a.upload())).toEqual(['2=', '2='])
        expect((await new Reader().readAll(log)).textOf(note)).toBe('1234')
      }),
    )

    test(
      '[LOG-14] they do so too when the last gap beside them closes',
      onLog(contract, async ({ log }) => {
        const late = new Writer(9)
        const [first, second] = [late.write('x'), late.write('y')]
        const a = new Writer(1)
        const [one, two, three, four] = [a.write('1'), a.write('2'), a.write('3'), a.write('4')]
        const odd = { ...asUpload(one), bytes: Y.mergeUpdates([one.bytes, three.bytes]) }
        const even = { ...asUpload(one), bytes: Y.mergeUpdates([two.bytes, four.bytes]) }
        await commit(log, second, odd, even)
        expect(await answers(log, first)).toEqual(['4'])
        expect(await answers(log, second, odd, even)).toEqual(['1=', '4=', '4='])
        expect(await log.gaps(notes, 10)).toEqual([])
      }),
    )

    test(
      '[LOG-15] bytes that close a gap are stored although parked rows hold each part of them',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const b = new Writer(2)
        const stranded = new Writer(3)
        const [one, two, three, four] = [a.write('1'), a.write('2'), a.write('3'), a.write('4')]
        b.learn(one, two, three, four)
        stranded.write('x')
        const upload = (...parts: readonly LiveOp[]) => ({
          ...asUpload(one),
          bytes: Y.mergeUpdates(parts.map(({ bytes }) => bytes)),
        })
        // What client 3 wrote first is missing for good, so the gap of the others is not looked at.
        await commit(log, stranded.write('y'), upload(one, three), upload(two, four))
        expect(await answers(log, upload(one, three))).toEqual(['3=?'])
        expect(await answers(log, b.upload())).toEqual(['4'])
        expect(await answers(log, upload(one, three), upload(two, four))).toEqual(['4=', '4='])
        expect((await log.gaps(notes, 10))[0]?.missing).toEqual(new Map([[3, [0, 1]]]))
      }),
    )

    test(
      '[LOG-16] parked bytes are bounded: beyond them predecessors come first',
      onLog(
        contract,
        async ({ log }) => {
          const a = new Writer(1)
          const first = a.write('first')
          const ops = Array.from({ length: 4 }, () => a.write('x'.repeat(60)))
          const codes = await answers(log, ...ops)
          expect(codes.slice(0, 2)).toEqual(['1?', '2?'])
          expect(codes.slice(2)).toEqual(['predecessors-first', 'predecessors-first'])
          // Once they have come, the same ops are taken.
          expect(await answers(log, first, ...ops)).toEqual(['3', '1=', '2=', '4', '5'])
        },
        { maxParkedBytes: 200 },
      ),
    )

    test(
      '[LOG-17] what refers or deletes far ahead of what is known is not parked',
      onLog(
        contract,
        async ({ log }) => {
          const a = new Writer(1)
          await commit(log, a.write('1'))
          a.write('x'.repeat(100))
          const near = a.write('2')
          a.write('x'.repeat(1_000))
          const far = a.write('3')
          expect(await answers(log, near)).toEqual(['2?'])
          expect(await refusalOf(log, far)).toBe('predecessors-first')
        },
        { maxAheadClocks: 1_000 },
      ),
    )

    test(
      '[L19] [I11] parked rows reach readers as rows, and state keeps them apart',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const [one, two, three] = [a.write('1'), a.write('2'), a.write('3')]
        await commit(log, one, three)
        const reader = await new Reader().readAll(log)
        expect(reader.textOf(note)).toBe('1')
        const state = await log.state(notes, note)
        expect(state?.through).toBe(2)
        expect(state?.parked).toEqual([three.bytes])
        expect(hasPending(docOf([state?.bytes ?? new Uint8Array()]))).toBe(false)
        await commit(log, two)
        expect((await reader.readAll(log)).textOf(note)).toBe('123')
        expect((await log.state(notes, note))?.parked).toEqual([])
      }),
    )

    test(
      '[LOG-26] [K13] what is parked comes merged by the log where the caller can use fewer updates',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const [one, two, three, four] = [a.write('1'), a.write('2'), a.write('3'), a.write('4')]
        await commit(log, one, three, four)
        const apart = await log.state(notes, note, undefined, { maxParked: 2 })
        expect(apart?.parked).toEqual([three.bytes, four.bytes])
        const beside = await log.state(notes, note, undefined, { maxParked: 1 })
        expect(beside).toMatchObject({ bytes: apart?.bytes, through: apart?.through })
        expect(beside?.parked).toHaveLength(1)
        const [parked = new Uint8Array()] = beside?.parked ?? []
        const whole = await log.state(notes, note, undefined, { maxParked: 0 })
        expect(whole?.parked).toEqual([])
        for (const updates of [[beside?.bytes, parked], [whole?.bytes]]) {
          const all = [...updates, two.bytes].map((bytes) => bytes ?? new Uint8Array())
          expect(textOf(all)).toBe('1234')
        }
      }),
    )

    test(
      '[LOG-55] the ids of what is stored, integrated and parked, without the bytes',
      onLog(contract, async ({ log }) => {
        expect(await log.ids(notes, note)).toBeUndefined()
        const a = new Writer(1)
        const [one, two, three] = [a.write('1'), a.write('2'), a.write('3')]
        await commit(log, one, three)
        expect(await log.ids(notes, note)).toEqual({
          integrated: new Map([[1, [0, 1]]]),
          parked: new Map([[1, [2, 3]]]),
          through: 2,
        })
        await commit(log, two)
        const whole = { integrated: new Map([[1, [0, 3]]]), parked: new Map(), through: 3 }
        expect(await log.ids(notes, note)).toEqual(whole)
        await compactNow(log)
        expect(await log.ids(notes, note)).toEqual(whole)
      }),
    )
  })
}
