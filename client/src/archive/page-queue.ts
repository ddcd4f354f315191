import { messageBounds, type Page } from '@holdfast/peer/protocol'
import { archiveBounds as bounds } from './limits.js'

/**
 * Pages that have come and are not taken in yet, in the order of the log. A page that came early, in
 * the other lane, waits for the one before it; one that does not connect is dropped.
 */
export class PageQueue {
  /** By where they begin; several may begin at one place only if the archive repeats itself. */
  #pageByAfter = new Map<number, Queued>()
  #queuedBytes = 0
  /** Where the last page that was given out ended. */
  #throughSeq: number

  constructor(fromSeq: number) {
    this.#throughSeq = fromSeq
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Whether pages wait for one that has not come. */
  get hasHole(): boolean {
    return this.#pageByAfter.size > 0 && !this.#pageByAfter.has(this.#throughSeq)
  }

  /** False: it was dropped, because it does not connect or too many wait. */
  add(page: Page, byteLength: number): boolean {
    const isPast = page.after < this.#throughSeq
    const isEarly = page.after > this.#throughSeq
    if (isPast || (isEarly && this.#pageByAfter.size >= bounds.maxEarlyPages)) return false
    // Nothing between here and there: it says at most where the head is.
    const known = this.#pageByAfter.get(page.after)
    if (known !== undefined && known.page.through > page.through) return false
    this.#queuedBytes += byteLength - (known?.byteLength ?? 0)
    this.#pageByAfter.set(page.after, { page, byteLength })
    return true
  }

  /**
   * The next pages that connect, put together up to what one transaction should take: the same as
   * taking them one by one, with one commit.
   */
  next(): Queued | undefined {
    const first = this.#take()
    if (first === undefined) return undefined
    const entries = [...first.page.entries]
    let { page, byteLength } = first
    for (;;) {
      const next = this.#pageByAfter.get(this.#throughSeq)
      if (next === undefined || next.page.after === next.page.through) break
      const isTooMuch =
        entries.length + next.page.entries.length >
          Math.min(bounds.maxTakenEntries, messageBounds.maxEntries) ||
        byteLength + next.byteLength > bounds.maxTakenBytes
      if (isTooMuch) break
      this.#take()
      entries.push(...next.page.entries)
      byteLength += next.byteLength
      page = next.page
    }
    return { page: { ...page, after: first.page.after, entries }, byteLength }
  }

  #take(): Queued | undefined {
    const queued = this.#pageByAfter.get(this.#throughSeq)
    if (queued === undefined) return undefined
    this.#pageByAfter.delete(this.#throughSeq)
    this.#queuedBytes -= queued.byteLength
    this.#throughSeq = queued.page.through
    return queued
  }
}

interface Queued {
  readonly page: Page
  readonly byteLength: number
}
