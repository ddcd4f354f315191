/** A room as a test sees it: the links that the changes have left, beside what the topology says. */
import {
  createTopology,
  type Role,
  type Topology,
  type TopologyChange,
  type TopologyLimits,
} from '@holdfast/signal/topology'
import { hexOf } from '@holdfast/peer/protocol'
import { SeededRandom } from '@holdfast/peer/testing'

export class TestRoom {
  readonly random: SeededRandom
  readonly topology: Topology
  readonly roleById = new Map<string, Role>()
  /** Each link at both ends, as the changes tell it. */
  readonly neighbours = new Map<string, Set<string>>()

  constructor(seed: string | number, limits: Partial<TopologyLimits> = {}) {
    this.random = new SeededRandom(seed)
    this.topology = createTopology({ random: this.random.fork('topology'), limits })
  }

  freshId(): string {
    return hexOf(this.random.bytes(16))
  }

  join(
    role: Role = 'writer',
    id = this.freshId(),
    options: { standing?: readonly string[]; mostLinks?: number } = {},
  ): TopologyChange & { readonly id: string } {
    this.roleById.set(id, role)
    return { id, ...this.#apply(this.topology.join(id, role, options)) }
  }

  leave(id: string): TopologyChange {
    const change = this.#apply(this.topology.leave(id))
    this.roleById.delete(id)
    return change
  }

  settle(id: string): TopologyChange {
    return this.#apply(this.topology.settle(id))
  }

  fill(writers: number): this {
    for (let has = this.ids('writer').length; has < writers; has++) this.join()
    return this
  }

  ids(role?: Role): string[] {
    const ids: string[] = []
    for (const [id, has] of this.roleById) if (role === undefined || has === role) ids.push(id)
    return ids
  }

  /** The neighbours of `id` that have this role. */
  linked(id: string, role: Role): string[] {
    return [...(this.neighbours.get(id) ?? [])].filter((other) => this.roleById.get(other) === role)
  }

  /** `caller callee`, sorted: two rooms with equal lists have equal links. */
  links(): string[] {
    return [...this.neighbours]
      .flatMap(([id, others]) =>
        [...others].filter((other) => id < other).map((other) => `${id} ${other}`),
      )
      .toSorted()
  }

  /** How many of `alive` are in the largest part that is connected through writers alone. */
  largestPart(alive: ReadonlySet<string> = new Set(this.ids('writer'))): number {
    const seen = new Set<string>()
    let largest = 0
    for (const start of alive) {
      if (seen.has(start)) continue
      seen.add(start)
      const part = [start]
      for (const id of part) {
        for (const other of this.neighbours.get(id) ?? []) {
          if (!alive.has(other) || seen.has(other)) continue
          seen.add(other)
          part.push(other)
        }
      }
      largest = Math.max(largest, part.length)
    }
    return largest
  }

  /** What is wrong, in words: empty while every guarantee on a settled room holds. */
  problems(): string[] {
    const { fullMeshUpTo, leastLinks, mostLinks, linksPerReader, readersPerWriter } =
      this.topology.limits
    const problems: string[] = []
    const writers = this.ids('writer')
    const isFull = writers.length <= fullMeshUpTo
    const [least, most] = isFull
      ? [writers.length - 1, writers.length - 1]
      : [leastLinks, mostLinks]
    for (const id of writers) {
      const links = this.linked(id, 'writer').length
      if (links < least || links > most)
        problems.push(`${links} links of ${writers.length} writers`)
      const readers = this.linked(id, 'reader').length
      if (readers > readersPerWriter) problems.push(`a writer has ${readers} readers`)
    }
    for (const id of this.ids('reader')) {
      const links = this.linked(id, 'writer').length
      if (links > linksPerReader) problems.push(`a reader has ${links} writers`)
      if (this.linked(id, 'reader').length > 0) problems.push('two readers are linked')
    }
    const connected = this.largestPart()
    if (connected !== writers.length) {
      problems.push(`${connected} of ${writers.length} writers are connected`)
    }
    for (const [id, others] of this.neighbours) {
      const told = this.topology.linksOf(id).map((p) => (p.caller === id ? p.callee : p.caller))
      if (told.length !== others.size || told.some((other) => !others.has(other))) {
        problems.push('linksOf differs from the sum of the changes')
      }
    }
    return problems
  }

  #apply(change: TopologyChange): TopologyChange {
    for (const { caller, callee } of change.added) {
      if (caller >= callee) throw new Error('the caller is not the smaller id')
      if (this.neighbours.get(caller)?.has(callee)) throw new Error('a standing link was added')
      if (!this.roleById.has(caller) || !this.roleById.has(callee)) {
        throw new Error('a link to somebody who is not there')
      }
      this.#of(caller).add(callee)
      this.#of(callee).add(caller)
    }
    for (const { caller, callee } of change.removed) {
      if (caller >= callee) throw new Error('the caller is not the smaller id')
      if (!this.#of(caller).delete(callee)) throw new Error('a link was removed that is not there')
      this.#of(callee).delete(caller)
    }
    const pairs = [...change.added, ...change.removed].map((p) => `${p.caller} ${p.callee}`)
    if (new Set(pairs).size !== pairs.length) throw new Error('a pair was named twice')
    return change
  }

  #of(id: string): Set<string> {
    const others = this.neighbours.get(id) ?? new Set<string>()
    this.neighbours.set(id, others)
    return others
  }
}

/** Seeds from the environment: `SEED=` alone, else `RUNS=` of them, else `runs`. */
export function seeds(runs: number): string[] {
  const { SEED, RUNS } = process.env
  if (SEED !== undefined) return [SEED]
  return Array.from({ length: RUNS === undefined ? runs : Number(RUNS) }, (_, run) => `seed-${run}`)
}

/** Runs `body` for each seed; a failure names its seed. */
export function forSeeds(runs: number, body: (seed: string) => void): void {
  for (const seed of seeds(runs)) {
    try {
      body(seed)
    } catch (cause) {
      throw new Error(`SEED=${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      })
    }
  }
}
