import { statSync } from 'node:fs'
import type { Log } from '@holdfast/archive'
import { expect, test } from 'vitest'
import { compactNow } from '../../contract/log/build.js'
import { note } from '../../contract/log/names.js'
import { Reader } from '../../contract/log/reader.js'
import { Writer } from '../../contract/log/writer.js'
import { inFolder, type LogFolder } from './sqlite-folder.js'

test(
  '[COMPACT-8] what a compaction frees goes back to the file system a little at a time, and nothing else does',
  inFolder(async (folder) => {
    const log = await folder.openLog()
    const writer = new Writer(1)
    const letters = 'x'.repeat(1_000)
    for (let at = 0; at < 60; at++) {
      // Each time all that was there before goes: the state stays small, the log grows.
      await log.append(
        Array.from({ length: 40 }, () => writer.edit(() => replace(writer, letters))),
      )
    }
    await log.close()
    const bytesBefore = statSync(folder.file).size
    expect(bytesBefore).toBeGreaterThan(2_000_000)

    const again = await folder.openLog()
    await compactNow(again)
    const { freeBytes } = await again.statistics()
    expect(freeBytes).toBeGreaterThan(bytesBefore / 2)
    expect(await afterChores(folder, again)).toBeLessThanOrEqual(16 * 4_096)
    expect((await new Reader().readAll(again)).textOf(note)).toBe(letters)
    await again.close()
    expect(statSync(folder.file).size).toBeLessThan(bytesBefore / 3)

    const reopened = await folder.openLog()
    expect((await new Reader().readAll(reopened)).textOf(note)).toBe(letters)
  }),
)

function replace({ text }: Writer, by: string): void {
  text.delete(0, text.length)
  text.insert(0, by)
}

/** The free bytes once all chores are done. */
async function afterChores(folder: LogFolder, log: Log): Promise<number> {
  for (let chore = 0; chore < 60; chore++) {
    folder.clock.advance(1_000)
    await log.statistics()
  }
  return (await log.statistics()).freeBytes
}
