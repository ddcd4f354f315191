import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { commit } from '../../contract/log/outcomes.js'
import { Writer } from '../../contract/log/writer.js'
import { inFolder } from './sqlite-folder.js'

/** How long the write-ahead log gets, and who empties it. Its file stays as long as it ever was. */
describe('the write-ahead log of a log', () => {
  test(
    '[SQL-25] it is carried over beside the writer, before a commit has to',
    inFolder(async (folder) => {
      const log = await folder.openLog()
      const a = new Writer(1)
      for (let round = 0; round < 16; round++) await commit(log, a.write('x'.repeat(1_000_000)))
      const { walBytes, fileBytes } = await log.statistics()
      expect(walBytes).toBeGreaterThan(11 * MiB)
      expect(walBytes).toBeLessThan(14 * MiB)
      expect(fileBytes).toBeGreaterThan(10 * MiB)
    }),
  )

  test(
    '[SQL-25] where nobody does it beside the writer, commits do it',
    inFolder(async (folder) => {
      const engine = folder.openEngine()
      const a = new Writer(1)
      for (let round = 0; round < 26; round++) engine.append([a.write('x'.repeat(1_000_000))], 0)
      expect(engine.sums().walBytes).toBeGreaterThan(16 * MiB)
      expect(engine.sums().walBytes).toBeLessThan(24 * MiB)
      expect(engine.walPages).toBeLessThan(5_000)
    }),
  )

  test(
    '[SQL-25] what a reader still needs is left for the next time',
    inFolder(async (folder) => {
      const log = await folder.openLog()
      const a = new Writer(1)
      await commit(log, a.write('first'))
      const reader = new Database(folder.file, { readonly: true })
      reader.exec('BEGIN')
      reader.prepare('SELECT count(*) FROM entries').get()
      for (let round = 0; round < 20; round++) await commit(log, a.write('x'.repeat(1_000_000)))
      const { walBytes } = await log.statistics()
      expect(walBytes).toBeGreaterThan(18 * MiB)
      reader.close()
      for (let round = 0; round < 20; round++) await commit(log, a.write('x'.repeat(1_000_000)))
      expect((await log.statistics()).walBytes).toBeLessThan(walBytes + 14 * MiB)
    }),
  )
})

const MiB = 1024 * 1024
