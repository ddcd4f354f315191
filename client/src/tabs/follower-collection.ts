/** A collection of a tab that does not own the store: what it has open, and what the owner tells. */
import { Awareness, Listeners, Presence, type PresenceLink } from '@holdfast/peer'
import type { Clock, Logger, Random, Undo } from '@holdfast/peer/ports'
import type { CollectionName, DocumentId, InstanceId, ReplicaId } from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import type {
  CollectionStatus,
  DocumentInfo,
  KeptEdit,
  LinkInfo,
  StorageStatus,
  Traffic,
  WaitOptions,
} from '../api.js'
import { Waits } from '../client/waiting.js'
import { CollectionNews } from '../core/collection-news.js'
import type { CoreCollection, HeldByApp } from '../core/core.js'
import type { OwnerCore } from '../core/owner-core.js'
import { ClientError } from '../errors.js'
import { FollowerDocument } from './follower-document.js'
import type { OwnerLine } from './owner-line.js'
import { UnsavedEdits, type OpNumbers } from './unsaved-edits.js'
import type { Answer, OwnerWord, Question } from './words.js'

export interface FollowerCollectionOptions {
  readonly name: CollectionName
  readonly instance: InstanceId
  readonly replica: ReplicaId
  readonly line: OwnerLine
  readonly numbers: OpNumbers
  readonly awareness: Awareness | undefined
  readonly storage: () => StorageStatus
  /** Why there will be no owner any more, where that is so. */
  readonly stranded: () => ClientError | undefined
  /** Asks whoever owns the store, and the next one where that one does not answer. */
  readonly ask: (question: Question, options?: WaitOptions) => Promise<Answer>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** What a listener of the app has thrown. */
  readonly report: (error: ClientError) => void
  readonly onClosed: () => void
}

type OfCollection = Extract<OwnerWord, { readonly collection: string }>

export class FollowerCollection implements CoreCollection {
  readonly name: CollectionName
  readonly awareness: Awareness
  readonly #options: FollowerCollectionOptions
  readonly #presence: Presence
  readonly #unsaved = new UnsavedEdits<FollowerDocument>()
  readonly #documentById = new Map<DocumentId, FollowerDocument>()
  readonly #news: CollectionNews
  readonly #onTraffic = new Listeners<[Traffic]>()
  readonly #waits = new Waits()
  #trafficListeners = 0
  #link: PresenceLink | undefined
  #said: Extract<OwnerWord, { what: 'opened' }> | undefined
  #openCount = 1
  #isClosed = false

