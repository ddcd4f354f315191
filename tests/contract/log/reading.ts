import type { Entry, Page, ReadRequest } from '@holdfast/archive'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { compactNow, publishNow } from './build.js'
import { digestOf } from './content.js'
import { collectionOf, documentOf, leaseOf, note, notes } from './names.js'
import { commit, commitEach } from './outcomes.js'
import { Reader } from './reader.js'
import { onLog, type LogContract } from './subject.js'
import { docOf, textOf, Writer } from './writer.js'

const wide: Omit<ReadRequest, 'after'> = { collection: notes, maxBytes: 1e9, maxEntries: 1e6 }

/** The stream: pages, the places of snapshots in it, and states. */
export function describeReading(contract: LogContract): void {
  describe('reading', () => {
    test(
      '[LOG-21] a page starts after its cursor and is cut by number, by bytes, or not at all',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, ...Array.from({ length: 10 }, () => a.write('x'.repeat(100))))
        const size = a.ops[5]?.bytes.length ?? 0
        expect(shape(await log.read({ ...wide, after: 7 }))).toEqual([[8, 9, 10], 10, 10])
        expect(shape(await log.read({ ...wide, after: 3, maxEntries: 2 }))).toEqual([[4, 5], 5, 10])
        // The entry that reaches the bound ends the page.
        expect(shape(await log.read({ ...wide, after: 3, maxBytes: 2 * size }))).toEqual([
          [4, 5],
          5,
          10,
        ])
        expect(shape(await log.read({ ...wide, after: 3, maxBytes: 2 * size + 1 }))).toEqual([
          [4, 5, 6],
          6,
          10,
        ])
        expect(shape(await log.read({ ...wide, after: 10 }))).toEqual([[], 10, 10])
        expect(
          shape(await log.read({ ...wide, collection: collectionOf('new'), after: 0 })),
        ).toEqual([[], 0, 0])
      }),
    )

    test(
      '[LOG-22] at least one entry is returned, however large it is and however small the page',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('x'.repeat(10_000)), a.write('y'))
        const page = await log.read({ ...wide, after: 0, maxBytes: 1, maxEntries: 1 })
        expect(page).toMatchObject({ through: 1, head: 2 })
        expect(page.entries.map(seqOf)).toEqual([1])
        expect((await log.read({ ...wide, after: 1, maxBytes: 0 })).entries.map(seqOf)).toEqual([2])
      }),
    )

    test(
      '[LOG-21] a page ends at the head although the last entries are gone',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('1'), a.write('2'))
        await log.compaction.quarantine(notes, note, 2, 'as the test wants it')
        expect(shape(await log.read({ ...wide, after: 0 }))).toEqual([[1], 2, 2])
        expect(shape(await log.read({ ...wide, after: 1 }))).toEqual([[], 2, 2])
      }),
    )

    test(
      '[LOG-23] a cursor beyond the head is the caller’s mistake',
      onLog(contract, async ({ log }) => {
        await commit(log, new Writer(1).write('a'))
        await expect(log.read({ ...wide, after: 2 })).rejects.toMatchObject({
          name: 'LogError',
          code: 'invalid-argument',
        })
      }),
    )

    test(
      '[I10] [I11] pages of every size bring everybody to the same document',
      onLog(contract, async ({ log }) => {
        const { a, b } = await writeTogether(log)
        await compactNow(log)
        await commit(log, a.write(' after'), b.erase(2))
        b.learn(...a.ops)
        a.learn(...b.ops)
        for (const maxEntries of [1, 2, 3, 7, 1_000]) {
          for (const maxBytes of [1, 100, 1e6]) {
            const reader = await new Reader().readAll(log, { maxEntries, maxBytes })
            expect(digestOf(reader.docOf(note))).toBe(digestOf(a.ydoc))
            expect(reader.textOf(note)).toBe(a.text.toJSON())
          }
        }
      }),
    )

    test(
      '[L6] [I5] a pruned document stands in the stream as its snapshot, at its pruned-through seq',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const b = new Writer(2, { document: documentOf('note-2') })
        await commitEach(log, a.write('1'), b.write('1'), a.write('2'), b.write('2'), a.write('3'))
        const early = await new Reader().readAll(log, { maxEntries: 2 })
        early.cursor = { archive: log.archive, term: log.term, seq: 2 }
        await compactNow(log)
        await commitEach(log, a.write('4'))
        const { entries } = await log.read({ ...wide, after: 0 })
        expect(entries.map(describeEntry)).toEqual([
          'row note-2@2',
          'row note-2@4',
          'snapshot note-1@5',
          'row note-1@6',
        ])
        // Whoever had the first rows only does not step over the hole, and whoever had all skips it.
        const fresh = new Reader()
        fresh.cursor = early.cursor
        await fresh.readAll(log, { maxEntries: 1 })
        expect(fresh.textOf(note)).toBe('1234')
        const late = await log.read({ ...wide, after: 5 })
        expect(late.entries.map(describeEntry)).toEqual(['row note-1@6'])
      }),
    )

    test(
      '[L49] a page ends between two entries, never within one: no two share a seq',
      onLog(contract, async ({ log }) => {
        const writers = ['1', '2', '3'].map(
          (id, at) => new Writer(at + 1, { document: documentOf(`note-${id}`) }),
        )
        for (let round = 0; round < 4; round++) {
          await commitEach(log, ...writers.map((writer) => writer.write(`${round}`)))
        }
        for (const { document } of writers) await compactNow(log, document)
        const seqs = (await log.read({ ...wide, after: 0 })).entries.map(seqOf)
        expect(seqs).toEqual([10, 11, 12])
        const reader = await new Reader().readAll(log, { maxEntries: 1 })
        expect(reader.received).toEqual([
          'snapshot note-1@10',
          'snapshot note-2@11',
          'snapshot note-3@12',
        ])
        for (const { document } of writers) expect(reader.textOf(document)).toBe('0123')
      }),
    )

    test(
      '[L7] [L50] compaction between two pages takes nothing from whoever reads them',
      onLog(contract, async ({ log }) => {
        const { a } = await writeTogether(log)
        const { head } = await log.read({ ...wide, after: 0 })
        for (let cut = 1; cut < head; cut += 3) {
          const reader = new Reader()
          await reader.readPage(log, { maxEntries: cut })
          await compactNow(log)
          await commit(log, a.write('.'))
          await reader.readAll(log, { maxEntries: 2 })
          const whole = await log.state(notes, note)
          expect(reader.textOf(note)).toBe(textOf([whole?.bytes ?? new Uint8Array()]))
        }
      }),
    )

    test(
      '[L50] rows, places and snapshots of a page are those of one moment',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, ...Array.from({ length: 40 }, (_, at) => a.write(`${at}.`)))
        await publishNow(log)
        await log.compaction.settle(notes, note)
        // Pages are read while rows are being retired: each has the rows, or the snapshot at their end.
        const reads: Promise<Page>[] = []
        const retires: Promise<unknown>[] = []
        for (let at = 0; at < 10; at++) {
          reads.push(log.read({ ...wide, after: 0 }))
          retires.push(log.compaction.retire(notes, note, 4))
          reads.push(log.read({ ...wide, after: 0 }))
        }
        await Promise.all(retires)
        for (const { entries } of await Promise.all(reads)) {
          const place = entries.find(({ kind }) => kind === 'snapshot')?.seq ?? 0
          const rows = entries.filter(({ kind }) => kind === 'row').map(seqOf)
          expect(rows).toEqual(Array.from({ length: 40 - place }, (_, at) => place + at + 1))
        }
        expect((await log.latest(notes, note.id))?.prunedThrough).toBe(40)
      }),
    )

    test(
      '[LOG-24] a snapshot’s content may reach beyond its place; the rows after its place follow',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, ...['1', '2', '3', '4'].map((text) => a.write(text)))
        await log.leases.start(leaseOf(7), 2)
        await compactNow(log)
        const { entries } = await log.read({ ...wide, after: 0 })
        expect(entries.map(describeEntry)).toEqual([
          'snapshot note-1@2',
          'row note-1@3',
          'row note-1@4',
        ])
        const [snapshot] = entries
        if (snapshot?.kind !== 'snapshot' || snapshot.bytes === undefined)
          throw new Error('no bytes')
        expect(textOf([snapshot.bytes])).toBe('1234')
        expect((await new Reader().readAll(log, { maxEntries: 1 })).textOf(note)).toBe('1234')
      }),
    )

    test(
      '[LOG-25] a large snapshot is announced by size and vector, and asked for by difference',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('x'.repeat(5_000)))
        const known = new Reader()
        await known.readAll(log)
        await commit(log, a.write('new'))
        await compactNow(log)
        const { entries } = await log.read({ ...wide, after: 0, maxSnapshotBytes: 1_000 })
        const [snapshot] = entries
        if (snapshot?.kind !== 'snapshot') throw new Error('no snapshot')
        expect(snapshot.bytes).toBeUndefined()
        expect(snapshot.size).toBeGreaterThan(5_000)
        expect(Y.decodeStateVector(snapshot.stateVector)).toEqual(new Map([[1, 5_003]]))
        const vector = Y.encodeStateVector(known.docOf(note))
        const difference = await log.state(notes, note, vector)
        expect(difference?.bytes.length).toBeLessThan(50)
        known.take(note, difference?.bytes ?? new Uint8Array())
        expect(known.textOf(note)).toBe(a.text.toJSON())
        // Small enough, it comes with its bytes.
        const small = await log.read({ ...wide, after: 0, maxSnapshotBytes: snapshot.size })
        expect(small.entries[0]).toMatchObject({ kind: 'snapshot', size: snapshot.size })
        expect('bytes' in (small.entries[0] as Entry)).toBe(true)
      }),
    )

    test(
      '[LOG-26] state is all that is stored of a document, or what a vector lacks, deletions whole',
      onLog(contract, async ({ log }) => {
        const { a } = await writeTogether(log)
        expect(await log.state(notes, documentOf('unheard-of'))).toBeUndefined()
        const check = async (): Promise<void> => {
          const whole = await log.state(notes, note)
          expect(whole?.through).toBe(await log.head(notes))
          const doc = docOf([whole?.bytes ?? new Uint8Array()])
          expect(digestOf(doc)).toBe(digestOf(a.ydoc))
          const garbage = await log.state(notes, note, Uint8Array.of(255, 255))
          expect(garbage?.bytes).toEqual(whole?.bytes)
          const nothingNew = await log.state(notes, note, Y.encodeStateVector(doc))
          const stale = new Y.Doc()
          Y.applyUpdate(stale, (a.ops[0] as (typeof a.ops)[0]).bytes)
          const lacking = await log.state(notes, note, Y.encodeStateVector(stale))
          Y.applyUpdate(stale, lacking?.bytes ?? new Uint8Array())
          expect(digestOf(stale)).toBe(digestOf(a.ydoc))
          // No structs any more, and all deletions.
          expect(Y.decodeUpdate(nothingNew?.bytes ?? new Uint8Array()).structs).toEqual([])
          expect(
            Y.decodeUpdate(nothingNew?.bytes ?? new Uint8Array()).ds.clients.size,
          ).toBeGreaterThan(0)
        }
        await check()
        await compactNow(log)
        await check()
      }),
    )

    test(
      '[LOG-53] collections are listed by name, a page at a time, also when all in them is deleted',
      onLog(contract, async ({ log }) => {
        expect(await log.collections({ limit: 2 })).toEqual({ collections: [], more: false })
        for (const [at, name] of ['b', 'ä', 'a', '🪸', 'ﬀ'].entries()) {
          const op = new Writer(at + 1).write('x')
          await commit(log, { ...op, collection: collectionOf(name) })
        }
        await log.delete(collectionOf('ä'), note)
        const first = await log.collections({ limit: 2 })
        expect(first).toEqual({ collections: ['a', 'b'], more: true })
        expect(await log.collections({ after: collectionOf('b'), limit: 3 })).toEqual({
          collections: ['ä', 'ﬀ', '🪸'],
          more: false,
        })
      }),
    )

    test(
      '[LOG-27] documents are listed by name, a page at a time',
      onLog(contract, async ({ log }) => {
        for (const [at, id] of ['b', 'ä', 'a', 'B', 'aa', '🪸', 'ﬀ'].entries()) {
          await commit(log, new Writer(at + 1, { document: documentOf(id) }).write('x'))
        }
        await log.delete(notes, documentOf('aa'))
        await commit(log, new Writer(9, { document: documentOf('aa', 1) }).write('again'))
        const names: string[] = []
        let after: { after?: typeof note | undefined } = {}
        for (;;) {
          const request = {
            collection: notes,
            limit: 2,
            ...(after.after && { after: after.after }),
          }
          const { documents, more } = await log.documents(request)
          expect(documents.length).toBeLessThanOrEqual(2)
          names.push(...documents.map(({ document }) => `${document.id}/${document.generation}`))
          after = { after: documents.at(-1)?.document }
          if (!more) break
        }
        expect(names).toEqual(['B/0', 'a/0', 'aa/0', 'aa/1', 'b/0', 'ä/0', 'ﬀ/0', '🪸/0'])
        const { documents } = await log.documents({ collection: notes, limit: 3 })
        expect(documents[2]).toMatchObject({ deleted: true, lastSeq: 8 })
        expect(await log.latest(notes, documentOf('aa').id)).toMatchObject({
          document: documentOf('aa', 1),
          deleted: false,
          lastSeq: 9,
          prunedThrough: 0,
          tailRows: 1,
          snapshotBytes: 0,
          gapped: false,
        })
        expect(await log.latest(notes, documentOf('unheard-of').id)).toBeUndefined()
        expect(await log.documents({ collection: collectionOf('unheard-of'), limit: 3 })).toEqual({
          documents: [],
          more: false,
        })
      }),
    )
  })
}

/** Two who write, delete and learn from each other. */
async function writeTogether(log: Parameters<typeof commit>[0]): Promise<{ a: Writer; b: Writer }> {
  const a = new Writer(1)
  const b = new Writer(2)
  for (let round = 0; round < 6; round++) {
    const mine = [a.write(`a${round} `), a.erase(1)]
    b.learn(...mine)
    const theirs = b.write(`b${round} `)
    a.learn(theirs)
    await commit(log, ...mine, theirs)
  }
  return { a, b }
}

function shape({ entries, through, head }: Page): readonly unknown[] {
  return [entries.map(seqOf), through, head]
}

function seqOf({ seq }: Entry): number {
  return seq
}

function describeEntry({ kind, seq, document }: Entry): string {
  return `${kind} ${document.id}@${seq}`
}
