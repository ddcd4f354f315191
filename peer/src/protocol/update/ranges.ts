/*
 * Ranges of clocks as flat pairs `[from, to, from, to, …]`: half-open, ascending, disjoint, never
 * touching. Nothing here changes its arguments.
 */

export type Ranges = readonly number[]

/** Adds a range at the end of a list that is being built in ascending order; touching ranges join. */
export function appendRange(ranges: number[], from: number, to: number): void {
  const last = ranges.length - 1
  if (last > 0 && (ranges[last] as number) >= from) {
    if ((ranges[last] as number) < to) ranges[last] = to
  } else {
    ranges.push(from, to)
  }
}

/** The index (of its `from`) of the first range that ends after `clock`; the length if none does. */
export function firstEndingAfter(ranges: Ranges, clock: number, startAt = 0): number {
  let low = startAt / 2
  let high = ranges.length / 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ranges[2 * middle + 1] as number) > clock) high = middle
    else low = middle + 1
  }
  return 2 * low
}

/** True when every clock of `want` is in `have`. O(want · log have). */
export function covers(have: Ranges, want: Ranges): boolean {
  let at = 0
  for (let i = 0; i < want.length; i += 2) {
    at = firstEndingAfter(have, want[i] as number, at)
    if (at === have.length) return false
    if ((have[at] as number) > (want[i] as number)) return false
    if ((have[at + 1] as number) < (want[i + 1] as number)) return false
  }
  return true
}

/** Every clock that is in either. O(a + b). */
export function unionOf(a: Ranges, b: Ranges): Ranges {
  if (a.length === 0) return b
  if (b.length === 0) return a
  const union: number[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const fromA = i < a.length ? (a[i] as number) : Infinity
    const fromB = j < b.length ? (b[j] as number) : Infinity
    if (fromA <= fromB) {
      appendRange(union, fromA, a[i + 1] as number)
      i += 2
    } else {
      appendRange(union, fromB, b[j + 1] as number)
      j += 2
    }
  }
  return union
}

/** Every clock of `from` that is not in `minus`. O(from · log minus + what lies between). */
export function differenceOf(from: Ranges, minus: Ranges): Ranges {
  if (minus.length === 0) return from
  const difference: number[] = []
  let at = 0
  for (let i = 0; i < from.length; i += 2) {
    let start = from[i] as number
    const end = from[i + 1] as number
    at = firstEndingAfter(minus, start, at)
    for (let j = at; j < minus.length && (minus[j] as number) < end; j += 2) {
      if ((minus[j] as number) > start) difference.push(start, minus[j] as number)
      start = minus[j + 1] as number
    }
    if (start < end) difference.push(start, end)
  }
  return difference
}
