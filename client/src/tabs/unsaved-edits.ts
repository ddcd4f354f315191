/** Edits of a follower that the owner has not called saved: kept, and said again to the next one. */
import type { InstanceId, OpId } from '@holdfast/peer/protocol'

export interface KeptEdit {
  readonly op: OpId
  readonly bytes: Uint8Array
  readonly isState: boolean
  /** The owner that there is now has been given it. */
  isSaid: boolean
}

/** By whatever they are of. */
export class UnsavedEdits<Of extends object> {
  readonly #keptBy = new Map<Of, KeptEdit[]>()
  readonly #saved = new WeakSet<KeptEdit>()

  add(document: Of, ...edits: readonly KeptEdit[]): void {
    const kept = this.#keptBy.get(document)
    if (kept === undefined) this.#keptBy.set(document, [...edits])
    else kept.push(...edits)
  }

  of(document: Of): readonly KeptEdit[] {
    return this.#keptBy.get(document) ?? []
  }

  /** The documents that they are of. */
  saved(ops: readonly OpId[]): readonly Of[] {
    const saved = new Set(ops.map(nameOf))
    const changed: Of[] = []
    for (const [document, kept] of this.#keptBy) {
      const left = kept.filter(({ op }) => !saved.has(nameOf(op)))
      if (left.length === kept.length) continue
      for (const edit of kept) if (saved.has(nameOf(edit.op))) this.#saved.add(edit)
      changed.push(document)
      if (left.length === 0) this.#keptBy.delete(document)
      else this.#keptBy.set(document, left)
    }
    return changed
  }

  /** Somebody else has what is left of it: nobody has called that saved. */
  forget(document: Of): void {
    this.#keptBy.delete(document)
  }

  /** Nobody has been given any of them. */
  unsay(): void {
    for (const kept of this.#keptBy.values()) {
      for (const edit of kept) edit.isSaid = false
    }
  }

  get count(): number {
    let count = 0
    for (const kept of this.#keptBy.values()) count += kept.length
    return count
  }

  /** All that are there now, to be waited for. */
  get all(): ReadonlySet<KeptEdit> {
    return new Set([...this.#keptBy.values()].flat())
  }

  /** It was called saved here. One that was handed over is for the next core to call so. */
  isSaved(edit: KeptEdit): boolean {
    return this.#saved.has(edit)
  }
}

function nameOf({ instance, n }: OpId): string {
  return `${instance} ${n}`
}

/** Numbers the ops of one tab: an id is given once, whichever collection it is of. */
export class OpNumbers {
  readonly #instance: InstanceId
  #n = 0

  constructor(instance: InstanceId) {
    this.#instance = instance
  }

  next(): OpId {
    return { instance: this.#instance, n: ++this.#n }
  }
}
