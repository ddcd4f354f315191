import type { Log } from '@holdfast/archive'
import { describe, expect, test } from 'vitest'
import { compactNow, publishNow, retireAll } from './build.js'
import { documentOf, leaseOf, note, notes } from './names.js'
import { answers, commit } from './outcomes.js'
import { Reader } from './reader.js'
import { onLog, type LogContract } from './subject.js'
import { Writer } from './writer.js'

/** Which rows go, when it is worth it, and what stays true while they do. */
export function describeRetiring(contract: LogContract): void {
  describe('retiring', () => {
    test(
      '[L3] no active peer never licenses deletion: only the snapshot does',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('1'), a.write('2'))
        expect(await retireAll(log)).toEqual({
          removed: 0,
          retained: 0,
          prunedThrough: 0,
          more: false,
        })
        await publishNow(log)
        await commit(log, a.write('3'))
        expect(await retireAll(log)).toEqual({
          removed: 2,
          retained: 0,
          prunedThrough: 2,
          more: false,
        })
        expect((await new Reader().readAll(log)).textOf(note)).toBe('123')
        expect(await log.compaction.retire(notes, documentOf('unheard-of'), 9)).toMatchObject({
          removed: 0,
          more: false,
        })
      }),
    )

    test(
      '[L4] a collection whose rows are all gone goes on counting, over restarts too',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        await commit(subject.log, a.write('1'), a.write('2'), a.write('3'))
        const reader = await new Reader().readAll(subject.log)
        await compactNow(subject.log)
        expect((await subject.log.statistics()).rows).toBe(0)
        await subject.crash()
        expect(await subject.log.head(notes)).toBe(3)
        expect(await answers(subject.log, a.write('4'))).toEqual(['4'])
        expect((await reader.readAll(subject.log)).textOf(note)).toBe('1234')
      }),
    )

    test(
      '[LOG-41] rows go oldest first, in batches, up to the lowest ack of the active leases',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, ...Array.from({ length: 10 }, (_, at) => a.write(`${at}`)))
        for (const [replica, ack] of [
          [1, 9],
          [2, 7],
        ] as const) {
          await log.leases.start(leaseOf(replica), 0)
          await log.leases.sent(leaseOf(replica), 10)
          await log.leases.ack(leaseOf(replica), ack)
        }
        await publishNow(log)
        const results = []
        for (let at = 0; at < 4; at++) results.push(await log.compaction.retire(notes, note, 3))
        expect(results).toEqual([
          { removed: 3, retained: 7, prunedThrough: 3, more: true },
          { removed: 3, retained: 4, prunedThrough: 6, more: true },
          { removed: 1, retained: 3, prunedThrough: 7, more: false },
          { removed: 0, retained: 3, prunedThrough: 7, more: false },
        ])
        expect((await log.statistics()).retiredRows).toBe(7)
        // The laggard goes on where it was, from rows.
        await log.leases.ack(leaseOf(2), 10)
        expect(await retireAll(log)).toMatchObject({ removed: 2, prunedThrough: 9 })
        await log.leases.end(leaseOf(1))
        expect(await retireAll(log)).toMatchObject({ removed: 1, retained: 0, prunedThrough: 10 })
      }),
    )

    test(
      '[K1] the last row that everybody has acked goes too, and then nothing is ripe any more',
      onLog(
        contract,
        async ({ log }) => {
          const a = new Writer(1)
          await commit(log, a.write('1'), a.write('2'))
          await log.leases.start(leaseOf(1), 0)
          await log.leases.sent(leaseOf(1), 2)
          // Over the threshold, and nothing that could go.
          expect(await log.compaction.ripe(10)).toEqual([])
          await log.leases.ack(leaseOf(1), 2)
          expect(await log.compaction.ripe(10)).toEqual([
            {
              collection: notes,
              document: note,
              freedRows: 2,
              freedBytes: a.ops.reduce((sum, { bytes }) => sum + bytes.length, 0),
              gapped: false,
            },
          ])
          expect(await compactNow(log)).toMatchObject({ removed: 2, retained: 0, prunedThrough: 2 })
          expect(await log.compaction.ripe(10)).toEqual([])
        },
        { ripeRows: 2 },
      ),
    )

    test(
      '[K3] a laggard holds back at most so many rows; then the snapshot is for it',
      onLog(
        contract,
        async ({ log }) => {
          const a = new Writer(1)
          const laggard = new Reader()
          await commit(log, a.write('0'))
          await laggard.readAll(log)
          await log.leases.start(leaseOf(1), 1)
          await commit(log, ...Array.from({ length: 20 }, () => a.write('x')))
          const [ripe] = await log.compaction.ripe(10)
          expect(ripe).toMatchObject({ freedRows: 16 })
          expect(await compactNow(log)).toMatchObject({ removed: 16, retained: 5 })
          expect((await laggard.readAll(log)).textOf(note)).toBe(a.text.toJSON())
          expect(laggard.received[1]).toBe('snapshot note-1@16')
        },
        { ripeRows: 10, maxTailRows: 5 },
      ),
    )

    test(
      '[K3] at most so many bytes',
      onLog(
        contract,
        async ({ log }) => {
          const a = new Writer(1)
          await log.leases.start(leaseOf(1), 0)
          await commit(log, ...Array.from({ length: 20 }, () => a.write('x'.repeat(100))))
          const { retained } = await compactNow(log)
          const { tailBytes, tailRows } = await latest(log)
          expect(tailRows).toBe(retained)
          expect(tailBytes).toBeLessThanOrEqual(1_000)
          expect(tailBytes).toBeGreaterThan(800)
          expect((await new Reader().readAll(log)).textOf(note)).toBe(a.text.toJSON())
        },
        { maxTailBytes: 1_000 },
      ),
    )

    test(
      '[K3] and for so long at most',
      onLog(
        contract,
        async (subject) => {
          const { log } = subject
          const a = new Writer(1)
          await log.leases.start(leaseOf(1), 0)
          await commit(log, a.write('old'))
          await subject.advance(6_000)
          await commit(log, a.write('new'))
          expect(await compactNow(log)).toMatchObject({ removed: 0, retained: 2 })
          await subject.advance(4_001)
          expect(await retireAll(log)).toMatchObject({ removed: 1, retained: 1 })
        },
        { maxTailAgeMs: 10_000 },
      ),
    )

    test(
      '[K5] what frees most comes first, and only what is over a threshold at all',
      onLog(
        contract,
        async ({ log }) => {
          for (const [at, [rows, size]] of (
            [
              [3, 10],
              [4, 500],
              [5, 100],
              [2, 50],
            ] as const
          ).entries()) {
            const writer = new Writer(at + 1, { document: documentOf(`note-${at}`) })
            const ops = Array.from({ length: rows }, () => writer.write('x'.repeat(size)))
            await commit(log, ...ops)
          }
          const ripe = await log.compaction.ripe(10)
          expect(ripe.map(({ document }) => document.id)).toEqual(['note-1', 'note-2', 'note-0'])
          expect(ripe.map(({ freedRows }) => freedRows)).toEqual([4, 5, 3])
          expect((await log.compaction.ripe(2)).map(({ document }) => document.id)).toEqual([
            'note-1',
            'note-2',
          ])
        },
        { ripeRows: 3 },
      ),
    )

    test(
      '[K4] a document is ripe by bytes too, if its tail is a fair part of its snapshot',
      onLog(
        contract,
        async ({ log }) => {
          const a = new Writer(1)
          await commit(log, a.write('x'.repeat(50_000)))
          expect(await log.compaction.ripe(10)).toMatchObject([{ document: note }])
          await compactNow(log)
          await commit(log, a.write('y'.repeat(1_500)))
          expect(await log.compaction.ripe(10)).toEqual([])
          await commit(log, a.write('y'.repeat(50_000)))
          expect(await log.compaction.ripe(10)).toMatchObject([{ freedRows: 2 }])
        },
        { ripeBytes: 1_000 },
      ),
    )

    test(
      '[L32] [I2] a crash after any step of a compaction loses nothing, and the next goes on',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        const steps = [
          () => publishNow(subject.log),
          () => subject.log.compaction.retire(notes, note, 2),
          () => subject.log.compaction.retire(notes, note, 2),
          () => subject.log.compaction.settle(notes, note),
          () => retireAll(subject.log),
        ]
        for (const step of [...steps, ...steps]) {
          await commit(subject.log, a.write('x'), a.write('y'))
          await step()
          await subject.crash()
          const reader = await new Reader().readAll(subject.log, { maxEntries: 2 })
          expect(reader.textOf(note)).toBe(a.text.toJSON())
          const { prunedThrough, lastSeq } = await latest(subject.log)
          expect(lastSeq).toBe(a.ops.length)
          expect(prunedThrough).toBeLessThanOrEqual(lastSeq)
        }
        await compactNow(subject.log)
        expect(await subject.log.statistics()).toMatchObject({ rows: 0, snapshots: 1 })
      }),
    )

    test(
      '[LOG-42] settling once keeps one generation of snapshots, settling nothing is no harm',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        expect(await log.compaction.settle(notes, note)).toBe('settled')
        for (let round = 0; round < 3; round++) {
          await commit(log, a.write('x'))
          await publishNow(log)
          expect((await log.statistics()).snapshots).toBeLessThanOrEqual(2)
          expect(await log.compaction.settle(notes, note)).toBe('settled')
          expect((await log.statistics()).snapshots).toBe(1)
        }
      }),
    )

    if (contract.canDamage === true) {
      test(
        '[I4] no row goes on the word of a snapshot that does not read back',
        onLog(contract, async ({ log, damage }) => {
          const a = new Writer(1)
          await commit(log, a.write('1'))
          await compactNow(log)
          await commit(log, a.write('2'))
          await publishNow(log)
          await damage?.newestSnapshot('notes', 'note-1')
          expect(await retireAll(log)).toMatchObject({ removed: 0, prunedThrough: 1 })
          const reader = await new Reader().readAll(log)
          expect(reader.received).toEqual(['snapshot note-1@1', 'row note-1@2'])
          expect(reader.textOf(note)).toBe('12')
          expect(await compactNow(log)).toMatchObject({ removed: 1, prunedThrough: 2 })
          expect((await new Reader().readAll(log)).textOf(note)).toBe('12')
        }),
      )

      test(
        '[I4] settling says that a snapshot is damaged, and the older one stands again',
        onLog(contract, async ({ log, damage }) => {
          const a = new Writer(1)
          await commit(log, a.write('1'))
          await compactNow(log)
          await commit(log, a.write('2'))
          await publishNow(log)
          await damage?.newestSnapshot('notes', 'note-1')
          expect(await log.compaction.settle(notes, note)).toBe('damaged')
          expect(await log.compaction.settle(notes, note)).toBe('settled')
          expect((await log.compaction.source(notes, note))?.previous?.seq).toBe(1)
          expect((await new Reader().readAll(log)).textOf(note)).toBe('12')
        }),
      )
    }
  })
}

async function latest(log: Log): Promise<NonNullable<Awaited<ReturnType<Log['latest']>>>> {
  const summary = await log.latest(notes, note.id)
  if (summary === undefined) throw new Error('no such document')
  return summary
}
