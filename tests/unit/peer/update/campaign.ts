import { SeededRandom } from '@holdfast/peer/testing'

/**
 * Runs `body` with one seed after the other: `SEED`, `SEED-1`, `SEED-2`, …. `RUNS` says how many runs
 * there are instead of the default; a seed may stand for a batch of them, and is told how many. A
 * failure names its seed and how to run that one alone.
 */
export function campaign(
  defaultRuns: number,
  body: (random: SeededRandom, count: number) => void,
  batch = 1,
): void {
  const base = process.env['SEED'] ?? 'holdfast'
  const runs = runsOr(defaultRuns)
  for (let run = 0; run < runs; run += batch) {
    const seed = run === 0 ? base : `${base}-${run}`
    try {
      body(new SeededRandom(seed), Math.min(batch, runs - run))
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'not an error'
      throw new Error(`SEED=${seed} RUNS=${batch}: ${reason}`, { cause: error })
    }
  }
}

export function runsOr(defaultRuns: number): number {
  const runs = process.env['RUNS']
  return runs === undefined ? defaultRuns : Number(runs)
}

/** A minute, and what a campaign of this many runs needs on a slow machine. */
export function timeoutFor(defaultRuns: number, msEach: number): { readonly timeout: number } {
  return { timeout: 60_000 + runsOr(defaultRuns) * msEach }
}
