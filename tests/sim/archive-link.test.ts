import { runSeeds } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { archiveLinkScenario } from './archive-link/scenario.js'
import { seedsFromEnvironment } from './seeds.js'

test('[CONN-5] [CONN-21] [CONN-22] [L26] [L27] [L44] [L48] [K8] [I13] devices and an archive agree after every fault of the world, and nothing saved is lost', async () => {
  const { counts } = await runSeeds({
    ...seedsFromEnvironment({ runs: 30, seed: 'stipe' }),
    scenario: archiveLinkScenario,
    mustHappen: [
      'edit',
      'carry',
      'document ended',
      'live',
      'resyncing',
      'crash',
      'cut',
      'link broken',
      'archive restarted',
      'archive restored',
      'archive emptied',
      'cloned',
      'clock jumped',
      'rows retired',
    ],
  })
  expect(counts.get('store-failed')).toBeUndefined()
  expect(counts.get('archive-misbehaved')).toBeUndefined()
}, 3_600_000)
