import type { Entry, Log, Page, ReadRequest } from '@holdfast/archive'
import type { CollectionName, Cursor, DocumentRef } from '@holdfast/peer/protocol'
import type * as Y from 'yjs'
import { notes } from './names.js'
import { docOf } from './writer.js'

/** What a replica does with a stream: applies pages, and moves its cursor with each. */
export class Reader {
  readonly collection: CollectionName
  cursor: Cursor | undefined
  /** The last head that it has read to: of every document it has all that is numbered up to here. */
  wholeThrough = 0
  /** By `keyOf`: everything received of a document. */
  readonly #updatesByDocument = new Map<string, Uint8Array[]>()
  readonly #deleted = new Set<string>()
  readonly #refs = new Map<string, DocumentRef>()
  /** What the pages held, as `row note-1@3`, in order. */
  readonly received: string[] = []

  constructor(collection: CollectionName = notes) {
    this.collection = collection
  }

  get seq(): number {
    return this.cursor?.seq ?? 0
  }

  /** Reads and applies one page. False once there is nothing more. */
  async readPage(log: Log, limits: Partial<ReadRequest> = {}): Promise<boolean> {
    const request = { maxBytes: 1 << 20, maxEntries: 1_000, ...limits }
    const page = await log.read({ ...request, collection: this.collection, after: this.seq })
    assertPage(page, this.seq, log)
    for (const entry of page.entries) await this.#apply(entry, log)
    this.cursor = { archive: log.archive, term: page.term, seq: page.through }
    if (page.through === page.head) this.wholeThrough = page.head
    return page.through < page.head
  }

  /** Reads to the head. */
  async readAll(log: Log, limits: Partial<ReadRequest> = {}): Promise<this> {
    while (await this.readPage(log, limits)) continue
    return this
  }

  /** Takes in bytes that came otherwise. */
  take(document: DocumentRef, ...updates: readonly Uint8Array[]): void {
    const key = keyOf(document)
    this.#refs.set(key, document)
    const known = this.#updatesByDocument.get(key)
    if (known === undefined) this.#updatesByDocument.set(key, [...updates])
    else known.push(...updates)
  }

  /** All that it has heard of. */
  get documents(): readonly DocumentRef[] {
    return [...this.#refs.values()]
  }

  markDeleted(document: DocumentRef): void {
    const key = keyOf(document)
    this.#refs.set(key, document)
    this.#deleted.add(key)
  }

  hasDeleted(document: DocumentRef): boolean {
    return this.#deleted.has(keyOf(document))
  }

  updatesOf(document: DocumentRef): readonly Uint8Array[] {
    return this.#updatesByDocument.get(keyOf(document)) ?? []
  }

  docOf(document: DocumentRef): Y.Doc {
    return docOf(this.updatesOf(document))
  }

  textOf(document: DocumentRef): string {
    return this.docOf(document).getText('text').toJSON()
  }

  async #apply(entry: Entry, log: Log): Promise<void> {
    const { document, kind, seq } = entry
    this.received.push(`${kind} ${document.id}@${seq}`)
    if (kind === 'tombstone') {
      this.markDeleted(document)
    } else if (kind === 'row') {
      this.take(document, entry.bytes)
    } else if (entry.bytes === undefined) {
      const state = await log.state(this.collection, document)
      if (state !== undefined) this.take(document, state.bytes, ...state.parked)
    } else {
      this.take(document, entry.bytes, ...entry.parked)
    }
  }
}

/** What every page keeps, whoever reads it. */
function assertPage({ entries, term, through, head }: Page, after: number, log: Log): void {
  let last = after
  for (const { seq } of entries) {
    if (seq <= last) throw new Error(`seq ${seq} after ${last}`)
    last = seq
  }
  if (term !== log.term) throw new Error(`a page of term ${term} from an opening ${log.term}`)
  if (through < last || through > head) {
    throw new Error(`through ${through}, with entries up to ${last} and head ${head}`)
  }
  if (entries.length === 0 && through !== head) {
    throw new Error(`an empty page through ${through} although the head is ${head}`)
  }
}

function keyOf({ id, generation }: DocumentRef): string {
  return `${id}\n${generation}`
}
