import { HeldDocument } from '@holdfast/peer'
import { readUpdate, type DocumentId, type DocumentRef } from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import { ClientError } from '../errors.js'
import { isContained } from './contained.js'
import type { ReplicaContext } from './context.js'
import { GatheredEdits } from './gathered-edits.js'
import { storedLimits } from './load-document.js'
import { hasContent, type LoadedDocument } from './loaded-document.js'
import type { UnsavedEdit } from './local-changes.js'
import { OpenDocument, type DocumentHost } from './open-document.js'
import { rewriteClients } from './rewrite-clients.js'

/**
 * The documents that the application has open. What it edits in them is gathered into ops, also in
 * one that has been deleted meanwhile: that is set aside, and not lost.
 */
export class OpenDocuments {
  readonly #context: ReplicaContext
  readonly #host: DocumentHost
  /** There is something in memory alone. */
  readonly #touched: (id: DocumentId) => void
  readonly #openById = new Map<DocumentId, OpenDocument>()
  /** Of generations that have ended, until they are closed. */
  readonly #ended = new Set<OpenDocument>()

  constructor(context: ReplicaContext, host: DocumentHost, touched: (id: DocumentId) => void) {
    this.#context = context
    this.#host = host
    this.#touched = touched
  }

  get(id: DocumentId): OpenDocument | undefined {
    return this.#openById.get(id)
  }

  *all(): Iterable<OpenDocument> {
    yield* this.#openById.values()
    yield* this.#ended
  }

  /**
   * The caller has its turn. A Y.Doc that the application has already becomes the document; what it
   * holds and the store lacks is stored like an edit.
   */
  async open(id: DocumentId, given?: Y.Doc): Promise<OpenDocument> {
    const stored = await this.#context.shelf.load(id)
    const known = this.#openById.get(id)
    if (given === undefined || given === known?.ydoc) return this.#opened(stored, known)
    if (known !== undefined) {
      throw new ClientError('bad-option', `${id} is open with another Y.Doc`)
    }
    const { loaded, news } = this.#takeOver(stored, given)
    const open = this.#opened(loaded, undefined)
    open.keepsDoc = true
    if (news !== undefined) this.#context.local.edit(loaded.document, news, 'upload')
    return open
  }

