import { describe, expect, test } from 'vitest'
import { documentOf, note, notes } from './names.js'
import { answers, commit } from './outcomes.js'
import { Reader } from './reader.js'
import { onLog, type LogContract } from './subject.js'
import { asUpload, Writer } from './writer.js'

/** Two who write under one name. */
export function describeIdentity(contract: LogContract): void {
  describe('identity', () => {
    test(
      '[L12] a live op under another instance’s clientID is refused with rekey and kept aside',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const clone = new Writer(2, { clientId: 1 })
        await commit(log, a.write('mine'))
        const op = clone.write('theirs')
        expect(await answers(log, op)).toEqual(['rekey'])
        const [kept] = await log.quarantined(10)
        expect(kept).toMatchObject({
          collection: notes,
          document: note,
          id: op.id,
          size: op.bytes.length,
          bytes: op.bytes,
        })
        expect(kept?.seq).toBeUndefined()
        expect(kept?.reason).not.toBe('')
        expect((await new Reader().readAll(log)).textOf(note)).toBe('mine')
        // Re-applied under a clientID of its own, the edit is an edit like any other.
        const rekeyed = new Writer(3)
        rekeyed.learn(...a.ops)
        expect(await answers(log, rekeyed.write('theirs'))).toEqual(['2'])
        expect((await new Reader().readAll(log)).textOf(note)).toBe('minetheirs')
      }),
    )

    test(
      '[L12] that holds too if its clocks are all known: they may have other contents',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const clone = new Writer(2, { clientId: 1 })
        await commit(log, a.write('long enough'))
        expect(await answers(log, clone.write('long'))).toEqual(['rekey'])
      }),
    )

    test(
      '[L12] other bytes under one op id are refused with rekey, in another document too',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const op = a.write('a')
        await commit(log, op)
        const elsewhere = new Writer(1, { document: documentOf('note-2'), clientId: 9 })
        const other = { ...a.write('b'), id: op.id }
        expect(await answers(log, other, elsewhere.write('c'))).toEqual(['rekey', 'rekey'])
        expect((await log.quarantined(10)).map(({ document }) => document.id)).toEqual([
          'note-2',
          'note-1',
        ])
        expect(await log.head(notes)).toBe(1)
      }),
    )

    test(
      '[L12] the author of what was first uploaded by others is known once it pushes itself',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const op = a.write('mine')
        expect(await answers(log, asUpload(op), op)).toEqual(['1', '1='])
        const clone = new Writer(2, { clientId: 1 })
        expect(await answers(log, clone.write('theirs'))).toEqual(['rekey'])
        expect(await answers(log, { ...a.write('more'), id: op.id })).toEqual(['rekey'])
      }),
    )

    test(
      '[L12] an upload is never judged by who wrote it: gc changes bytes legitimately',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('long text'), a.erase(9), a.write('x'))
        const b = new Writer(2)
        b.learn(a.upload())
        b.write('y')
        // It carries client 1's clocks, garbage-collected, as part of the state of another.
        expect(await answers(log, b.upload())).toEqual(['4'])
        expect(await log.quarantined(10)).toEqual([])
        expect((await new Reader().readAll(log)).textOf(note)).toBe('xy')
      }),
    )

    test(
      '[LOG-10] one instance writes many documents, and ids in different collections are apart',
      onLog(contract, async ({ log }) => {
        const counter = { n: 0 }
        const one = new Writer(1, { counter })
        const two = new Writer(1, { counter, document: documentOf('note-2') })
        expect(await answers(log, one.write('a'), two.write('b'), one.write('c'))).toEqual([
          '1',
          '2',
          '3',
        ])
      }),
    )

    test(
      '[LOG-11] quarantine is listed newest first, and keeps bytes only up to its cap',
      onLog(
        contract,
        async ({ log }) => {
          const a = new Writer(1)
          await commit(log, a.write('mine'))
          const clone = new Writer(2, { clientId: 1 })
          for (let at = 0; at < 5; at++) await log.append([clone.write(`${at} ${'x'.repeat(100)}`)])
          const kept = await log.quarantined(3)
          expect(kept.map(({ id }) => id?.n)).toEqual([5, 4, 3])
          const all = await log.quarantined(10)
          expect(all.map(({ bytes }) => bytes !== undefined)).toEqual([
            false,
            false,
            false,
            true,
            true,
          ])
          expect(all.every(({ size }) => size > 100)).toBe(true)
          expect((await log.statistics()).quarantined).toBe(5)
        },
        { maxQuarantineBytes: 300 },
      ),
    )
  })
}
