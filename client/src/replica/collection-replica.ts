import type { Documents, LocalOp, Received } from '@holdfast/peer'
import { Listeners } from '@holdfast/peer'
import type { Clock, Logger, Random, Undo } from '@holdfast/peer/ports'
import {
  parseDocumentId,
  type ArchiveId,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import type { DocumentInfo, Pending, WaitOptions } from '../api.js'
import { ClientError } from '../errors.js'
import type { CollectionStore } from '../store/collection-store.js'
import type { KeptRow, QuarantinedRow } from '../store/kept-rows.js'
import { noteGrown } from './applying.js'
import { booksOf, type Books } from './books.js'
import type { ReplicaContext } from './context.js'
import { Digester } from './digester.js'
import { Draft } from './draft.js'
import { foldDocument } from './folding.js'
import { Ledger } from './ledger.js'
import { LocalChanges, type UnsavedEdit } from './local-changes.js'
import { MeshDocuments } from './mesh-documents.js'
import type { OpenDocument, OpenDocumentState, ReplicaEvent } from './open-document.js'
import { OpenDocuments } from './open-documents.js'
import type { ArchiveLedger } from './port.js'
import { readDigests } from './reading.js'
import { Serial } from './serial.js'
import { Shelf } from './shelf.js'
import { takeFromTab, type TabEdit } from './taking-from-tabs.js'
import { unlessAborted } from './unless-aborted.js'
import { ArchiveWaiters } from './waiters.js'

export interface CollectionReplicaOptions {
  readonly store: CollectionStore
  /** Of this opening of the store: fresh each time. */
  readonly instance: InstanceId
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Edits are kept as ops for an archive, also before one was ever met. */
  readonly expectsArchive: boolean
  /** Makes the Y.Doc of a document. It gets a clientID of its own each time. */
  readonly createDoc?: (document: DocumentRef) => Y.Doc
}

/**
 * A collection in its store: documents, ops, debts and cursors.
 *
 *   the application ──edits──► local changes ──┐
 *   the mesh ─────── Documents ───────────────►├──► one turn, one transaction ──► books ──► Y.Docs
 *   the archives ─── ArchiveLedger ───────────►┘        (Serial, Draft)
 *
 * Everything that changes has its turn, becomes one transaction, and only when that is durable shows
 * in memory and is told. Documents are read from the store when somebody needs them.
 */
export class CollectionReplica {
  /** For the mesh. */
  readonly documents: Documents
  /** For the connections to archives. */
  readonly ledger: ArchiveLedger
  readonly #options: CollectionReplicaOptions
  readonly #books: Books
  readonly #context: ReplicaContext
  readonly #mesh: MeshDocuments
  readonly #ledger: Ledger
  readonly #digester: Digester
  readonly #open: OpenDocuments
  readonly #waiters: ArchiveWaiters
  readonly #adopted = new Set<InstanceId>()
  readonly #onEvent = new Listeners<[ReplicaEvent]>()
  readonly #onState = new Listeners<[readonly DocumentId[]]>()
  readonly #onReplaced = new Listeners<[DocumentRef]>()
  /** Documents whose state may have changed since it was told. */
  readonly #touched = new Set<DocumentId>()
  readonly #ripe = new Set<DocumentId>()
  readonly #owedTimers = new Set<Undo>()
  #telling: Undo | undefined
  #folding: Undo | undefined
  #closing: Promise<void> | undefined

  /** Reads what the store lists; no document is read. */
  static async open(options: CollectionReplicaOptions): Promise<CollectionReplica> {
    const index = await options.store.readIndex()
    const replica = new CollectionReplica(options, booksOf(index, options.clock, options.random))
    replica.#begin()
    return replica
  }

  private constructor(options: CollectionReplicaOptions, books: Books) {
    const { store, clock, random, logger, instance } = options
    this.#options = options
    this.#books = books
    const serial = new Serial()
    const origin = { name: 'holdfast' }
    const owesOps = (): boolean => options.expectsArchive || books.positions.archives.length > 0
    const shelf = new Shelf({
      store,
      books,
      clock,
      logger,
      origin,
      createDoc: (document) => this.#createDoc(document),
      replaced: (before, now) => {
        this.#open.replaced(before, now)
        this.#guarded('a replaced document', () => this.#onReplaced.tell(now.document))
      },
      setAside: (document, offenders) => {
        for (const { reason } of offenders) this.#damaged(document, reason)
      },
    })
    const local = new LocalChanges({
      store,
      books,
      serial,
      clock,
      instance,
      owesOps,
      saved: (op, isOwn) => this.#saved(op, isOwn),
      tooLate: (op, document) => this.#refused(op, document, 'document-deleted'),
      ended: (document) => this.#ended(document),
      changed: (id) => this.#touch(id),
      failing: (error) => this.#failing(error),
    })
    this.#context = {
      store,
      books,
      serial,
      shelf,
      local,
      clock,
      random,
      logger,
      origin,
      owesOps,
      news: {
        changed: (id) => this.#changed(id),
        owed: (atMs) => this.#owedAt(atMs),
        archived: (_op, document) => this.#touch(document.id),
        refused: (op, document, code) => this.#refused(op, document, code),
        renamed: (from, to, key) => this.#waiters.renamed(from, to, key),
        damaged: (document, reason) => this.#damaged(document, reason),
        ended: (document) => this.#ended(document),
        ripe: (id) => this.#foldSoon(id),
      },
    }
    this.#digester = new Digester({
      clock,
      logger,
      read: (ids) => readDigests(this.#context, ids),
      found: (id) => this.#mesh.tellChange(id),
    })
    this.#mesh = new MeshDocuments(
      this.#context,
      this.#digester,
      ({ op }: Received) => op !== undefined && this.#adopted.has(op.instance),
    )
    this.#ledger = new Ledger(this.#context)
    this.documents = this.#mesh
    this.ledger = this.#ledger
    this.#waiters = new ArchiveWaiters(books.outbox, () => books.positions.isCompared)
    books.positions.onCompared.add(() => this.#touchOpen())
    this.#open = new OpenDocuments(
      this.#context,
      {
        stateOf: ({ id, isDeleted, loaded }) =>
          this.#stateOf({ id, isDeleted, isWhole: loaded.held.isWhole }),
        whenSaved: (open, wait) => this.#whenSaved(open, wait),
        whenArchived: (open, wait) => this.#whenArchived(open.id, wait),
        letGo: (open) => this.#open.letGo(open),
      },
      (id) => this.#changed(id),
    )
  }

  // The application --------------------------------------------------------------------------------

  /**
   * Readable at once, with all that the store holds. Each who opens it has to let it go. A Y.Doc that
   * is given becomes the document, and is not destroyed at the end; what it holds and the store lacks
   * is stored like an edit.
   */
  async open(name: string, given?: Y.Doc): Promise<OpenDocument> {
    const id = this.#idOf(name)
    return this.#context.serial.run(() => {
      this.#assertOpen()
      return this.#open.open(id, given)
    })
  }

  /**
   * Lets go of a document at once, whoever has it open: somebody else goes on with its Y.Doc. What is
   * not stored yet is handed out; it is stored all the same if that is possible.
   */
  release(open: OpenDocument): readonly UnsavedEdit[] {
    return this.#open.release(open)
  }

  /** What `release` of another replica on this store, or another tab, has handed out. Tried once, then as edits are. */
  async resume(unsaved: readonly UnsavedEdit[]): Promise<void> {
    const { serial, local } = this.#context
    await serial.run(async () => {
      this.#assertOpen()
      // Some may have been stored, and nobody was left to say so.
      const edits = unsaved.map((edit) => ({ ...edit, isState: false }))
      await takeFromTab(this.#context, edits)
    })
    await local.flush()
  }

  /**
   * What other tabs of the app have edited: stored like what is edited here, under its own ids, and
   * shown at once. What is held already makes no row. Resolves when all of it is durable.
   */
  async takeFromTab(edits: readonly TabEdit[]): Promise<void> {
    const { serial, local } = this.#context
    await serial.run(async () => {
      this.#assertOpen()
      await takeFromTab(this.#context, edits)
    })
    await local.whenSaved()
  }

  /** The generation of a document that lives. */
  living(id: DocumentId): DocumentRef {
    return { id, generation: this.#context.local.livingGeneration(id) }
  }

  /** Each row of the store when it is durable, whoever it came from. Told after its transaction. */
  onRow(listener: (document: DocumentRef, bytes: Uint8Array) => void): Undo {
    return this.#books.onRow.add((document, bytes) => {
      this.#guarded('a row', () => listener(document, bytes))
    })
  }

  /** A document was loaded anew: what others hold of it may contain what was set aside. */
  onReplaced(listener: (document: DocumentRef) => void): Undo {
    return this.#onReplaced.add(listener)
  }

  /** The Y.Doc is not destroyed when the last one lets go. */
  keepDoc(open: OpenDocument): void {
    open.keepsDoc = true
  }

  /** Documents with content, by name. None is loaded for it. */
  list(): readonly DocumentInfo[] {
    const infos: DocumentInfo[] = []
    for (const { id, hasContent, rowBytes, snapshotBytes } of this.#books.catalogue.all()) {
      if (hasContent) infos.push({ id, bytes: rowBytes + snapshotBytes })
    }
    return infos.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** Ends a document for everybody. Resolves when that is durable here. */
  async delete(name: string): Promise<void> {
    const id = this.#idOf(name)
    this.#assertOpen()
    const { local } = this.#context
    this.#open.get(id)?.loaded.edits?.flush()
    local.end({ id, generation: local.livingGeneration(id) }, true)
    await local.whenSaved()
  }

  /** Edits that are not as safe as they will be; of one document, or of all. */
  pending(id?: DocumentId): Pending {
    const { local, store } = this.#context
    const { outbox, keptById } = this.#books
    const waiting = id === undefined ? local.waitingCount : local.waitingOf(id)
    let gathering = 0
    for (const open of this.#open.all()) {
      if ((id === undefined || open.id === id) && open.loaded.edits?.isWaiting === true) gathering++
    }
    const saved = outbox.unarchived(id)
    let refused = 0
    if (id !== undefined) refused = keptById.get(id) ?? 0
    else for (const count of keptById.values()) refused += count
    const inMemory = waiting + gathering
    return store.isDurable
      ? { local: inMemory, saved, refused }
      : { local: inMemory + saved, saved: 0, refused }
  }

  /** The last failure of the store, while it lasts. */
  get failure(): ClientError | undefined {
    return this.#context.local.error
  }

  /** Documents in memory: those that are open, and a few that were needed last. */
  get loadedCount(): number {
    return this.#context.shelf.size
  }

  whenSaved(options: WaitOptions = {}): Promise<void> {
    return this.#whenSaved(undefined, options)
  }

  whenArchived(options: WaitOptions = {}, id?: DocumentId): Promise<void> {
    return this.#whenArchived(id, options)
  }

  /** All that was edited leaves for the store, whatever that is worth. Rejects where it cannot be stored. */
  async flush(): Promise<void> {
    this.#assertOpen()
    this.#open.flush()
    const { local } = this.#context
    await local.flush()
    if (local.waitingCount > 0 && local.error !== undefined) throw local.error
  }

  /** What was refused, with its bytes, oldest first; own edits, and what was carried for others. */
  kept(): Promise<readonly KeptRow[]> {
    return this.#options.store.readKept()
  }

  /** Lets go of what was refused, for good. */
  async discard(kept: readonly KeptRow[]): Promise<void> {
    const { serial, store } = this.#context
    await serial.run(async () => {
      const draft = new Draft(store, this.#books)
      for (const { key, isOwn, document } of kept) {
        draft.add({ kind: 'discard', kept: key })
        if (!isOwn) continue
        draft.after(() => {
          const { keptById } = this.#books
          keptById.set(document.id, Math.max(0, (keptById.get(document.id) ?? 0) - 1))
          this.#touch(document.id)
        })
      }
      await draft.commit('relaxed')
    })
  }

  /** What could not be applied, with its bytes, oldest first. */
  quarantined(): Promise<readonly QuarantinedRow[]> {
    return this.#options.store.readQuarantined()
  }

  /** Ops of this instance go through this replica as if they were its own: another tab of the app. */
  adopt(instance: InstanceId): Undo {
    this.#adopted.add(instance)
    return () => this.#adopted.delete(instance)
  }

  /**
   * This archive is met no more: another one stands in its place. What was owed to it alone is owed
   * no longer; if it comes back after all, both sides are compared as at a first contact.
   */
  async forgetArchive(archive: ArchiveId): Promise<void> {
    const { serial, store } = this.#context
    await serial.run(async () => {
      const draft = new Draft(store, this.#books)
      draft.forgetArchive(archive)
      await draft.commit('strict')
    })
  }

  /** Archives that were met, and that edits are owed to. */
  get archives(): readonly ArchiveId[] {
    return this.#books.positions.archives
  }

  onEvent(listener: (event: ReplicaEvent) => void): Undo {
    return this.#onEvent.add(listener)
  }

  /** The states of these documents may have changed; told together, in a later turn. */
  onState(listener: (ids: readonly DocumentId[]) => void): Undo {
    return this.#onState.add(listener)
  }

  /**
   * Stores what was edited, then lets go of everything. Rejects where that could not be stored: it is
   * in the Y.Docs, and nowhere else. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  // ------------------------------------------------------------------------------------------------

  #begin(): void {
    for (const { isOwn, dueAtMs } of this.#books.outbox.all()) {
      if (isOwn) continue
      this.#owedAt(dueAtMs)
      break
    }
    for (const { id } of this.#books.catalogue.all()) noteGrown(this.#context, id)
  }

  async #close(): Promise<void> {
    const { local, serial } = this.#context
    this.#digester.close()
    this.#folding?.()
    this.#open.flush()
    await local.flush()
    const failure = local.waitingCount > 0 ? local.error : undefined
    // What was begun ends before anything is let go.
    await serial.run(() => Promise.resolve())
    this.#open.close()
    local.close()
    this.#telling?.()
    for (const undo of this.#owedTimers) undo()
    this.#waiters.close(closed())
    this.#mesh.close()
    this.#ledger.close()
    this.#onEvent.clear()
    this.#onState.clear()
    this.#onReplaced.clear()
    this.#books.onRow.clear()
    if (failure !== undefined) throw failure
  }

  #createDoc(document: DocumentRef): Y.Doc {
    const { createDoc = () => new Y.Doc(), random } = this.#options
    const doc = createDoc(document)
    // Never one that was used before: two runs under one name would overwrite each other.
    doc.clientID = random.uint32()
    return doc
  }

  #idOf(name: string): DocumentId {
    const id = parseDocumentId(name)
    if (!id.ok) throw new ClientError('bad-name', id.refusal.detail)
    return id.value
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closed()
  }

  /** How a document stands that is open in another tab. */
  stateOf({ id, generation }: DocumentRef): OpenDocumentState {
    const isWhole = this.#context.shelf.get(id)?.held.isWhole ?? true
    const isDeleted = generation < this.#context.local.livingGeneration(id)
    return this.#stateOf({ id, isDeleted, isWhole })
  }

  #stateOf(of: {
    readonly id: DocumentId
    readonly isDeleted: boolean
    readonly isWhole: boolean
  }): OpenDocumentState {
    const { id, isDeleted, isWhole } = of
    const { store } = this.#context
    const pending = this.pending(id)
    const safest = this.#books.positions.isCompared
      ? 'archived'
      : store.isDurable
        ? 'saved'
        : 'local'
    const safety = pending.local > 0 ? 'local' : pending.saved > 0 ? 'saved' : safest
    return {
      safety,
      pending,
      isGapped: !isWhole,
      isDamaged: this.#books.catalogue.get(id)?.isDamaged === true,
      isDeleted,
    }
  }

  async #whenSaved(open: OpenDocument | undefined, { signal }: WaitOptions): Promise<void> {
    const { local, store } = this.#context
    this.#assertOpen()
    if (!store.isDurable) {
      throw new ClientError('not-durable', 'nothing outlives this page: nothing is called saved')
    }
    if (open === undefined) this.#open.flush()
    else open.loaded.edits?.flush()
    await unlessAborted(local.whenSaved(), signal)
  }

  async #whenArchived(id: DocumentId | undefined, { signal }: WaitOptions): Promise<void> {
    this.#assertOpen()
    const { local, owesOps } = this.#context
    if (!owesOps()) throw new ClientError('bad-option', 'there is no archive to send it to')
    this.#open.flush()
    await unlessAborted(
      local.whenSaved().then(() => this.#waiters.wait(id, this.#holdsContent(id))),
      signal,
    )
  }

  #holdsContent(id: DocumentId | undefined): boolean {
    const { catalogue } = this.#books
    if (id !== undefined) return catalogue.get(id)?.hasContent === true
    for (const { hasContent } of catalogue.all()) if (hasContent) return true
    return false
  }

  // What the parts tell ----------------------------------------------------------------------------

  #saved(op: LocalOp, isOwn: boolean): void {
    const { id } = op.document
    this.#guarded('an op', () => {
      if (isOwn) this.#mesh.tellOp(op)
      this.#mesh.tellChange(id)
    })
    if (this.#context.owesOps()) this.#owedAt(0)
    noteGrown(this.#context, id)
  }

  #changed(id: DocumentId): void {
    this.#touch(id)
    this.#guarded('a change', () => this.#mesh.tellChange(id))
  }

  #refused(
    op: Parameters<ReplicaContext['news']['refused']>[0],
    document: DocumentRef,
    code: Parameters<ReplicaContext['news']['refused']>[2],
  ): void {
    this.#waiters.refused(
      op,
      new ClientError('refused', `the archive refuses an edit: ${code}`, { wireCode: code }),
    )
    this.#tell({ kind: 'refused', document, op, code })
    this.#touch(document.id)
  }

  #damaged(document: DocumentRef, reason: string): void {
    this.#tell({ kind: 'damaged', document, reason })
    this.#touch(document.id)
  }

  #ended(document: DocumentRef): void {
    const { shelf } = this.#context
    const loaded = shelf.get(document.id)
    if (loaded !== undefined && loaded.document.generation <= document.generation) {
      shelf.drop(document.id)
    }
    this.#open.ended(document)
    this.#tell({ kind: 'ended', document })
    this.#changed(document.id)
  }

  #failing(error: ClientError | undefined): void {
    this.#tell(error === undefined ? { kind: 'recovered' } : { kind: 'failing', cause: error })
  }

  #owedAt(atMs: number): void {
    if (this.#closing !== undefined) return
    const { clock } = this.#context
    // Whole milliseconds: a timer that came a little early would be armed again and again.
    const delayMs = Math.ceil(atMs - clock.monotonic())
    if (delayMs <= 0) {
      this.#guarded('what is owed', () => this.#ledger.tellOwed())
      return
    }
    // One timer is enough: whoever hears it asks for all that is due, and later ones are armed by it.
    if (this.#owedTimers.size > 0) return
    const undo = clock.after(delayMs, () => {
      this.#owedTimers.delete(undo)
      this.#guarded('what is owed', () => this.#ledger.tellOwed())
      let nextAtMs = Number.POSITIVE_INFINITY
      for (const op of this.#books.outbox.all()) {
        if (!op.isOwn && op.dueAtMs > clock.monotonic()) nextAtMs = Math.min(nextAtMs, op.dueAtMs)
      }
      if (Number.isFinite(nextAtMs)) this.#owedAt(nextAtMs)
    })
    this.#owedTimers.add(undo)
  }

  #foldSoon(id: DocumentId): void {
    if (this.#closing !== undefined) return
    this.#ripe.add(id)
    this.#folding ??= this.#context.clock.after(0, () => {
      this.#folding = undefined
      void this.#fold()
    })
  }

  async #fold(): Promise<void> {
    const { serial, logger } = this.#context
    for (const id of this.#ripe) {
      this.#ripe.delete(id)
      try {
        await serial.run(async () => {
          if (this.#closing === undefined) await foldDocument(this.#context, id)
        })
      } catch (error) {
        // Nothing is lost by it: the document is folded when it has grown again.
        logger.error('a document could not be folded', { error: String(error) })
      }
    }
  }

  #touchOpen(): void {
    for (const { id } of this.#open.all()) this.#touched.add(id)
    this.#tellSoon()
  }

  #touch(id: DocumentId): void {
    this.#touched.add(id)
    this.#tellSoon()
  }

  #tellSoon(): void {
    if (this.#closing !== undefined) return
    this.#telling ??= this.#context.clock.after(0, () => {
      this.#telling = undefined
      this.#tellStates()
    })
  }

  #tellStates(): void {
    const ids = [...this.#touched]
    this.#touched.clear()
    this.#waiters.look()
    this.#guarded('states', () => {
      for (const id of ids) this.#open.get(id)?.tellState()
      this.#onState.tell(ids)
    })
  }

  #tell(event: ReplicaEvent): void {
    this.#guarded('an event', () => this.#onEvent.tell(event))
  }

  /** A listener that throws harms nobody else. */
  #guarded(what: string, tell: () => void): void {
    try {
      tell()
    } catch (error) {
      this.#context.logger.error(`a listener of ${what} threw`, { error: String(error) })
    }
  }
}

function closed(): ClientError {
  return new ClientError('closed', 'the replica is closed')
}
