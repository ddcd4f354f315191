/**
 * Which runs a random test makes. `SEED=` replays one: with a seed and no `RUNS=` there is one run.
 * `RUNS=` makes a campaign.
 */
export function seedsFromEnvironment(defaults: { readonly runs: number; readonly seed: string }): {
  readonly runs: number
  readonly seed: string
} {
  const { SEED: seed, RUNS: runs } = process.env
  if (runs !== undefined && !/^[1-9]\d*$/.test(runs)) {
    throw new Error(`RUNS= takes a whole number from 1, got '${runs}'`)
  }
  return {
    seed: seed ?? defaults.seed,
    runs: runs !== undefined ? Number(runs) : seed !== undefined ? 1 : defaults.runs,
  }
}
