import { runSeeds } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { seedsFromEnvironment } from './seeds.js'
import { mustHappen, systemScenario } from './system/scenario.js'

test('[R1] [I1] [I2] [I4] [I5] [I6] [I7] [I11] [I13] [I14] [I15] [I16] clients, mesh, signaller and archive together: after every fault of the world all agree on all that was saved or archived', async () => {
  const { runs, counts } = await runSeeds({
    ...seedsFromEnvironment({ runs: 10, seed: 'whole' }),
    scenario: systemScenario,
    mustHappen,
  })
  expect(counts.get('saved')).toBeGreaterThan(0)
  if (process.env['RUNS'] !== undefined) console.log(runs, JSON.stringify([...counts]))
}, 3_600_000)

/** Seeds that have taught something. A change to the scenario makes each of them another story. */
const remembered: readonly (readonly [seed: string, story: string])[] = [
  ['third.20', 'a cursor stands beyond a row that waits for its predecessor'],
]
for (const [seed, story] of remembered) {
  test(`[I6] ${story}: the store holds what its cursor has passed`, async () => {
    const { counts } = await runSeeds({ runs: 1, seed, scenario: systemScenario })
    expect(counts.get('saved')).toBeGreaterThan(0)
  }, 3_600_000)
}
