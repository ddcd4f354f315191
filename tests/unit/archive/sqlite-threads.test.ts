import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { compactNow, publishNow } from '../../contract/log/build.js'
import { documentOf, leaseOf, note, notes } from '../../contract/log/names.js'
import { answers, commit, commitsOf } from '../../contract/log/outcomes.js'
import { Reader } from '../../contract/log/reader.js'
import { asUpload, textOf, Writer } from '../../contract/log/writer.js'
import { inFolder } from './sqlite-folder.js'

/** What only happens between threads; the rest is the contract's, on the same code in one thread. */
describe('the threads of a log', () => {
  test(
    '[SQL-19] everything that is asked and answered crosses whole: rows, snapshots, states, gaps, leases',
    inFolder(async (folder) => {
      const log = await folder.openThreads()
      const [a, b] = [new Writer(1), new Writer(2, { document: documentOf('nöte 2 🪸') })]
      const commits = commitsOf(log)
      const large = a.write('x'.repeat(300_000))
      const lost = b.write('lost ')
      const parked = b.write('parked')
      expect(await answers(log, large, asUpload(large), parked)).toEqual(['1', '1=', '2?'])
      expect(commits[0]?.entries.map(({ entry }) => entry)).toEqual([
        { kind: 'row', seq: 1, document: note, id: large.id, bytes: large.bytes },
        { kind: 'row', seq: 2, document: b.document, id: parked.id, bytes: parked.bytes },
      ])
      const missing = new Map([[2, [0, 5]]])
      expect(commits[0]?.gaps).toEqual([{ collection: notes, document: b.document, missing }])
      expect(await log.gaps(notes, 10)).toEqual(commits[0]?.gaps)
      expect((await log.state(notes, b.document))?.parked).toEqual([parked.bytes])
      const stranger = new Writer(3, { clientId: 1 })
      expect(await answers(log, stranger.write('y'), lost)).toEqual(['rekey', '3'])
      expect(await log.quarantined(10)).toMatchObject([{ document: note, id: { n: 1 } }])

      await log.leases.start(leaseOf(1), 3)
      await compactNow(log)
      expect(await log.delete(notes, b.document)).toMatchObject({ seq: 4, added: true })
      expect(await log.touchesDeleted(notes, b.document.id, lost.bytes)).toBe(true)
      const reader = await new Reader().readAll(log)
      expect(reader.textOf(note)).toHaveLength(300_000)
      const [entry] = (await log.read({ collection: notes, after: 0, maxBytes: 1, maxEntries: 1 }))
        .entries
      // Plain arrays over whole buffers: nothing of a pool, and nothing that others see.
      expect(entry).toMatchObject({ kind: 'snapshot', seq: 1 })
      expect(entry?.kind === 'snapshot' && entry.bytes?.constructor).toBe(Uint8Array)
      expect(textOf([(await log.state(notes, note))?.bytes ?? new Uint8Array(0)])).toHaveLength(
        300_000,
      )
    }),
  )

  test(
    '[SQL-19] a page holds its entries in order, whatever lies between them, and its bytes are the reader’s own',
    inFolder(async (folder) => {
      const log = await folder.openThreads()
      const writers = [1, 2, 3].map((n) => new Writer(n, { document: documentOf(`note-${n}`) }))
      for (let round = 0; round < 4; round++) {
        for (const writer of writers) await commit(log, writer.write(`${round}`))
      }
      await compactNow(log, documentOf('note-2'))
      await log.delete(notes, documentOf('note-3'))
      await commit(log, ...writers.slice(0, 2).map((writer) => writer.write('end')))
      const read = () => log.read({ collection: notes, after: 3, maxBytes: 1e9, maxEntries: 1e9 })
      const page = await read()
      expect(
        page.entries.map(({ kind, seq, document }) => `${kind} ${document.id} ${seq}`),
      ).toEqual([
        'row note-1 4',
        'row note-1 7',
        'row note-1 10',
        'snapshot note-2 11',
        'tombstone note-3 13',
        'row note-1 14',
        'row note-2 15',
      ])
      for (const entry of page.entries) if (entry.kind === 'row') entry.bytes.fill(0)
      const again = await read()
      expect(again.entries[0]).toMatchObject({ bytes: writers[0]?.ops[1]?.bytes })
    }),
  )

  test(
    '[SQL-20] what fails in a thread is rejected here, with its code and its cause',
    inFolder(async (folder) => {
      const log = await folder.openThreads()
      await expect(
        log.read({ collection: notes, after: 7, maxBytes: 1, maxEntries: 1 }),
      ).rejects.toMatchObject({ name: 'LogError', code: 'invalid-argument' })
      await expect(folder.openThreads()).rejects.toMatchObject({ code: 'in-use' })
      await log.close()
      await expect(log.head(notes)).rejects.toMatchObject({ code: 'closed' })
      writeFileSync(folder.file, 'no database')
      await expect(folder.openThreads()).rejects.toMatchObject({ code: 'unsupported-file' })
    }),
  )

  test(
    '[SQL-21] many callers at once are answered in order, each with their own, and closing waits for them',
    inFolder(async (folder) => {
      const log = await folder.openThreads()
      const writers = Array.from(
        { length: 40 },
        (_, at) => new Writer(at + 1, { document: documentOf(`note-${at}`) }),
      )
      const seen: number[] = []
      log.onCommit(({ entries }) => seen.push(...entries.map(({ entry }) => entry.seq)))
      const pending = writers.flatMap((writer) =>
        Array.from({ length: 25 }, () => commit(log, writer.write('x'))),
      )
      const closing = log.close()
      const seqs = (await Promise.all(pending)).flat().map(({ seq }) => seq)
      await closing
      expect(seqs).toEqual(Array.from({ length: 1_000 }, (_, at) => at + 1))
      expect(seen).toEqual(seqs)
    }),
  )

  test(
    '[SQL-24] what comes while a group is being judged joins it: one commit, each answered for itself, or none',
    inFolder(async (folder) => {
      const statements: string[] = []
      let isFailing = false
      const engine = folder.openEngine(
        {},
        {
          onStatement: (statement, phase) => {
            if (phase === 'before') statements.push(statement)
            if (isFailing && statement === 'commit') throw new Error('as the test wants it')
          },
        },
      )
      const a = new Writer(1)
      const parts = [[a.write('1'), a.write('2')], [a.write('3')], [a.write('4'), a.write('5')]]
      const rest = parts.slice(1)
      statements.length = 0
      isFailing = true
      expect(() => engine.append(parts[0] ?? [], 0, () => rest.shift())).toThrow('writing a group')
      isFailing = false
      expect(engine.sums().rows).toBe(0)
      const again = parts.slice(1)
      statements.length = 0
      const { outcomes } = engine.append(parts[0] ?? [], 0, () => again.shift())
      expect(outcomes.map((one) => 'seq' in one && one.seq)).toEqual([1, 2, 3, 4, 5])
      expect(statements.filter((one) => one === 'commit')).toHaveLength(1)
    }),
  )

  test(
    '[SQL-24] what is taken along fails and succeeds with what took it, and other calls keep their turn',
    inFolder(async (folder) => {
      const log = await folder.openThreads()
      const writers = Array.from(
        { length: 64 },
        (_, at) => new Writer(at + 1, { document: documentOf(`note-${at}`) }),
      )
      // Callers who call again as soon as they are answered, and others in between.
      let statistics = 0
      await Promise.all(
        writers.map(async (writer, at) => {
          for (let n = 1; n <= 40; n++) {
            const op = writer.write(`${n} `)
            const [first] = await commit(log, op)
            expect(first).toMatchObject({ added: true, gapped: false })
            if (n % 10 === at % 10) statistics = (await log.statistics()).rows
          }
        }),
      )
      expect(statistics).toBeGreaterThan(0)
      expect(await log.head(notes)).toBe(64 * 40)
      const reader = await new Reader().readAll(log)
      for (const { document, ydoc } of writers) {
        expect(reader.textOf(document)).toBe(ydoc.getText('text').toJSON())
      }
    }),
  )

  test(
    '[SQL-22] a proof that takes long holds up neither appends nor pages',
    inFolder(async (folder) => {
      const log = await folder.openThreads()
      const a = new Writer(1)
      for (let at = 0; at < 3_000; at++) a.write('word ')
      for (let at = 0; at < 3_000; at += 500) await commit(log, ...a.ops.slice(at, at + 500))
      // The thread of the pages has started.
      await log.head(notes)
      const order: string[] = []
      const publishing = publishNow(log).then(() => order.push('published'))
      const b = new Writer(2, { document: documentOf('note-2') })
      const others = [
        commit(log, b.write('b')).then(() => order.push('appended')),
        log.head(notes).then(() => order.push('head')),
      ]
      await Promise.all([publishing, ...others])
      expect(order.at(-1)).toBe('published')
    }),
  )

  test(
    '[SQL-23] reading lets the write-ahead log be emptied: it does not grow with what is written',
    inFolder(async (folder) => {
      const log = await folder.openThreads()
      const a = new Writer(1)
      let after = 0
      let largest = 0
      for (let round = 0; round < 40; round++) {
        await commit(log, a.write('x'.repeat(1_000_000)))
        const page = await log.read({ collection: notes, after, maxBytes: 1, maxEntries: 1 })
        after = page.through
        largest = Math.max(largest, (await log.statistics()).walBytes)
      }
      const { fileBytes } = await log.statistics()
      expect(fileBytes).toBeGreaterThan(20_000_000)
      // Carried over each 12 MiB, and what is committed meanwhile.
      expect(largest).toBeLessThan(32 * 1024 * 1024)
    }),
  )

  test(
    '[SQL-23] [I14] somebody who reads without end is spoken of, and the write-ahead log shrinks when they are gone',
    inFolder(async (folder) => {
      const engine = folder.openEngine()
      const a = new Writer(1)
      folder.tamper((database) => {
        database.exec('BEGIN; SELECT count(*) FROM entries')
        database.prepare('SELECT count(*) FROM entries').get()
        for (let at = 0; at < 9; at++) engine.append([a.write('x'.repeat(8_000_000))], 0)
        expect(engine.sums().walBytes).toBeGreaterThan(64 * 1024 * 1024)
        engine.tidy(0)
        engine.tidy(0)
        expect(folder.errors).toEqual([expect.stringContaining('reads the log without end')])
      })
      engine.tidy(0)
      expect(engine.sums().walBytes).toBe(0)
    }),
  )
})
