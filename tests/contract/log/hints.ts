import type { Hint } from '@holdfast/archive'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { compactNow } from './build.js'
import { documentOf, leaseOf, note } from './names.js'
import { commit } from './outcomes.js'
import { Reader } from './reader.js'
import { onLog, type LogContract } from './subject.js'
import { Writer } from './writer.js'

/** What a peer says that it holds. Nothing rests on it. */
export function describeHints(contract: LogContract): void {
  describe('hints', () => {
    test(
      '[LOG-43] a peer that holds what it acked is agreed with, also if it holds more',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('abc'), a.erase(1), a.write('d'))
        const reader = await new Reader().readAll(log)
        const hint = await hintOf(log, 3, snapshotOf(reader.docOf(note)))
        expect(await log.compaction.judgeHint(hint)).toEqual({ verdict: 'agreed' })
        a.write('local')
        expect(await log.compaction.judgeHint({ ...hint, snapshot: snapshotOf(a.ydoc) })).toEqual({
          verdict: 'agreed',
        })
        // What came after its ack is not asked of it.
        await commit(log, ...a.ops.slice(3))
        expect(await log.compaction.judgeHint(hint)).toEqual({ verdict: 'agreed' })
        expect(
          await log.compaction.judgeHint({ ...hint, document: documentOf('unheard-of') }),
        ).toEqual({ verdict: 'agreed' })
        expect((await log.statistics()).laggards).toBe(0)
      }),
    )

    test(
      '[L6] a peer that lacks structs or deletions of what it acked is told what, and is counted',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const stale = new Y.Doc()
        await commit(log, a.write('abc'))
        Y.applyUpdate(stale, a.upload().bytes)
        await commit(log, a.write('d'), a.erase(1))
        const hint = await hintOf(log, 3, snapshotOf(stale))
        expect(await log.compaction.judgeHint(hint)).toEqual({
          verdict: 'laggard',
          missing: new Map([[1, [0, 1, 3, 4]]]),
        })
        expect(
          await log.compaction.judgeHint({ ...hint, snapshot: snapshotOf(new Y.Doc()) }),
        ).toEqual({ verdict: 'laggard', missing: new Map([[1, [0, 4]]]) })
        expect((await log.statistics()).laggards).toBe(2)
        // It costs it nothing, and the log nothing: what is retired rests on the snapshot alone.
        expect(await compactNow(log)).toMatchObject({ removed: 3 })
        expect((await new Reader().readAll(log)).textOf(note)).toBe('bcd')
      }),
    )

    test(
      '[L9] [L10] hints beyond an ack, of no lease, or of bytes that do not read are refused',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('abc'))
        const good = await hintOf(log, 1, snapshotOf(a.ydoc))
        const codeOf = async (hint: Hint) => {
          const judged = await log.compaction.judgeHint(hint)
          return judged.verdict === 'refused' ? judged.refusal.code : judged.verdict
        }
        expect(await codeOf({ ...good, seq: 2 })).toBe('ack-beyond-sent')
        expect(await codeOf({ ...good, lease: leaseOf(9) })).toBe('lease-ended')
        const garbage = Uint8Array.of(255, 255, 255, 255, 255, 255, 255)
        expect(await codeOf({ ...good, snapshot: garbage })).toBe('malformed-update')
        expect((await log.statistics()).laggards).toBe(0)
        expect(await codeOf(good)).toBe('agreed')
      }),
    )

    test(
      '[LOG-44] what is parked is not asked of anybody',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const [one, , three] = [a.write('1'), a.write('2'), a.write('3')]
        await commit(log, one, three)
        const reader = await new Reader().readAll(log)
        const hint = await hintOf(log, 2, snapshotOf(reader.docOf(note)))
        expect(await log.compaction.judgeHint(hint)).toEqual({ verdict: 'agreed' })
      }),
    )
  })
}

async function hintOf(
  log: Parameters<typeof commit>[0],
  seq: number,
  snapshot: Uint8Array,
): Promise<Hint> {
  const lease = leaseOf(1)
  await log.leases.start(lease, 0)
  await log.leases.sent(lease, seq)
  await log.leases.ack(lease, seq)
  return { lease, document: note, seq, snapshot }
}

function snapshotOf(doc: Y.Doc): Uint8Array {
  return Y.encodeSnapshot(Y.snapshot(doc))
}
