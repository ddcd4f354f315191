import { SeededRandom } from '@holdfast/peer/testing'
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { seedsFromEnvironment } from '../sim/seeds.js'
import { makeBaseInMemory } from './crash/base.js'
import { checkLeft, isLoss, writeUntilKilled } from './crash/life.js'
import { compileShim, cut, forgetfulFolder, type Lie } from './crash/powercut.js'
import { Promises } from './crash/promises.js'
import { Tally } from './crash/tally.js'

const base = makeBaseInMemory()
afterAll(() => rmSync(base, { recursive: true, force: true }))
const shim = compileShim(base)
if ('missing' in shim) console.log(`power cuts are not tested: ${shim.missing}`)

const { seed, runs } = seedsFromEnvironment({ runs: 25, seed: 'power cut' })
const cutsOfOneLog = 25

/** One run of the writer, a power cut, and what is wrong with the log that was left. */
async function runAndCut(
  library: string,
  from: string | undefined,
  name: string,
  promises: Promises,
  lie: Lie = {},
): Promise<{ readonly left: string; readonly problems: readonly string[] }> {
  const random = new SeededRandom(name)
  const forgetful = forgetfulFolder(base, library, from, lie)
  const { folder, environment } = forgetful
  await writeUntilKilled({ folder, environment, random, seed: name }, promises)
  const left = cut(forgetful, random.chance(0.5) ? 'nothing' : 'some', random)
  try {
    return { left, problems: await checkLeft(left, promises) }
  } catch (error) {
    if (!isLoss(error)) throw error
    return { left, problems: [String(error)] }
  }
}

describe.skipIf('missing' in shim)('a power cut', () => {
  const library = 'library' in shim ? shim.library : ''

  test(
    '[R2] [L15] [L4] loses nothing that was acknowledged, gives no seq out again, and an fsync comes before each answer',
    { timeout: 60_000 + runs * 30_000 },
    async () => {
      const tally = new Tally('power cuts', runs, seed)
      for (let life = 0; tally.runs < runs; life++) {
        const promises = new Promises()
        let from: string | undefined
        for (let at = 0; at < cutsOfOneLog && tally.runs < runs; at++) {
          const name = `${seed}.${life}.${at}`
          const { left, problems } = await runAndCut(library, from, name, promises)
          expect(problems, `SEED=${seed}, ${name}`).toEqual([])
          expect(promises.counted.early, `answers before an fsync, SEED=${seed}, ${name}`).toBe(0)
          if (from !== undefined) rmSync(dirname(from), { recursive: true })
          from = left
          tally.run(promises.counted)
        }
        tally.life(promises.counted)
      }
      tally.print()
      expect(tally.counted.added).toBeGreaterThan(runs)
      expect(tally.counted.removed).toBeGreaterThan(0)
    },
  )

  test.each(['everywhere', 'write-ahead log'] as const)(
    '[R2] [L15] is seen to lose what was acknowledged where syncs are lies: %s',
    async (lies) => {
      // What a log promises that does not sync, or only at checkpoints, as `synchronous=NORMAL` does.
      const from = join(base, `lies ${lies}`)
      mkdirSync(from)
      const seen: string[] = []
      let unsynced = 0
      for (let at = 0; at < 3 && seen.length === 0; at++) {
        const promises = new Promises()
        const { problems } = await runAndCut(library, from, `lie ${lies} ${at}`, promises, { lies })
        seen.push(...problems)
        unsynced += promises.counted.early
      }
      expect(seen).not.toEqual([])
      expect(unsynced).toBeGreaterThan(0)
    },
  )
})
