import { SeededRandom } from '@holdfast/peer/testing'
import Database from 'better-sqlite3'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { makeBaseInMemory } from './crash/base.js'
import { runAndKill } from './crash/child.js'
import { compileShim, cut, forgetfulFolder, syncsOf } from './crash/powercut.js'

const base = makeBaseInMemory()
afterAll(() => rmSync(base, { recursive: true, force: true }))
const shim = compileShim(base)
if ('missing' in shim) console.log(`power cuts are not tested: ${shim.missing}`)

/** What of the acknowledged numbers a cut leaves behind a writer that is `synchronous` so. */
async function numbersAfterCut(
  library: string,
  how: { synchronous: string; unsynced: 'nothing' | 'some'; lies?: 'everywhere'; pages?: number },
): Promise<{ acknowledged: number; found: number; syncs: number }> {
  const forgetful = forgetfulFolder(base, library, undefined, how)
  const end = await runAndKill({
    script: 'raw-writer',
    args: [join(forgetful.folder, 'numbers.db'), how.synchronous, String(how.pages ?? often)],
    environment: forgetful.environment,
    kill: { after: 'words', bytes: 1_000 },
  })
  expect(end).toMatchObject({ ending: 'SIGKILL', printed: '' })
  const random = new SeededRandom(`${how.synchronous} ${how.unsynced}`)
  const left = cut(forgetful, how.unsynced, random)
  const acknowledged = end.told.toString().split('\n').length - 1
  return { acknowledged, found: countNumbers(left), syncs: syncsOf(forgetful.disk) }
}

/** So that a cut meets checkpoints, too. */
const often = 20

/** 0 also where nothing can be read: a cut may leave no name, no table, or no database. */
function countNumbers(folder: string): number {
  if (!readdirSync(folder).includes('numbers.db')) return 0
  const database = new Database(join(folder, 'numbers.db'))
  try {
    if (database.pragma('integrity_check', { simple: true }) !== 'ok') return 0
    const row = database.prepare<[], { n: number }>('SELECT count(*) AS n FROM numbers').get()
    return row?.n ?? 0
  } catch (error) {
    expect(error).toMatchObject({ name: 'SqliteError' })
    return 0
  } finally {
    database.close()
  }
}

describe.skipIf('missing' in shim)('the disk that forgets', () => {
  const library = 'library' in shim ? shim.library : ''

  test.each(['nothing', 'some'] as const)(
    '[R2] keeps what was synced before it was acknowledged, with %s of the rest',
    async (unsynced) => {
      const { acknowledged, found, syncs } = await numbersAfterCut(library, {
        synchronous: 'FULL',
        unsynced,
      })
      expect(acknowledged).toBeGreaterThan(10)
      expect(found).toBeGreaterThanOrEqual(acknowledged)
      expect(syncs).toBeGreaterThanOrEqual(acknowledged)
    },
  )

  test('[R2] forgets commits that were acknowledged without a sync', async () => {
    // Syncs at checkpoints only: none here.
    const normal = await numbersAfterCut(library, {
      synchronous: 'NORMAL',
      unsynced: 'nothing',
      pages: 1_000_000,
    })
    expect(normal.acknowledged).toBeGreaterThan(10)
    expect(normal.found).toBeLessThan(normal.acknowledged)
    const off = await numbersAfterCut(library, { synchronous: 'OFF', unsynced: 'nothing' })
    expect(off.acknowledged).toBeGreaterThan(10)
    expect(off.found).toBe(0)
    expect(off.syncs).toBe(0)
  })

  test('[R2] forgets everything where syncs are lies', async () => {
    const lied = await numbersAfterCut(library, {
      synchronous: 'FULL',
      unsynced: 'nothing',
      lies: 'everywhere',
    })
    expect(lied.acknowledged).toBeGreaterThan(10)
    expect(lied).toMatchObject({ found: 0, syncs: 0 })
  })

  test('[R2] is the file itself once everything is synced', async () => {
    const forgetful = forgetfulFolder(base, library, undefined)
    const end = await runAndKill({
      script: 'disk-user',
      args: [forgetful.folder],
      environment: forgetful.environment,
      kill: { after: 'words', bytes: 1 },
    })
    expect(end.ending).toBe('SIGKILL')
    const left = cut(forgetful, 'nothing', new SeededRandom(1))
    const expected = { appended: 'one two', shortened: 'on', moved: 'moved', rewritten: 'anew' }
    const found = Object.fromEntries(
      readdirSync(left).map((name) => [name, readFileSync(join(left, name), 'utf8')]),
    )
    expect(found).toEqual({ ...expected, 'never-synced': '' })
  })
})
