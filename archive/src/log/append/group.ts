import type { CollectionName, Coverage, InstanceId, OpId } from '@holdfast/peer/protocol'
import type { Committed, GapChange } from '../port.js'
import type { DocumentState } from './document-state.js'
import type { RememberedOp } from './ledger-source.js'

/** What a group of ops has changed in memory that is not durable yet. */
export class Group {
  readonly collections = new Set<CollectionName>()
  readonly documents = new Map<DocumentState, CollectionName>()
  startedCollections = 0
  /** Live ops of this group. */
  readonly #ops = new Map<CollectionName, Map<InstanceId, Map<number, RememberedOp>>>()
  readonly #gapped: GappedAnswer[] = []
  readonly #gapsBefore = new Map<DocumentState, GapBefore>()

  findOp(collection: CollectionName, { instance, n }: OpId): RememberedOp | undefined {
    return this.#ops.get(collection)?.get(instance)?.get(n)
  }

  addOp(collection: CollectionName, { instance, n }: OpId, op: RememberedOp): void {
    let byInstance = this.#ops.get(collection)
    if (byInstance === undefined) {
      byInstance = new Map()
      this.#ops.set(collection, byInstance)
    }
    const byN = byInstance.get(instance)
    if (byN === undefined) byInstance.set(instance, new Map([[n, op]]))
    else byN.set(n, op)
  }

  /** To be called before a row goes into a document: notes what is said of its gap until then. */
  noteGap(collection: CollectionName, state: DocumentState): void {
    if (this.#gapsBefore.has(state)) return
    this.#gapsBefore.set(state, {
      collection,
      wasGapped: state.isGapped,
      newest: state.parked.newestSeq,
    })
  }

  /** An answer that says `gapped`, which a later op of the group may still change. */
  addGapped(answer: GappedAnswer): void {
    this.#gapped.push(answer)
  }

  /**
   * Sets right what was answered before the last op was known, and says which gaps have opened, have
   * grown or have closed.
   */
  finish(): readonly GapChange[] {
    for (const { outcome, state, coverage } of this.#gapped) {
      outcome.gapped = !state.integrated.contains(coverage)
    }
    const changes: GapChange[] = []
    for (const [state, { collection, wasGapped, newest }] of this.#gapsBefore) {
      const hasGrown = state.isGapped && state.parked.newestSeq !== newest
      if (hasGrown || wasGapped !== state.isGapped) {
        changes.push({ collection, document: state.ref, missing: state.missing })
      }
    }
    return changes
  }
}

export interface GappedAnswer {
  readonly outcome: { -readonly [Key in keyof Committed]: Committed[Key] }
  readonly state: DocumentState
  readonly coverage: Coverage
}

interface GapBefore {
  readonly collection: CollectionName
  readonly wasGapped: boolean
  readonly newest: number
}
