import { runSeeds } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { logScenario, mustHappen } from '../../sim/log/schedule.js'
import { seedsFromEnvironment } from '../../sim/seeds.js'
import { inlineSqliteLog } from './sqlite-subject.js'

test(
  '[I1] [I2] [I3] [I5] [I6] [I7] [I8] [I9] [I10] [I11] [I12] [I13] [I16] random schedules on an SQLite log keep what was acknowledged, and everybody ends equal',
  { timeout: 3_600_000 },
  async () => {
    const { counts } = await runSeeds({
      ...seedsFromEnvironment({ runs: 60, seed: 'sqlite' }),
      scenario: logScenario(inlineSqliteLog),
      mustHappen,
    })
    expect(counts.get('row')).toBeGreaterThan(0)
  },
)
