import { Host } from './host.js'
import { Network } from './network.js'
import { SeededRandom } from './seeded-random.js'
import { SimulatedDisk } from './simulated-disk.js'
import { Trace } from './trace.js'
import { VirtualClock, type RunLimits, type UntilOptions } from './virtual-clock.js'

export interface WorldOptions {
  /** Decides everything that is left to chance. */
  readonly seed: string | number
  /** Trace lines to keep for reading. Default 400. */
  readonly keepTrace?: number | 'all'
  /** What the wall clock shows at the start. */
  readonly startMs?: number
  readonly limits?: RunLimits
}

/**
 * A world in one process: virtual time, seeded chance, a network, hosts with disks, and a trace of
 * it all. The same seed and the same scenario give the same trace, byte for byte.
 */
export class World {
  readonly seed: string
  readonly clock: VirtualClock
  /** For the scenario's own choices. Hosts, disks and the network have streams of their own. */
  readonly random: SeededRandom
  readonly trace: Trace
  readonly network: Network
  readonly #hosts = new Map<string, Host>()
  readonly #counts = new Map<string, number>()
  readonly #root: SeededRandom

  constructor(options: WorldOptions) {
    this.seed = String(options.seed)
    this.#root = new SeededRandom(this.seed)
    this.random = this.#root.fork('scenario')
    this.clock = new VirtualClock({
      lastLines: () => this.trace.tail(30),
      ...(options.startMs === undefined ? {} : { startMs: options.startMs }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    })
    this.trace = new Trace(
      () => this.clock.monotonic(),
      options.keepTrace === undefined ? {} : { keep: options.keepTrace },
    )
    this.network = new Network({
      clock: this.clock,
      random: this.#root.fork('network'),
      trace: this.trace,
      count: (what) => this.count(what),
    })
  }

  /** The host of this name, made at the first mention. */
  host(name: string): Host {
    const known = this.#hosts.get(name)
    if (known !== undefined) return known
    const disk = new SimulatedDisk({
      host: name,
      random: this.#root.fork(`disk ${name}`),
      trace: this.trace,
      count: (what) => this.count(what),
    })
    const host = new Host(
      {
        clock: this.clock,
        random: this.#root,
        network: this.network,
        trace: this.trace,
        count: (what) => this.count(what),
      },
      name,
      disk,
    )
    this.#hosts.set(name, host)
    return host
  }

  /** In the order in which they were first mentioned. */
  get hosts(): readonly Host[] {
    return [...this.#hosts.values()]
  }

  /** Notes that something happened, for the proof that a run did something. */
  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1)
  }

  /** How often each thing was counted: faults by the world itself, the rest by the scenario. */
  get counts(): ReadonlyMap<string, number> {
    return new Map(this.#counts)
  }

  /** Lets virtual time pass. See `VirtualClock`. */
  run(ms: number): Promise<void> {
    return this.clock.run(ms)
  }

  /** Lets virtual time pass until the condition holds. See `VirtualClock`. */
  until(condition: () => boolean, options?: UntilOptions): Promise<void> {
    return this.clock.runUntil(condition, options)
  }
}

/** A new world. Nothing in it moves before `run` or `until`. */
export function createWorld(options: WorldOptions): World {
  return new World(options)
}
