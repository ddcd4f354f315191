import { runSeeds } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { seedsFromEnvironment } from './seeds.js'
import { meshScenario } from './sync/mesh-scenario.js'

test('[SYNC-1] [L45] [I11] [I15] [I16] meshes of 2 to 48 peers agree after every fault of the world', async () => {
  const { counts } = await runSeeds({
    ...seedsFromEnvironment({ runs: 200, seed: 'frond' }),
    scenario: meshScenario,
    mustHappen: [
      'edit',
      'paste',
      'delete',
      'document ended',
      'synced',
      'leave',
      'crash',
      'freeze',
      'cut',
      'partition',
      'link broken',
      'half open',
      'dialled again',
      'rebuilt',
      'frame lost',
      'frame doubled',
      'frame held back',
    ],
  })
  expect(counts.get('synced')).toBeGreaterThan(0)
  expect([...counts.keys()].filter((what) => what.startsWith('error:'))).toEqual([])
}, 3_600_000)
