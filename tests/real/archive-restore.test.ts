import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { backupLog, restoreLog, verifyLog } from '@holdfast/archive'
import { systemClock } from '@holdfast/peer/ports'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeBase } from './crash/base.js'
import { runInside } from './tools/bin.js'
import { freshFile, richLog } from './tools/rich-log.js'

const base = makeBase()
afterAll(() => rmSync(base, { recursive: true, force: true }))
const rich = freshFile(base)
const backup = `${freshFile(base)}-backup`
const run = { clock: systemClock }
beforeAll(async () => {
  await richLog(rich)
  await backupLog({ file: rich, destination: backup }, run)
})

describe('restoring', () => {
  test('[TOOL-19] makes the log of a backup, in a file or in a folder that is made', async () => {
    const file = freshFile(base)
    const folder = join(dirname(file), 'new', 'data')
    expect(await restoreLog({ backup, destination: folder }, run)).toMatchObject({
      file: join(folder, 'archive.db'),
    })
    const { code, out } = await runInside('restore', backup, file)
    expect([code, out]).toEqual([0, expect.stringContaining('6 documents')])
    for (const restored of [file, join(folder, 'archive.db')]) {
      expect(await verifyLog(restored, run)).toMatchObject({ isWhole: true })
    }
    expect(readdirSync(folder)).toEqual(['archive.db'])
  })

  test.each(['', '-wal', '-shm', '-journal'])(
    '[TOOL-19] never overwrites what is there (%s)',
    async (suffix) => {
      const file = freshFile(base)
      writeFileSync(`${file}${suffix}`, 'of another')
      const restoring = restoreLog({ backup, destination: file }, run)
      await expect(restoring).rejects.toMatchObject({ code: 'invalid-argument' })
      expect(readFileSync(`${file}${suffix}`, 'utf8')).toBe('of another')
      expect((await runInside('restore', backup, file)).code).toBe(2)
      expect(existsSync(file)).toBe(suffix === '')
    },
  )

  test('[TOOL-19] refuses a backup with a fault before anything is written', async () => {
    const damaged = freshFile(base)
    copyFileSync(backup, damaged)
    const database = new Database(damaged)
    database.exec('UPDATE entries SET bytes = zeroblob(3) WHERE seq = 8 AND collection = 1')
    database.close()
    const file = join(dirname(damaged), 'fresh', 'archive.db')
    const restoring = restoreLog({ backup: damaged, destination: file }, run)
    await expect(restoring).rejects.toMatchObject({ code: 'damaged' })
    expect(existsSync(dirname(file))).toBe(false)
    const nothing = await runInside('restore', `${backup}x`, file)
    expect([nothing.code, nothing.error]).toEqual([2, expect.stringContaining('There is no log')])
  })

  test('[TOOL-16] stops soon when told to, and leaves nothing', async () => {
    const file = freshFile(base)
    const stopped = restoreLog(
      { backup, destination: file },
      { ...run, signal: AbortSignal.abort() },
    )
    await expect(stopped).rejects.toThrow('aborted')
    expect(existsSync(file) || existsSync(`${file}.part`)).toBe(false)
  })
})
