import type { Log } from '@holdfast/archive'
import { describe, expect, test } from 'vitest'
import { compactNow } from './build.js'
import { leaseOf, note, notes } from './names.js'
import { answers, commit } from './outcomes.js'
import { Reader } from './reader.js'
import { onLog, type LogContract } from './subject.js'
import { Writer } from './writer.js'

/** Opening, closing, and storage that changes by itself. */
export function describeLifecycle(contract: LogContract): void {
  describe('lifecycle', () => {
    test(
      '[L34] closing finishes what was begun, and nothing begins after it',
      onLog(contract, async (subject) => {
        const { log } = subject
        const a = new Writer(1)
        const pending = [commit(log, a.write('1')), commit(log, a.write('2'))]
        const closed = log.close()
        await expect(log.append([a.write('3')])).rejects.toMatchObject({ code: 'closed' })
        expect((await Promise.all(pending)).flat().map(({ seq }) => seq)).toEqual([1, 2])
        await closed
        await log.close()
        for (const call of everyCall(log)) {
          await expect(call()).rejects.toMatchObject({ name: 'LogError', code: 'closed' })
        }
        await subject.reopen()
        expect((await new Reader().readAll(subject.log)).textOf(note)).toBe('12')
      }),
    )

    test(
      '[LOG-45] one storage is open once: the second opening is told so, and takes nothing from the first',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        await commit(subject.log, a.write('1'))
        await expect(subject.openSecond()).rejects.toMatchObject({
          name: 'LogError',
          code: 'in-use',
        })
        expect(await answers(subject.log, a.write('2'))).toEqual(['2'])
        await subject.reopen()
        expect((await new Reader().readAll(subject.log)).textOf(note)).toBe('12')
      }),
    )

    if (contract.canDamage === true) {
      test(
        '[L56] a letter that flips in a row is noticed; the rest is read, and the row comes back by itself',
        onLog(contract, async (subject) => {
          const { log, damage } = subject
          const a = new Writer(1)
          const [one, two, three] = [a.write('first '), a.write('second '), a.write('third')]
          await commit(log, one, two, three)
          const gaps: unknown[] = []
          log.onCommit((announced) => gaps.push(...announced.gaps))
          await damage?.row('notes', 'note-1', 2)
          const reader = await new Reader().readAll(log)
          expect(reader.received).toEqual(['row note-1@1', 'row note-1@3'])
          expect(await log.quarantined(10)).toMatchObject([{ seq: 2, document: note, id: two.id }])
          expect(gaps).toEqual([
            { collection: notes, document: note, missing: new Map([[1, [6, 13]]]) },
          ])
          expect(await log.latest(notes, note.id)).toMatchObject({ gapped: true, tailRows: 2 })
          expect(await answers(log, three)).toEqual(['3=?'])
          expect(await answers(log, two, three)).toEqual(['4', '3='])
          expect((await reader.readAll(log)).textOf(note)).toBe('first second third')
          await subject.reopen()
          expect((await new Reader().readAll(subject.log)).textOf(note)).toBe('first second third')
        }),
      )

      test(
        '[L56] a damaged row that a good snapshot stands for is no loss, wherever a reader is',
        onLog(contract, async ({ log, damage }) => {
          const a = new Writer(1)
          await commit(log, ...['1', '2', '3', '4'].map((text) => a.write(text)))
          const reader = new Reader()
          await reader.readPage(log, { maxEntries: 1 })
          await log.leases.start(leaseOf(1), 1)
          await compactNow(log)
          await damage?.row('notes', 'note-1', 3)
          await reader.readAll(log, { maxEntries: 1 })
          expect(reader.textOf(note)).toBe('1234')
          expect((await new Reader().readAll(log)).textOf(note)).toBe('1234')
          expect(await log.latest(notes, note.id)).toMatchObject({ gapped: false })
        }),
      )

      test(
        '[L56] a damaged snapshot whose rows are gone makes a gap, which whoever holds them closes',
        onLog(contract, async (subject) => {
          const { log, damage } = subject
          const a = new Writer(1)
          await commit(log, a.write('pruned '))
          await compactNow(log)
          await commit(log, a.write('kept'))
          await damage?.newestSnapshot('notes', 'note-1')
          const reader = await new Reader().readAll(log)
          expect(reader.received).toEqual(['row note-1@2'])
          expect((await log.gaps(notes, 10))[0]?.missing).toEqual(new Map([[1, [0, 7]]]))
          expect(await log.quarantined(10)).toHaveLength(1)
          expect(await answers(log, a.upload())).toEqual(['3'])
          expect((await reader.readAll(log)).textOf(note)).toBe('pruned kept')
          await subject.crash()
          await compactNow(subject.log)
          expect((await new Reader().readAll(subject.log)).textOf(note)).toBe('pruned kept')
        }),
      )
    }
  })
}

function everyCall(log: Log): readonly (() => Promise<unknown>)[] {
  const { archive, term, leases, compaction } = log
  const op = new Writer(1).write('x')
  const lease = leaseOf(1)
  return [
    () => log.append([op]),
    () => log.delete(notes, note),
    () => log.read({ collection: notes, after: 0, maxBytes: 1, maxEntries: 1 }),
    () => log.locate(notes, { archive, term, seq: 0 }),
    () => log.head(notes),
    () => log.state(notes, note),
    () => log.collections({ limit: 1 }),
    () => log.documents({ collection: notes, limit: 1 }),
    () => log.latest(notes, note.id),
    () => log.touchesDeleted(notes, note.id, op.bytes),
    () => log.gaps(notes, 1),
    () => log.quarantined(1),
    () => log.statistics(),
    () => leases.start(lease, 0),
    () => leases.sent(lease, 0),
    () => leases.ack(lease, 0),
    () => leases.seen(lease),
    () => leases.live(lease, true),
    () => leases.end(lease),
    () => leases.list(notes),
    () => compaction.ripe(1),
    () => compaction.source(notes, note),
    () => compaction.retire(notes, note, 1),
    () => compaction.settle(notes, note),
    () => compaction.failed(notes, note, 'x'),
    () => compaction.quarantine(notes, note, 1, 'x'),
    () => compaction.judgeHint({ lease, document: note, seq: 0, snapshot: op.bytes }),
  ]
}