  constructor(options: FollowerCollectionOptions) {
    const { name, instance, clock, random, logger } = options
    this.#options = options
    this.name = name
    this.awareness = options.awareness ?? collectionAwareness(name, clock, random)
    this.#presence = new Presence({
      self: instance,
      clock,
      random,
      logger,
      doc: this.awareness.doc,
      awareness: this.awareness,
    })
    this.#news = new CollectionNews({
      clock,
      logger,
      status: () => this.status,
      links: () => this.links,
      isSynced: () => this.isSynced,
      tellDocuments: () => {
        this.#waits.news()
        for (const document of this.#documentById.values()) document.tell()
      },
    })
    this.up()
  }

  // What an app asks -------------------------------------------------------------------------------

  async attach(id: DocumentId, held?: HeldByApp): Promise<FollowerDocument> {
    this.#assertOpen()
    const { clock, random, logger, numbers, line, name } = this.#options
    const document = new FollowerDocument({
      id,
      held,
      unsaved: this.#unsaved,
      numbers,
      clock,
      random,
      logger,
      collection: name,
      say: (word) => line.say(word),
      isJoined: () => line.owner !== undefined,
      show: (shown, ref) => this.#presence.open(ref, shown.ydoc, shown.awareness),
      hide: (hidden) => this.#presence.close(hidden.id),
      changed: () => this.#news.tellSoon(),
      report: this.#options.report,
      whenSaved: (of, options) => this.#whenSaved(of, options),
      whenTaken: (of) => this.#whenTaken(of),
      whenArchived: (of, options) => this.#whenArchived(of, options),
      gone: (gone) => {
        if (this.#documentById.get(id) === gone) this.#documentById.delete(id)
        this.#unsaved.forget(gone)
      },
    })
    this.#documentById.set(id, document)
    document.attach()
    // Handed over by a core before it is whole already, and there may be no owner for a while.
    if (held?.unsaved === undefined) await this.#whenJoined(document)
    this.#assertOpen()
    return document
  }

  async list(): Promise<readonly DocumentInfo[]> {
    const answer = await this.#ask({ kind: 'list', collection: this.name })
    return answer.kind === 'list' ? answer.list : []
  }

  async delete(id: DocumentId): Promise<void> {
    const document = this.#documentById.get(id)
    document?.flush()
    const generation = document?.document?.generation
    await this.#ask({ kind: 'delete', collection: this.name, document: id, generation })
  }

  async kept(): Promise<readonly KeptEdit[]> {
    const answer = await this.#ask({ kind: 'kept', collection: this.name })
    return answer.kind === 'kept' ? answer.kept : []
  }

  async discard(kept: readonly KeptEdit[]): Promise<void> {
    await this.#ask({ kind: 'discard', collection: this.name, kept })
  }

  get status(): CollectionStatus {
    const said = this.#said ?? unknown
    const local = said.status.pending.local + this.#unsaved.count
    const status = { ...said.status, pending: { ...said.status.pending, local } }
    if (this.#isUp) return status
    const archives = status.archives.map((one) => ({ ...one, state: 'offline' }) as const)
    return { ...status, reach: 'connecting', progress: undefined, peers: 0, archives }
  }

  get links(): readonly LinkInfo[] {
    const { owner, roundTripMs } = this.#options.line
    if (owner === undefined || this.#said === undefined) return []
    const isSynced = this.#unsaved.count === 0
    const tab: LinkInfo = {
      kind: 'tab',
      id: owner.instance,
      path: 'port',
      isSynced,
      roundTripMs,
      // Messages between tabs are objects: nobody has counted their bytes.
      sentBytes: 0,
      receivedBytes: 0,
    }
    return [tab, ...this.#said.links]
  }

  get isSynced(): boolean {
    return this.#isUp && this.#said?.isSynced === true && this.#unsaved.count === 0
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
    if (++this.#trafficListeners === 1) this.#sayTraffic(true)
    let isOn = true
    return () => {
      if (!isOn) return
      isOn = false
      undo()
      if (--this.#trafficListeners === 0) this.#sayTraffic(false)
    }
  }

  whenSaved(options?: WaitOptions): Promise<void> {
    for (const document of this.#documentById.values()) document.flush()
    return this.#whenSaved(undefined, options)
  }

  whenArchived(options?: WaitOptions): Promise<void> {
    for (const document of this.#documentById.values()) document.flush()
    return this.#whenArchived(undefined, options)
  }

  close(): Promise<void> {
    if (--this.#openCount > 0) return Promise.resolve()
    this.end()
    return Promise.resolve()
  }

  // From the core ----------------------------------------------------------------------------------

  retain(): this {
    this.#openCount++
    return this
  }

  /** There is an owner: it is told all that is open here. */
  up(): void {
    const { line } = this.#options
    const { owner } = line
    if (owner === undefined || this.#isClosed) return
    line.say({ what: 'open', collection: this.name })
    if (this.#trafficListeners > 0) this.#sayTraffic(true)
    this.#link = {
      instance: owner.instance,
      send: (message) => line.say({ what: 'presence', collection: this.name, message }),
    }
    for (const document of this.#documentById.values()) document.attach()
    this.#presence.opened(this.#link)
    this.#news.tellSoon()
  }

  down(): void {
    if (this.#link !== undefined) this.#presence.closed(this.#link, 'broken')
    this.#link = undefined
    this.#unsaved.unsay()
    for (const document of this.#documentById.values()) document.apart()
    this.#news.tellSoon()
  }

  hear(word: OfCollection): void {
    switch (word.what) {
      case 'opened':
        this.#said = word
        break
      case 'attached':
        this.#documentById.get(word.document.id)?.attached(word)
        break
      case 'unattached':
        this.#documentById.get(word.document as DocumentId)?.unattached(word.attempt)
        break
      case 'row':
        this.#documentById.get(word.document.id)?.row(word)
        break
      case 'state':
        this.#documentById.get(word.document.id)?.ownerSays(word.document, word.state)
        break
      case 'replaced':
        this.#documentById.get(word.document.id)?.replace()
        break
      case 'saved':
        this.#saved(word)
        break
      case 'list':
        this.#news.onList.tell()
        return
      case 'traffic':
        this.#onTraffic.tell(word.traffic)
        return
      case 'presence':
        this.#heardPresence(word)
        return
      default:
        word satisfies never
    }
    this.#news.tellSoon()
  }

  /** Rejects nothing: what is not saved is counted by who closes. */
  end(): void {
    if (this.#isClosed) return
    const { line, onClosed } = this.#options
    line.say({ what: 'shut', collection: this.name })
    this.#isClosed = true
    for (const document of this.#documentById.values()) document.abandon()
    this.#news.close()
    this.#onTraffic.clear()
    this.#presence.closeAll()
    this.#waits.stop(closed(this.name))
    onClosed()
  }

  /** There will be no owner any more: who waits for one is told. */
  strand(error: ClientError): void {
    this.#waits.stop(error)
    for (const document of this.#documentById.values()) {
      document.apart()
      document.abandon()
    }
    this.#news.tellSoon()
  }

  /** All that nobody else has becomes durable there. */
  async storeIn(owner: OwnerCore): Promise<void> {
    const collection = await owner.collection(this.name)
    try {
      const { replica } = collection
      const edits = [...this.#documentById.values()].flatMap((document) => {
        return document.editsOf(replica.living(document.id))
      })
      await replica.takeFromTab(edits)
      this.#unsaved.saved(edits.map(({ op }) => op))
      this.#waits.news()
    } finally {
      await collection.close()
    }
  }

  /** What is edited leaves; resolves when all of it is at the owner, and stored there. */
  async flush(): Promise<void> {
    for (const document of this.#documentById.values()) document.flush()
    await this.#whenTaken(undefined)
  }

  /** There is something that nobody else has: in an open document, or on its way. */
  get isEdited(): boolean {
    return this.#unsaved.count > 0 || this.#documentById.size > 0
  }

  // ------------------------------------------------------------------------------------------------

  get #isUp(): boolean {
    return this.#options.line.owner !== undefined && this.#said !== undefined
  }

  async #whenJoined(document: FollowerDocument): Promise<void> {
    const joined = document.whenJoined()
    if (this.#options.stranded() !== undefined) document.abandon()
    const isJoined = await joined
    if (!isJoined) throw this.#options.stranded() ?? closed(this.name)
  }

  #saved({ ops, states, status }: Extract<OwnerWord, { what: 'saved' }>): void {
    // First what they are counted in now: nothing is called safer, or less safe, in between.
    if (this.#said !== undefined) this.#said = { ...this.#said, status }
    for (const { document, state } of states) {
      this.#documentById.get(document.id)?.ownerSays(document, state)
    }
    for (const document of this.#unsaved.saved(ops)) document.tell()
    this.#waits.news()
  }

  async #whenSaved(
    document: FollowerDocument | undefined,
    options: WaitOptions | undefined,
  ): Promise<void> {
    this.#assertOpen()
    if (!this.#options.storage().isDurable) {
      throw new ClientError('not-durable', 'nothing outlives this page: nothing is called saved')
    }
    await this.#whenTaken(document, options)
  }

  async #whenTaken(document: FollowerDocument | undefined, options?: WaitOptions): Promise<void> {
    const stranded = this.#options.stranded()
    const edits = document === undefined ? this.#unsaved.all : new Set(this.#unsaved.of(document))
    if (stranded !== undefined && edits.size > 0) throw stranded
    await this.#waits.until(() => [...edits].every((edit) => this.#unsaved.isSaved(edit)), options)
  }

  async #whenArchived(
    document: FollowerDocument | undefined,
    options: WaitOptions = {},
  ): Promise<void> {
    this.#assertOpen()
    const refusedBefore = this.#refusedOf(document)
    await this.#whenTaken(document, options)
    const question = { kind: 'archived', collection: this.name, document: document?.id } as const
    await this.#ask(question, options)
    // An owner that died may have been the one to hear it.
    if (this.#refusedOf(document) <= refusedBefore) return
    throw new ClientError('refused', 'the archive refuses an edit')
  }

  #refusedOf(document: FollowerDocument | undefined): number {
    return (document?.state ?? this.status).pending.refused
  }

  #ask(question: Question, options?: WaitOptions): Promise<Answer> {
    this.#assertOpen()
    return this.#options.ask(question, options)
  }

  #heardPresence({ message }: Extract<OwnerWord, { what: 'presence' }>): void {
    const { type } = message
    if (this.#link === undefined) return
    if (type !== 'presence' && type !== 'viewing' && type !== 'neighbours') return
    this.#presence.heard(this.#link, message)
  }

  #sayTraffic(isWanted: boolean): void {
    this.#options.line.say({ what: 'traffic', collection: this.name, isWanted })
  }

  #assertOpen(): void {
    if (this.#isClosed) throw closed(this.name)
  }
}

function collectionAwareness(name: CollectionName, clock: Clock, random: Random): Awareness {
  // Lends the collection's presence its client id.
  const doc = new Y.Doc({ guid: name })
  doc.clientID = random.uint32()
  return new Awareness(doc, clock)
}

function closed(name: string): ClientError {
  return new ClientError('closed', `${name} is closed`)
}

/** Before any owner has said anything. */
const unknown: { readonly status: CollectionStatus } = {
  status: {
    reach: 'connecting',
    access: undefined,
    pending: { local: 0, saved: 0, refused: 0 },
    progress: undefined,
    archives: [],
    peers: 0,
  },
}
