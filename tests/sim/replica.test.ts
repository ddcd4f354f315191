import { runSeeds } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { mustHappen, replicaScenario } from './replica/schedule.js'
import { seedsFromEnvironment } from './seeds.js'

test('[L11] [L14] [L29] [L33] [L36] [L51] [L52] [I13] [I16] [REPLICA-2] devices that crash at any transaction, are cloned, and meet restarted, restored and replaced archives: nothing saved is lost, and all agree', async () => {
  const { counts } = await runSeeds({
    ...seedsFromEnvironment({ runs: 40, seed: 'replica' }),
    scenario: replicaScenario,
    mustHappen,
  })
  expect(Math.min(...mustHappen.map((name) => counts.get(name) ?? 0))).toBeGreaterThan(0)
}, 3_600_000)
