/** Undoes what the call that returned it set up. Calling it again does nothing. */
export type Undo = () => void

/**
 * Time, as everything in Holdfast sees it. No module reads the platform's clock or arms its
 * timers directly, so that a whole mesh can run on virtual time.
 */
export interface Clock {
  /** Wall-clock milliseconds since the epoch. May jump in either direction: never measure with it. */
  now(): number
  /** Milliseconds from an arbitrary start. Never goes back. */
  monotonic(): number
  /**
   * Runs `task` once, `delayMs` after now on the monotonic clock, never within this call.
   * Delays below zero count as zero. The returned undo prevents a task that has not yet run.
   */
  after(delayMs: number, task: () => void): Undo
}
