import { createWorld, runSeeds, SimulationError, type World } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { seedsFromEnvironment } from './seeds.js'
import type { Bug } from './toy/toy-peer.js'
import { toyScenario } from './toy/toy-scenario.js'

test('[WORLD-25] [I16] a toy mesh agrees and keeps what it saved in a thousand seeded worlds', async () => {
  const { counts } = await runSeeds({
    ...seedsFromEnvironment({ runs: 1_000, seed: 'kelp' }),
    scenario: toyScenario(),
    mustHappen: [
      'edit',
      'recovery',
      'crash',
      'restart',
      'freeze',
      'cut',
      'partition',
      'link broken',
      'frame lost',
      'frame doubled',
      'frame held back',
      'unsynced write lost',
      'write torn',
    ],
  })
  expect(counts.get('edit')).toBeGreaterThan(0)
})

test('[WORLD-26] a state that is never sent again is found by a seed and replayed by it', async () => {
  const { seed, failure } = await findLoss('forgets-to-resend')
  expect(failure).toMatch(/the condition is (still )?false/)
  await expectReplay(seed, 'forgets-to-resend', failure)
})

test('[WORLD-26] an edit called saved before its fsync is found by a seed and replayed by it', async () => {
  const { seed, failure } = await findLoss('saved-before-fsync')
  expect(failure).toMatch(/lost what was saved: p\d\.\d/)
  await expectReplay(seed, 'saved-before-fsync', failure)
})

/** The first seed that finds the loss, and what it finds. */
async function findLoss(bug: Bug): Promise<{ seed: string; failure: string }> {
  const outcome = await runSeeds({ runs: 500, seed: 'planted', scenario: toyScenario(bug) }).catch(
    (error: unknown) => error,
  )
  if (!(outcome instanceof SimulationError)) throw new Error(`no seed finds that a peer ${bug}`)
  const seed = /^SEED=(\S+) /.exec(outcome.message)?.[1]
  if (seed === undefined) throw new Error(`a failure without its seed: ${outcome.message}`)
  expect(outcome.message).toContain('run again: the same')
  return { seed, failure: messageOf(outcome.cause) }
}

/** The seed alone gives the same failure, and the same trace in every byte, as often as one likes. */
async function expectReplay(seed: string, bug: Bug, failure: string): Promise<void> {
  const [first, second] = [await replay(seed, bug), await replay(seed, bug)]
  expect(first.failure).toBe(failure)
  expect(second.failure).toBe(failure)
  expect(first.world.trace.count).toBeGreaterThan(50)
  expect(second.world.trace.text).toBe(first.world.trace.text)
  expect(second.world.trace.hash).toBe(first.world.trace.hash)
  // It is the planted mistake that the seed finds: without it the same world ends well.
  expect((await replay(seed, undefined)).failure).toBe('none')
}

async function replay(
  seed: string,
  bug: Bug | undefined,
): Promise<{ world: World; failure: string }> {
  const world = createWorld({ seed, keepTrace: 'all' })
  try {
    await toyScenario(bug)(world)
    return { world, failure: 'none' }
  } catch (error) {
    return { world, failure: messageOf(error) }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
