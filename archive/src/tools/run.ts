import type { Clock } from '@holdfast/peer/ports'

/** How far a tool is with one of its steps. */
export interface Progress {
  /** What it does, as in "checking rows". */
  readonly step: string
  readonly done: number
  /** Of the same things as `done`; may still grow. 0 if it cannot be known. */
  readonly total: number
}

/** What every tool takes from whoever runs it. */
export interface ToolRun {
  readonly clock: Clock
  /** Called now and then, and at each step's end. */
  readonly onProgress?: (progress: Progress) => void
  /** Stops the tool soon: it rejects with the signal's reason, and leaves nothing half done. */
  readonly signal?: AbortSignal
}

/**
 * Keeps a tool from hogging the thread: its loops ask `turn` each time around, and now and then it
 * lets others run, tells how far it is and looks whether it is still wanted.
 */
export class Pace {
  readonly #run: ToolRun
  #since: number

  constructor(run: ToolRun) {
    this.#run = run
    this.#since = run.clock.monotonic()
    run.signal?.throwIfAborted()
  }

  /** Costs next to nothing until it is time. */
  async turn(step: string, done: number, total: number): Promise<void> {
    if (this.#run.clock.monotonic() - this.#since < busyMs) return
    await this.#rest(step, done, total)
  }

  /** A step is over: always told. */
  async end(step: string, done: number): Promise<void> {
    await this.#rest(step, done, done)
  }

  async #rest(step: string, done: number, total: number): Promise<void> {
    const { clock, onProgress, signal } = this.#run
    onProgress?.({ step, done, total })
    await new Promise<void>((resolve) => {
      clock.after(0, resolve)
    })
    signal?.throwIfAborted()
    this.#since = clock.monotonic()
  }
}

/** Long enough that resting costs a few percent, short enough for a bar that moves and a Ctrl-C. */
const busyMs = 25
