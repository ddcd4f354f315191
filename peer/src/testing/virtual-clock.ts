import type { Clock, Undo } from '../ports/index.js'
import { misuse, SimulationError } from './errors.js'
import { TaskQueue } from './task-queue.js'
import { formatMs } from './trace.js'
import { platformTurn } from './turn.adapter.js'

/** When a run counts as hung. */
export interface RunLimits {
  /** Virtual milliseconds that one call may let pass. Default 10 minutes; `run(ms)` takes any. */
  readonly maxVirtualMs?: number
  /** Tasks that one call may run. Default 10 million: minutes of real time. */
  readonly maxTasks?: number
  /** Tasks that may run without time passing. Default 100,000, a fraction of a real second. */
  readonly maxTasksPerInstant?: number
}

export interface UntilOptions extends RunLimits {
  /**
   * Look at the condition only so often, in virtual milliseconds, instead of after every task:
   * for conditions that cost more than a task does. Default 0.
   */
  readonly checkEveryMs?: number
}

export interface VirtualClockOptions {
  /** What the wall clock shows at the start. The default is a fixed day, the same in every run. */
  readonly startMs?: number
  readonly limits?: RunLimits
  /** The last things that happened, for the message of a hung run. */
  readonly lastLines?: () => readonly string[]
}

const defaultLimits: Required<RunLimits> = {
  maxVirtualMs: 600_000,
  maxTasks: 10_000_000,
  maxTasksPerInstant: 100_000,
}

/** Stands before the newest lines of a trace in the messages of errors. */
export const lastLinesTitle = 'last lines of the trace:'

/**
 * Time that passes only when it is told to, and at once.
 *
 * **Order.** Tasks run by time, and those of one instant in the order in which they were armed, as
 * the platform's timers do. What should race is spread by seeded delays, not by shuffling ties:
 * code may rely on its own order, and never gets the order of others for nothing. The resolution
 * is one microsecond.
 *
 * **Promises.** Participants may be asynchronous. `run`, `runUntil` and `drain` take a turn of the
 * real event loop after every task (`settle`), so that every promise that the task resolved has
 * been followed to its end, however long the chain, before the next task runs; virtual time stands
 * still meanwhile. This is deterministic as long as everything waits for microtasks and for this
 * clock alone. It cannot see what really leaves the thread (files, sockets, workers,
 * `crypto.subtle`): simulated participants get simulated ones. A turn costs 1 to 2 microseconds.
 * `advance` and `advanceUntil` do the same without turns, for participants that have no promises.
 *
 * **Hangs.** A run that repeats itself without time passing, or never reaches its condition, ends
 * in a `SimulationError` that names the pending tasks and the last lines of the trace. A loop
 * inside one task is real time, and only the test runner's own limit ends it.
 */
export class VirtualClock implements Clock {
  readonly #tasks = new TaskQueue()
  readonly #limits: Required<RunLimits>
  readonly #lastLines: () => readonly string[]
  /** Since the start, in milliseconds, a multiple of 0.001. */
  #elapsedMs = 0
  #wallOffsetMs: number
  #tasksAtInstant = 0
  #running = false
  #failure: { readonly error: unknown } | undefined

  constructor(options: VirtualClockOptions = {}) {
    this.#wallOffsetMs = options.startMs ?? 1_750_000_000_000
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#lastLines = options.lastLines ?? (() => [])
  }

