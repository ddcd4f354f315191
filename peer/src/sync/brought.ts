import type { Clock, Undo } from '../ports/index.js'
import type { DocumentRef } from '../protocol/index.js'
import { keyOf } from './documents.js'
import { syncBounds as bounds } from './limits.js'
import type { PeerSession } from './peer-session.js'

/**
 * What states have brought, and is news to neighbours further on: ops are passed on by themselves,
 * states are not. Those neighbours are told the new digest, and ask where theirs is another.
 */
export class Brought {
  readonly #clock: Clock
  readonly #othersThan: (from: PeerSession) => readonly PeerSession[]
  readonly #waiting = new Map<string, News>()
  /** Of whom there was more than is told one by one. */
  readonly #tooMuch = new Set<PeerSession>()
  #telling: Undo | undefined
  #isClosed = false

  /** @param othersThan who does not have it straight from the one who brought it */
  constructor(clock: Clock, othersThan: (from: PeerSession) => readonly PeerSession[]) {
    this.#clock = clock
    this.#othersThan = othersThan
  }

  note(document: DocumentRef, from: PeerSession): void {
    if (this.#isClosed) return
    const key = keyOf(document)
    const news = this.#waiting.get(key)
    if (news !== undefined) news.from.add(from)
    else if (this.#waiting.size < bounds.maxBroughtDocuments) {
      this.#waiting.set(key, { document, from: new Set([from]) })
    } else this.#tooMuch.add(from)
    this.#telling ??= this.#clock.after(bounds.tellBroughtAfterMs, () => this.#tell())
  }

  close(): void {
    this.#isClosed = true
    this.#telling?.()
    this.#waiting.clear()
    this.#tooMuch.clear()
  }

  #tell(): void {
    this.#telling = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const session of this.#others(this.#tooMuch)) session.compareSoon()
    this.#tooMuch.clear()
    for (const { document, from } of waiting) {
      for (const session of this.#others(from)) session.tellAgain(document)
    }
  }

  #others(from: Iterable<PeerSession>): ReadonlySet<PeerSession> {
    return new Set([...from].flatMap((one) => this.#othersThan(one)))
  }
}

interface News {
  readonly document: DocumentRef
  /** Whoever brought some of it. */
  readonly from: Set<PeerSession>
}
