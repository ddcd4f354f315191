import { runSeeds } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { driverScenario } from './driver/scenario.js'
import { seedsFromEnvironment } from './seeds.js'

test('[DRIVER-21] [L33] [L53] [R6] a redo log on a disk that crashes, tears, fails, fills up, is taken over and copied keeps what was answered, whole, and nothing that was undone', async () => {
  const { counts } = await runSeeds({
    ...seedsFromEnvironment({ runs: 60, seed: 'redo' }),
    scenario: driverScenario(),
    mustHappen: [
      'answered',
      'rolled back',
      'refused',
      'taken over',
      'refused as taken',
      'opening failed',
      'trouble',
      'recovered',
      'taken',
      'crash',
      'copy',
      'closed',
      'disk full',
      'disk failure',
      'unsynced write lost',
      'write torn',
    ],
  })
  expect(counts.get('answered')).toBeGreaterThan(0)
  // Nothing was damaged by itself.
  expect(counts.get('damaged')).toBeUndefined()
})
