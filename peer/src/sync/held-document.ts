import * as Y from 'yjs'
import {
  contains,
  emptyCoverage,
  missing,
  readSnapshot,
  readStateVector,
  readUpdate,
  union,
  unwrittenDeletes,
  type Coverage,
  type Digest,
  type DocumentRef,
} from '../protocol/index.js'
import type { Clock, Logger } from '../ports/index.js'
import { mergeUpdates } from '../yjs/index.js'
import type { Received } from './documents.js'
import { digestOf } from './digest.js'
import { syncBounds as bounds } from './limits.js'

/**
 * One Y.Doc under the engine: what comes from others is applied here, and only here.
 *
 *   whole ◄──► gapped        something is pending, or held back
 *     └──────────┴──► damaged    applying threw half-way: nothing is applied or told any more
 */
export class HeldDocument {
  readonly document: DocumentRef
  readonly doc: Y.Doc
  readonly #clock: Clock
  readonly #logger: Logger
  /** Updates that delete what is not written yet. Yjs would let them delete whatever comes there. */
  #heldBack: HeldBack[] = []
  #heldBackBytes = 0
  /** Ops that came while something was parked. Some of them were integrated: this is an upper bound. */
  #parkedOps = 0
  #parkedBytes = 0
  /** What came last was not kept: there was no room to hold it back. */
  #hasDropped = false
  /** Something was not kept, and no state has come since that may have brought it. */
  #lacksDropped = false
  /** Something was once held back for too long, or not kept at all. */
  #hasForgotten = false
  #digest: Digest | undefined
  #damage: unknown

  constructor(document: DocumentRef, doc: Y.Doc, clock: Clock, logger: Logger) {
    this.document = document
    this.doc = doc
    this.#clock = clock
    this.#logger = logger
  }

  /** What applying threw, where it left the document half changed. */
  get damage(): unknown {
    return this.#damage
  }

  get isWhole(): boolean {
    const { pendingStructs, pendingDs } = this.doc.store
    return (
      this.#damage === undefined &&
      pendingStructs === null &&
      pendingDs === null &&
      this.#heldBack.length === 0 &&
      !this.#lacksDropped
    )
  }

  /** The Y.Doc says all that was given to it, what is pending included. */
  get isAllInDoc(): boolean {
    return this.#damage === undefined && !this.#hasForgotten && this.#heldBack.length === 0
  }

