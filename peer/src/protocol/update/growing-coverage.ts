import {
  differenceOfIds,
  emptyCoverage,
  neededBefore,
  type Coverage,
  type IdRanges,
} from './coverage.js'
import { RangeSet } from './range-set.js'
import { differenceOf, type Ranges } from './ranges.js'

/**
 * A coverage that grows: what a document holds, while it is being written. Adding a keystroke and
 * asking whether one is contained cost O(log ranges), where `union` copies everything.
 */
export class GrowingCoverage {
  readonly #structs = new Map<number, RangeSet>()
  readonly #deletes = new Map<number, RangeSet>()
  /** By client the highest clock referred to. */
  readonly #refs = new Map<number, number>()

  constructor(start: Coverage = emptyCoverage) {
    this.add(start)
  }

  /** How many ranges it is made of: what it costs in memory, and what encoding it costs. */
  get rangeCount(): number {
    let count = 0
    for (const set of this.#structs.values()) count += set.size
    for (const set of this.#deletes.values()) count += set.size
    return count
  }

  add(coverage: Coverage): void {
    addIds(this.#structs, coverage.structs)
    addIds(this.#deletes, coverage.deletes)
    for (const [client, range] of coverage.refs) {
      const clock = range[0] as number
      if (clock > (this.#refs.get(client) ?? -1)) this.#refs.set(client, clock)
    }
  }

  /** As `contains(this, want)`. */
  contains(want: Coverage): boolean {
    return hasAll(this.#structs, want.structs) && hasAll(this.#deletes, want.deletes)
  }

  /**
   * True when `missing(want)` would be empty for the plainest reason: everything that `want` needs is
   * here from the start, or follows on it. False says nothing. What people type is nearly always so,
   * and this makes no objects.
   */
  plainlyHolds(want: Coverage): boolean {
    for (const [client, ranges] of want.structs) {
      if (ranges.length !== 2 || (ranges[0] as number) > this.#firstMissing(client)) return false
    }
    return this.#plainlyReaches(want.refs, want) && this.#plainlyReaches(want.deletes, want)
  }

  /** As `difference(want, this)`: what of `want` is not here yet. */
  lackingOf(want: Coverage): Coverage {
    return {
      structs: lackingIds(this.#structs, want.structs),
      deletes: lackingIds(this.#deletes, want.deletes),
      refs: want.refs,
    }
  }

  /** As `missing(this, want)`: the ids that `want` needs and neither of the two holds. */
  missing(want: Coverage): IdRanges {
    const missing = new Map<number, Ranges>()
    for (const [client, to] of neededBefore(want)) {
      const lacking = this.#structs.get(client)?.lackingOf([0, to]) ?? [0, to]
      const ranges = differenceOf(lacking, want.structs.get(client) ?? [])
      if (ranges.length > 0) missing.set(client, ranges)
    }
    return missing
  }

  /** As `unwrittenDeletes(this, want)`. */
  unwrittenDeletes(want: Coverage): IdRanges {
    return differenceOfIds(lackingIds(this.#structs, want.deletes), want.structs)
  }

  /** Whether all ids up to these are here, or in `want` itself, whose structs follow on what is here. */
  #plainlyReaches(ids: IdRanges, want: Coverage): boolean {
    for (const [client, ranges] of ids) {
      const end = ranges[ranges.length - 1] as number
      if (end > this.#firstMissing(client) && end > (want.structs.get(client)?.[1] ?? 0))
        return false
    }
    return true
  }

  #firstMissing(client: number): number {
    return this.#structs.get(client)?.firstMissing ?? 0
  }

  /** A copy of what it holds now. */
  toCoverage(): Coverage {
    const refs = new Map<number, Ranges>()
    for (const [client, clock] of this.#refs) refs.set(client, [clock, clock + 1])
    return { structs: toIds(this.#structs), deletes: toIds(this.#deletes), refs }
  }
}

type Sets = ReadonlyMap<number, RangeSet>

function addIds(sets: Map<number, RangeSet>, ids: IdRanges): void {
  for (const [client, ranges] of ids) {
    let set = sets.get(client)
    if (set === undefined) {
      set = new RangeSet()
      sets.set(client, set)
    }
    for (let i = 0; i < ranges.length; i += 2) set.add(ranges[i] as number, ranges[i + 1] as number)
  }
}

function hasAll(sets: Sets, ids: IdRanges): boolean {
  for (const [client, ranges] of ids) {
    const set = sets.get(client)
    if (set === undefined) return false
    for (let i = 0; i < ranges.length; i += 2) {
      if (!set.covers(ranges[i] as number, ranges[i + 1] as number)) return false
    }
  }
  return true
}

function lackingIds(sets: Sets, ids: IdRanges): IdRanges {
  const lacking = new Map<number, Ranges>()
  for (const [client, ranges] of ids) {
    const left = sets.get(client)?.lackingOf(ranges) ?? ranges
    if (left.length > 0) lacking.set(client, left)
  }
  return lacking
}

function toIds(sets: Sets): IdRanges {
  const ids = new Map<number, Ranges>()
  for (const [client, set] of sets) ids.set(client, set.toRanges())
  return ids
}
