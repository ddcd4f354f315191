import type { Link } from '../ports/index.js'
import { misuse } from './errors.js'
import { deadLink, LifeClock, LifeGate, type Life } from './life.js'
import type { Network } from './network.js'
import type { SeededRandom } from './seeded-random.js'
import type { SimulatedDisk } from './simulated-disk.js'
import type { CrashLoss } from './simulated-file.js'
import type { Trace } from './trace.js'
import type { VirtualClock } from './virtual-clock.js'

/** What runs on a host. Called at each start; what it arms and opens is undone for it at the end. */
export type Program = (life: Life) => void

export interface CrashOptions {
  /** What the disk loses of what was not synced. Default: chance decides how, not whether. */
  readonly disk?: CrashLoss
  /** When the others' links learn of it, beyond the way's delay. `Infinity`: never. Default 0. */
  readonly noticeMs?: number
}

/** What hosts need of their world. */
export interface HostWorld {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly network: Network
  readonly trace: Trace
  count(what: string): void
}

/**
 * One machine: a name, a disk that outlives crashes, and at most one life at a time.
 *
 *            start                 crash
 *   down ───────────────► running ─────────► down      restart = start with the same program
 *                          │  ▲
 *                   freeze ▼  │ thaw      a frozen host hears nothing and keeps its links
 *                         frozen
 */
export class Host {
  readonly name: string
  readonly disk: SimulatedDisk
  /** How wrong this host's wall clock is, in milliseconds. Timers do not depend on it. */
  skewMs = 0
  readonly #world: HostWorld
  #program: Program | undefined
  #gate: LifeGate | undefined
  #lives = 0

  constructor(world: HostWorld, name: string, disk: SimulatedDisk) {
    this.#world = world
    this.name = name
    this.disk = disk
  }

  get isUp(): boolean {
    return this.#gate !== undefined
  }

  /** Starts a program. The host must be down. */
  start(program: Program): void {
    if (this.isUp) throw misuse(`host '${this.name}' is already up`)
    this.#program = program
    const gate = new LifeGate()
    this.#gate = gate
    this.#lives++
    this.#note(`starts, life ${this.#lives}`)
    this.#world.network.setGate(this.name, gate.pass)
    program(this.#newLife(gate, this.#lives))
  }

  /**
   * Everything in memory is gone, the disk takes its loss: a power cut, or with `disk: 'none'` the
   * death of the process alone.
   */
  crash(options: CrashOptions = {}): void {
    this.#liveGate('crash').end()
    this.#gate = undefined
    this.#world.count('crash')
    this.#note('crashes')
    this.#world.network.loseHost(this.name, options.noticeMs ?? 0)
    this.disk.crash(options.disk)
  }

  /** Starts the last program again, on the same disk, as a new life. */
  restart(): void {
    if (this.#program === undefined) throw misuse(`host '${this.name}' was never started`)
    this.#world.count('restart')
    this.start(this.#program)
  }

  /** Sleep, a frozen tab, a paused process: it hears nothing, and does not know it. */
  freeze(): void {
    this.#liveGate('freeze').freeze()
    this.#world.count('freeze')
    this.#note('freezes')
  }

  /** It goes on where it was; timers that were due meanwhile run now, in order. */
  thaw(): void {
    this.#note('thaws')
    this.#liveGate('thaw').thaw(
      (call) => void this.#world.clock.after(0, call, `${this.name}: thaws`),
    )
  }

  #liveGate(toDo: string): LifeGate {
    if (this.#gate === undefined) throw misuse(`host '${this.name}' is down: nothing to ${toDo}`)
    return this.#gate
  }

  #newLife(gate: LifeGate, number: number): Life {
    const { clock: worldClock, network, trace, random } = this.#world
    const clock = new LifeClock(worldClock, gate, this.name, () => this.skewMs)
    const isAlive = (): boolean => !gate.isOver
    return {
      host: this.name,
      number,
      clock,
      random: random.fork(`host ${this.name} life ${number}`),
      disk: this.disk.handle(clock, isAlive),
      listen: (listener: (link: Link) => void) =>
        isAlive() ? network.listen(this.name, listener) : () => {},
      dial: (to) => (isAlive() ? network.dial(this.name, to) : deadLink()),
      log: (text) => {
        if (isAlive()) trace.line(`${this.name} ${text}`)
      },
      count: (what) => {
        if (isAlive()) this.#world.count(what)
      },
      watch: (work) => {
        work.catch((error: unknown) => {
          if (isAlive()) worldClock.fail(error)
        })
      },
    }
  }

  #note(text: string): void {
    this.#world.trace.line(`host ${this.name} ${text}`)
  }
}
