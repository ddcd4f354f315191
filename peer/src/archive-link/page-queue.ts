import type { Page } from '../protocol/index.js'
import { archiveBounds as bounds } from './limits.js'

/**
 * Pages that have come and are not taken in yet, in the order of the log. A page that came early, in
 * the other lane, waits for the one before it; one that does not connect is dropped.
 */
export class PageQueue {
  /** These connect, one to the next. */
  readonly #ready: Queued[] = []
  readonly #earlyByAfter = new Map<number, Queued>()
  #queuedBytes = 0
  /** Where the last page that connects ends. */
  #endSeq: number

  constructor(fromSeq: number) {
    this.#endSeq = fromSeq
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Whether pages wait for one that has not come. */
  get hasHole(): boolean {
    return this.#earlyByAfter.size > 0
  }

  /** False: it was dropped, because it does not connect or too many wait. */
  add(page: Page, byteLength: number): boolean {
    if (page.after < this.#endSeq) return false
    if (page.after > this.#endSeq) {
      const isFull = this.#earlyByAfter.size >= bounds.maxEarlyPages
      if (isFull || this.#earlyByAfter.has(page.after)) return false
      this.#earlyByAfter.set(page.after, { page, byteLength })
      this.#queuedBytes += byteLength
      return true
    }
    this.#queuedBytes += byteLength
    this.#append({ page, byteLength })
    return true
  }

  /**
   * The next pages, put together up to what one transaction should take: the same as taking them one
   * by one, with one commit.
   */
  next(): Queued | undefined {
    const first = this.#ready[0]
    if (first === undefined) return undefined
    let entries = 0
    let byteLength = 0
    let count = 0
    for (const queued of this.#ready) {
      const isTooMuch =
        entries + queued.page.entries.length > bounds.maxTakenEntries ||
        byteLength + queued.byteLength > bounds.maxTakenBytes
      if (count > 0 && isTooMuch) break
      entries += queued.page.entries.length
      byteLength += queued.byteLength
      count++
    }
    const taken = this.#ready.splice(0, count)
    const last = taken.at(-1) ?? first
    this.#queuedBytes -= byteLength
    const page = {
      ...last.page,
      after: first.page.after,
      entries: taken.flatMap((queued) => queued.page.entries),
    }
    return { page, byteLength }
  }

  #append(queued: Queued): void {
    this.#ready.push(queued)
    this.#endSeq = queued.page.through
    for (const [after, early] of this.#earlyByAfter) {
      if (after > this.#endSeq) continue
      this.#earlyByAfter.delete(after)
      if (after === this.#endSeq) {
        this.#append(early)
        return
      }
      this.#queuedBytes -= early.byteLength
    }
  }
}

interface Queued {
  readonly page: Page
  readonly byteLength: number
}
