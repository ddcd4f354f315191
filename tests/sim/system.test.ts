import { runSeeds } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { seedsFromEnvironment } from './seeds.js'
import { mustHappen, systemScenario } from './system/scenario.js'

test('[R1] [I1] [I2] [I4] [I5] [I6] [I7] [I11] [I13] [I14] [I15] [I16] clients, mesh, signaller and archive together: after every fault of the world all agree on all that was saved or archived', async () => {
  const { runs, counts } = await runSeeds({
    ...seedsFromEnvironment({ runs: 8, seed: 'system' }),
    scenario: systemScenario,
    mustHappen,
  })
  expect(counts.get('saved')).toBeGreaterThan(0)
  if (process.env['RUNS'] !== undefined) console.log(runs, JSON.stringify([...counts]))
}, 3_600_000)
