import { expect, test } from 'vitest'
import { runSeeds } from '@holdfast/peer/testing'
import { archiveScenario } from './archive/scenario.js'
import { seedsFromEnvironment } from './seeds.js'

test(
  '[L26] replicas and an archive that is restarted, restored, replaced and compacted end up with the same',
  { timeout: 600_000 },
  async () => {
    const { runs, seed } = seedsFromEnvironment({ runs: 30, seed: 'archive' })
    const { counts } = await runSeeds({
      scenario: archiveScenario,
      runs,
      seed,
      mustHappen: [
        'edit',
        'mesh',
        'delete',
        'hang up',
        'slow',
        'compact',
        'backup',
        'drain',
      ].concat(['crash', 'restore', 'empty disk', 'resync', 'fetch']),
    })
    expect(counts.get('edit') ?? 0).toBeGreaterThan(0)
    if (process.env['RUNS'] !== undefined) console.log(JSON.stringify([...counts]))
  },
)
