/** How many links the signaller hands out. Every number is a cap that holds for both ends of a link. */
export interface TopologyLimits {
  /**
   * Up to this many writers everybody is linked to everybody: an edit takes one hop and N - 1
   * messages. From `leastLinks + 1` to `mostLinks + 1`.
   */
  readonly fullMeshUpTo: number
  /** Above `fullMeshUpTo` no writer has fewer links to other writers than this. At least 2. */
  readonly leastLinks: number
  /**
   * No writer has more links to other writers than this. At least `leastLinks + 2`: with that much
   * slack a place for a short writer always exists within its reach (see `WriterMesh`).
   */
  readonly mostLinks: number
  /** Writers that a read-only peer hangs off, when there is room. */
  readonly linksPerReader: number
  /** Read-only peers that hang off one writer, beside its `mostLinks`. */
  readonly readersPerWriter: number
  /** Members that an archive serves directly, where it does not say so itself. */
  readonly linksPerArchive: number
}

export const defaultTopologyLimits: TopologyLimits = {
  fullMeshUpTo: 8,
  // When 30 % vanish at once, 0.3^6 = 0.07 % of those with 6 links lose all of them: just inside
  // the 0.1 % that the design allows, and most have more.
  leastLinks: 6,
  // A browser's tab carries 8 data channels without being noticed; each costs heartbeats and memory.
  mostLinks: 8,
  // One may vanish, and its reader still gets everything while the signaller finds another.
  linksPerReader: 2,
  // A writer sends each edit once more for each reader: four doubles what a tree of degree 8 asks of it.
  readersPerWriter: 4,
  // A WebRTC link takes about 0.5 MB in Node; an archive that is reached by WebSocket can say more.
  linksPerArchive: 1_000,
}

/** The defaults with `given` on top. Throws a RangeError that names the limit which cannot hold. */
export function topologyLimits(given: Partial<TopologyLimits> = {}): TopologyLimits {
  const limits = { ...defaultTopologyLimits, ...given }
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isInteger(value) || value < 0) {
      throw new RangeError(`${name} takes a whole number from 0, got ${value}`)
    }
  }
  const { fullMeshUpTo, leastLinks, mostLinks } = limits
  if (leastLinks < 2) throw new RangeError(`leastLinks takes 2 or more, got ${leastLinks}`)
  if (mostLinks < leastLinks + 2) {
    throw new RangeError(
      `mostLinks takes leastLinks + 2 or more, got ${mostLinks} over ${leastLinks}`,
    )
  }
  if (fullMeshUpTo <= leastLinks || fullMeshUpTo > mostLinks + 1) {
    throw new RangeError(
      `fullMeshUpTo takes leastLinks + 1 to mostLinks + 1, got ${fullMeshUpTo} for ${leastLinks} to ${mostLinks}`,
    )
  }
  return limits
}
