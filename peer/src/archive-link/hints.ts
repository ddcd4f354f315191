import {
  canWrite,
  encodeStateVector,
  messageBounds,
  readStateVector,
  type DocumentRef,
  type MessageOf,
} from '../protocol/index.js'
import { ask, type SessionContext } from './context.js'
import { archiveBounds as bounds } from './limits.js'
import type { Subscription } from './subscription.js'
import type { Uploads } from './uploads.js'

/**
 * Answers what the archive asks about single documents, one at a time: whether this replica really
 * holds what it acked (`compact`), and whether it has what the log lacks (`missing`). Silence is an
 * answer to both, so whatever is too much is not answered.
 */
export class Hints {
  readonly #context: SessionContext
  readonly #subscription: Subscription
  readonly #uploads: Uploads
  #waiting: (() => Promise<void>)[] = []
  #isWorking = false

  constructor(context: SessionContext, subscription: Subscription, uploads: Uploads) {
    this.#context = context
    this.#subscription = subscription
    this.#uploads = uploads
  }

  /** `compact`: what is held of this document, at the cursor that was acked. */
  compact(document: DocumentRef): void {
    this.#queue(() => this.#hint(document))
  }

  /** The archive has compacted it: what this replica keeps of it can be folded too. */
  compacted({ document }: MessageOf<'compacted'>): void {
    this.#queue(async () => {
      await ask(this.#context, this.#context.ledger.compact(document))
    })
  }

  missing({ document, ranges }: MessageOf<'missing'>): void {
    if (!canWrite(this.#context.access())) return
    this.#queue(() => this.#give(document, ranges))
  }

  close(): void {
    this.#waiting = []
  }

  #queue(work: () => Promise<void>): void {
    if (this.#waiting.length >= bounds.maxWaitingHints) return
    this.#waiting.push(work)
    void this.#work()
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return
    this.#isWorking = true
    for (;;) {
      const work = this.#waiting.shift()
      if (work === undefined || this.#context.isOver()) break
      await work()
    }
    this.#isWorking = false
  }

  async #hint(document: DocumentRef): Promise<void> {
    // The archive holds the snapshot against what was acked, so that is said before.
    this.#subscription.ackNow()
    const seq = this.#subscription.ackedSeq
    const snapshot = await ask(this.#context, this.#context.ledger.snapshot(document))
    if (snapshot?.value === undefined || !this.#subscription.isStreaming || seq === 0) return
    const { length } = snapshot.value
    const isTooLarge =
      length > messageBounds.maxSnapshotBytes ||
      length + headerBytes > this.#context.maxMessageBytes
    if (isTooLarge) return
    this.#context.sender.say({ type: 'hint', document, seq, snapshot: snapshot.value })
  }

  /** From the first id that is missing on, of each client; nothing else but the delete set. */
  async #give(document: DocumentRef, ranges: MessageOf<'missing'>['ranges']): Promise<void> {
    const held = await ask(this.#context, this.#context.ledger.stateVector(document))
    if (held?.value === undefined) return
    const vector = readStateVector(held.value)
    if (!vector.ok) return
    const asked = new Map(vector.value)
    let isHeld = false
    for (const { client, clock } of ranges) {
      const ours = vector.value.get(client) ?? 0
      if (ours <= clock) continue
      isHeld = true
      asked.set(client, Math.min(asked.get(client) ?? clock, clock))
    }
    if (!isHeld) return
    await new Promise<void>((resolve) => {
      const stateVector = encodeStateVector(withoutZeros(asked))
      this.#uploads.add({ kind: 'upload', document, stateVector }, () => resolve())
    })
  }
}

/** A client whose first clock is asked for is left out, as Yjs does it. */
function withoutZeros(vector: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
  return new Map([...vector].filter(([, clock]) => clock > 0))
}

/** What stands around a snapshot: the message's number, the document, the seq, the length. */
const headerBytes = 512
