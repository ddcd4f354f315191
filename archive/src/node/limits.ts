const KiB = 1_024
const MiB = 1_024 * KiB

/** What one node takes on, and how long it waits. Everything has a default that is safe. */
export interface NodeLimits {
  /** Links at a time. Each idle one costs a few KiB. */
  readonly maxSessions: number
  /** Of these, who has not proved anything yet. */
  readonly maxStrangers: number
  /** Until a stranger has shown its credential … */
  readonly helloWithinMs: number
  /** … and what it may send until then: a `hello` with the largest token, and some. */
  readonly maxStrangerBytes: number
  /** After its token has ended: long enough to fetch a new one, too short to hang about. */
  readonly renewWithinMs: number
  /** Errors answered on one link before it is closed: a program that does not learn. */
  readonly maxFaults: number
  /** Messages besides pushes: so many a second for long … */
  readonly messagesPerSecond: number
  /** … and so many at once, which covers a reconnect with its resync. */
  readonly messageBurst: number
  /** Bytes of one session's pushes that wait for the disk. One push of any size always may. */
  readonly maxPushedBytes: number
  readonly maxPushedOps: number
  /** Bytes of all sessions' pushes that wait for the disk. */
  readonly maxPushedBytesInAll: number
  /** Told to who pushes too fast, or while the disk is full. */
  readonly retryAfterMs: number
  /** On its way to one reader; above it the reader waits, and reads on from the log. */
  readonly maxInFlightBytes: number
  /** A page read from the log. With `maxInFlightBytes` it stays below 1 MiB a reader. */
  readonly pageBytes: number
  /** A page of new entries, in the live lane: a reader's next keystroke waits behind it. */
  readonly livePageBytes: number
  /** Larger snapshots are announced, and fetched by what the reader lacks. */
  readonly maxSnapshotBytes: number
  /** Recent entries kept in memory, a collection that is read. */
  readonly recentBytes: number
  /** Large answers kept for a crowd that asks alike, a collection; the last one whatever its size. */
  readonly sharedBytes: number
  /** Acks are gathered so long: they only spare a reader snapshots. */
  readonly leaseFlushMs: number
  /** A standing link is a sign of life, told this often: far below any `peerTimeoutMs`. */
  readonly leaseSeenMs: number
  /** Questions of one session that wait for their answers. */
  readonly maxQuestions: number
  /** State vectors of these questions, in all. */
  readonly maxQuestionBytes: number
  /** Gapped ops of one session that are told again when their gap has closed. */
  readonly maxGappedOps: number
  /** Documents with a gap that are asked for in one collection, and how long one peer is waited for. */
  readonly maxGaps: number
  readonly gapAnswerWithinMs: number
  /** How long the one that was asked for a hint may take. */
  readonly hintWithinMs: number
  /** Documents that one session says to view. */
  readonly maxViewed: number
  /** Presence that one session may have passed on: bytes a second, and at once. */
  readonly presenceBytesPerSecond: number
  readonly presenceBurstBytes: number
  /** And how many times it may be passed on: so often a second, and at once. */
  readonly presenceDeliveriesPerSecond: number
  readonly presenceDeliveriesBurst: number
  /** What a drained client is told to stay away for at the least; the spread comes on top. */
  readonly drainRetryMs: number
  /** Whoever has not hung up by then is cut off: its unanswered pushes it will push again. */
  readonly drainWithinMs: number
  readonly drainSpreadMs: number
}

export const defaultNodeLimits: NodeLimits = {
  maxSessions: 20_000,
  maxStrangers: 2_000,
  helloWithinMs: 10_000,
  maxStrangerBytes: 64 * KiB,
  renewWithinMs: 10_000,
  maxFaults: 32,
  messagesPerSecond: 1_000,
  messageBurst: 4_000,
  maxPushedBytes: 8 * MiB,
  maxPushedOps: 8_192,
  maxPushedBytesInAll: 192 * MiB,
  retryAfterMs: 500,
  maxInFlightBytes: 768 * KiB,
  pageBytes: 224 * KiB,
  livePageBytes: 48 * KiB,
  maxSnapshotBytes: 1 * MiB,
  recentBytes: 4 * MiB,
  sharedBytes: 64 * MiB,
  leaseFlushMs: 1_000,
  leaseSeenMs: 600_000,
  maxQuestions: 64,
  maxQuestionBytes: 2 * MiB,
  maxGappedOps: 1_024,
  maxGaps: 1_024,
  gapAnswerWithinMs: 10_000,
  hintWithinMs: 10_000,
  maxViewed: 1_024,
  presenceBytesPerSecond: 64 * KiB,
  presenceBurstBytes: 128 * KiB,
  // Thirty moves a second before three hundred viewers.
  presenceDeliveriesPerSecond: 10_000,
  presenceDeliveriesBurst: 20_000,
  drainRetryMs: 1_000,
  drainWithinMs: 10_000,
  drainSpreadMs: 2_000,
}
