import { describe, expect, test } from 'vitest'
import { collectionOf, documentOf, note, notes } from './names.js'
import { answers, commit, refusalOf } from './outcomes.js'
import { onLog, type LogContract } from './subject.js'
import { asUpload, Writer, type LiveOp } from './writer.js'

/** What the operator bounds; no client chooses any of it. */
export function describeLimits(contract: LogContract): void {
  describe('limits', () => {
    test(
      '[L9] [LOG-18] an op larger than the operator allows is refused',
      onLog(
        contract,
        async ({ log }) => {
          const a = new Writer(1)
          expect(await refusalOf(log, a.write('x'.repeat(1_000)))).toBe('op-too-large')
          expect(await log.head(notes)).toBe(0)
        },
        { maxOpBytes: 500 },
      ),
    )

    test(
      '[L9] [LOG-18] a document grows to its limit and no further, and deletions within it still come',
      onLog(
        contract,
        async ({ log }) => {
          const a = new Writer(1)
          const codes: string[] = []
          for (let at = 0; at < 12; at++) {
            codes.push(...(await answers(log, a.write('x'.repeat(100)))))
          }
          expect(codes.filter((code) => code === 'document-too-large').length).toBeGreaterThan(2)
          expect(codes.slice(0, 5)).toEqual(['1', '2', '3', '4', '5'])
          const other = new Writer(2, { document: documentOf('note-2') })
          expect(await answers(log, other.write('x'.repeat(100)))).toHaveLength(1)
          expect((await log.latest(notes, note.id))?.tailBytes).toBeLessThanOrEqual(1_000)
        },
        { maxDocumentBytes: 1_000 },
      ),
    )

    test(
      '[L9] [K11] documents and collections are counted, deleted generations too',
      onLog(
        contract,
        async ({ log }) => {
          expect(await answers(log, write('a'), write('bb'), write('ccc'))).toEqual([
            '1',
            '2',
            'too-many-documents',
          ])
          expect(await log.delete(notes, documentOf('dddd'))).toMatchObject({
            refusal: { code: 'too-many-documents' },
          })
          await log.delete(notes, documentOf('a'))
          expect(await answers(log, write('eeeee'))).toEqual(['too-many-documents'])
          expect(await answers(log, write('a', 'others'), write('a', 'third'))).toEqual([
            '1',
            'too-many-documents',
          ])
          // What exists already goes on.
          expect(
            await answers(log, new Writer(9, { document: documentOf('bb') }).write('y')),
          ).toEqual(['4'])
        },
        { maxDocumentsPerCollection: 2, maxCollections: 2 },
      ),
    )

    if (contract.canHold === true) {
      test(
        '[LOG-19] beyond what may wait for the writer, ops are refused as unavailable',
        onLog(
          contract,
          async ({ log, hold }) => {
            const a = new Writer(1)
            const held = hold?.()
            const first = commit(log, a.write('x'.repeat(600)))
            await held?.waiting
            const second = a.write('y'.repeat(600))
            expect(await refusalOf(log, second)).toBe('unavailable')
            held?.release()
            await first
            expect(await answers(log, second)).toEqual(['2'])
            expect((await log.statistics()).refusedByCode).toEqual({ unavailable: 1 })
          },
          { maxQueuedBytes: 1_000 },
        ),
      )
    }

    test(
      '[LOG-20] statistics say what is there and what was answered',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const op = a.write('a')
        await log.append([op, op, asUpload(op), { ...asUpload(op), bytes: Uint8Array.of(9) }])
        const other = new Writer(2, { collection: collectionOf('others') })
        await commit(log, other.write('b'))
        const stats = await log.statistics()
        expect(stats).toMatchObject({
          collections: 2,
          documents: 2,
          rows: 2,
          rowBytes: op.bytes.length + (other.ops[0]?.bytes.length ?? 0),
          snapshots: 0,
          snapshotBytes: 0,
          gappedDocuments: 0,
          failingDocuments: 0,
          parkedBytes: 0,
          quarantined: 0,
          leases: 0,
          appended: 2,
          contained: 2,
          refusedByCode: { 'malformed-update': 1 },
          published: 0,
          retiredRows: 0,
          failedCompactions: 0,
          laggards: 0,
        })
        expect(stats.groups).toBeGreaterThanOrEqual(2)
        expect(stats.fileBytes).toBeGreaterThan(0)
      }),
    )
  })
}

/** Somebody's first op in a document. */
function write(id: string, name = 'notes'): LiveOp {
  const place = { document: documentOf(id), collection: collectionOf(name) }
  return new Writer(id.length, place).write('x')
}
