import type { Documents, Received } from '@holdfast/peer'
import type { Clock, Logger, Random, Undo } from '@holdfast/peer/ports'
import {
  parseDocumentId,
  type ArchiveId,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
  sorted,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import type { DocumentInfo, Pending, WaitOptions } from '../api.js'
import { ClientError } from '../errors.js'
import type { CollectionStore } from '../store/collection-store.js'
import type { KeptRow, QuarantinedRow } from '../store/kept-rows.js'
import { takeDoubt } from './answering.js'
import { noteGrown } from './applying.js'
import { booksOf, type Books } from './books.js'
import type { ReplicaContext } from './context.js'
import { Digester } from './digester.js'
import { Draft } from './draft.js'
import { Folds } from './folds.js'
import { Happenings } from './happenings.js'
import { Ledger } from './ledger.js'
import { LocalChanges, type UnsavedEdit } from './local-changes.js'
import { MeshDocuments } from './mesh-documents.js'
import type { OpenDocument, OpenDocumentState, ReplicaEvent } from './open-document.js'
import { OpenDocuments } from './open-documents.js'
import { OwedTimer } from './owed-timer.js'
import type { ArchiveLedger } from './port.js'
import { readDigests } from './reading.js'
import { Serial } from './serial.js'
import { Shelf } from './shelf.js'
import { holdsContent, pendingOf, stateOf } from './standing.js'
import { takeFromTab, type TabEdit } from './taking-from-tabs.js'
import { Telling } from './telling.js'
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
  readonly #telling: Telling
  readonly #folds: Folds
  readonly #owed: OwedTimer
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
    const isClosing = (): boolean => this.#closing !== undefined
    const happenings = new Happenings(
      () => ({
        shelf,
        mesh: this.#mesh,
        open: this.#open,
        waiters: this.#waiters,
        telling: this.#telling,
        folds: this.#folds,
        owed: this.#owed,
      }),
      isClosing,
    )
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
        this.#telling.replaced(now.document)
      },
      setAside: (document, offenders) => {
        for (const { reason } of offenders) happenings.damaged(document, reason)
      },
    })
    const local = new LocalChanges({
      store,
      books,
      serial,
      clock,
      instance,
      owesOps,
      saved: (op, isOwn) => {
        happenings.saved(op, isOwn)
        if (owesOps()) happenings.owed(0)
        noteGrown(this.#context, op.document.id)
      },
      tooLate: (op, document) => happenings.refused(op, document, 'document-deleted'),
      ended: (document) => happenings.ended(document),
      changed: (id) => this.#telling.touch(id),
      failing: (error) => happenings.failing(error),
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
      news: happenings,
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
    this.#telling = new Telling({
      clock,
      logger,
      isClosing,
      look: () => this.#waiters.look(),
      tellState: (id) => this.#open.get(id)?.tellState(),
    })
    this.#folds = new Folds(this.#context, isClosing)
    this.#owed = new OwedTimer({
      clock,
      outbox: books.outbox,
      tell: () => this.#telling.guarded('what is owed', () => this.#ledger.tellOwed()),
    })
    this.#waiters = new ArchiveWaiters(books.outbox, () => books.positions.isCompared)
    books.positions.onCompared.add(() => this.#touchOpen())
    this.#open = new OpenDocuments(
      this.#context,
      {
        stateOf: ({ id, isDeleted, loaded }) =>
          stateOf(this.#context, { id, isDeleted, isWhole: loaded.held.isWhole }, this.pending(id)),
        whenSaved: (open, wait) => this.#whenSaved(open, wait),
        whenArchived: (open, wait) => this.#whenArchived(open.id, wait),
        letGo: (open) => this.#open.letGo(open),
      },
      (id) => happenings.changed(id),
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
      this.#telling.guarded('a row', () => listener(document, bytes))
    })
  }

  /** A document was loaded anew: what others hold of it may contain what was set aside. */
  onReplaced(listener: (document: DocumentRef) => void): Undo {
    return this.#telling.onReplaced.add(listener)
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
    return sorted(infos, (a, b) => (a.id < b.id ? -1 : 1))
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
    return pendingOf(this.#context, this.#open.all(), id)
  }

  /** The last failure of the store, while it lasts. */
  get failure(): ClientError | undefined {
    return this.#context.local.error
  }

  /** Documents in memory: those that are open, and a few that were needed last. */
  get loadedCount(): number {
    return this.#context.shelf.size
  }

  /** How a document stands that is open in another tab. */
  stateOf({ id, generation }: DocumentRef): OpenDocumentState {
    const isWhole = this.#context.shelf.get(id)?.held.isWhole ?? true
    const isDeleted = generation < this.#context.local.livingGeneration(id)
    return stateOf(this.#context, { id, isDeleted, isWhole }, this.pending(id))
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
          this.#telling.touch(document.id)
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

  /**
   * This archive and the replica are being compared: it may have lost what it has said to have. Until
   * that is done nothing is called archived because of what it said before.
   */
  async doubtArchive(archive: ArchiveId): Promise<void> {
    const { serial } = this.#context
    await serial.run(() => takeDoubt(this.#context, archive))
  }

  /** Whoever streams the log of this archive has to begin again at its start. */
  onRestarted(listener: (archive: ArchiveId) => void): Undo {
    return this.#books.positions.onRestarted.add((archive) => {
      this.#telling.guarded('a log that is read anew', () => listener(archive))
    })
  }

  /** Archives that were met, and that edits are owed to. */
  get archives(): readonly ArchiveId[] {
    return this.#books.positions.archives
  }

  onEvent(listener: (event: ReplicaEvent) => void): Undo {
    return this.#telling.onEvent.add(listener)
  }

  /** The states of these documents may have changed; told together, in a later turn. */
  onState(listener: (ids: readonly DocumentId[]) => void): Undo {
    return this.#telling.onState.add(listener)
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
    this.#owed.begin()
    for (const { id } of this.#books.catalogue.all()) noteGrown(this.#context, id)
  }

  async #close(): Promise<void> {
    const { local, serial } = this.#context
    this.#digester.close()
    this.#folds.stop()
    this.#open.flush()
    await local.flush()
    const failure = local.waitingCount > 0 ? local.error : undefined
    // What was begun ends before anything is let go.
    await serial.run(() => Promise.resolve())
    this.#open.close()
    local.close()
    this.#telling.stop()
    this.#owed.stop()
    this.#waiters.close(closed())
    this.#mesh.close()
    this.#ledger.close()
    this.#telling.clear()
    this.#books.onRow.clear()
    this.#books.positions.onRestarted.clear()
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
      local.whenSaved().then(() => this.#waiters.wait(id, holdsContent(this.#context, id))),
      signal,
    )
  }

  #touchOpen(): void {
    this.#telling.touch(...[...this.#open.all()].map(({ id }) => id))
  }
}

function closed(): ClientError {
  return new ClientError('closed', 'the replica is closed')
}
