/** One joined collection, as an application has it: documents, presence, peers, events. */
import * as Y from 'yjs'
import type { Clock, Logger, Random, Undo } from '../ports/index.js'
import {
  canWrite,
  parseDocumentId,
  type Access,
  type CollectionName,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
  type ReplicaId,
} from '../protocol/index.js'
import { PeerError } from '../errors.js'
import { Presence, type Awareness, type PresenceStatistics } from '../presence/index.js'
import { Listeners } from '../signalling/listeners.js'
import type { RoomState, Signalling, SignallingRoom } from '../signalling/index.js'
import {
  CollectionSync,
  YDocuments,
  type CollectionSyncStatistics,
  type LiveMessage,
} from '../sync/index.js'
import { CollectionMesh, type LinkedPeer, type NeighbourReport } from './collection-mesh.js'
import { CollectionNews } from './collection-news.js'
import type { LinkDialer } from './dialer.js'
import type { HandshakeGate } from './handshake-gate.js'
import { OpenDocument, type MeshDocument } from './mesh-document.js'

export interface MeshCollectionOptions {
  readonly name: CollectionName
  readonly identity: { readonly replica: ReplicaId; readonly instance: InstanceId }
  readonly signalling: Signalling
  readonly dialer: LinkDialer | undefined
  readonly gate: HandshakeGate
  readonly relay: boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly createDoc: ((document: DocumentRef) => Y.Doc | undefined) | undefined
  readonly onClosed: () => void
}

export interface MeshCollectionStatistics {
  readonly room: RoomState['phase']
  readonly peers: number
  readonly documents: number
  readonly neighbours: readonly NeighbourReport[]
  readonly sync: CollectionSyncStatistics
  readonly presence: PresenceStatistics
}

export class MeshCollection {
  readonly name: CollectionName
  readonly #options: MeshCollectionOptions
  readonly #room: SignallingRoom
  readonly #documents: YDocuments
  readonly #sync: CollectionSync
  readonly #presence: Presence
  readonly #mesh: CollectionMesh
  /** Lends the collection's presence its client id. */
  readonly #doc: Y.Doc
  readonly #openById = new Map<DocumentId, OpenDocument>()
  readonly #news: CollectionNews
  readonly #onError: Listeners<[PeerError]>
  #access: Access = 'write'
  #closing: Promise<void> | undefined