  now(): number {
    return Math.floor(this.#wallOffsetMs + this.#elapsedMs)
  }

  /** Virtual milliseconds since this clock was made. */
  monotonic(): number {
    return this.#elapsedMs
  }

  /** As the port says. The label stands for the task in the message of a hung run. */
  after(delayMs: number, task: () => void, label?: string): Undo {
    if (!Number.isFinite(delayMs)) throw misuse(`after(delayMs) takes a number, got ${delayMs}`)
    const atMs = Math.round((this.#elapsedMs + Math.max(0, delayMs)) * 1000) / 1000
    const queued = this.#tasks.add(atMs, label ?? (task.name || 'a task'), task)
    return () => this.#tasks.cancel(queued)
  }

  /** Sets the wall clock forward or back, as users and time servers do. Timers do not notice. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs
  }

  /** Tasks that are armed and have not run. */
  get pendingTasks(): number {
    return this.#tasks.size
  }

  /** Makes the run that is under way, or the next one, throw `error`. The first failure counts. */
  fail(error: unknown): void {
    this.#failure ??= { error }
  }

  /** Lets `ms` pass, running what is due, without waiting for promises. */
  advance(ms: number): void {
    const run = this.#begin(ms, { maxVirtualMs: ms })
    try {
      while (run.step()) continue
    } finally {
      this.#running = false
    }
  }

  /** Runs task by task until the condition holds, without waiting for promises. */
  advanceUntil(condition: () => boolean, options: UntilOptions = {}): void {
    const run = this.#begin(undefined, options)
    try {
      while (!run.isReached(condition)) {
        if (run.step()) continue
        else if (condition()) return
        else throw this.#unreached(run.limits)
      }
    } finally {
      this.#running = false
    }
  }

  /** Follows every promise that can go on without time passing to where it waits. */
  async settle(): Promise<void> {
    await platformTurn()
    this.#throwFailure()
  }

  /** Lets `ms` pass, running what is due, with promises. */
  async run(ms: number, limits: Omit<RunLimits, 'maxVirtualMs'> = {}): Promise<void> {
    const run = this.#begin(ms, { ...limits, maxVirtualMs: ms })
    try {
      await this.settle()
      while (run.step()) await this.settle()
    } finally {
      this.#running = false
    }
  }

  /** Runs task by task, with promises, until the condition holds. */
  async runUntil(condition: () => boolean, options: UntilOptions = {}): Promise<void> {
    const run = this.#begin(undefined, options)
    try {
      await this.settle()
      while (!run.isReached(condition)) {
        if (run.step()) await this.settle()
        else if (condition()) return
        else throw this.#unreached(run.limits)
      }
    } finally {
      this.#running = false
    }
  }

  /** Runs, with promises, until no task is left. Periodic timers have to be undone first. */
  drain(limits: RunLimits = {}): Promise<void> {
    return this.runUntil(() => this.#tasks.size === 0, limits)
  }

  /** What is armed, in order, a line each: for messages. */
  describePending(limit = 12): readonly string[] {
    return this.#tasks.upcoming(limit).map((task) => `${formatMs(task.atMs)} ${task.label}`)
  }

  /**
   * One call's run: `step` runs the next task that is due within the limits; false when none is.
   * With `passMs` the time has then passed whole.
   */
  #begin(passMs: number | undefined, given: UntilOptions): Run {
    if (this.#running) throw misuse('the clock is already running: it cannot be run from a task')
    if (passMs !== undefined && !(passMs >= 0 && Number.isFinite(passMs))) {
      throw misuse(`time passes by a number of milliseconds from 0, got ${passMs}`)
    }
    this.#throwFailure()
    this.#running = true
    const limits = { ...this.#limits, ...withoutUndefined(given) }
    const endMs = Math.round((this.#elapsedMs + limits.maxVirtualMs) * 1000) / 1000
    const checkEveryMs = given.checkEveryMs ?? 0
    let tasks = 0
    let nextCheckMs = this.#elapsedMs
    return {
      limits,
      isReached: (condition) => {
        if (this.#tasks.size > 0 && this.#elapsedMs < nextCheckMs) return false
        nextCheckMs = this.#elapsedMs + checkEveryMs
        return condition()
      },
      step: () => {
        const atMs = this.#tasks.nextAtMs
        if (atMs === undefined || atMs > endMs) {
          if (passMs !== undefined) this.#moveTo(endMs)
          return false
        }
        if (++tasks > limits.maxTasks) {
          throw this.#hung(`${limits.maxTasks} tasks in one run`)
        }
        this.#moveTo(atMs)
        if (++this.#tasksAtInstant > limits.maxTasksPerInstant) {
          throw this.#hung(`${limits.maxTasksPerInstant} tasks without time passing`)
        }
        const task = this.#tasks.take()
        const action = task?.run
        if (task !== undefined) task.run = undefined
        action?.()
        this.#throwFailure()
        return true
      },
    }
  }

  #moveTo(ms: number): void {
    if (ms <= this.#elapsedMs) return
    this.#elapsedMs = ms
    this.#tasksAtInstant = 0
  }

  #throwFailure(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure.error
  }

  #hung(what: string): SimulationError {
    return new SimulationError('hung', this.#report(`the world hangs: ${what}`))
  }

  #unreached(limits: Required<RunLimits>): SimulationError {
    return this.#tasks.size === 0
      ? new SimulationError(
          'nothing-left',
          this.#report('the condition is false and nothing is left to happen'),
        )
      : new SimulationError(
          'out-of-time',
          this.#report(`the condition is still false after ${limits.maxVirtualMs} ms`),
        )
  }

  #report(what: string): string {
    const pending = this.describePending()
    const lines = this.#lastLines()
    return [
      `${what} (virtual time ${formatMs(this.#elapsedMs)})`,
      `${this.#tasks.size} pending tasks${pending.length > 0 ? ', first:' : ''}`,
      ...pending.map((line) => `  ${line}`),
      ...(lines.length > 0 ? [lastLinesTitle, ...lines] : []),
    ].join('\n')
  }
}

interface Run {
  readonly limits: Required<RunLimits>
  isReached(condition: () => boolean): boolean
  step(): boolean
}

/** Options given as `undefined` must not hide a default. */
function withoutUndefined<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as Partial<T>
}
