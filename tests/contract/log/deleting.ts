import { describe, expect, test } from 'vitest'
import { compactNow } from './build.js'
import { collectionOf, documentOf, note, notes } from './names.js'
import { answers, commit, commitsOf } from './outcomes.js'
import { Reader } from './reader.js'
import { onLog, type LogContract } from './subject.js'
import { asUpload, textOf, Writer } from './writer.js'

/** A document's end, and what comes after it. */
export function describeDeleting(contract: LogContract): void {
  describe('deleting', () => {
    test(
      '[LOG-29] deleting is an entry like any other, and doing it twice is doing it once',
      onLog(contract, async (subject) => {
        const { log } = subject
        await commit(log, new Writer(1).write('a'))
        const commits = commitsOf(log)
        expect(await log.delete(notes, note)).toEqual({ status: 'committed', seq: 2, added: true })
        expect(commits).toMatchObject([
          {
            entries: [{ collection: notes, entry: { kind: 'tombstone', seq: 2, document: note } }],
          },
        ])
        expect(await log.delete(notes, note)).toEqual({ status: 'committed', seq: 2, added: false })
        await subject.crash()
        expect(await subject.log.delete(notes, note)).toMatchObject({ seq: 2, added: false })
        expect(await subject.log.latest(notes, note.id)).toMatchObject({
          deleted: true,
          lastSeq: 2,
        })
        const reader = await new Reader().readAll(subject.log)
        expect(reader.hasDeleted(note)).toBe(true)
        expect(reader.received.at(-1)).toBe('tombstone note-1@2')
      }),
    )

    test(
      '[L35] what has ended does not come back, by whatever mix of old edits, states and ids',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        const known = a.write('known')
        await commit(subject.log, known)
        await compactNow(subject.log)
        const late = a.write(' late')
        await subject.log.delete(notes, note)
        const b = new Writer(2)
        b.learn(...a.ops)
        const attempts = [known, late, asUpload(known), a.upload(), b.write('!'), b.upload()]
        const refused = attempts.map(() => 'document-deleted')
        expect(await answers(subject.log, ...attempts)).toEqual(refused)
        await subject.crash()
        expect(await answers(subject.log, ...attempts)).toEqual(refused)
        expect(await subject.log.compaction.source(notes, note)).toBeUndefined()
        const { received } = await new Reader().readAll(subject.log)
        expect(received.filter((entry) => entry.startsWith('snapshot'))).toEqual([])
        expect(received).toContain('tombstone note-1@2')
      }),
    )

    test(
      '[L35] the next generation is another document under the same name',
      onLog(contract, async (subject) => {
        const { log } = subject
        const next = documentOf('note-1', 1)
        await commit(log, new Writer(1).write('first life'))
        const second = new Writer(2, { document: next })
        const op = second.write('second life')
        expect(await answers(log, op)).toEqual(['predecessors-first'])
        await log.delete(notes, note)
        expect(await answers(log, op)).toEqual(['3'])
        expect(await answers(log, new Writer(3).write('x'))).toEqual(['document-deleted'])
        expect(await log.delete(notes, note)).toMatchObject({ added: false })
        expect(await answers(log, second.write('!'))).toEqual(['4'])
        const reader = await new Reader().readAll(log)
        expect(reader.textOf(next)).toBe('second life!')
        expect(reader.hasDeleted(note)).toBe(true)
        expect(reader.hasDeleted(next)).toBe(false)
        await subject.reopen()
        expect(await subject.log.latest(notes, note.id)).toMatchObject({
          document: next,
          deleted: false,
        })
      }),
    )

    test(
      '[LOG-30] a document that was never seen may begin with any generation, or with its end',
      onLog(contract, async ({ log }) => {
        const later = documentOf('later', 5)
        expect(await answers(log, new Writer(1, { document: later }).write('x'))).toEqual(['1'])
        expect(
          await answers(log, new Writer(2, { document: documentOf('later', 4) }).write('x')),
        ).toEqual(['document-deleted'])
        const never = documentOf('never', 3)
        expect(await log.delete(notes, never)).toMatchObject({ seq: 2, added: true })
        for (const generation of [0, 2, 3]) {
          const document = documentOf('never', generation)
          expect(await answers(log, new Writer(3, { document }).write('x'))).toEqual([
            'document-deleted',
          ])
        }
        const reborn = new Writer(4, { document: documentOf('never', 4) })
        expect(await answers(log, reborn.write('x'))).toEqual(['3'])
      }),
    )

    test(
      '[LOG-2] the first ops of a generation are judged together, in the only document there is',
      onLog(contract, async ({ log }) => {
        await log.delete(notes, note)
        const next = new Writer(1, { document: documentOf('note-1', 1) })
        const [one, two] = [next.write('1'), next.write('2')]
        expect(await answers(log, two, one, two)).toEqual(['2', '3', '2='])
        expect(await log.latest(notes, note.id)).toMatchObject({ gapped: false, tailRows: 2 })
      }),
    )

    test(
      '[LOG-31] deleting a later generation ends the earlier ones with it',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const [, second] = [a.write('1'), a.write('2')]
        await commit(log, second)
        const commits = commitsOf(log)
        const later = documentOf('note-1', 2)
        expect(await log.delete(notes, later)).toMatchObject({ seq: 2, added: true })
        expect(commits.flatMap(({ gaps }) => gaps)).toEqual([
          { collection: notes, document: note, missing: new Map() },
        ])
        expect(await log.gaps(notes, 10)).toEqual([])
        expect(await answers(log, a.write('3'))).toEqual(['document-deleted'])
        expect(await log.latest(notes, note.id)).toMatchObject({ document: later, deleted: true })
        const { documents } = await log.documents({ collection: notes, limit: 10 })
        expect(documents.map(({ deleted }) => deleted)).toEqual([true, true])
      }),
    )

    test(
      '[LOG-54] a generation after which none can be named is refused, in an op and in a deletion, and its document goes on',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('1'))
        const last = documentOf('note-1', Number.MAX_SAFE_INTEGER)
        const b = new Writer(2, { document: documentOf('note-2', Number.MAX_SAFE_INTEGER) })
        expect(await log.delete(notes, last)).toMatchObject({
          status: 'refused',
          refusal: { code: 'malformed' },
        })
        expect(await answers(log, b.write('1'), a.write('2'))).toEqual(['malformed', '2'])
        expect(await log.latest(notes, note.id)).toMatchObject({ document: note, deleted: false })
      }),
    )

    test(
      '[LOG-32] what a deleted document held can still be exported',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('pruned '))
        await compactNow(log)
        await commit(log, a.write('and not'))
        await log.delete(notes, note)
        const state = await log.state(notes, note)
        expect(textOf([state?.bytes ?? new Uint8Array()])).toBe('pruned and not')
      }),
    )

    test(
      '[L54] an update that touches clientIDs of an ended generation is told, on paths without generations',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        const parked = new Writer(2)
        const [, stranded] = [parked.write('first'), parked.write('second')]
        await commit(subject.log, a.write('a'), stranded)
        const { id } = note
        const touches = (bytes: Uint8Array) => subject.log.touchesDeleted(notes, id, bytes)
        expect(await touches(a.upload().bytes)).toBe(false)
        await compactWhatIsThere(subject.log)
        await subject.log.delete(notes, note)
        const fresh = new Writer(3, { document: documentOf('note-1', 1) })
        for (const reopened of [false, true]) {
          if (reopened) await subject.crash()
          expect(await touches(a.upload().bytes)).toBe(true)
          expect(await touches(a.write('later').bytes)).toBe(true)
          expect(await touches(a.erase(1).bytes)).toBe(true)
          expect(await touches(parked.write('third').bytes)).toBe(true)
          expect(await touches(fresh.write('new').bytes)).toBe(false)
          expect(await touches(Uint8Array.of(1, 2, 3))).toBe(false)
          expect(
            await subject.log.touchesDeleted(notes, documentOf('x').id, fresh.upload().bytes),
          ).toBe(false)
        }
        // The next generation is not haunted by itself, and still by its predecessor.
        await commit(subject.log, ...fresh.ops)
        expect(await touches(fresh.write('more').bytes)).toBe(false)
        expect(await touches(a.upload().bytes)).toBe(true)
        expect(await subject.log.touchesDeleted(collectionOf('others'), id, a.upload().bytes)).toBe(
          false,
        )
      }),
    )
  })
}

/** With a gap that is too young nothing is compacted; that is no matter here. */
async function compactWhatIsThere(log: Parameters<typeof compactNow>[0]): Promise<void> {
  if ((await log.compaction.source(notes, note)) !== undefined) await compactNow(log)
}
