import { readUpdate, type DocumentId, type DocumentRef } from '@holdfast/peer/protocol'
import type { Clock, Logger } from '@holdfast/peer/ports'
import type * as Y from 'yjs'
import type { CollectionStore } from '../store/collection-store.js'
import type { Books } from './books.js'
import { Draft } from './draft.js'
import { replicaBounds as bounds } from './limits.js'
import { loadDocument, storedLimits, type Offender } from './load-document.js'
import type { LoadedDocument } from './loaded-document.js'

export interface ShelfOptions {
  readonly store: CollectionStore
  readonly books: Books
  readonly clock: Clock
  readonly logger: Logger
  readonly createDoc: (document: DocumentRef) => Y.Doc
  /** Of transactions that bring what others edited. */
  readonly origin: object
  /** A document was loaded anew: whoever has the one before open gets this one. */
  readonly replaced: (before: LoadedDocument, now: LoadedDocument) => void
  /** Parts of a document could not be applied and were set aside. */
  readonly setAside: (document: DocumentRef, offenders: readonly Offender[]) => void
}

/**
 * The documents that are in memory: those that are open, and a few that were needed last. All others
 * are in the store alone. Called by one at a time: see `Serial`.
 */
export class Shelf {
  readonly #options: ShelfOptions
  /** Least recently needed first. */
  readonly #loadedById = new Map<DocumentId, LoadedDocument>()

  constructor(options: ShelfOptions) {
    this.#options = options
  }

  /** What is in memory of it. */
  get(id: DocumentId): LoadedDocument | undefined {
    return this.#loadedById.get(id)
  }

  all(): Iterable<LoadedDocument> {
    return this.#loadedById.values()
  }

  get size(): number {
    return this.#loadedById.size
  }

  /** The living generation of a document, from memory or from the store; empty where there is none. */
  async load(id: DocumentId): Promise<LoadedDocument> {
    const known = this.#loadedById.get(id)
    if (known !== undefined) {
      this.#loadedById.delete(id)
      this.#loadedById.set(id, known)
      return known
    }
    const loaded = await this.#read(id)
    this.#loadedById.set(id, loaded)
    this.#letGo(loaded)
    return loaded
  }

  /** A fresh one from the store, in the place of whatever is in memory. */
  async reload(id: DocumentId): Promise<LoadedDocument> {
    const before = this.#loadedById.get(id)
    const loaded = await this.#read(id)
    this.#loadedById.set(id, loaded)
    if (before !== undefined) this.#options.replaced(before, loaded)
    return loaded
  }

  /** This one takes the place of what is in memory, with the same content. */
  put(loaded: LoadedDocument): void {
    this.#loadedById.set(loaded.document.id, loaded)
  }

  drop(id: DocumentId): void {
    this.#loadedById.delete(id)
  }

  /** Reads it from the store. What cannot be applied is set aside there, in one transaction. */
  async #read(id: DocumentId): Promise<LoadedDocument> {
    const { store, books, createDoc, origin, clock, logger } = this.#options
    const row = books.catalogue.get(id)
    const document = { id, generation: row?.generation ?? 0 }
    const stored =
      row === undefined || !row.hasContent
        ? { snapshot: undefined, updates: [] }
        : await store.readDocument(row.key)
    const options = { document, createDoc, origin, clock, logger }
    const { held, offenders } = loadDocument(stored, options)
    if (offenders.length > 0) {
      await this.#setAside(document, offenders)
      // With what is owed of it: those bytes are kept twice.
      if (offenders.some(isOurs)) return this.#read(id)
    }
    const sizeBytes = (row?.snapshotBytes ?? 0) + (row?.rowBytes ?? 0)
    return { document, held, sizeBytes, openCount: 0, edits: undefined, renamings: [] }
  }

  async #setAside(document: DocumentRef, offenders: readonly Offender[]): Promise<void> {
    const { store, books, setAside } = this.#options
    const draft = new Draft(store, books)
    for (const { key, bytes, place, reason } of offenders) {
      draft.quarantine(document.id, reason, bytes, place)
      if (key > 0) draft.removeUpdate(document.id, key, bytes.byteLength)
      else draft.removeSnapshot(document.id)
    }
    if (offenders.some(isOurs)) await this.#heal(draft, document)
    await draft.commit('strict')
    setAside(document, offenders)
  }

  /** What this store held comes again: from those who have it, and from what it owes to them. */
  async #heal(draft: Draft, { id, generation }: DocumentRef): Promise<void> {
    const { store, books } = this.#options
    for (const archive of books.positions.archives) draft.restartCursor(archive)
    const owed = books.outbox.ofDocument(id).filter(({ kind, document }) => {
      return kind !== 'tombstone' && document.generation === generation
    })
    const bytesByKey = await store.readOps(owed.map(({ key }) => key))
    for (const bytes of bytesByKey.values()) {
      if (readUpdate(bytes, storedLimits).ok) draft.addUpdate(id, bytes)
    }
  }

  /** Idle documents beyond what may stay leave, the least recently needed ones first. */
  #letGo(but: LoadedDocument): void {
    const idle = [...this.#loadedById.values()].filter(({ edits }) => edits === undefined)
    let bytes = idle.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    let count = idle.length
    for (const loaded of idle) {
      if (count <= bounds.maxIdleDocuments && bytes <= bounds.maxIdleBytes) return
      if (loaded === but) continue
      this.#loadedById.delete(loaded.document.id)
      loaded.held.doc.destroy()
      count--
      bytes -= loaded.sizeBytes
    }
  }
}

/** Our own state, or what came to harm in the store: not poison that came so. */
function isOurs({ key, isHarmed }: Offender): boolean {
  return key === 0 || isHarmed
}
