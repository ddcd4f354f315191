/** Which neighbours the latest ops have reached: it spares those the bytes from the archive. */
import type { CollectionSync } from '@holdfast/peer'
import type { InstanceId, OpId } from '@holdfast/peer/protocol'

/** An op is pushed within moments of its being told: what is older than so many others is not asked for. */
const maxRemembered = 1_024

export class ReachedOps {
  /** Oldest first. */
  readonly #reachedByOp = new Map<string, InstanceId[]>()

  constructor(sync: CollectionSync) {
    sync.onDelivered((op, to) => this.#delivered(op, to))
  }

  of(op: OpId): readonly InstanceId[] {
    return this.#reachedByOp.get(nameOf(op)) ?? []
  }

  #delivered(op: OpId, to: InstanceId): void {
    const name = nameOf(op)
    const reached = this.#reachedByOp.get(name)
    if (reached !== undefined) {
      reached.push(to)
      return
    }
    this.#reachedByOp.set(name, [to])
    const [oldest] = this.#reachedByOp.keys()
    if (this.#reachedByOp.size > maxRemembered && oldest !== undefined) {
      this.#reachedByOp.delete(oldest)
    }
  }
}

function nameOf({ instance, n }: OpId): string {
  return `${instance} ${n}`
}
