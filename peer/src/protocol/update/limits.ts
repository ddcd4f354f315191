/** How much one update, snapshot or state vector may be and say. Larger is refused unread. */
export interface UpdateLimits {
  /** Bytes of the whole. */
  readonly maxBytes: number
  /** The first clock that no struct and no deletion may reach. */
  readonly maxClock: number
  /** Clients with structs, and clients with deletions, each. */
  readonly maxClients: number
  /** Clients with structs in an update that is not complete by itself. */
  readonly maxWaitingClients: number
  /** Levels of arrays and objects inside one value, in either of Yjs' encodings. */
  readonly maxNesting: number
  /** Subdocuments that one update may bring. */
  readonly maxSubdocuments: number
  /** Different names of root types that one update may use. */
  readonly maxRootTypes: number
}

/**
 * What a whole document may be. One live change may be bounded lower by whoever receives it.
 *
 * - `maxBytes` 64 MiB: the largest document that has to sync.
 * - `maxClock` 2^40: one clientID at a thousand edits a second needs 34 years to get there, and sums
 *   of two such numbers, and Yjs' doubling of them in its own second format, stay exact.
 * - `maxClients` 262,144: fifty page loads a day for fourteen years, each with a clientID of its own,
 *   while five bytes that open one more client cost about 200 bytes here.
 * - `maxWaitingClients` 10,000: a complete update may bring all clients. In one that builds upon
 *   others, each client may have to wait, and what Yjs does about that grows with the square of their
 *   number: 0.8 s for 10,000, minutes for all. So many have never edited between two meetings.
 * - `maxNesting` 256: deeper than people build, and far from the some thousand levels at which the
 *   recursion of Yjs and of JSON.stringify ends in a stack overflow; engines on phones have less stack.
 * - `maxSubdocuments` 10,000: Yjs makes a Y.Doc for each, about 4 KB and 25 µs.
 * - `maxRootTypes` 10,000: Yjs searches all of them for each item that it writes, so their number
 *   counts squared: 10,000 cost it half a second, 100,000 would cost a minute.
 */
export const updateLimits: UpdateLimits = {
  maxBytes: 64 * 1024 * 1024,
  maxClock: 2 ** 40,
  maxClients: 262_144,
  maxWaitingClients: 10_000,
  maxNesting: 256,
  maxSubdocuments: 10_000,
  maxRootTypes: 10_000,
}