  /** One lets go. The last one ends it, when what was edited is in the store. */
  async letGo(open: OpenDocument): Promise<void> {
    const { local, serial } = this.#context
    const { loaded } = open
    if (loaded.openCount === 0) return
    loaded.openCount--
    loaded.edits?.flush()
    // What is not in the store yet is nowhere but in this Y.Doc.
    for (let isGone = false; !isGone;) {
      await local.whenSaved()
      isGone = await serial.run(() => Promise.resolve(this.#dropUnused(open)))
    }
  }

  /** All who had it open let go at once. What is not stored yet is handed out, and stored if it can be. */
  release(open: OpenDocument): readonly UnsavedEdit[] {
    const { local, shelf } = this.#context
    open.loaded.edits?.flush()
    open.loaded.openCount = 0
    const unsaved = local.unsavedOf(open.id)
    this.#end(open)
    if (shelf.get(open.id) === open.loaded) shelf.drop(open.id)
    return unsaved
  }

  /** All that was edited leaves for the store. */
  flush(): void {
    for (const { loaded } of this.all()) loaded.edits?.flush()
  }

  close(): void {
    for (const open of this.all()) this.#end(open)
  }

  /** Its generation has ended. */
  ended({ id, generation }: DocumentRef): OpenDocument | undefined {
    const open = this.#openById.get(id)
    if (open === undefined || open.document.generation > generation) return undefined
    this.#openById.delete(id)
    this.#ended.add(open)
    open.isDeleted = true
    return open
  }

  /**
   * Damage: the document was loaded anew. What was edited and is not stored yet goes over; and what
   * the application still edits in the one that it holds is carried over to the new one.
   */
  replaced(before: LoadedDocument, now: LoadedDocument): void {
    const { local, origin } = this.#context
    const id = before.document.id
    before.edits?.flush()
    now.openCount = before.openCount
    const waiting = local.editsOf(id).flatMap((bytes) => {
      const coverage = readUpdate(bytes)
      return coverage.ok ? [{ document: now.document, bytes, coverage: coverage.value }] : []
    })
    now.held.apply(waiting, origin)
    const open = this.#openById.get(id)
    if (open?.loaded !== before) return
    open.loaded = now
    now.edits = this.#gather(now)
    open.tellReplaced()
  }

  #opened(loaded: LoadedDocument, known: OpenDocument | undefined): OpenDocument {
    const open = known ?? new OpenDocument(loaded, this.#host)
    this.#openById.set(open.id, open)
    loaded.openCount++
    loaded.edits ??= this.#gather(loaded)
    return open
  }

  /** The given Y.Doc, with what is stored, in the place of the one that was loaded. */
  #takeOver(
    stored: LoadedDocument,
    given: Y.Doc,
  ): { readonly loaded: LoadedDocument; readonly news: Uint8Array | undefined } {
    const { clock, logger, origin, shelf } = this.#context
    const { document, held } = stored
    const news = hasContent(given) ? newsIn(given, held.doc) : undefined
    const now = new HeldDocument(document, given, clock, logger)
    if (hasContent(held.doc) || !held.isAllInDoc) {
      const bytes = held.difference(nothing)
      const coverage = readUpdate(bytes, storedLimits)
      const isTaken =
        coverage.ok &&
        now.apply([{ document, bytes, coverage: coverage.value }], origin) !== 'damaged'
      if (!isTaken) {
        throw new ClientError('document-damaged', `the given Y.Doc of ${document.id} is damaged`)
      }
    }
    held.doc.destroy()
    const loaded: LoadedDocument = { ...stored, held: now }
    shelf.put(loaded)
    return { loaded, news }
  }

  #gather(loaded: LoadedDocument): GatheredEdits {
    const { clock, local, origin, shelf } = this.#context
    const { document, held } = loaded
    const leave = (edited: Uint8Array): void => {
      const bytes = loaded.renamings.reduce(rewriteClients, edited)
      local.edit(document, bytes)
      const current = shelf.get(document.id)
      const coverage = readUpdate(bytes)
      if (current === undefined || current === loaded || !coverage.ok) return
      if (current.document.generation !== document.generation) return
      current.held.apply([{ document, bytes, coverage: coverage.value }], origin)
    }
    return new GatheredEdits(held.doc, origin, clock, leave, () => {
      held.changed()
      this.#touched(document.id)
    })
  }

  /** False: something was edited meanwhile. */
  #dropUnused(open: OpenDocument): boolean {
    const { local, shelf } = this.#context
    if (open.loaded.openCount > 0) return true
    open.loaded.edits?.flush()
    if (local.waitingOf(open.id) > 0) return false
    this.#end(open)
    if (shelf.get(open.id) === open.loaded) shelf.drop(open.id)
    return true
  }

  #end(open: OpenDocument): void {
    if (this.#openById.get(open.id) === open) this.#openById.delete(open.id)
    this.#ended.delete(open)
    open.loaded.edits?.stop()
    open.loaded.edits = undefined
    if (!open.keepsDoc) open.loaded.held.doc.destroy()
  }
}

/** What a Y.Doc holds and the one that was loaded from the store does not. */
function newsIn(given: Y.Doc, stored: Y.Doc): Uint8Array | undefined {
  const bytes = Y.encodeStateAsUpdate(given, Y.encodeStateVector(stored))
  const coverage = readUpdate(bytes, storedLimits)
  if (!coverage.ok) {
    throw new ClientError(
      'bad-option',
      `the given Y.Doc cannot be stored: ${coverage.refusal.code}`,
    )
  }
  return isContained(stored, coverage.value) ? undefined : bytes
}

/** The state vector of an empty document. */
const nothing = new Uint8Array([0])
