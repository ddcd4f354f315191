/** What went one way over a link, or over a whole network. */
export interface LinkStatistics {
  /** Given to `send` on an open link. */
  readonly frames: number
  readonly bytes: number
  /** Arrived at the other host, doubles included. */
  readonly deliveredFrames: number
  readonly deliveredBytes: number
  /** Vanished: by rate, by intent, in a queue too long, or with a link that ended. */
  readonly dropped: number
  readonly duplicated: number
  readonly reordered: number
  /** The most that ever waited in one link's queue. */
  readonly peakBufferedBytes: number
}

export type Tally = { -readonly [Name in keyof LinkStatistics]: number }

export function newTally(): Tally {
  return {
    frames: 0,
    bytes: 0,
    deliveredFrames: 0,
    deliveredBytes: 0,
    dropped: 0,
    duplicated: 0,
    reordered: 0,
    peakBufferedBytes: 0,
  }
}
