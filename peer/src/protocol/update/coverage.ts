/**
 * Ranges of ids: for each client, flat pairs `[from, to, from, to, …]` of clocks, half-open,
 * ascending, disjoint and never touching (touching ranges are one range). A client that has no
 * range has no entry.
 */
export type IdRanges = ReadonlyMap<number, readonly number[]>

/** The exact set of what some bytes contain, and of what they refer to. */
export interface Coverage {
  /** Struct clocks that the bytes carry: items and garbage-collected stretches; Skips are holes. */
  readonly structs: IdRanges
  /** Struct clocks that the bytes delete. */
  readonly deletes: IdRanges
  /** Ids that the structs refer to: origins, right origins, parents. May lie inside `structs`. */
  readonly refs: IdRanges
}
