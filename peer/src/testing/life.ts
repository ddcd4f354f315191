import type { Clock, Link, Undo } from '../ports/index.js'
import type { SeededRandom } from './seeded-random.js'
import type { Disk } from './simulated-disk.js'
import type { VirtualClock } from './virtual-clock.js'

/**
 * One run of a program on a host, from its start to its crash or stop, and all that the program may
 * touch. When the life ends, everything in it falls silent: timers and answers never come, links
 * are gone, calls do nothing. Code that is still on the stack cannot do harm any more.
 */
export interface Life {
  readonly host: string
  /** 1 for the host's first life. */
  readonly number: number
  readonly clock: Clock
  /** Different in each life. */
  readonly random: SeededRandom
  readonly disk: Disk
  listen(listener: (link: Link) => void): Undo
  dial(to: string): Link
  /** A line of the world's trace, with this host's name. */
  log(text: string): void
  /** Counts something that the run did. */
  count(what: string): void
  /** Makes the world's run fail if this rejects while the life lasts. For what nobody awaits. */
  watch(work: Promise<unknown>): void
}

/** Whether calls reach a life: now, when it thaws, or never. */
export class LifeGate {
  #state: 'running' | 'frozen' | 'over' = 'running'
  #waiting: (() => void)[] = []

  get isOver(): boolean {
    return this.#state === 'over'
  }

  readonly pass = (call: () => void): void => {
    if (this.#state === 'running') call()
    else if (this.#state === 'frozen') this.#waiting.push(call)
  }

  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen'
  }

  /** What came meanwhile follows in its order, each in a turn of its own. */
  thaw(later: (call: () => void) => void): void {
    if (this.#state !== 'frozen') return
    this.#state = 'running'
    for (const call of this.#waiting.splice(0)) later(() => this.pass(call))
  }

  end(): void {
    this.#state = 'over'
    this.#waiting = []
  }
}

/** A host's own clock: it may be wrong about the day, and its timers end with the life. */
export class LifeClock implements Clock {
  readonly #clock: VirtualClock
  readonly #gate: LifeGate
  readonly #host: string
  readonly #skewMs: () => number

  constructor(clock: VirtualClock, gate: LifeGate, host: string, skewMs: () => number) {
    this.#clock = clock
    this.#gate = gate
    this.#host = host
    this.#skewMs = skewMs
  }

  now(): number {
    return this.#clock.now() + this.#skewMs()
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  after(delayMs: number, task: () => void): Undo {
    if (this.#gate.isOver) return () => {}
    let isUndone = false
    // Looked at again when it runs: it may have been undone while the host was frozen.
    const run = (): void => {
      if (!isUndone) task()
    }
    const label = `${this.#host}: ${task.name || 'a timer'}`
    const undo = this.#clock.after(delayMs, () => this.#gate.pass(run), label)
    return () => {
      isUndone = true
      undo()
    }
  }
}

/** What a program of a life that is over gets when it dials: a link that never was. */
export function deadLink(): Link {
  return {
    kind: 'simulated',
    maxFrameBytes: 0,
    bufferedBytes: 0,
    send: () => {},
    onFrame: () => () => {},
    onClose: () => () => {},
    close: () => {},
  }
}
