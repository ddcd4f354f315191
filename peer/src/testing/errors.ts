/** Why a simulated world, or a run of it, stopped. */
export type SimulationErrorCode =
  /** Too many tasks: at one virtual instant, or in one run. */
  | 'hung'
  /** The condition did not come true within the run's virtual time. */
  | 'out-of-time'
  /** The condition is false and no task is left that could change it. */
  | 'nothing-left'
  /** A seeded run failed; `cause` has the reason, the message the seed. */
  | 'run-failed'
  /** All runs passed, but something that the scenario is about never happened. */
  | 'idle-runs'
  /** The caller's mistake: a bad number, an unknown host, a clock run from inside its own task. */
  | 'misuse'
  /** A simulated disk has no room for the write. */
  | 'disk-full'
  /** A simulated disk failed the operation, by intent. */
  | 'disk-failed'
  /** A simulated disk has no file of this name. */
  | 'no-such-file'

/** What the simulated world throws, and what its disks reject with. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError'
  readonly code: SimulationErrorCode

  constructor(code: SimulationErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The caller's mistake, named with what was given. */
export function misuse(message: string): SimulationError {
  return new SimulationError('misuse', message)
}
