import { runSeeds, SimulationError } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { driverScenario, type Bug } from './driver/scenario.js'
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

const bugs: readonly (readonly [Bug, RegExp])[] = [
  ['answers before it is durable', /lost what was answered/],
  ['never looks who the owner is', /an owner that lost its store: answered/],
  ['commits what it should roll back', /is there, and was undone/],
]
for (const [bug, symptom] of bugs) {
  test(`[DRIVER-21] a store that ${bug} is found by a seed`, async () => {
    const outcome: unknown = await runSeeds({
      runs: 60,
      seed: 'planted',
      scenario: driverScenario(bug),
    }).catch((error: unknown) => error)
    if (!(outcome instanceof SimulationError)) throw new Error(`no seed finds that it ${bug}`)
    expect(String(outcome.cause)).toMatch(symptom)
    expect(outcome.message).toContain('run again: the same')
  })
}
