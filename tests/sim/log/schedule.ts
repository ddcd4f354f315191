import type { Scenario, SeededRandom } from '@holdfast/peer/testing'
import type { LogContract } from '../../contract/log/subject.js'
import { build, publish, retire, settle } from './compacting.js'
import { endEqual } from './ending.js'
import { copy, crash, crashUnderWay, pass, restart, restore } from './faults.js'
import { checkInvariants } from './invariants.js'
import { ack, hint, read } from './reading.js'
import { LogRun } from './run.js'
import { edit, forge, mesh, push, remove, upload } from './writing.js'

/** What has to have happened for a campaign to mean anything. */
export const mustHappen = [
  'edit',
  'row',
  'contained',
  'gap',
  'gap closed',
  'document-deleted',
  'rekey',
  'deletion',
  'page',
  'ack',
  'ack-beyond-sent',
  'agreed',
  'pruned entry read',
  'resync',
  'built',
  'published',
  'stale',
  'settled',
  'retired',
  'crash',
  'crash with ops under way',
  'restart',
  'copy',
  'restore',
  'time',
]

/** One run: random steps against one log, the invariants after each, and everybody equal at the end. */
export function logScenario({ setup }: LogContract): Scenario {
  return async (world) => {
    const subject = await setup({ ripeRows: 4, maxTailRows: 20, gapAgeMs: 30 * 60 * 1000 })
    try {
      const run = new LogRun(world, subject)
      for (let left = 40 + world.random.below(60); left > 0; left--) {
        await pick(steps, world.random)(run)
        await checkInvariants(run)
      }
      await endEqual(run)
    } finally {
      await subject.close()
    }
  }
}

type Step = (run: LogRun) => void | Promise<void>

/** What may happen next, and how often it does. */
const steps: readonly (readonly [number, Step])[] = [
  [12, edit],
  [4, mesh],
  [14, push],
  [6, upload],
  [2, forge],
  [1, remove],
  [16, read],
  [12, ack],
  [3, hint],
  [7, build],
  [9, publish],
  [3, settle],
  [10, retire],
  [2, crash],
  [2, crashUnderWay],
  [2, restart],
  [1, copy],
  [1, restore],
  [3, pass],
]

function pick(choices: typeof steps, random: SeededRandom): Step {
  let left = random.below(choices.reduce((sum, [weight]) => sum + weight, 0))
  const [, step] = choices.find(([weight]) => (left -= weight) < 0) ?? [0, edit]
  return step
}
