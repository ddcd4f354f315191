import { median } from './report.js'

/** One side of a comparison: does its slice of the work, and gives how many milliseconds it took. */
export type Side = (slice: number) => number | Promise<number>

/** By side: what each counted slice took. */
export type Taken<Names extends string> = Readonly<Record<Names, readonly number[]>>

/**
 * Has all sides do the same work in short slices, turn and turn about, so that whatever else the
 * machine does meets all of them alike; who is first changes with each slice. The first slices are
 * not counted: they warm each side up.
 */
export async function inTurns<Names extends string>(
  sides: Readonly<Record<Names, Side>>,
  { slices, warmUp }: { readonly slices: number; readonly warmUp: number },
): Promise<Taken<Names>> {
  const names = Object.keys(sides) as Names[]
  const taken = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
    Names,
    number[]
  >
  for (let slice = 0; slice < warmUp + slices; slice++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(slice + turn) % names.length] as Names
      const tookMs = await sides[name](slice)
      if (slice >= warmUp) taken[name].push(tookMs)
    }
  }
  return taken
}

/** The median of the ratios of slices that were done beside each other. */
export function ratioOf(over: readonly number[], under: readonly number[]): number {
  return median(over.map((tookMs, slice) => tookMs / (under[slice] ?? Number.NaN)))
}
