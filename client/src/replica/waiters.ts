import type { DocumentId, OpId } from '@holdfast/peer/protocol'
import type { ClientError } from '../errors.js'
import type { Outbox } from './outbox.js'
import { isArchived } from './outbox.js'

/** Those who wait until what was edited is on an archive's disk. */
export class ArchiveWaiters {
  readonly #outbox: Outbox
  readonly #isCompared: () => boolean
  readonly #waiters = new Set<Waiter>()

  /** @param isCompared an archive has what was held before it was met */
  constructor(outbox: Outbox, isCompared: () => boolean) {
    this.#outbox = outbox
    this.#isCompared = isCompared
  }

  /**
   * Of one document, or of all: what is in the outbox now, and what was held before any archive was
   * met. Rejects if any of it is refused.
   */
  wait(id: DocumentId | undefined, hasContent: boolean): Promise<void> {
    const ops = id === undefined ? [...this.#outbox.all()] : this.#outbox.ofDocument(id)
    const keyByOp = new Map<string, number>()
    for (const op of ops) if (op.isOwn && !isArchived(op)) keyByOp.set(nameOf(op.op), op.key)
    const needsComparison = hasContent && !this.#isCompared()
    if (keyByOp.size === 0 && !needsComparison) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiters.add({ keyByOp, needsComparison, resolve, reject })
    })
  }

  /** Looks at what has been answered. */
  look(): void {
    for (const waiter of this.#waiters) {
      for (const [name, key] of waiter.keyByOp) {
        const op = this.#outbox.get(key)
        if (op === undefined || isArchived(op)) waiter.keyByOp.delete(name)
      }
      if (waiter.keyByOp.size === 0 && (!waiter.needsComparison || this.#isCompared())) {
        this.#waiters.delete(waiter)
        waiter.resolve()
      }
    }
  }

  renamed(from: OpId, to: OpId, key: number): void {
    for (const { keyByOp } of this.#waiters) {
      if (keyByOp.delete(nameOf(from))) keyByOp.set(nameOf(to), key)
    }
  }

  refused(op: OpId, error: ClientError): void {
    for (const waiter of this.#waiters) {
      if (!waiter.keyByOp.has(nameOf(op))) continue
      this.#waiters.delete(waiter)
      waiter.reject(error)
    }
  }

  close(error: ClientError): void {
    for (const { reject } of this.#waiters) reject(error)
    this.#waiters.clear()
  }
}

interface Waiter {
  readonly needsComparison: boolean
  readonly keyByOp: Map<string, number>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

function nameOf({ instance, n }: OpId): string {
  return `${instance} ${n}`
}
