import type { Clock, Undo } from '../ports/index.js'
import type { DocumentRef } from '../protocol/index.js'
import { keyOf, type Documents } from './documents.js'
import { syncBounds as bounds } from './limits.js'
import type { PeerSession } from './peer-session.js'

/**
 * Asks the neighbours for what is missing of documents: first the one that brought what builds upon
 * it, then the others in turn, with doubling pauses, at most ten times. A gap that closes by itself
 * (ops overtake each other on different ways) is never asked for.
 */
export class Gaps {
  readonly #clock: Clock
  readonly #documents: Documents
  readonly #sessions: () => readonly PeerSession[]
  readonly #gapByKey = new Map<string, Gap>()

  constructor(clock: Clock, documents: Documents, sessions: () => readonly PeerSession[]) {
    this.#clock = clock
    this.#documents = documents
    this.#sessions = sessions
  }

  get size(): number {
    return this.#gapByKey.size
  }

  /** Something is missing of it, and asked for. */
  has(document: DocumentRef): boolean {
    return this.#gapByKey.has(keyOf(document))
  }

  note(document: DocumentRef, from: PeerSession): void {
    const key = keyOf(document)
    if (this.#gapByKey.has(key) || this.#gapByKey.size >= bounds.maxGaps) return
    const gap: Gap = { document, first: from, asked: 0, waiting: undefined }
    this.#gapByKey.set(key, gap)
    this.#askLater(key, gap)
  }

  close(): void {
    for (const { waiting } of this.#gapByKey.values()) waiting?.()
    this.#gapByKey.clear()
  }

  #askLater(key: string, gap: Gap): void {
    const delayMs = Math.min(bounds.askGapAfterMs * 2 ** gap.asked, bounds.askGapAtMostEveryMs)
    gap.waiting = this.#clock.after(delayMs, () => {
      if (!this.#isOpen(gap.document) || gap.asked >= maxAsks) {
        this.#gapByKey.delete(key)
        return
      }
      this.#next(gap)?.askFor(gap.document)
      gap.asked++
      this.#askLater(key, gap)
    })
  }

  #isOpen({ id, generation }: DocumentRef): boolean {
    const holding = this.#documents.holding(id)
    return (
      holding?.document.generation === generation &&
      holding.hasContent &&
      holding.digest === undefined
    )
  }

  #next({ first, asked }: Gap): PeerSession | undefined {
    if (asked === 0 && first.isOpen) return first
    const writers = this.#sessions().filter((session) => session.canWrite)
    return writers[asked % Math.max(1, writers.length)]
  }
}

interface Gap {
  readonly document: DocumentRef
  readonly first: PeerSession
  asked: number
  waiting: Undo | undefined
}

/** The last pause is then half a minute: as long as between two comparisons, which ask as well. */
const maxAsks = 10
