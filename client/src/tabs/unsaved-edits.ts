/** Edits of a follower that the owner has not called saved: kept, and said again to the next one. */
import type { InstanceId, OpId } from '@holdfast/peer/protocol'
import type { FollowerDocument } from './follower-document.js'

export interface KeptEdit {
  readonly op: OpId
  readonly bytes: Uint8Array
  readonly isState: boolean
  /** The owner that there is now has been given it. */
  isSaid: boolean
}

export class UnsavedEdits {
  readonly #keptByDocument = new Map<FollowerDocument, KeptEdit[]>()

  add(document: FollowerDocument, ...edits: readonly KeptEdit[]): void {
    const kept = this.#keptByDocument.get(document)
    if (kept === undefined) this.#keptByDocument.set(document, [...edits])
    else kept.push(...edits)
  }

  of(document: FollowerDocument): readonly KeptEdit[] {
    return this.#keptByDocument.get(document) ?? []
  }

  /** The documents that they are of. */
  saved(ops: readonly OpId[]): readonly FollowerDocument[] {
    const saved = new Set(ops.map(nameOf))
    const changed: FollowerDocument[] = []
    for (const [document, kept] of this.#keptByDocument) {
      const left = kept.filter(({ op }) => !saved.has(nameOf(op)))
      if (left.length === kept.length) continue
      changed.push(document)
      if (left.length === 0) this.#keptByDocument.delete(document)
      else this.#keptByDocument.set(document, left)
    }
    return changed
  }

  forget(document: FollowerDocument): void {
    this.#keptByDocument.delete(document)
  }

  /** Nobody has been given any of them. */
  unsay(): void {
    for (const kept of this.#keptByDocument.values()) {
      for (const edit of kept) edit.isSaid = false
    }
  }

  get count(): number {
    let count = 0
    for (const kept of this.#keptByDocument.values()) count += kept.length
    return count
  }

  /** All that are there now, to be waited for. */
  get all(): ReadonlySet<KeptEdit> {
    return new Set([...this.#keptByDocument.values()].flat())
  }

  has(edit: KeptEdit): boolean {
    for (const kept of this.#keptByDocument.values()) if (kept.includes(edit)) return true
    return false
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
