import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { collectionOf, documentOf, note, notes } from './names.js'
import { answers, commit, commitEach, commitsOf, inShort, refusalOf } from './outcomes.js'
import { Reader } from './reader.js'
import { onLog, type LogContract } from './subject.js'
import { asUpload, docOf, textOf, Writer } from './writer.js'

/** What an op becomes: a row with a number, nothing new, or a refusal. */
export function describeAppending(contract: LogContract): void {
  describe('appending', () => {
    test(
      '[LOG-1] [I1] seqs of a collection ascend by one from 1, over all documents and callers',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const b = new Writer(2, { document: documentOf('note-2') })
        const other = new Writer(3, { collection: collectionOf('others') })
        const [first, second, apart] = await Promise.all([
          commit(log, a.write('a'), a.write('b')),
          commit(log, b.write('c')),
          commit(log, other.write('d')),
        ])
        expect([...first, ...second].map(({ seq }) => seq)).toEqual([1, 2, 3])
        expect(apart.map(({ seq }) => seq)).toEqual([1])
        expect(await log.head(notes)).toBe(3)
        expect(await log.head(collectionOf('unheard-of'))).toBe(0)
      }),
    )

    test(
      '[L5] [L38] many callers at once get one number each, and all of their edits are there',
      onLog(contract, async ({ log }) => {
        const writers = Array.from({ length: 16 }, (_, at) => new Writer(at + 1))
        const answered = await Promise.all(
          writers.flatMap((writer) =>
            Array.from({ length: 8 }, () => commit(log, writer.write(`${writer.instance}.`))),
          ),
        )
        const seqs = answered.flat().map(({ seq }) => seq)
        expect(seqs.toSorted((x, y) => x - y)).toEqual(Array.from({ length: 128 }, (_, i) => i + 1))
        const reader = await new Reader().readAll(log)
        const all = docOf(writers.flatMap(({ ops }) => ops.map(({ bytes }) => bytes)))
        expect(reader.textOf(note)).toBe(all.getText('text').toJSON())
      }),
    )

    test(
      '[LOG-2] outcomes come in the order of the ops, each judged with those before it',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const op = a.write('a')
        const garbage = { ...asUpload(op), bytes: Uint8Array.of(1, 2, 3) }
        expect(await answers(log, op, garbage, a.write('b'), op, asUpload(op))).toEqual([
          '1',
          'malformed-update',
          '2',
          '1=',
          '2=',
        ])
      }),
    )

    test(
      '[LOG-3] each durable group is announced once, in order, before its appends are answered',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const events: string[] = []
        log.onCommit(() => {
          throw new Error('a listener of no use')
        })
        const undo = log.onCommit(({ term, entries }) => {
          expect(term).toBe(log.term)
          events.push(...entries.map(({ collection, entry }) => `${collection} ${entry.seq}`))
        })
        const calls = [a.write('a'), a.write('b'), a.write('c')].map(async (op) => {
          const [committed] = await commit(log, op)
          events.push(`answered ${committed?.seq}`)
        })
        await Promise.all(calls)
        const at = (event: string): number => events.indexOf(event)
        expect(events.filter((event) => event.startsWith('notes'))).toEqual([
          'notes 1',
          'notes 2',
          'notes 3',
        ])
        for (const seq of [1, 2, 3]) expect(at(`notes ${seq}`)).toBeLessThan(at(`answered ${seq}`))
        undo()
        undo()
        await commit(log, a.write('d'))
        expect(events).toHaveLength(6)
      }),
    )

    test(
      '[LOG-4] an announced row is the row that is read: document, op id, bytes',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const commits = commitsOf(log)
        await commit(log, a.write('a'), asUpload(a.write('b')))
        const { entries } = await log.read({
          collection: notes,
          after: 0,
          maxBytes: 1e6,
          maxEntries: 10,
        })
        expect(entries).toEqual([
          { kind: 'row', seq: 1, document: note, id: a.ops[0]?.id, bytes: a.ops[0]?.bytes },
          { kind: 'row', seq: 2, document: note, bytes: a.ops[1]?.bytes },
        ])
        expect(commits.flatMap((one) => one.entries).map(({ entry }) => entry)).toEqual(entries)
      }),
    )

    test(
      '[L36] [I8] an op that is sent again gets the same answer and makes no second row',
      onLog(contract, async (subject) => {
        const a = new Writer(1)
        const op = a.write('a')
        expect(await answers(subject.log, op, a.write('b'))).toEqual(['1', '2'])
        expect(await answers(subject.log, op, op)).toEqual(['1=', '1='])
        await subject.reopen()
        expect(await answers(subject.log, op)).toEqual(['1='])
        expect(await subject.log.head(notes)).toBe(2)
      }),
    )

    test(
      '[L28] one op by five ways is one row',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const op = a.write('a')
        const carrier = new Writer(2)
        carrier.learn(op)
        const calls = [op, op, asUpload(op), a.upload(), carrier.upload()]
        const outcomes = await Promise.all(calls.map((one) => answers(log, one)))
        expect(outcomes.flat()).toEqual(['1', '1=', '1=', '1=', '1='])
        expect((await log.statistics()).rows).toBe(1)
      }),
    )

    test(
      '[L29] whoever has an edit may upload it: its author may be gone',
      onLog(contract, async ({ log }) => {
        const author = new Writer(1)
        const carrier = new Writer(2)
        carrier.learn(author.write('only copy'))
        expect(await answers(log, carrier.upload())).toEqual(['1'])
        expect((await new Reader().readAll(log)).textOf(note)).toBe('only copy')
      }),
    )

    test(
      '[L46] a carried or forged op id makes nobody’s earlier ops count as stored',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const ops = [a.write('a'), a.write('b'), a.write('c')]
        const forger = new Writer(2)
        const forged = { ...forger.write('x'), id: { instance: a.instance, n: 1_000 } }
        expect(await answers(log, forged)).toEqual(['1'])
        expect(await answers(log, ...ops)).toEqual(['2', '3', '4'])
        expect((await new Reader().readAll(log)).textOf(note)).toContain('abc')
      }),
    )

    test(
      '[K7] updates that say nothing, or nothing new, add no row',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const op = a.write('a')
        const empty = { ...asUpload(op), bytes: Uint8Array.of(0, 0) }
        expect(await answers(log, empty)).toEqual(['0='])
        expect(await log.latest(notes, note.id)).toBeUndefined()
        await commit(log, op, a.erase(1))
        const emptyLive = { ...op, id: { ...op.id, n: 99 }, bytes: empty.bytes }
        const again = Array.from({ length: 50 }, () => [empty, emptyLive, a.upload()]).flat()
        expect(new Set(await answers(log, ...again))).toEqual(new Set(['2=']))
        const { rows, contained } = await log.statistics()
        expect({ rows, contained }).toEqual({ rows: 2, contained: 151 })
      }),
    )

    test(
      '[L17] a deletion, which changes no state vector, is a row like any other',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const written = a.write('gone')
        const before = Y.encodeStateVector(a.ydoc)
        const erased = a.erase(4)
        expect(Y.encodeStateVector(a.ydoc)).toEqual(before)
        expect(await answers(log, written, erased)).toEqual(['1', '2'])
        expect((await new Reader().readAll(log)).textOf(note)).toBe('')
      }),
    )

    test(
      '[L18] what is contained is told by coverage, not by vectors or lengths',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const [one, two, three] = [a.write('1'), a.write('2'), a.write('3')]
        await commit(log, three)
        // A vector that counts the third clock as "three are there" would call these contained.
        expect(await answers(log, one)).toEqual(['2'])
        expect(await answers(log, two)).toEqual(['3'])
        // A short update may hold a deletion that is new, a long one nothing at all.
        const erased = a.erase(1)
        expect(await answers(log, a.upload(), asUpload(erased))).toEqual(['4', '4='])
      }),
    )

    test(
      '[L16] what is new in a state upload becomes an ordinary entry for every reader',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('logged '))
        const reader = await new Reader().readAll(log)
        a.write('never pushed')
        expect(await answers(log, a.upload())).toEqual(['2'])
        expect((await reader.readAll(log)).textOf(note)).toBe('logged never pushed')
      }),
    )

    test(
      '[L21] bytes of Yjs’ second format are refused by name',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const op = a.write('second format')
        const second = { ...asUpload(op), bytes: Y.encodeStateAsUpdateV2(a.ydoc) }
        expect(await refusalOf(log, second)).toBe('unsupported-encoding')
        expect(await log.head(notes)).toBe(0)
      }),
    )

    test(
      '[L22] what would make a load throw is no entry, and what came with it is',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const [one, two] = [a.write('one'), a.write('two')]
        const cut = { ...asUpload(two), bytes: two.bytes.slice(0, -1) }
        const longer = { ...asUpload(two), bytes: Uint8Array.of(...two.bytes, 0) }
        expect(await answers(log, one, cut, longer, two)).toEqual([
          '1',
          'malformed-update',
          'malformed-update',
          '2',
        ])
        expect((await new Reader().readAll(log)).textOf(note)).toBe('onetwo')
        expect((await log.statistics()).refusedByCode).toEqual({ 'malformed-update': 2 })
      }),
    )

    test(
      '[K17] bombs are refused by the reader or for reaching too far ahead',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        await commit(log, a.write('victim'))
        const upload = (...bytes: number[]) => ({
          ...asUpload(a.ops[0] as (typeof a.ops)[0]),
          bytes: Uint8Array.from(bytes),
        })
        // Counts of structs and of clients that no bytes stand behind.
        expect(await refusalOf(log, upload(1, 255, 255, 255, 127, 0, 0))).toBe('malformed-update')
        expect(await refusalOf(log, upload(255, 255, 255, 127, 0))).toBe('malformed-update')
        // One deletion over all that client 1 will ever write: 2^40 clocks, and 2^39.
        const farDeletion = upload(0, 1, 1, 1, 0, 128, 128, 128, 128, 128, 32)
        const nearerDeletion = upload(0, 1, 1, 1, 0, 128, 128, 128, 128, 128, 16)
        expect(await refusalOf(log, farDeletion)).toMatch(/^(predecessors-first|malformed-update)$/)
        expect(await refusalOf(log, nearerDeletion)).toBe('predecessors-first')
        // A clock of 2^52.
        const farClock = upload(
          1,
          1,
          1,
          128,
          128,
          128,
          128,
          128,
          128,
          128,
          4,
          4,
          1,
          1,
          116,
          1,
          97,
          0,
        )
        expect(await refusalOf(log, farClock)).toMatch(/^(malformed-update|op-too-large)$/)
        await commit(log, a.write(' lives'))
        expect((await new Reader().readAll(log)).textOf(note)).toBe('victim lives')
      }),
    )

    test(
      '[L23] only a view’s own bytes are stored, and nobody can change them afterwards',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const op = a.write('own bytes')
        const pool = new Uint8Array(4_096).fill(0xee)
        pool.set(op.bytes, 1_000)
        const view = pool.subarray(1_000, 1_000 + op.bytes.length)
        const commits = commitsOf(log)
        await commit(log, { ...op, bytes: view })
        pool.fill(0xdd)
        const first = await log.state(notes, note)
        expect(first?.bytes).toEqual(Y.encodeStateAsUpdate(a.ydoc))
        first?.bytes.fill(0)
        const request = { collection: notes, after: 0, maxBytes: 1e6, maxEntries: 10 }
        const [read] = (await log.read(request)).entries
        if (read?.kind !== 'row') throw new Error('not a row')
        expect(read.bytes).toEqual(op.bytes)
        read.bytes.fill(0)
        const [announced] = commits.flatMap(({ entries }) => entries)
        if (announced?.entry.kind !== 'row') throw new Error('not a row')
        announced.entry.bytes.fill(0)
        expect((await new Reader().readAll(log)).textOf(note)).toBe('own bytes')
        expect(textOf([(await log.state(notes, note))?.bytes ?? new Uint8Array()])).toBe(
          'own bytes',
        )
      }),
    )

    test(
      '[LOG-5] a live op without an id, and numbers that are none, are the caller’s mistake',
      onLog(contract, async ({ log }) => {
        const a = new Writer(1)
        const op = a.write('a')
        const { id: _id, ...withoutId } = op
        const mistakes = [
          withoutId,
          { ...op, id: { ...op.id, n: 0 } },
          { ...op, document: { ...note, generation: -1 } },
          { ...op, document: { ...note, generation: 0.5 } },
        ]
        for (const mistake of mistakes) {
          await expect(log.append([op, mistake])).rejects.toMatchObject({
            name: 'LogError',
            code: 'invalid-argument',
          })
        }
        expect(await log.head(notes)).toBe(0)
      }),
    )

    test(
      '[LOG-6] a call without ops is answered, and ops of several collections share a call',
      onLog(contract, async ({ log }) => {
        expect(await log.append([])).toEqual([])
        const a = new Writer(1)
        const b = new Writer(2, { collection: collectionOf('others') })
        const ops = [a.write('a'), b.write('b'), a.write('c')]
        expect((await log.append(ops)).map(inShort)).toEqual(['1', '1', '2'])
        expect(await commitEach(log, b.write('d'))).toEqual([2])
      }),
    )
  })
}
