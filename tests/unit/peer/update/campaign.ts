import { SeededRandom } from '@holdfast/peer/testing'

/**
 * Runs `body` with one seed after the other: `SEED`, `SEED-1`, `SEED-2`, …. A failure names the seed,
 * and `SEED=… RUNS=1` runs that one alone. `RUNS` says how many, instead of the default.
 */
export function campaign(defaultRuns: number, body: (random: SeededRandom) => void): void {
  const base = process.env['SEED'] ?? 'holdfast'
  for (let run = 0; run < runsOr(defaultRuns); run++) {
    const seed = run === 0 ? base : `${base}-${run}`
    try {
      body(new SeededRandom(seed))
    } catch (error) {
      throw new Error(`SEED=${seed} RUNS=1: ${error instanceof Error ? error.message : ''}`, {
        cause: error,
      })
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