  constructor(options: MeshCollectionOptions) {
    const { name, identity, signalling, clock, random, logger, createDoc } = options
    this.name = name
    this.#options = options
    this.#onError = new Listeners(logger)
    this.#news = new CollectionNews({
      clock,
      logger,
      peers: () => this.peers,
      documents: () => this.#openById.values(),
    })
    this.#doc = new Y.Doc({ guid: name })
    this.#doc.clientID = random.uint32()
    this.#documents = new YDocuments({
      instance: identity.instance,
      clock,
      logger,
      ...(createDoc === undefined ? {} : { createDoc }),
    })
    const access = (): Access => this.#access
    this.#sync = new CollectionSync({
      self: {
        ...identity,
        collection: name,
        get access() {
          return access()
        },
      },
      documents: this.#documents,
      clock,
      random,
      logger,
    })
    this.#presence = new Presence({
      self: identity.instance,
      clock,
      random,
      logger,
      doc: this.#doc,
    })
    // The first join may ask before there is a mesh.
    let mesh: CollectionMesh | undefined = undefined
    this.#room = signalling.join(name, { standing: () => mesh?.standing ?? [] })
    mesh = new CollectionMesh({
      ...options,
      room: this.#room,
      sync: this.#sync,
      presence: this.#presence,
      onPeers: () => this.#news.tellSoon(),
    })
    this.#mesh = mesh
    this.#room.onState((state) => this.#roomChanged(state))
    this.#documents.onDamaged(({ id }, cause) =>
      this.#fail(new PeerError('document-damaged', `${id} is damaged`, { cause })),
    )
    this.#documents.onEnded(({ id }) => this.#ended(id))
    this.#sync.onMessage((_session, message) => this.#heard(message))
  }

  /** What this side may do here, by its token. `write` until the signaller has said so. */
  get access(): Access {
    return this.#access
  }

  /** Of the collection as a whole: who is here at all. */
  get awareness(): Awareness {
    return this.#presence.collection
  }

  /** Those to whom a link stands, over whichever path. */
  get peers(): readonly LinkedPeer[] {
    return this.#mesh.peers
  }

  /**
   * Syncs a Y.Doc with those who have the document, from now on. What it holds already is offered
   * to them. Throws a `PeerError` for a bad name, and for a document that is open.
   */
  open(id: string, ydoc: Y.Doc): MeshDocument {
    this.#checkOpen()
    const parsed = parseDocumentId(id)
    if (!parsed.ok) throw new PeerError('bad-name', parsed.refusal.detail)
    if (this.#openById.has(parsed.value)) {
      throw new PeerError('already-open', `the document ${id} is open already`)
    }
    const ref = this.#documents.open(parsed.value, ydoc)
    const document = new OpenDocument(
      ref,
      ydoc,
      this.#presence.open(ref, ydoc),
      () => this.#sync.isSynced(ref),
      () => this.#close(ref.id),
    )
    this.#openById.set(ref.id, document)
    this.#sync.documentOpened(ref)
    this.#news.tellSoon()
    return document
  }

  /** The open document of this name. */
  document(id: string): MeshDocument | undefined {
    return this.#openById.get(id as DocumentId)
  }

  /** Deletes a document for everybody. Its Y.Doc is left as it is. */
  delete(id: string): void {
    this.#checkOpen()
    const parsed = parseDocumentId(id)
    if (!parsed.ok) throw new PeerError('bad-name', parsed.refusal.detail)
    this.#forget(parsed.value)
    this.#documents.delete(parsed.value)
  }

  /** Who is linked, over which path, and whether it is synced, has changed. */
  onPeers(listener: (peers: readonly LinkedPeer[]) => void): Undo {
    return this.#news.onPeers.add(listener)
  }

  /** An open document has become synced. */
  onSynced(listener: (document: DocumentRef) => void): Undo {
    return this.#news.onSynced.add(listener)
  }

  /** Something went wrong that no call is waiting for. */
  onError(listener: (error: PeerError) => void): Undo {
    return this.#onError.add(listener)
  }

  stats(): MeshCollectionStatistics {
    return {
      room: this.#room.state.phase,
      peers: this.peers.length,
      documents: this.#openById.size,
      neighbours: this.#mesh.reports(),
      sync: this.#sync.stats(),
      presence: this.#presence.stats(),
    }
  }

  /** Hidden or in the background: this side is slow to answer, and says so. */
  setAway(away: boolean): void {
    this.#mesh.setAway(away)
  }

  /** The network is back, or the page is visible again. */
  retryNow(): void {
    this.#mesh.retryNow()
  }

  /**
   * Leaves: says goodbye on every link, lets what is queued arrive (for five seconds at most), and
   * leaves the room. Afterwards no task is armed and no listener called. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#leave()
    return this.#closing
  }

  async #leave(): Promise<void> {
    this.#onError.clear()
    this.#news.close()
    this.#presence.closeAll()
    this.#documents.closeAll()
    this.#openById.clear()
    this.#sync.close()
    this.#doc.destroy()
    const closed = this.#mesh.close()
    // A relay ends with the room, and what is queued in it as well.
    if (this.#mesh.usesRelay) await closed
    this.#room.leave()
    this.#options.onClosed()
    await closed
  }

  #close(id: DocumentId): void {
    this.#forget(id)
    this.#documents.close(id)
  }

  #forget(id: DocumentId): void {
    this.#presence.close(id)
    this.#openById.delete(id)
    this.#news.forget(id)
  }

  #ended(id: DocumentId): void {
    if (!this.#openById.has(id)) return
    this.#forget(id)
    this.#fail(new PeerError('document-deleted', `somebody deleted ${id}`))
  }

  #roomChanged(state: RoomState): void {
    if (state.phase === 'refused') {
      const message = `the signaller refuses ${this.name}: ${state.code}`
      this.#fail(new PeerError('refused', message, { wireCode: state.code }))
    } else if (state.phase === 'joined' && state.access !== this.#access) {
      const couldWrite = canWrite(this.#access)
      this.#access = state.access
      if (couldWrite !== canWrite(state.access)) this.#mesh.relink()
    }
  }

  #heard(message: LiveMessage): void {
    if (message.type !== 'error' || message.document === undefined) return
    const text = `a neighbour refuses an edit of ${message.document.id}: ${message.code}`
    this.#fail(new PeerError('edit-refused', text, { wireCode: message.code }))
  }

  #fail(error: PeerError): void {
    this.#onError.tell(error)
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new PeerError('closed', `${this.name} is closed`)
  }
}
