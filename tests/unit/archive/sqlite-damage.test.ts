import type { Entry } from '@holdfast/archive'
import type Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { compactNow, publishNow } from '../../contract/log/build.js'
import { documentOf, note, notes } from '../../contract/log/names.js'
import { answers, commit } from '../../contract/log/outcomes.js'
import { Reader } from '../../contract/log/reader.js'
import { Writer } from '../../contract/log/writer.js'
import { inFolder } from './sqlite-folder.js'

const wide = { collection: notes, after: 0, maxBytes: 1e9, maxEntries: 1e6 }

test.each(['seq', 'kind', 'document', 'producer', 'n', 'checksum'])(
  '[SQL-16] [L56] a row whose %s has changed is noticed, and the rest is served',
  async (column) => {
    await inFolder(async (folder) => {
      const log = await folder.openLog()
      const [a, b] = [new Writer(1), new Writer(2, { document: documentOf('note-2') })]
      await commit(log, a.write('1'), a.write('2'), b.write('other'), a.write('3'))
      folder.tamper((database) =>
        database.exec(`UPDATE entries SET ${column} = ${column} + 1000000 WHERE seq = 2`),
      )
      const reader = await new Reader().readAll(log)
      expect(reader.textOf(b.document)).toBe('other')
      expect(reader.received.filter((one) => one.includes('note-1'))).toEqual([
        'row note-1@1',
        'row note-1@4',
      ])
      await log.close()
      // Whoever holds it brings it again.
      const again = await folder.openLog()
      await again.state(notes, note).catch(() => undefined)
      await again.append(a.ops)
      expect((await reader.readAll(again)).textOf(note)).toBe('123')
    })()
  },
)

test(
  '[SQL-16] a tombstone that has changed is written anew: its document says the same',
  inFolder(async (folder) => {
    const log = await folder.openLog()
    await commit(log, new Writer(1).write('a'))
    await log.delete(notes, note)
    folder.tamper((database) => database.exec('UPDATE entries SET kind = 0, n = 7 WHERE seq = 2'))
    expect((await log.read(wide)).entries.map(inShort)).toEqual(['tombstone 2'])
    expect(await log.quarantined(10)).toEqual([])
  }),
)

test(
  '[SQL-16] where nothing can be written, what is damaged is left out of a page and kept for later',
  inFolder(async (folder) => {
    let isFull = false
    const onStatement = (statement: string): void => {
      if (isFull && statement === 'begin') throw new Full()
    }
    const log = await folder.openLog({}, { onStatement })
    const a = new Writer(1)
    await commit(log, a.write('1'), a.write('2'), a.write('3'))
    folder.tamper(flipBytesOf(2))
    isFull = true
    const page = await log.read(wide)
    expect(page.entries.map(({ seq }) => seq)).toEqual([1, 3])
    expect({ through: page.through, head: page.head }).toEqual({ through: 3, head: 3 })
    isFull = false
    expect((await log.read(wide)).entries.map(({ seq }) => seq)).toEqual([1, 3])
    expect(await log.quarantined(10)).toMatchObject([{ seq: 2 }])
  }),
)

class Full extends Error {
  override readonly name = 'SqliteError'
  readonly code = 'SQLITE_FULL'
}

test(
  '[SQL-17] a damaged row that is met while a document is judged is healed beside the group',
  inFolder(async (folder) => {
    const log = await folder.openLog()
    const a = new Writer(1)
    const [one, two, three, four] = ['1', '2', '3', '4'].map((text) => a.write(text))
    if (!one || !two || !three || !four) throw new Error('four ops')
    await commit(log, one, two, three)
    await log.close()
    folder.tamper(flipBytesOf(2))
    const again = await folder.openLog()
    // What it builds on is gone: not archived, and the gap is said.
    expect(await answers(again, four)).toEqual(['4?'])
    folder.clock.advance(1_000)
    await again.statistics()
    expect(await again.quarantined(10)).toMatchObject([
      { seq: 2, reason: 'the row has changed on the disk' },
    ])
    expect(await answers(again, two, four)).toEqual(['5', '4='])
    expect((await new Reader().readAll(again)).textOf(note)).toBe('1234')
  }),
)

test.each(['bytes', 'coverage', 'state_vector', 'parked'])(
  '[SQL-18] [L8] a snapshot whose %s have changed goes, and the older generation stands again with all rows after it',
  async (column) => {
    await inFolder(async (folder) => {
      const log = await folder.openLog()
      const a = new Writer(1)
      await commit(log, a.write('1'), a.write('2'))
      await compactNow(log)
      await commit(log, a.write('3'), a.write('4'))
      await publishNow(log)
      folder.tamper((database) => {
        database.function('flipped', (bytes) => flipped(bytes as Uint8Array))
        database.exec(
          `UPDATE snapshots SET ${column} = flipped(${column}) WHERE id = (SELECT max(id) FROM snapshots)`,
        )
      })
      expect(await log.compaction.settle(notes, note)).toBe('damaged')
      expect(await log.compaction.retire(notes, note, 100)).toMatchObject({ removed: 0 })
      const reader = await new Reader().readAll(log)
      expect(reader.received).toEqual(['snapshot note-1@2', 'row note-1@3', 'row note-1@4'])
      expect(reader.textOf(note)).toBe('1234')
      expect(await compactNow(log)).toMatchObject({ removed: 2 })
      expect(folder.count('SELECT count(*) FROM snapshots')).toBe(1)
    })()
  },
)

function inShort({ kind, seq }: Entry): string {
  return `${kind} ${seq}`
}

function flipBytesOf(seq: number): (database: Database.Database) => void {
  return (database) => {
    database.function('flipped', (bytes) => flipped(bytes as Uint8Array))
    database.prepare('UPDATE entries SET bytes = flipped(bytes) WHERE seq = ?').run(seq)
  }
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.length === 0 ? new Uint8Array(1) : Uint8Array.from(bytes)
  const at = copy.length >> 1
  copy[at] = (copy[at] ?? 0) ^ 0x04
  return copy
}
