/**
 * Who this peer's neighbours in one collection are, by the server's word alone: what a lost
 * connection takes away is the word, not the neighbours. After a return the new answer is compared
 * with what was known. A neighbour that it does not name stays, *unconfirmed*: its own return may
 * come later than ours. It goes when it is still not named after a while, or when the server says
 * that it goes.
 *
 * Who of two calls is nobody's word: the one with the smaller id. Both ends see the same two ids, so
 * no message, no restart and no mistake of a server makes two callers or none.
 */
import type { InstanceId, Neighbour, RemovalReason, RemovedNeighbour } from '../protocol/index.js'
import type { SignallingCounters } from './counters.js'

/**
 * As the server says it; or `unconfirmed`: the server has not named it since this peer came back.
 * Like one that is `lost`, it may still answer on its link.
 */
export type GoneReason = RemovalReason | 'unconfirmed'

/** What has changed, each neighbour in one of the lists at most. */
export interface NeighbourNews {
  readonly added: readonly Neighbour[]
  /** Known already: its access, voucher or capabilities are others now. The link stays. */
  readonly updated: readonly Neighbour[]
  readonly removed: readonly { readonly id: InstanceId; readonly why: GoneReason }[]
}

export class Neighbourhood {
  readonly #self: InstanceId
  readonly #maxNeighbours: number
  readonly #counters: SignallingCounters
  readonly #neighbours = new Map<InstanceId, Neighbour>()
  readonly #unconfirmed = new Set<InstanceId>()

  constructor(self: InstanceId, maxNeighbours: number, counters: SignallingCounters) {
    this.#self = self
    this.#maxNeighbours = maxNeighbours
    this.#counters = counters
  }

  get all(): readonly Neighbour[] {
    return [...this.#neighbours.values()]
  }

  get hasUnconfirmed(): boolean {
    return this.#unconfirmed.size > 0
  }

  /** The answer to a join. Long ones go on in `changed`. */
  joined(named: readonly Neighbour[]): NeighbourNews {
    for (const id of this.#neighbours.keys()) this.#unconfirmed.add(id)
    return this.changed(named, [])
  }

  changed(add: readonly Neighbour[], remove: readonly RemovedNeighbour[]): NeighbourNews {
    const removed = remove.filter(({ id }) => this.#remove(id))
    const added: Neighbour[] = []
    const updated: Neighbour[] = []
    for (const named of add) {
      const neighbour = { ...named, call: this.#self < named.id }
      const known = this.#neighbours.get(neighbour.id)
      if (known === undefined && this.#neighbours.size >= this.#maxNeighbours) {
        this.#counters.neighboursIgnored++
        continue
      }
      this.#neighbours.set(neighbour.id, neighbour)
      this.#unconfirmed.delete(neighbour.id)
      if (known === undefined) added.push(neighbour)
      else if (!isSame(known, neighbour)) updated.push(neighbour)
    }
    return { added, updated, removed }
  }

  /** Those whom the server has not named for long enough. */
  dropUnconfirmed(): NeighbourNews {
    const removed = [...this.#unconfirmed].map((id) => ({ id, why: 'unconfirmed' as const }))
    for (const { id } of removed) this.#remove(id)
    return { added: [], updated: [], removed }
  }

  clear(): void {
    this.#neighbours.clear()
    this.#unconfirmed.clear()
  }

  #remove(id: InstanceId): boolean {
    this.#unconfirmed.delete(id)
    return this.#neighbours.delete(id)
  }
}

export function isNews({ added, updated, removed }: NeighbourNews): boolean {
  return added.length + updated.length + removed.length > 0
}

function isSame(a: Neighbour, b: Neighbour): boolean {
  return (
    a.access === b.access &&
    a.voucher === b.voucher &&
    a.call === b.call &&
    a.role === b.role &&
    a.replica === b.replica &&
    a.capabilities.join('\n') === b.capabilities.join('\n')
  )
}
