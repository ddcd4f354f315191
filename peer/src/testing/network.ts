import type { Link, Undo } from '../ports/index.js'
import { goodPath, type PathConditions } from './conditions.js'
import { misuse } from './errors.js'
import type { Verdict } from './lane.js'
import { Pipe, type Gate, type PipeWorld, type Way } from './pipe.js'
import type { SeededRandom } from './seeded-random.js'
import type { SimulatedLink } from './simulated-link.js'
import { newTally, type LinkStatistics } from './statistics.js'
import type { Trace } from './trace.js'
import type { VirtualClock } from './virtual-clock.js'

export interface NetworkOptions {
  readonly clock: VirtualClock
  readonly random: SeededRandom
  readonly trace: Trace
  /** Counts a fault by name, for the proof that a run did something. */
  readonly count?: (what: string) => void
}

/** Whether a fault holds for both directions (the default) or from the first host to the second. */
export interface Direction {
  readonly oneWay?: boolean
}

/** Decides about one frame by intent, before chance does. */
export type Interceptor = (frame: Uint8Array, from: string, to: string) => Verdict

/**
 * Hosts by name, links between them, and everything that goes wrong on the way, set by intent.
 * Frames, dials and closes all take the way's time. A cut way loses nothing by itself: as under
 * TCP or a data channel, what was sent waits and arrives after the way heals, unless the link has
 * been given up first (`failAfterMs`). Loss is `dropRate`, `silentLossAboveBytes`, an interceptor,
 * or the end of a link.
 */
export class Network {
  readonly #options: NetworkOptions
  readonly #world: PipeWorld
  readonly #totals = newTally()
  readonly #pipes = new Set<Pipe>()
  readonly #listeners = new Map<string, (link: SimulatedLink) => void>()
  readonly #gates = new Map<string, Gate>()
  readonly #pathConditions = new Map<string, Partial<PathConditions>>()
  readonly #cutPaths = new Set<string>()
  readonly #interceptors = new Set<Interceptor>()
  #conditions: PathConditions = goodPath
  #groupByHost: ReadonlyMap<string, number> = new Map()
  #nextId = 1

