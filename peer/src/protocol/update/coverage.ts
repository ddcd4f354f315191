import { covers, differenceOf, unionOf, type Ranges } from './ranges.js'

/**
 * Ranges of ids: for each client, flat pairs `[from, to, from, to, …]` of clocks, half-open,
 * ascending, disjoint and never touching (touching ranges are one range). A client that has no
 * range has no entry.
 */
export type IdRanges = ReadonlyMap<number, readonly number[]>

/**
 * The exact set of what some bytes contain, and of what they refer to.
 *
 * `deletes` holds the deletions that the bytes *name*. A struct whose content is gone (Yjs calls it
 * GC or ContentDeleted) tells that its ids were deleted somewhere, but it deletes nothing in a
 * document that has those ids with content; so it counts as a struct, and as a deletion only if it
 * is named as one, too. Hence, for any bytes U, and any bytes S that lack nothing they refer to:
 * - U contained in S means that applying U to a document made of S changes nothing, in whatever
 *   order S was applied;
 * - the reverse holds when S is what a document wrote (`Y.encodeStateAsUpdate`, or its snapshot),
 *   because a document names every id in it that is deleted. For a set of single updates it may be
 *   that U names a deletion which those only imply: not contained, and yet nothing changes.
 */
export interface Coverage {
  /** Struct clocks that the bytes carry: items and garbage-collected stretches; Skips are holes. */
  readonly structs: IdRanges
  /** Struct clocks that the bytes delete by name. */
  readonly deletes: IdRanges
  /**
   * For each client the highest id that structs of *other* clients refer to: as origin, right origin
   * or parent. An id is of use to Yjs only when all ids before it of its client are there, so the
   * highest stands for all; and a struct refers to its own client's earlier ids only, which it needs
   * anyway. May lie inside `structs`.
   */
  readonly refs: IdRanges
}

const none: IdRanges = new Map()

export const emptyCoverage: Coverage = { structs: none, deletes: none, refs: none }

/** True when the bytes say nothing: no struct, no deletion. Such an update changes no document. */
export function isEmpty(coverage: Coverage): boolean {
  return coverage.structs.size === 0 && coverage.deletes.size === 0
}

/** True when `have` holds every struct and every deletion of `want`. References do not count. */
export function contains(have: Coverage, want: Coverage): boolean {
  return hasAll(have.structs, want.structs) && hasAll(have.deletes, want.deletes)
}

/** What either of the two contains, and what either refers to. */
export function union(a: Coverage, b: Coverage): Coverage {
  return {
    structs: unionOfIds(a.structs, b.structs),
    deletes: unionOfIds(a.deletes, b.deletes),
    refs: highestOfIds(a.refs, b.refs),
  }
}

/** What `from` contains and `minus` does not. The references stay: they are `from`'s. */
export function difference(from: Coverage, minus: Coverage): Coverage {
  return {
    structs: differenceOfIds(from.structs, minus.structs),
    deletes: differenceOfIds(from.deletes, minus.deletes),
    refs: from.refs,
  }
}

/**
 * The ids that `want` needs and that neither `have` nor `want` holds: all that precede its structs,
 * what its structs refer to, and what it deletes; each with all earlier ids of the same client,
 * because Yjs integrates a client's structs in order, without holes.
 *
 * Empty means that a document which has all of `have` integrated takes `want` with nothing left
 * pending. If `have` has gaps of its own (`missing(emptyCoverage, have)` is not empty), then these
 * can still stand in the way of `want`.
 */
export function missing(have: Coverage, want: Coverage): IdRanges {
  const lacking = new Map<number, Ranges>()
  for (const [client, to] of neededBefore(want)) {
    const withoutHave = differenceOf([0, to], have.structs.get(client) ?? [])
    const ranges = differenceOf(withoutHave, want.structs.get(client) ?? [])
    if (ranges.length > 0) lacking.set(client, ranges)
  }
  return lacking
}

/**
 * The ids that `want` deletes although nobody is known to have written them: neither `have` nor
 * `want` holds them. Yjs keeps such a deletion and applies it to whatever comes to bear that id, so
 * one that reaches far ahead is a weapon against a client's future edits; an honest one only ever
 * means that its predecessors are still on their way. They are part of `missing`, too.
 */
export function unwrittenDeletes(have: Coverage, want: Coverage): IdRanges {
  return differenceOfIds(differenceOfIds(want.deletes, have.structs), want.structs)
}

/** Every client that the coverage names: as author, as author of something deleted or referred to. */
export function clientsOf(coverage: Coverage): ReadonlySet<number> {
  return new Set([...coverage.structs.keys(), ...coverage.deletes.keys(), ...coverage.refs.keys()])
}

/** For each client of `want` the clock below which all its structs must be there for it to integrate. */
export function neededBefore(want: Coverage): ReadonlyMap<number, number> {
  const needed = new Map<number, number>()
  for (const ids of [want.structs, want.deletes, want.refs]) {
    for (const [client, ranges] of ids) {
      const end = ranges[ranges.length - 1] as number
      if (end > (needed.get(client) ?? 0)) needed.set(client, end)
    }
  }
  return needed
}

function unionOfIds(a: IdRanges, b: IdRanges): IdRanges {
  if (a.size === 0) return b
  if (b.size === 0) return a
  const union = new Map(a)
  for (const [client, ranges] of b) union.set(client, unionOf(union.get(client) ?? [], ranges))
  return union
}

export function differenceOfIds(from: IdRanges, minus: IdRanges): IdRanges {
  if (from.size === 0 || minus.size === 0) return from
  const difference = new Map<number, Ranges>()
  for (const [client, ranges] of from) {
    const left = differenceOf(ranges, minus.get(client) ?? [])
    if (left.length > 0) difference.set(client, left)
  }
  return difference
}

function hasAll(have: IdRanges, want: IdRanges): boolean {
  for (const [client, ranges] of want) {
    const held = have.get(client)
    if (held === undefined || !covers(held, ranges)) return false
  }
  return true
}

function highestOfIds(a: IdRanges, b: IdRanges): IdRanges {
  if (a.size === 0) return b
  if (b.size === 0) return a
  const highest = new Map(a)
  for (const [client, range] of b) {
    const known = highest.get(client)
    if (known === undefined || (known[0] as number) < (range[0] as number)) {
      highest.set(client, range)
    }
  }
  return highest
}
