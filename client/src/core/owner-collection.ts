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
import {
  Awareness,
  CollectionSync,
  Listeners,
  Presence,
  type LiveMessage,
  type Signalling,
} from '@holdfast/peer'
import type { Clock, Link, Logger, Random, Undo } from '@holdfast/peer/ports'
import type {
  Access,
  ArchiveId,
  CollectionName,
  DocumentId,
  DocumentRef,
  ErrorCode,
  InstanceId,
  Neighbour as NamedNeighbour,
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
import { RoomDial, type ArchiveTrouble } from '../archive/index.js'
import { ClientError } from '../errors.js'
import { CollectionReplica } from '../replica/collection-replica.js'
import type { OpenDocumentState, ReplicaEvent } from '../replica/open-document.js'
import type { Store } from '../store/store.js'
import { ArchiveWay } from './archive-way.js'
import type { CoreCollection, HeldByApp } from './core.js'
import { MeshWay } from './mesh-way.js'
import type { ArchiveAddress, Network } from './network.js'
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

/** Between two times that the list is told. */
const tellListEveryMs = 50
/** Between two times that a neighbour's refusals with one code are told. */
const tellRefusalsEveryMs = 10_000

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
  readonly #onNews = new Listeners<[]>()
  readonly #onStatus = new Listeners<[CollectionStatus]>()
  readonly #onLinks = new Listeners<[readonly LinkInfo[]]>()
  readonly #onList = new Listeners<[]>()
  readonly #onTraffic = new Listeners<[Traffic]>()
  #trafficListeners = 0
  readonly #onNeighbours = new Listeners<[]>()
  readonly #deleting = new Set<DocumentId>()
  readonly #refusalAtMsByCode = new Map<ErrorCode, number>()
  #mesh: MeshWay | undefined
  #archives: readonly ArchiveWay[] = []
  /** Those of them that the signaller's room has brought. */
  readonly #roomArchives = new Map<
    InstanceId,
    { readonly dial: RoomDial; readonly way: ArchiveWay; isLost: boolean }
  >()
  #hasLeftArchives = false
  /** Saying goodbye. */
  readonly #leaving = new Set<Promise<void>>()
  #isAway = false
  #openCount = 1
  #telling: Undo | undefined
  #tellingList: Undo | undefined
  #toldStatus = ''
  #toldLinks = ''
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
    this.#traffic = new TrafficTap(instance, clock, (traffic) => {
      this.#guarded(() => this.#onTraffic.tell(traffic))
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
    this.sync.onState(() => this.#tellSoon())
    this.sync.onClosed(() => this.#tellSoon())
    this.sync.onDelivered(() => this.#tellSoon())
    this.sync.onMessage((_session, message) => this.#heard(message))
    replica.onEvent((event) => this.#happened(event))
    replica.onState(() => {
      this.#tellSoon()
      this.#tellListSoon()
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
      changed: () => this.#tellSoon(),
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
      access: this.#archives.map((way) => way.access).find(Boolean) ?? this.#mesh?.knownAccess,
      pending: this.replica.pending(),
      progress: this.#archives.map((way) => way.progress).find(Boolean),
      archives: this.#archives.map((way) => way.status),
      peers: this.#mesh?.peerCount ?? 0,
    }
  }

  get links(): readonly LinkInfo[] {
    const archives = this.#archives.flatMap((way) => way.link ?? [])
    return [...archives, ...(this.#mesh?.links ?? [])]
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
    return this.#onStatus.add(listener)
  }

  onLinks(listener: (links: readonly LinkInfo[]) => void): Undo {
    return this.#onLinks.add(listener)
  }

  onList(listener: () => void): Undo {
    return this.#onList.add(listener)
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
    for (const way of this.#archives) way.documentsChanged()
    return () => {
      const isShownNow = [...this.#shown].some(({ id }) => id === document.id)
      undo(isShownNow)
      for (const way of this.#archives) way.documentsChanged()
    }
  }

  /** How a document stands that a tab has open. `onNews` says when it may be another. */
  stateOf(document: DocumentRef): DocumentState {
    const state = this.replica.stateOf(document)
    return { ...state, isSynced: this.#isSyncedDocument(document, state) }
  }

  onNews(listener: () => void): Undo {
    return this.#onNews.add(listener)
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
    for (const way of this.#archives) way.setAway(away)
  }

  retryNow(): void {
    this.#mesh?.retryNow()
    for (const way of this.#archives) way.retryNow()
  }

  /** The connection to the signaller has changed. */
  signalChanged(): void {
    this.#tellSoon()
  }

  connect(way: Way): void {
    if (this.#closing !== undefined) return
    if (way === 'mesh') this.#joinMesh()
    else {
      this.#hasLeftArchives = false
      this.#dialArchives()
    }
    this.#tellSoon()
  }

  disconnect(way: Way): void {
    if (way === 'mesh') this.#leaveMesh()
    else {
      this.#hasLeftArchives = true
      this.#leaveArchives()
    }
    this.#tellSoon()
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
    this.#telling?.()
    this.#tellingList?.()
    this.#traffic.close()
    for (const listeners of [this.#onStatus, this.#onLinks, this.#onList, this.#onTraffic]) {
      listeners.clear()
    }
    this.#onNews.clear()
    this.presence.closeAll()
    this.#leaveArchives()
    this.#leaveMesh()
    this.sync.close()
    await Promise.all(this.#leaving)
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
            onLink: (named, link) => this.#metArchive(named, link),
            onGone: ({ id }) => this.#lostArchive(id),
          }
        : undefined,
      changed: () => {
        this.#onNeighbours.tell()
        this.#tellSoon()
      },
      refused: ({ code }) => this.#accessRefused('the signaller', code),
    })
    mesh.setAway(this.#isAway)
    this.#mesh = mesh
  }

  #leaveMesh(): void {
    const mesh = this.#mesh
    if (mesh === undefined) return
    this.#mesh = undefined
    for (const id of this.#roomArchives.keys()) this.#leaveArchive(id)
    this.#leave(mesh.close())
  }

  #dialArchives(): void {
    if (this.#archives.length > 0) return
    const { network } = this.#options
    this.#archives = network.archives.map((address) => this.#wayTo(address, network.token))
    for (const way of this.#archives) way.start()
  }

  #wayTo(address: ArchiveAddress, token: Network['token']): ArchiveWay {
    const { instance, store } = this.#options
    const way = new ArchiveWay({
      ...this.#options,
      address,
      token,
      identity: () => ({ replica: store.replica, instance }),
      ledger: this.#traffic.ledger(this.replica.ledger),
      reach: {
        neighbours: () => this.#mesh?.neighbours ?? [],
        onNeighbours: (listener) => this.#onNeighbours.add(listener),
        reached: (op) => this.#reached.of(op),
      },
      presence: this.presence,
      self: instance,
      documents: () => this.#viewed,
      isTab: (instance) => this.#views.isTab(instance),
      changed: () => {
        this.#forgetLostArchives()
        this.#tellSoon()
      },
      refused: ({ code }) => this.#accessRefused('the archive', code),
      doubted: (archive) => this.#doubt(archive),
      trouble: (trouble, way) => this.#archiveTrouble(trouble, way),
    })
    way.setAway(this.#isAway)
    return way
  }

  #doubt(archive: ArchiveId): void {
    this.replica.doubtArchive(archive).catch((error: unknown) => {
      if (this.#closing === undefined) this.#options.storage(asStorageError(error))
    })
  }

  // Archives of the signaller's room ----------------------------------------------------------------

  #metArchive({ id, voucher }: NamedNeighbour, link: Link): void {
    if (this.#closing !== undefined || this.#hasLeftArchives) {
      link.close('not wanted')
      return
    }
    const known = this.#roomArchives.get(id)
    if (known !== undefined) {
      known.isLost = false
      if (!known.dial.stands(link, voucher)) known.way.retryNow()
      return
    }
    const dial = new RoomDial(voucher)
    dial.stands(link, voucher)
    // The signaller has asked for the token: its voucher is enough.
    const way = this.#wayTo({ url: `webrtc:${id}`, dial: dial.dial }, undefined)
    this.#roomArchives.set(id, { dial, way, isLost: false })
    this.#archives = [...this.#archives, way]
    way.start()
  }

  /** The signaller names it no more. A link that still answers stays. */
  #lostArchive(id: InstanceId): void {
    const known = this.#roomArchives.get(id)
    if (known !== undefined) known.isLost = true
    this.#forgetLostArchives()
  }

  #forgetLostArchives(): void {
    for (const [id, { way, isLost }] of this.#roomArchives) {
      if (isLost && !way.isLinked) this.#leaveArchive(id)
    }
  }

  #leaveArchive(id: InstanceId): void {
    const known = this.#roomArchives.get(id)
    if (known === undefined) return
    this.#roomArchives.delete(id)
    this.#archives = this.#archives.filter((way) => way !== known.way)
    this.#leave(known.way.close())
    known.dial.close()
  }

  #leaveArchives(): void {
    for (const id of this.#roomArchives.keys()) this.#leaveArchive(id)
    for (const way of this.#archives) this.#leave(way.close())
    this.#archives = []
  }

  #leave(closing: Promise<void>): void {
    const closed = closing.finally(() => this.#leaving.delete(closed))
    this.#leaving.add(closed)
  }

  get #reach(): Reach {
    if (this.#archives.some(({ isLinked }) => isLinked)) return 'archive'
    if ((this.#mesh?.peerCount ?? 0) > 0) return 'mesh'
    const isDialled = this.#archives.some(({ state }) => state.phase === 'connecting')
    return isDialled || this.#mesh?.isConnecting === true ? 'connecting' : 'offline'
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
    for (const way of this.#archives) way.documentsChanged()
    this.#tellSoon()
  }

  #hide(document: OwnerDocument): void {
    if (!this.#shown.delete(document)) return
    this.presence.close(document.id)
    this.#views.hidden(document.document)
    for (const way of this.#archives) way.documentsChanged()
  }

  #isSyncedDocument(document: DocumentRef, state: OpenDocumentState): boolean {
    if (state.isGapped || state.isDeleted || !this.#isAllThere(state.pending)) return false
    if (!this.sync.sessions.some(({ isOpen }) => isOpen)) return true
    return this.sync.isSynced(document) && !this.sync.isSending(document)
  }

  /** Somebody is linked; and the archives that are have what was edited, and we all that they have. */
  #isAllThere({ local, saved }: OpenDocumentState['pending']): boolean {
    if (local > 0) return false
    const linked = this.#archives.filter(({ isLinked }) => isLinked)
    if (linked.length === 0) return this.sync.sessions.some(({ isOpen }) => isOpen)
    return (
      saved === 0 &&
      linked.every(({ state, status: { seq = -1, head = Infinity } }) => {
        return state.phase === 'live' && seq >= head
      })
    )
  }

  // News -------------------------------------------------------------------------------------------

  #tellSoon(): void {
    if (this.#closing !== undefined) return
    this.#telling ??= this.#options.clock.after(0, () => {
      this.#telling = undefined
      this.#guarded(() => this.#tell())
    })
  }

  #tell(): void {
    for (const document of this.#documents) document.tell()
    this.#onNews.tell()
    const { status, links } = this
    const toldStatus = JSON.stringify(status)
    if (toldStatus !== this.#toldStatus) {
      this.#toldStatus = toldStatus
      this.#onStatus.tell(status)
    }
    const toldLinks = JSON.stringify(links.map(({ id, path, isSynced }) => [id, path, isSynced]))
    if (toldLinks !== this.#toldLinks) {
      this.#toldLinks = toldLinks
      this.#onLinks.tell(links)
    }
  }

  #tellListSoon(): void {
    if (this.#closing !== undefined) return
    this.#tellingList ??= this.#options.clock.after(tellListEveryMs, () => {
      this.#tellingList = undefined
      this.#guarded(() => this.#onList.tell())
    })
  }

  /** A listener that throws harms nobody else. */
  #guarded(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      this.#options.logger.error('a listener of a collection threw', { error: String(error) })
    }
  }

  #happened(event: ReplicaEvent): void {
    const { report, storage } = this.#options
    switch (event.kind) {
      case 'refused': {
        const { document, code } = event
        const text = `an edit of ${document.id} is refused, and kept: ${code}`
        report(new ClientError('refused', text, { wireCode: code }))
        break
      }
      case 'damaged':
        report(new ClientError('document-damaged', `part of ${event.document.id}: ${event.reason}`))
        break
      case 'ended':
        this.#ended(event.document)
        break
      case 'failing':
        storage(
          event.cause instanceof ClientError
            ? event.cause
            : new ClientError('storage-failed', 'storing failed', { cause: event.cause }),
        )
        break
      case 'recovered':
        storage(undefined)
        break
    }
    this.#tellSoon()
    this.#tellListSoon()
  }

  #ended({ id }: DocumentRef): void {
    const isOpen = [...this.#documents].some((document) => document.id === id)
    if (!isOpen || this.#deleting.has(id)) return
    this.#options.report(new ClientError('document-deleted', `somebody deleted ${id}`))
  }

  #heard(message: LiveMessage): void {
    if (message.type !== 'error' || message.document === undefined) return
    const { code, document } = message
    const nowMs = this.#options.clock.monotonic()
    const toldAtMs = this.#refusalAtMsByCode.get(code) ?? -Infinity
    if (nowMs - toldAtMs < tellRefusalsEveryMs) return
    this.#refusalAtMsByCode.set(code, nowMs)
    const text = `a neighbour refuses an edit of ${document.id}: ${code}`
    this.#options.report(new ClientError('refused', text, { wireCode: code }))
  }

  #accessRefused(who: string, code: ErrorCode): void {
    const text = `${who} does not let this client into ${this.name}: ${code}`
    this.#options.report(new ClientError('access-refused', text, { wireCode: code }))
  }

  #archiveTrouble(trouble: ArchiveTrouble, way: ArchiveWay): void {
    const { report, store, random } = this.#options
    switch (trouble.kind) {
      case 'resync-paused': {
        const seconds = Math.round(trouble.pauseMs / 1_000)
        const text = `${way.status.url} and this client do not agree: again in ${seconds} s`
        report(new ClientError('resync-failed', text))
        return
      }
      case 'upload-refused':
      case 'download-refused': {
        const { code, document } = trouble
        const text = `${document.id} cannot be brought to agreement with ${way.status.url}: ${code}`
        report(new ClientError('resync-failed', text, { wireCode: code }))
        return
      }
      case 'replica-in-use':
        // A copy of this store is at work: from now on the two go by different names.
        store.changeReplica(random).then(
          () => way.retryNow(),
          (error: unknown) => this.#options.storage(asStorageError(error)),
        )
        return
      case 'store-failed':
        this.#options.storage(asStorageError(trouble.cause))
        return
      case 'archive-misbehaved':
        report(new ClientError('archive-misbehaved', `${way.status.url}: ${trouble.reason}`))
        return
    }
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

function asStorageError(error: unknown): ClientError {
  if (error instanceof ClientError) return error
  return new ClientError('storage-failed', 'the store failed', { cause: error })
}
