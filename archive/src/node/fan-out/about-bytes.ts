/**
 * About how many bytes a reader has before it, for its progress bar: what the documents' counters
 * say, and rows taken to lie evenly. Looked up once for all who come within some seconds, and not for
 * whoever lacks so little that it would have it before it has drawn the bar.
 */
import type { Clock } from '@holdfast/peer/ports'
import type { CollectionName, DocumentRef } from '@holdfast/peer/protocol'
import type { DocumentSummary, Log } from '../../log/port.js'

export class AboutBytes {
  readonly #log: Pick<Log, 'documents'>
  readonly #collection: CollectionName
  readonly #clock: Clock
  #known:
    | { readonly atMs: number; readonly documents: Promise<readonly DocumentSummary[]> }
    | undefined

  constructor(log: Pick<Log, 'documents'>, collection: CollectionName, clock: Clock) {
    this.#log = log
    this.#collection = collection
    this.#clock = clock
  }

  /** 0: little, or nobody knows. Rejects when the log fails. */
  async between(after: number, head: number): Promise<number> {
    if (head - after < fewEntries) return 0
    const documents = await this.#documents()
    return Math.round(documents.reduce((sum, one) => sum + bytesAfter(after, one), 0))
  }

  #documents(): Promise<readonly DocumentSummary[]> {
    const nowMs = this.#clock.monotonic()
    if (this.#known !== undefined && nowMs - this.#known.atMs < knownForMs) {
      return this.#known.documents
    }
    const documents = this.#read()
    const known = { atMs: nowMs, documents }
    this.#known = known
    documents.catch(() => {
      if (this.#known === known) this.#known = undefined
    })
    return documents
  }

  async #read(): Promise<readonly DocumentSummary[]> {
    const collection = this.#collection
    const all: DocumentSummary[] = []
    let after: DocumentRef | undefined
    for (;;) {
      const page = await this.#log.documents({
        collection,
        limit: pageDocuments,
        ...(after && { after }),
      })
      all.push(...page.documents)
      after = page.documents.at(-1)?.document
      if (!page.more || after === undefined) return all
      // Of so many the first ones do not stand for the rest, and counting them all takes too long.
      if (all.length >= maxDocuments) return []
    }
  }
}

function bytesAfter(after: number, document: DocumentSummary): number {
  const { deleted, lastSeq, prunedThrough, snapshotBytes, tailBytes } = document
  if (deleted || lastSeq <= after) return 0
  if (prunedThrough > after) return snapshotBytes + tailBytes
  return tailBytes * ((lastSeq - after) / (lastSeq - prunedThrough))
}

/** A page of the stream or so. */
const fewEntries = 256
const knownForMs = 10_000
const pageDocuments = 1_024
const maxDocuments = 16_384
