/**
 * What this side tells an archive of what it holds, in a resync: pages where little is below a node,
 * digests of nodes where it is much. Few summaries are open at a time, because an archive takes few.
 */
import { messageBounds, type MessageOf } from '../protocol/index.js'
import type { Holdings } from './holdings.js'
import { archiveBounds as bounds } from './limits.js'
import type { Sender } from './sender.js'

export interface ResyncSummariesOptions {
  readonly sender: Sender
  readonly requests: { last: number }
  readonly holdings: Holdings
}

export class ResyncSummaries {
  readonly #options: ResyncSummariesOptions
  /** Under which prefixes all was told. */
  readonly #told = new Set<string>()
  /** Not answered by `compared`. */
  readonly #open = new Set<number>()
  readonly #waiting: (() => MessageOf<'summary'>['by'])[] = []

  constructor(options: ResyncSummariesOptions) {
    this.#options = options
  }

  /** All was told, and the archive has asked for what it lacks of it. */
  get isDone(): boolean {
    return this.#open.size === 0 && this.#waiting.length === 0
  }

  tellAll(): void {
    const isSmall = this.#options.holdings.countUnder('') <= bounds.maxOpeningPageDocuments
    if (isSmall) this.tellPage('')
    else this.#tellNodes([''])
  }

  /** What is below a node that differs: one by one, or by the digests of its sixteen. */
  tellUnder(under: string): void {
    const isLeaf =
      this.#options.holdings.countUnder(under) <= bounds.maxPageDocuments ||
      under.length === messageBounds.maxPrefixDigits
    if (isLeaf) this.tellPage(under)
    else this.#tellNodes(hexDigits.map((digit) => under + digit))
  }

  /** All that is held under a prefix, in as many pages as that takes; once. */
  tellPage(under: string): void {
    if (this.#told.has(under)) return
    this.#told.add(under)
    const { holdings } = this.#options
    const isTooMuch = holdings.countUnder(under) > messageBounds.maxDocuments
    if (isTooMuch && under.length < messageBounds.maxPrefixDigits) {
      for (const digit of hexDigits) this.tellPage(under + digit)
      return
    }
    const documents = holdings.under(under).slice(0, messageBounds.maxDocuments)
    this.#tell(() => ({ kind: 'page', under, documents }))
  }

  /** A page of exactly this prefix was told. */
  hasTold(prefix: string): boolean {
    return this.#told.has(prefix)
  }

  /** A page was told that names all of what stands under this prefix. */
  wasTold(under: string): boolean {
    for (let digits = 0; digits <= under.length; digits++) {
      if (this.#told.has(under.slice(0, digits))) return true
    }
    return false
  }

  compared(request: number): void {
    this.#open.delete(request)
    this.#tellNext()
  }

  #tellNodes(prefixes: readonly string[]): void {
    const { holdings } = this.#options
    this.#tell(() => ({
      kind: 'tree',
      nodes: prefixes.map((under) => ({ under, digest: holdings.digestUnder(under) })),
    }))
  }

  #tell(by: () => MessageOf<'summary'>['by']): void {
    this.#waiting.push(by)
    this.#tellNext()
  }

  #tellNext(): void {
    const { requests, sender } = this.#options
    while (this.#open.size < bounds.maxOpenSummaries) {
      const by = this.#waiting.shift()
      if (by === undefined) return
      const request = ++requests.last
      this.#open.add(request)
      sender.say({ type: 'summary', request, by: by() })
    }
  }
}

const hexDigits = Array.from('0123456789abcdef')
