/** What tabs allow each other, in numbers. */
export const tabsBounds = {
  /** A follower asks its owner for a word this often; hidden tabs get their timers later than that. */
  pingEveryMs: 2_000,
  /** The owner has said nothing for so long: whoever follows asks all for one. */
  silentAfterMs: 6_000,
  /** Nobody answers that: the lock is taken from whoever sleeps on it. Jittered, so that few do it at once. */
  stealAfterMs: 2_000,
  /** Who has the lock is ready by then, or lets go of it. */
  settleWithinMs: 30_000,
  /** A set-up that failed is tried again after this, then twice this, … at most `retryMaxMs`. */
  retryMinMs: 1_000,
  retryMaxMs: 30_000,
  /** A document that the owner could not read is asked for again after this. */
  attachAgainMs: 1_000,
  /** Lines that one owner keeps: tabs of one app. */
  maxFollowers: 256,
  /** A follower that has been silent for so long is forgotten; should it wake, it joins again. */
  forgetAfterMs: 180_000,
} as const
