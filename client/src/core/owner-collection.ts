/**
 * One collection of the owner of the store:
 *
 *   replica (documents, ops, debts) ──┬── sync ──── mesh way ───── the signaller, and peers
 *                                     │     └────── other tabs of the app
 *                                     └── ledger ── archive ways ─ the archives
 *   presence ── over all of them
 *
 * Here they are put together; each does its part alone. A way can be left and taken again.
 */
import { Awareness, CollectionSync, Listeners, Presence, type Signalling } from '@holdfast/peer'
import type { Clock, Logger, Random, Undo } from '@holdfast/peer/ports'
import type {
  Access,
  ArchiveId,
  CollectionName,
  DocumentId,
  DocumentRef,
  InstanceId,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import type {
  CollectionStatus,
  DocumentInfo,
  DocumentState,
  KeptEdit,
  LinkInfo,
  Reach,
  Traffic,
  WaitOptions,
  Way,
} from '../api.js'
import { ClientError } from '../errors.js'
import { CollectionReplica } from '../replica/collection-replica.js'
import type { OpenDocumentState } from '../replica/open-document.js'
import type { Store } from '../store/store.js'
import { ArchiveWays } from './archive-ways.js'
import { CollectionNews } from './collection-news.js'
import { CollectionTroubles } from './collection-troubles.js'
import type { CoreCollection, HeldByApp } from './core.js'
import { MeshWay } from './mesh-way.js'
import type { Network } from './network.js'
import { OwnerDocument } from './owner-document.js'
import { ReachedOps } from './reached-ops.js'
import { TrafficTap } from './traffic-tap.js'
import { ViewsOfTabs } from './views-of-tabs.js'

export interface OwnerCollectionOptions {
  readonly name: CollectionName
  readonly store: Store
  readonly instance: InstanceId
  readonly network: Network
  /** Undefined: there is no mesh. */
  readonly signalling: Signalling | undefined
  readonly awareness: Awareness | undefined
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly report: (error: ClientError) => void
  /** Writing to the store fails, or (undefined) works again. */
  readonly storage: (failure: ClientError | undefined) => void
  /** The last one has let go. */
  readonly onClosed: () => void
}

export class OwnerCollection implements CoreCollection {
  readonly name: CollectionName
  readonly awareness: Awareness
  /** For whoever links other tabs of the app with this one. */
  readonly replica: CollectionReplica
  readonly sync: CollectionSync
  readonly presence: Presence
  readonly #options: OwnerCollectionOptions
  readonly #reached: ReachedOps
  readonly #traffic: TrafficTap
  readonly #documents = new Set<OwnerDocument>()
  readonly #shown = new Set<OwnerDocument>()
  readonly #views: ViewsOfTabs
  readonly #news: CollectionNews
  readonly #troubles: CollectionTroubles
  readonly #onTraffic = new Listeners<[Traffic]>()
  #trafficListeners = 0
  readonly #onNeighbours = new Listeners<[]>()
  readonly #deleting = new Set<DocumentId>()
  readonly #archives: ArchiveWays
  #mesh: MeshWay | undefined
  /** Saying goodbye. */
  readonly #leaving = new Set<Promise<void>>()
  #isAway = false
  #openCount = 1
  #closing: Promise<void> | undefined

  static async open(options: OwnerCollectionOptions): Promise<OwnerCollection> {
    const { name, store, network } = options
    const replica = await CollectionReplica.open({
      ...options,
      store: await store.collection(name),
      expectsArchive: network.archives.length > 0,
    })
    return new OwnerCollection(options, replica)
  }

  private constructor(options: OwnerCollectionOptions, replica: CollectionReplica) {
    const { name, store, instance, clock, random, logger } = options
    this.name = name
    this.#options = options
    this.replica = replica
    this.awareness = options.awareness ?? collectionAwareness(name, clock, random)
    this.#troubles = new CollectionTroubles(options)
    this.#news = new CollectionNews({
      clock,
      logger,
      status: () => this.status,
      links: () => this.links,
      isSynced: () => this.isSynced,
      tellDocuments: () => {
        for (const document of this.#documents) document.tell()
      },
    })
    this.#traffic = new TrafficTap(clock, (traffic) => {
      this.#news.guarded(() => this.#onTraffic.tell(traffic))
    })
    const access = (): Access => this.#mesh?.access ?? 'write'
    this.sync = new CollectionSync({
      self: {
        get replica() {
          return store.replica
        },
        instance,
        collection: name,
        get access() {
          return access()
        },
      },
      documents: this.#traffic.documents(replica.documents),
      clock,
      random,
      logger,
    })
    this.presence = new Presence({
      self: instance,
      clock,
      random,
      logger,
      doc: this.awareness.doc,
      awareness: this.awareness,
    })
    this.#views = new ViewsOfTabs(this.presence, random)
    this.#reached = new ReachedOps(this.sync)
    this.#traffic.watch(this.sync, replica.documents)
    this.#archives = new ArchiveWays({
      ...options,
      ledger: this.#traffic.ledger(replica.ledger),
      reach: {
        neighbours: () => this.#mesh?.neighbours ?? [],
        onNeighbours: (listener) => this.#onNeighbours.add(listener),
        reached: (op) => this.#reached.of(op),
      },
      presence: this.presence,
      documents: () => this.#viewed,
      isTab: (tab) => this.#views.isTab(tab),
      changed: () => this.#news.tellSoon(),
      refused: (code) => this.#troubles.accessRefused('the archive', code),
      doubted: (archive) => this.#doubt(archive),
      trouble: (trouble, way) => this.#troubles.archive(trouble, way),
    })
    this.sync.onState(() => this.#news.tellSoon())
    this.sync.onClosed(() => this.#news.tellSoon())
    this.sync.onDelivered(() => this.#news.tellSoon())
    this.sync.onMessage((_session, message) => this.#troubles.neighbourSaid(message))
    replica.onEvent((event) => {
      const isMissed = event.kind === 'ended' && this.#misses(event.document)
      this.#troubles.happened(event, isMissed)
      this.#news.tellSoon()
      this.#news.tellListSoon()
    })
    replica.onRestarted((archive) => this.#archives.readAnew(archive))
    replica.onState(() => {
      this.#news.tellSoon()
      this.#news.tellListSoon()
    })
  }

  // What an app asks -------------------------------------------------------------------------------

  async attach(id: DocumentId, held?: HeldByApp): Promise<OwnerDocument> {
    this.#assertOpen()
    const { clock, random } = this.#options
    if (held?.unsaved !== undefined && held.unsaved.length > 0) {
      await this.replica.resume(held.unsaved)
    }
    const open = await this.replica.open(id, held?.ydoc)
    this.replica.keepDoc(open)
    const document = new OwnerDocument({
      open,
      replica: this.replica,
      awareness: held?.awareness,
      clock,
      random,
      isSynced: (ref, state) => this.#isSyncedDocument(ref, state),
      show: (shown) => this.#show(shown),
      hide: (hidden) => this.#hide(hidden),
      changed: () => this.#news.tellSoon(),
      gone: (gone) => this.#documents.delete(gone),
      report: this.#options.report,
    })
    this.#documents.add(document)
    return document
  }

  list(): Promise<readonly DocumentInfo[]> {
    return Promise.resolve(this.replica.list())
  }

  async delete(id: DocumentId): Promise<void> {
    this.#deleting.add(id)
    try {
      await this.replica.delete(id)
    } finally {
      this.#deleting.delete(id)
    }
  }

  async kept(): Promise<readonly KeptEdit[]> {
    const rows = await this.replica.kept()
    return rows.map(({ key, document, code, atMs, bytes }) => {
      return { key, document: document.id, code, atMs, bytes }
    })
  }

  async discard(kept: readonly KeptEdit[]): Promise<void> {
    const keys = new Set(kept.map(({ key }) => key))
    const rows = await this.replica.kept()
    await this.replica.discard(rows.filter(({ key }) => keys.has(key)))
  }

  get status(): CollectionStatus {
    return {
      reach: this.#reach,
      access: this.#archives.access ?? this.#mesh?.knownAccess,
      pending: this.replica.pending(),
      progress: this.#archives.progress,
      archives: this.#archives.statuses,
      peers: this.#mesh?.peerCount ?? 0,
    }
  }

  get links(): readonly LinkInfo[] {
    return [...this.#archives.links, ...(this.#mesh?.links ?? [])]
  }

  /** All that are linked, at least one, are confirmed to hold the same, of all documents. */
  get isSynced(): boolean {
    const { sessions } = this.sync
    const open = sessions.filter(({ isOpen }) => isOpen)
    return (
      this.#isAllThere(this.replica.pending()) &&
      this.sync.stats().gaps === 0 &&
      open.every(({ isSynced }) => isSynced)
    )
  }

  onStatus(listener: (status: CollectionStatus) => void): Undo {
    return this.#news.onStatus.add(listener)
  }

  onLinks(listener: (links: readonly LinkInfo[]) => void): Undo {
    return this.#news.onLinks.add(listener)
  }

  onList(listener: () => void): Undo {
    return this.#news.onList.add(listener)
  }

  onTraffic(listener: (traffic: Traffic) => void): Undo {
    const undo = this.#onTraffic.add(listener)
    this.#trafficListeners++
    this.#traffic.isHeard = true
    let isUndone = false
    return () => {
      undo()
      if (!isUndone) this.#traffic.isHeard = --this.#trafficListeners > 0
      isUndone = true
    }
  }

  whenSaved(options?: WaitOptions): Promise<void> {
    return this.replica.whenSaved(options)
  }

  whenArchived(options?: WaitOptions): Promise<void> {
    return this.replica.whenArchived(options)
  }

  // What other tabs ask ----------------------------------------------------------------------------

  /** A tab is linked: what it shows goes on to the others. */
  tab(instance: InstanceId): Undo {
    return this.#views.link(instance)
  }

  /** A tab has this document open: others are told, and what they show of themselves is wanted. */
  view(document: DocumentRef): Undo {
    const isShown = [...this.#shown].some(({ id }) => id === document.id)
    const undo = this.#views.open(document, isShown)
    this.#archives.documentsChanged()
    return () => {
      const isShownNow = [...this.#shown].some(({ id }) => id === document.id)
      undo(isShownNow)
      this.#archives.documentsChanged()
    }
  }

  /** How a document stands that a tab has open. `onNews` says when it may be another. */
  stateOf(document: DocumentRef): DocumentState {
    const state = this.replica.stateOf(document)
    return { ...state, isSynced: this.#isSyncedDocument(document, state) }
  }

  onNews(listener: () => void): Undo {
    return this.#news.onNews.add(listener)
  }

  // What the core asks -----------------------------------------------------------------------------

  /** One more has it open. */
  retain(): this {
    this.#openCount++
    return this
  }

  setAway(away: boolean): void {
    this.#isAway = away
    this.#mesh?.setAway(away)
    this.#archives.setAway(away)
  }

  retryNow(): void {
    this.#mesh?.retryNow()
    this.#archives.retryNow()
  }

  /** The connection to the signaller has changed. */
  signalChanged(): void {
    this.#news.tellSoon()
  }

  connect(way: Way): void {
    if (this.#closing !== undefined) return
    if (way === 'mesh') this.#joinMesh()
    else this.#archives.dial()
    this.#news.tellSoon()
  }

  disconnect(way: Way): void {
    if (way === 'mesh') this.#leaveMesh()
    else this.#archives.leave()
    this.#news.tellSoon()
  }

  async close(): Promise<void> {
    if (--this.#openCount > 0) return
    await this.end()
  }

  /** Closes it, whoever has it open. Rejects where what was edited could not be stored. */
  end(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const { logger, onClosed } = this.#options
    try {
      // What is stored is told to the others before the goodbye.
      await this.replica.flush()
    } catch (error) {
      logger.error('not all that was edited could be stored', { error: String(error) })
    }
    this.#news.close()
    this.#traffic.close()
    this.#onTraffic.clear()
    this.presence.closeAll()
    this.#archives.leave()
    this.#leaveMesh()
    this.sync.close()
    await Promise.all([...this.#leaving, this.#archives.left()])
    onClosed()
    await this.replica.close()
  }

  // The ways ---------------------------------------------------------------------------------------

  #joinMesh(): void {
    const { signalling, network } = this.#options
    if (signalling === undefined || this.#mesh !== undefined) return
    const mesh = new MeshWay({
      ...this.#options,
      signalling,
      sync: this.sync,
      presence: this.presence,
      archives: network.takesRoomArchives
        ? {
            onLink: (named, link) => this.#archives.met(named, link),
            onGone: (named) => this.#archives.lost(named),
          }
        : undefined,
      changed: () => {
        this.#onNeighbours.tell()
        this.#news.tellSoon()
      },
      refused: ({ code }) => this.#troubles.accessRefused('the signaller', code),
    })
    mesh.setAway(this.#isAway)
    this.#mesh = mesh
  }

  #leaveMesh(): void {
    const mesh = this.#mesh
    if (mesh === undefined) return
    this.#mesh = undefined
    this.#archives.leaveRoom()
    const closed = mesh.close().finally(() => this.#leaving.delete(closed))
    this.#leaving.add(closed)
  }

  #doubt(archive: ArchiveId): void {
    this.replica.doubtArchive(archive).catch((error: unknown) => {
      if (this.#closing === undefined) this.#troubles.storeFails(error)
    })
  }

  get #reach(): Reach {
    if (this.#archives.linked.length > 0) return 'archive'
    if ((this.#mesh?.peerCount ?? 0) > 0) return 'mesh'
    const isDialling = this.#archives.isDialling || this.#mesh?.isConnecting === true
    return isDialling ? 'connecting' : 'offline'
  }

  /** Documents that are open, here or in another tab, each once. */
  get #viewed(): readonly DocumentRef[] {
    const shown = [...this.#shown].map(({ document }) => document)
    return [...shown, ...this.#views.documents.filter(({ id }) => !shown.some((s) => s.id === id))]
  }

  // Documents --------------------------------------------------------------------------------------

  #show(document: OwnerDocument): void {
    const { document: ref, ydoc, awareness } = document
    this.#shown.add(document)
    this.presence.open(ref, ydoc, awareness)
    this.sync.documentOpened(ref)
    this.#archives.documentsChanged()
    this.#news.tellSoon()
  }

  #hide(document: OwnerDocument): void {
    if (!this.#shown.delete(document)) return
    this.presence.close(document.id)
    this.#views.hidden(document.document)
    this.#archives.documentsChanged()
  }

  #isSyncedDocument(document: DocumentRef, state: OpenDocumentState): boolean {
    if (state.isGapped || state.isDeleted || !this.#isAllThere(state.pending)) return false
    if (!this.sync.sessions.some(({ isOpen }) => isOpen)) return true
    return this.sync.isSynced(document) && !this.sync.isSending(document)
  }

  /** Somebody is linked; and the archives that are have what was edited, and we all that they have. */
  #isAllThere({ local, saved }: OpenDocumentState['pending']): boolean {
    if (local > 0) return false
    const { linked } = this.#archives
    if (linked.length === 0) return this.sync.sessions.some(({ isOpen }) => isOpen)
    return (
      saved === 0 &&
      linked.every(({ state, status: { seq = -1, head = Infinity } }) => {
        return state.phase === 'live' && seq >= head
      })
    )
  }

  /** Somebody here has it open, and nobody here has ended it. */
  #misses({ id }: DocumentRef): boolean {
    const isOpen = [...this.#documents].some((document) => document.id === id)
    return isOpen && !this.#deleting.has(id)
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ClientError('closed', `${this.name} is closed`)
  }
}

function collectionAwareness(name: CollectionName, clock: Clock, random: Random): Awareness {
  // Lends the collection's presence its client id.
  const doc = new Y.Doc({ guid: name })
  doc.clientID = random.uint32()
  return new Awareness(doc, clock)
}
