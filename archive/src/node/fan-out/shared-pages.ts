import { encodeMessage, messageBounds, type CollectionName } from '@holdfast/peer/protocol'
import type { NodeContext } from '../context.js'
import type { RecentEntries, RecentPage } from './recent-entries.js'
import { wireEntry } from './wire-entry.js'

/** A `changes` message, ready for any reader at its place with its subscription number. */
export interface EncodedPage {
  readonly bytes: Uint8Array
  readonly through: number
  readonly head: number
}

interface Parts {
  readonly name: CollectionName
  readonly context: NodeContext
  readonly recent: RecentEntries
  /** The last seq that the log has told of. */
  readonly head: () => number
  /** Whether more than one reader is on its way to the head. */
  readonly isCrowded: () => boolean
}

/**
 * Pages for those who are behind. Where a crowd opens the same documents, a page is read and put into
 * bytes once, and the same bytes wait on every link. For one reader alone nothing is kept.
 *
 * Kept are the pages last used, up to a bound. What is compacted away meanwhile may still be in here
 * and is as good; what is deleted is not, so a tombstone empties it.
 */
export class SharedPages {
  readonly #parts: Parts
  /** By subscription number and place; the longest unused first. */
  readonly #kept = new Map<string, EncodedPage>()
  readonly #underWay = new Map<string, Promise<EncodedPage>>()
  #keptBytes = 0
  /** How many times it was emptied. */
  #era = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** What follows `after`; undefined: it has to be read. */
  known(after: number, subscription: number): EncodedPage | undefined {
    const key = keyOf(after, subscription)
    const kept = this.#kept.get(key)
    if (kept !== undefined) {
      this.#drop(key, kept)
      // A page that ended at the head says so, and must not when there is more.
      if (kept.through < kept.head || kept.head >= this.#parts.head()) {
        this.#put(key, kept)
        return kept
      }
    }
    const { recent, context, head } = this.#parts
    const page = recent.page(after, context.limits.pageBytes, messageBounds.maxEntries)
    return page && this.#share(key, encoded(after, subscription, page, head()))
  }

  /** The same from the log: one read for all who ask while it lasts. */
  read(after: number, subscription: number): Promise<EncodedPage> {
    const key = keyOf(after, subscription)
    const underWay = this.#underWay.get(key)
    if (underWay !== undefined) return underWay
    const reading = this.#read(after, subscription, key).finally(() => {
      if (this.#underWay.get(key) === reading) this.#underWay.delete(key)
    })
    this.#underWay.set(key, reading)
    return reading
  }

  /** Whoever asks from now on is answered by the log. */
  clear(): void {
    if (this.#kept.size === 0 && this.#underWay.size === 0) return
    this.#era++
    this.#kept.clear()
    this.#underWay.clear()
    this.#keptBytes = 0
  }

  async #read(after: number, subscription: number, key: string): Promise<EncodedPage> {
    const { name, context } = this.#parts
    const { log, limits, counters } = context
    const era = this.#era
    counters.logReads++
    const { entries, through, head } = await log.read({
      collection: name,
      after,
      maxBytes: limits.pageBytes,
      maxEntries: messageBounds.maxEntries,
      maxSnapshotBytes: limits.maxSnapshotBytes,
    })
    const rows = { entries: entries.map(wireEntry), through }
    const page = encoded(after, subscription, rows, head)
    // What was read before it was emptied is for those who had asked by then.
    return era === this.#era ? this.#share(key, page) : page
  }

  #share(key: string, page: EncodedPage): EncodedPage {
    if (!this.#parts.isCrowded()) return page
    this.#put(key, page)
    for (const [oldest, one] of this.#kept) {
      if (this.#keptBytes <= maxKeptBytes) break
      this.#drop(oldest, one)
    }
    return page
  }

  #put(key: string, page: EncodedPage): void {
    this.#kept.set(key, page)
    this.#keptBytes += page.bytes.length
  }

  #drop(key: string, page: EncodedPage): void {
    this.#kept.delete(key)
    this.#keptBytes -= page.bytes.length
  }
}

/** How far apart a crowd may be and still be served by one reading: 150 readers of 20 MB are so far. */
const maxKeptBytes = 16 * 1_024 * 1_024

function encoded(
  after: number,
  subscription: number,
  { entries, through }: RecentPage,
  logHead: number,
): EncodedPage {
  const head = Math.max(logHead, through)
  const page = { after, entries, through, head }
  return { bytes: encodeMessage({ type: 'changes', subscription, page }), through, head }
}

function keyOf(after: number, subscription: number): string {
  return `${subscription} ${after}`
}