  constructor(options: NetworkOptions) {
    this.#options = options
    this.#world = {
      clock: options.clock,
      random: options.random,
      trace: options.trace,
      totals: this.#totals,
      count: options.count ?? (() => {}),
      judge: (frame, from, to) => this.#judge(frame, from, to),
      gateOf: (host) => this.#gates.get(host) ?? runAtOnce,
      onDone: (pipe) => this.#pipes.delete(pipe),
    }
  }

  /** Takes the dials to `host`. One listener a host: the newest. */
  listen(host: string, listener: (link: SimulatedLink) => void): Undo {
    this.#listeners.set(checkedName(host), listener)
    return () => {
      if (this.#listeners.get(host) === listener) this.#listeners.delete(host)
    }
  }

  /**
   * One end now; the other goes to the listener of `to`, one way later. What is sent meanwhile
   * waits. Where nobody listens the link fails a round trip later; over a cut way nothing happens
   * until it heals or the link is given up.
   */
  dial(from: string, to: string): SimulatedLink {
    const pipe = this.#open(from, to)
    pipe.dial(() => this.#listeners.get(to))
    return pipe.a
  }

  /** Both ends of a new link at once, with no listener involved. */
  connect(a: string, b: string): { readonly a: SimulatedLink; readonly b: SimulatedLink } {
    const { a: endA, b: endB } = this.#open(a, b)
    return { a: endA, b: endB }
  }

  /** Every link that at least one side believes in, as the one who sets the faults sees it. */
  get pipes(): readonly Pipe[] {
    return [...this.#pipes]
  }

  /** The pipe that this link is an end of, while one side believes in it. */
  pipeOf(link: Link): Pipe | undefined {
    return this.pipes.find((pipe) => pipe.a === link || pipe.b === link)
  }

  /** Everything that was ever sent over this network. */
  get totals(): LinkStatistics {
    return { ...this.#totals }
  }

  /** Changes the conditions of every way that has none of its own. */
  setConditions(conditions: Partial<PathConditions>): void {
    this.#conditions = { ...this.#conditions, ...conditions }
    this.#applyWays()
  }

  /** Changes the conditions between two hosts; what is not named stays as it is everywhere. */
  setPath(
    a: string,
    b: string,
    conditions: Partial<PathConditions>,
    { oneWay = false }: Direction = {},
  ): void {
    for (const path of pathsBetween(a, b, oneWay)) {
      this.#pathConditions.set(path, { ...this.#pathConditions.get(path), ...conditions })
    }
    this.#applyWays()
  }

  /** Nothing passes between the two until `heal` or `healAll`. */
  cut(a: string, b: string, { oneWay = false }: Direction = {}): void {
    for (const path of pathsBetween(a, b, oneWay)) this.#cutPaths.add(path)
    this.#world.count('cut')
    this.#options.trace.line(`net cut ${a}${oneWay ? '>' : '-'}${b}`)
    this.#applyWays()
  }

  /** Undoes `cut` between two hosts; a partition between them stays. */
  heal(a: string, b: string): void {
    for (const path of pathsBetween(a, b, false)) this.#cutPaths.delete(path)
    this.#options.trace.line(`net heal ${a}-${b}`)
    this.#applyWays()
  }

  /** Undoes every cut and the partition. Conditions stay. */
  healAll(): void {
    this.#cutPaths.clear()
    this.#groupByHost = new Map()
    this.#options.trace.line('net heal all')
    this.#applyWays()
  }

  /**
   * Splits the hosts into groups that reach only each other; hosts that are not named make one more
   * group. A new partition takes the place of the last one; cuts between two hosts stay.
   */
  partition(groups: readonly (readonly string[])[]): void {
    this.#groupByHost = new Map(
      groups.flatMap((group, index) => group.map((host) => [host, index] as const)),
    )
    this.#world.count('partition')
    this.#options.trace.line(`net partition ${groups.map((g) => g.join(' ')).join(' | ')}`)
    this.#applyWays()
  }

  /** True while nothing passes from the one to the other. */
  isBlocked(from: string, to: string): boolean {
    return (
      this.#cutPaths.has(pathOf(from, to)) ||
      this.#groupByHost.get(from) !== this.#groupByHost.get(to)
    )
  }

  /** Lets a function decide about each frame; the first that does not say `pass` counts. */
  intercept(interceptor: Interceptor): Undo {
    this.#interceptors.add(interceptor)
    return () => this.#interceptors.delete(interceptor)
  }

  /** How calls reach this host from now on: links made earlier keep the gate that they have. */
  setGate(host: string, gate: Gate): void {
    this.#gates.set(checkedName(host), gate)
  }

  /**
   * The host dies: it hears nothing more, its listener is gone, a part of what it had sent is lost.
   * The others learn of it `noticeMs` (and the way's delay) later, with `Infinity` never.
   */
  loseHost(host: string, noticeMs: number): void {
    this.#listeners.delete(host)
    for (const pipe of this.#pipes) pipe.loseHost(host, noticeMs)
  }

  #open(from: string, to: string): Pipe {
    const id = this.#nextId++
    this.#options.trace.line(`link ${id} ${checkedName(from)}-${checkedName(to)} opens`)
    this.#world.count('link')
    const there = this.#wayOf(from, to)
    const pipe = new Pipe(this.#world, id, from, to, there, this.#wayOf(to, from))
    this.#pipes.add(pipe)
    return pipe
  }

  #judge(frame: Uint8Array, from: string, to: string): Verdict {
    for (const interceptor of this.#interceptors) {
      const verdict = interceptor(frame, from, to)
      if (verdict !== 'pass') return verdict
    }
    return 'pass'
  }

  #wayOf(from: string, to: string): Way {
    const own = this.#pathConditions.get(pathOf(from, to))
    return {
      conditions: own === undefined ? this.#conditions : { ...this.#conditions, ...own },
      isBlocked: this.isBlocked(from, to),
    }
  }

  #applyWays(): void {
    for (const pipe of this.#pipes) {
      const { host, remoteHost } = pipe.a
      pipe.applyWays(this.#wayOf(host, remoteHost), this.#wayOf(remoteHost, host))
    }
  }
}

function runAtOnce(call: () => void): void {
  call()
}

function pathOf(from: string, to: string): string {
  return `${from}>${to}`
}

function pathsBetween(a: string, b: string, oneWay: boolean): readonly string[] {
  return oneWay ? [pathOf(a, b)] : [pathOf(a, b), pathOf(b, a)]
}

/** Names stand in traces and in the keys of paths. */
function checkedName(host: string): string {
  if (/^[^\s>]+$/.test(host)) return host
  throw misuse(`a host's name has no spaces and no '>', got '${host}'`)
}
