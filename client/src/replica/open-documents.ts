import { readUpdate, type DocumentId, type DocumentRef } from '@holdfast/peer/protocol'
import type { ReplicaContext } from './context.js'
import { GatheredEdits } from './gathered-edits.js'
import type { LoadedDocument } from './loaded-document.js'
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

  /** The caller has its turn. */
  async open(id: DocumentId): Promise<OpenDocument> {
    const loaded = await this.#context.shelf.load(id)
    const known = this.#openById.get(id)
    const open = known ?? new OpenDocument(loaded, this.#host)
    this.#openById.set(id, open)
    loaded.openCount++
    loaded.edits ??= this.#gather(loaded)
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
    open.loaded.held.doc.destroy()
  }
}
