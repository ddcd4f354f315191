import { SimulationError } from './errors.js'
import { lastLinesTitle } from './virtual-clock.js'
import { createWorld, type World, type WorldOptions } from './world.js'

/** One run of something in a world of its own. Throws or rejects where a promise is broken. */
export type Scenario = (world: World) => void | Promise<void>

export interface SeedRunsOptions {
  readonly scenario: Scenario
  /** Worlds to run, one after the other. */
  readonly runs: number
  /** The first run's seed; the others' are made from it. */
  readonly seed: string | number
  /**
   * What must have been counted at least once over all runs (invariant I16: the run did something).
   * Not asked of a single run, which is usually the replay of a failure.
   */
  readonly mustHappen?: readonly string[]
  /** For the worlds, besides their seed. */
  readonly world?: Omit<WorldOptions, 'seed'>
  /** Called after each run that passed. */
  readonly onRun?: (world: World) => void
}

export interface SeedRuns {
  readonly runs: number
  /** How often each thing happened, over all runs. */
  readonly counts: ReadonlyMap<string, number>
}

/**
 * Runs a scenario in many seeded worlds and stops at the first that fails. The error's message
 * begins with `SEED=…`: this seed with one run is the same run again. It is run a second time at
 * once, and the message says whether the trace was the same; if not, something in the scenario
 * takes its time or its chance from outside.
 */
export async function runSeeds(options: SeedRunsOptions): Promise<SeedRuns> {
  const { runs, seed, mustHappen = [] } = options
  const counts = new Map<string, number>()
  for (let run = 0; run < runs; run++) {
    const { world, failure } = await runOnce(options, seedOfRun(seed, run))
    if (failure !== undefined) throw await failed(options, world, failure.error, run)
    for (const [what, times] of world.counts) counts.set(what, (counts.get(what) ?? 0) + times)
    options.onRun?.(world)
  }
  const missing = mustHappen.filter((what) => !counts.has(what))
  if (runs > 1 && missing.length > 0) {
    const happened = [...counts].map(([what, times]) => `${what} ${times}`).join(', ')
    throw new SimulationError(
      'idle-runs',
      `SEED=${seed} RUNS=${runs}: in no run was there: ${missing.join(', ')}. There was: ${happened}`,
    )
  }
  return { runs, counts }
}

/** Run 0 has the seed itself, so that a printed seed replays as it stands. */
export function seedOfRun(seed: string | number, run: number): string {
  return run === 0 ? String(seed) : `${seed}.${run}`
}

interface Outcome {
  readonly world: World
  readonly failure: { readonly error: unknown } | undefined
}

async function runOnce(
  { scenario, world: given }: SeedRunsOptions,
  seed: string,
): Promise<Outcome> {
  const world = createWorld({ ...given, seed })
  try {
    await scenario(world)
    return { world, failure: undefined }
  } catch (error) {
    return { world, failure: { error } }
  }
}

async function failed(
  options: SeedRunsOptions,
  world: World,
  error: unknown,
  run: number,
): Promise<SimulationError> {
  const again = await runOnce(options, world.seed)
  const isSame = again.failure !== undefined && again.world.trace.hash === world.trace.hash
  const reason = error instanceof Error ? error.message : String(error)
  const replay = isSame
    ? 'run again: the same'
    : `run again: NOT the same (${again.world.trace.hash}, ${again.world.trace.count} lines)`
  const message = [
    `SEED=${world.seed} (run ${run + 1} of ${options.runs}): ${reason}`,
    // A hung clock has shown them already.
    ...(reason.includes(lastLinesTitle) ? [] : [lastLinesTitle, ...world.trace.tail(30)]),
    `trace ${world.trace.hash}, ${world.trace.count} lines; ${replay}`,
  ].join('\n')
  return new SimulationError('run-failed', message, { cause: error })
}
