import { runSeeds } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { followScenario } from './follow/scenario.js'
import { seedsFromEnvironment } from './seeds.js'

test(
  '[L26] [L27] [L28] [L48] [FOLLOW-1] [FOLLOW-4] [FOLLOW-5] [FOLLOW-6] [FOLLOW-7] two archives that die, are restored or emptied end up with the same, and so do their devices',
  { timeout: 600_000 },
  async () => {
    const { runs, seed } = seedsFromEnvironment({ runs: 12, seed: 'follow' })
    const { counts } = await runSeeds({
      scenario: followScenario,
      runs,
      seed,
      mustHappen: [
        'edit',
        'document ended',
        'away',
        'cut',
        'restored',
        'emptied',
        'rows retired',
        'both follow',
      ],
    })
    expect(counts.get('edit') ?? 0).toBeGreaterThan(0)
    if (process.env['RUNS'] !== undefined) console.log(JSON.stringify([...counts]))
  },
)

test(
  '[FOLLOW-7] [L48] a snapshot that was on its way when the link broke is said again',
  // Rows were retired before they were answered, and their snapshot went and got no answer: it counted
  // as given, and the followed archive never had it.
  async () => {
    const { counts } = await runSeeds({ runs: 1, seed: 'fourth.345', scenario: followScenario })
    expect(counts.get('rows retired') ?? 0).toBeGreaterThan(0)
  },
)