  /** All of this is here, part of it held back. */
  isHeldBack(coverage: Coverage): boolean {
    if (this.#heldBack.length === 0) return false
    return contains(coverageOfWritten(this.doc, this.#heldBack), coverage)
  }

  /** Undefined while the document is not whole. */
  get digest(): Digest | undefined {
    if (!this.isWhole) return undefined
    this.#digest ??= digestOf(this.doc)
    return this.#digest
  }

  /** The content has changed. */
  changed(): void {
    this.#digest = undefined
  }

  /** What is not integrated goes along: it may be the only copy. */
  difference(stateVector: Uint8Array): Uint8Array {
    const integrated = Y.encodeStateAsUpdate(this.doc, stateVector)
    // Merging copies, and documents may be large.
    if (this.#heldBack.length === 0) return integrated
    return mergeUpdates([integrated, ...this.#heldBack.map(({ bytes }) => bytes)])
  }

  /** Applies them all as one. What is not integrated afterwards is parked, or has to come again. */
  apply(batch: readonly Received[], origin: object): 'whole' | 'gapped' | 'damaged' {
    if (this.#damage !== undefined) return 'damaged'
    this.#hasDropped = false
    let parts = this.#sortOut(this.#withoutFuture(batch))
    while (parts.length > 0) {
      if (!this.#applyAll(parts, origin)) return 'damaged'
      // What was parked may just have been integrated, and be what others wait to delete.
      parts = this.#heldBack.length === 0 ? [] : this.#sortOut([])
    }
    this.#countParked(batch)
    const isState = batch.some(({ op }) => op === undefined)
    this.#lacksDropped = this.#hasDropped || (this.#lacksDropped && !isState)
    return this.isWhole && !this.#hasDropped ? 'whole' : 'gapped'
  }

  /**
   * While much is parked, an op that builds upon something missing is not parked beside it: Yjs takes
   * up all of it again with each update, so that one who sends from the future could keep it busy for
   * ever. A state brings it again, and the document is not whole before one has come.
   */
  #withoutFuture(batch: readonly Received[]): readonly Received[] {
    const isMuch =
      this.#parkedOps >= bounds.maxParkedOps || this.#parkedBytes >= bounds.maxParkedBytes
    if (!isMuch) return batch
    const have = coverageOfWritten(this.doc, batch)
    const ready = batch.filter(
      ({ op, coverage }) => op === undefined || missing(have, coverage).size === 0,
    )
    if (ready.length < batch.length) this.#hasDropped = this.#hasForgotten = true
    return ready
  }

  #countParked(batch: readonly Received[]): void {
    if (this.doc.store.pendingStructs === null) {
      this.#parkedOps = this.#parkedBytes = 0
      return
    }
    for (const { op, bytes } of batch) {
      if (op === undefined) continue
      this.#parkedOps++
      this.#parkedBytes += bytes.byteLength
    }
  }

  #applyAll(parts: readonly Part[], origin: object): boolean {
    if (parts.length === 0) return true
    const [first] = parts
    const isOne = first !== undefined && parts.length === 1
    const merged = isOne ? first.bytes : mergeUpdates(parts.map(({ bytes }) => bytes))
    if (!this.#applyUpdate(merged, origin, parts)) return false
    if (!this.#isStuck) return true
    return this.#applyUpdate(Y.encodeStateAsUpdate(this.doc), origin, [])
  }

  /** Yjs sometimes leaves structs parked although all that they wait for has come. */
  get #isStuck(): boolean {
    const { pendingStructs, pendingDs } = this.doc.store
    if (pendingStructs === null) return pendingDs !== null
    const parked = readUpdate(Y.convertUpdateFormatV2ToV1(pendingStructs.update))
    return parked.ok && missing(coverageOfWritten(this.doc, []), parked.value).size === 0
  }

  #applyUpdate(bytes: Uint8Array, origin: object, parts: readonly Part[]): boolean {
    try {
      Y.applyUpdate(this.doc, bytes, origin)
      return true
    } catch (error) {
      // An observer of the application's throws through here as well; then the document is fine.
      if (this.#holds(parts)) {
        this.#logger.error('an observer of a document threw', { error: String(error) })
        return true
      }
      this.#damage = error
      return false
    } finally {
      this.changed()
    }
  }

  #holds(parts: readonly Part[]): boolean {
    const { pendingStructs, pendingDs } = this.doc.store
    if (pendingStructs !== null || pendingDs !== null) return false
    const have = readSnapshot(Y.encodeSnapshot(Y.snapshot(this.doc)))
    return have.ok && parts.every(({ coverage }) => contains(have.value, coverage))
  }

  /** What may be applied now, with what was held back before. The rest is held back, bounded. */
  #sortOut(batch: readonly Received[]): readonly Part[] {
    const deletes = batch.some(({ coverage }) => coverage.deletes.size > 0)
    if (!deletes && this.#heldBack.length === 0) return batch
    const nowMs = this.#clock.monotonic()
    const candidates = [
      ...this.#heldBack.filter(({ atMs }) => nowMs - atMs < bounds.holdBackMs),
      ...batch.map(({ bytes, coverage }) => ({ bytes, coverage, atMs: nowMs })),
    ]
    if (candidates.length < this.#heldBack.length + batch.length) this.#hasForgotten = true
    this.#heldBack = []
    this.#heldBackBytes = 0
    const have = coverageOfWritten(this.doc, candidates)
    const ready: Part[] = []
    for (const candidate of candidates) {
      if (unwrittenDeletes(have, candidate.coverage).size === 0) ready.push(candidate)
      else this.#holdBack(candidate)
    }
    return ready
  }

  #holdBack(part: HeldBack): void {
    const isFull =
      this.#heldBack.length >= bounds.maxHeldBackUpdates ||
      (this.#heldBack.length > 0 &&
        this.#heldBackBytes + part.bytes.byteLength > bounds.maxHeldBackBytes)
    // The next comparison brings it again.
    if (isFull) {
      this.#hasDropped = true
      this.#hasForgotten = true
      return
    }
    this.#heldBack.push(part)
    this.#heldBackBytes += part.bytes.byteLength
  }
}

interface Part {
  readonly bytes: Uint8Array
  readonly coverage: Coverage
}

interface HeldBack extends Part {
  readonly atMs: number
}

/** Ids that somebody has written: those of the document, and those that just came. */
function coverageOfWritten(
  doc: Y.Doc,
  parts: readonly { readonly coverage: Coverage }[],
): Coverage {
  const structs = new Map<number, readonly number[]>()
  const vector = readStateVector(Y.encodeStateVector(doc))
  if (vector.ok) for (const [client, clock] of vector.value) structs.set(client, [0, clock])
  return parts.reduce<Coverage>((have, { coverage }) => union(have, coverage), {
    ...emptyCoverage,
    structs,
  })
}
