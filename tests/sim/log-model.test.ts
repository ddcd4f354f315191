import { runSeeds } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { memoryLog } from '../contract/log/memory-log.js'
import { logScenario, mustHappen } from './log/schedule.js'
import { seedsFromEnvironment } from './seeds.js'

const chosen = seedsFromEnvironment({ runs: 200, seed: 'log' })

test(
  '[I1] [I2] [I3] [I5] [I6] [I7] [I8] [I9] [I10] [I11] [I12] [I13] [I16] random schedules on a memory log keep what was acknowledged, and everybody ends equal',
  { timeout: 60_000 + chosen.runs * 1_000 },
  async () => {
    const { counts } = await runSeeds({
      ...chosen,
      scenario: logScenario(memoryLog),
      mustHappen,
    })
    expect(counts.get('row')).toBeGreaterThan(0)
  },
)
