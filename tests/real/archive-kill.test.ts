import { SeededRandom } from '@holdfast/peer/testing'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { seedsFromEnvironment } from '../sim/seeds.js'
import { checkLeft, writeUntilKilled } from './crash/life.js'
import { makeBase } from './crash/base.js'
import { Promises } from './crash/promises.js'
import { Tally } from './crash/tally.js'

const base = makeBase()
afterAll(() => rmSync(base, { recursive: true, force: true }))

const { seed, runs } = seedsFromEnvironment({ runs: 25, seed: 'kill' })
/** A new log now and then: what one has promised is held against it after every kill. */
const killsOfOneLog = 25

test(
  '[R2] [L4] [L5] [L15] [L33] a log under load that is killed keeps all it acknowledged, gives no seq twice, leaves none out',
  { timeout: 60_000 + runs * 30_000 },
  async () => {
    const random = new SeededRandom(seed)
    const tally = new Tally('kills', runs, seed)
    for (let life = 0; tally.runs < runs; life++) {
      const folder = join(base, `life-${life}`)
      mkdirSync(folder)
      const promises = new Promises()
      for (let kill = 0; kill < killsOfOneLog && tally.runs < runs; kill++) {
        const name = `${seed}.${life}.${kill}`
        await writeUntilKilled({ folder, random: random.fork(name), seed: name }, promises)
        expect(await checkLeft(folder, promises), `SEED=${seed}, ${name}`).toEqual([])
        tally.run(promises.counted)
      }
      tally.life(promises.counted)
      rmSync(folder, { recursive: true })
    }
    tally.print()
    expect(tally.counted.acknowledged).toBeGreaterThan(runs)
    expect(tally.counted.added).toBeGreaterThan(runs)
    expect(tally.counted.removed).toBeGreaterThan(0)
  },
)
