import type { DocumentRef, InstanceId, OpId } from '../protocol/index.js'
import type { Clock } from '../ports/index.js'
import { syncBounds as bounds } from './limits.js'

/** An op that has been seen, with its bytes while there is room for them; none: a tombstone. */
export interface RememberedOp {
  readonly op: OpId
  readonly document: DocumentRef
  readonly kind: 'update' | 'tombstone'
  bytes: Uint8Array | undefined
  /** The neighbour that brought it first; undefined: it was made here. */
  readonly from: InstanceId | undefined
  readonly atMs: number
}

/**
 * Ops that have been seen, so that each is applied and passed on once, whatever ways it comes. It
 * forgets by number, by age and by bytes, oldest first; what is forgotten too early costs a message,
 * never an edit.
 */
export class OpMemory {
  readonly #clock: Clock
  readonly #opByKey = new Map<string, RememberedOp>()
  /** Those that still have bytes, in the order in which they came. */
  readonly #withBytes = new Set<RememberedOp>()
  #bytes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#opByKey.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(op: OpId): RememberedOp | undefined {
    return this.#opByKey.get(keyOfOp(op))
  }

  add(seen: Omit<RememberedOp, 'atMs'>): void {
    const key = keyOfOp(seen.op)
    const before = this.#opByKey.get(key)
    if (before !== undefined) {
      this.#opByKey.delete(key)
      this.#dropBytes(before)
    }
    const remembered = { ...seen, atMs: this.#clock.monotonic() }
    this.#opByKey.set(key, remembered)
    if (remembered.bytes !== undefined) {
      this.#withBytes.add(remembered)
      this.#bytes += remembered.bytes.byteLength
    }
    this.#forget(remembered.atMs)
  }

  clear(): void {
    this.#opByKey.clear()
    this.#withBytes.clear()
    this.#bytes = 0
  }

  #forget(nowMs: number): void {
    for (const op of this.#withBytes) {
      if (this.#bytes <= bounds.maxRememberedBytes) break
      this.#dropBytes(op)
    }
    for (const [key, op] of this.#opByKey) {
      const isOld = nowMs - op.atMs > bounds.rememberOpsMs
      if (!isOld && this.#opByKey.size <= bounds.maxRememberedOps) break
      this.#opByKey.delete(key)
      this.#dropBytes(op)
    }
  }

  #dropBytes(op: RememberedOp): void {
    if (!this.#withBytes.delete(op)) return
    this.#bytes -= op.bytes?.byteLength ?? 0
    op.bytes = undefined
  }
}

export function keyOfOp({ instance, n }: OpId): string {
  return `${n} ${instance}`
}
