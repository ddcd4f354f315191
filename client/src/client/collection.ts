import type { Awareness } from '@holdfast/peer'
import type { Undo } from '@holdfast/peer/ports'
import { parseDocumentId, type CollectionName, type DocumentId } from '@holdfast/peer/protocol'
import type {
  Collection,
  CollectionStatus,
  Document,
  DocumentInfo,
  KeptEdit,
  LinkInfo,
  OpenOptions,
  Traffic,
  WaitOptions,
} from '../api.js'
import type { Core, CoreCollection, CoreDocument, HeldByApp, UnsavedOp } from '../core/core.js'
import { ClientError } from '../errors.js'
import { AppListeners, callingTheApp } from './app-listeners.js'
import { AppDocument } from './document.js'
import { Turns } from './turns.js'
import { Waits } from './waiting.js'

export interface AppCollectionOptions {
  /** One who has opened it closes it. */
  readonly letGo: () => Promise<void>
  /** What a listener of the app has thrown. */
  readonly report: (error: ClientError) => void
}

/** A collection as an app holds it, whichever core stands behind it. */
export class AppCollection implements Collection {
  readonly name: CollectionName
  readonly awareness: Awareness
  readonly #options: AppCollectionOptions
  readonly #entryById = new Map<DocumentId, Entry>()
  /** Deleted by somebody while they were open here, and still held. */
  readonly #deleted = new Set<Entry>()
  /** Of one document, opening and closing wait for each other. */
  readonly #turns = new Turns<DocumentId>()
  readonly #onStatus: AppListeners<[CollectionStatus]>
  readonly #onLinks: AppListeners<[readonly LinkInfo[]]>
  readonly #onList: AppListeners<[]>
  readonly #onTraffic: AppListeners<[Traffic]>
  readonly #waits = new Waits()
  #core: CoreCollection
  #undo: readonly Undo[] = []
  #undoTraffic: Undo | undefined
  #moving: Promise<void> | undefined
  #lastStatus: CollectionStatus
  #isClosed = false

  constructor(core: CoreCollection, options: AppCollectionOptions) {
    this.#core = core
    this.#options = options
    const { report } = options
    this.#onStatus = new AppListeners('onStatus', report)
    this.#onLinks = new AppListeners('onLinks', report)
    this.#onList = new AppListeners('onList', report)
    this.#onTraffic = new AppListeners('onTraffic', report)
    this.name = core.name
    this.awareness = core.awareness
    this.#lastStatus = core.status
    this.#listen()
  }

  get status(): CollectionStatus {
    if (!this.#isClosed && this.#moving === undefined) this.#lastStatus = this.#core.status
    return this.#lastStatus
  }

  get links(): readonly LinkInfo[] {
    return this.#isClosed || this.#moving !== undefined ? [] : this.#core.links
  }

  async open(name: string, { ydoc, awareness }: OpenOptions = {}): Promise<Document> {
    const parsed = parseDocumentId(name)
    if (!parsed.ok) throw new ClientError('bad-name', parsed.refusal.detail)
    const id = parsed.value
    if (awareness !== undefined && awareness.doc !== ydoc) {
      throw new ClientError('bad-option', 'an awareness belongs to the Y.Doc that is given with it')
    }
    return this.#turns.run(id, async () => {
      this.#assertOpen()
      const known = this.#living(id)
      if (known !== undefined) {
        if (ydoc !== undefined && ydoc !== known.document.ydoc) {
          throw new ClientError('bad-option', `${id} is open with another Y.Doc`)
        }
        known.count++
        return known.document
      }
      return this.#attach(id, ydoc && { ydoc, ...(awareness && { awareness }) })
    })
  }

  list(): Promise<readonly DocumentInfo[]> {
    return this.#ask((core) => core.list())
  }

  async delete(name: string): Promise<void> {
    const id = parseDocumentId(name)
    if (!id.ok) throw new ClientError('bad-name', id.refusal.detail)
    await this.#ask((core) => core.delete(id.value))
  }

  kept(): Promise<readonly KeptEdit[]> {
    return this.#ask((core) => core.kept())
  }

  discard(kept: readonly KeptEdit[]): Promise<void> {
    return this.#ask((core) => core.discard(kept))
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
    if (this.#onTraffic.size === 1) this.#listenToTraffic()
    return () => {
      undo()
      if (this.#onTraffic.size === 0) this.#undoTraffic?.()
    }
  }

  whenSaved(options?: WaitOptions): Promise<void> {
    return this.#ask((core) => core.whenSaved(options))
  }

  whenArchived(options?: WaitOptions): Promise<void> {
    return this.#ask((core) => core.whenArchived(options))
  }

  async whenSynced(options?: WaitOptions): Promise<void> {
    this.#assertOpen()
    await this.#waits.until(() => this.#moving === undefined && this.#core.isSynced, options)
  }

  close(): Promise<void> {
    return this.#options.letGo()
  }

  // From the client --------------------------------------------------------------------------------

  /** Lets go of its documents and of the core's collection, when all is saved. */
  async end(): Promise<void> {
    const documents = [...this.#entries].map(({ document }) => document)
    await Promise.all(documents.map((document) => document.end()))
    await this.#ask((core) => core.close())
    this.destroy()
  }

  /** The core is gone, and everything with it. Idempotent. */
  destroy(): void {
    if (this.#isClosed) return
    this.#lastStatus = this.status
    this.#isClosed = true
    for (const undo of this.#undo) undo()
    this.#undoTraffic?.()
    for (const { document } of this.#entries) document.destroy()
    this.#entryById.clear()
    this.#deleted.clear()
    for (const listeners of [this.#onStatus, this.#onLinks, this.#onList, this.#onTraffic]) {
      listeners.clear()
    }
    this.#waits.stop(this.#closed())
    callingTheApp('an awareness', this.#options.report, () => this.awareness.destroy())
    this.awareness.doc.destroy()
  }

  /** Goes over to another core, with all that is open. What the app asks meanwhile waits. */
  async move(core: Core): Promise<void> {
    for (const undo of this.#undo) undo()
    this.#undoTraffic?.()
    this.#lastStatus = this.status
    const moving = this.#moveTo(core)
    this.#moving = moving
    try {
      await moving
    } finally {
      this.#moving = undefined
    }
    this.#listen()
    this.#tell()
  }

  async #moveTo(core: Core): Promise<void> {
    const left: (readonly [AppDocument, readonly UnsavedOp[]])[] = []
    // Within one turn, so that nothing is edited under a name that somebody else goes by.
    for (const { document } of this.#entryById.values()) left.push([document, document.leave()])
    for (const { document } of this.#deleted) document.destroy()
    this.#deleted.clear()
    this.#core = await core.collection(this.name, this.awareness)
    for (const [document, unsaved] of left) await document.enter(this.#core, unsaved)
  }

  // Documents --------------------------------------------------------------------------------------

  *#all(): Iterable<Entry> {
    yield* this.#entryById.values()
    yield* this.#deleted
  }

  get #entries(): readonly Entry[] {
    return [...this.#all()]
  }

  async #attach(id: DocumentId, given: HeldByApp | undefined): Promise<AppDocument> {
    const core = await this.#attached(id, given)
    const document = new AppDocument({
      core,
      isGiven: given !== undefined,
      letGo: (one) => this.#letGoOf(one),
      report: this.#options.report,
    })
    if (this.#isClosed) {
      document.destroy()
      throw this.#closed()
    }
    this.#entryById.set(id, { document, count: 1 })
    return document
  }

  async #attached(id: DocumentId, given: HeldByApp | undefined): Promise<CoreDocument> {
    for (let held = given; ;) {
      const { collection, document } = await this.#ask(async (asked) => {
        return { collection: asked, document: await asked.attach(id, held) }
      })
      if (this.#core === collection && this.#moving === undefined) return document
      // The core was exchanged before there was anything to move.
      const { ydoc, awareness } = document
      held = { ydoc, awareness, unsaved: document.release() }
    }
  }

  /** The entry of a document that nobody has deleted. */
  #living(id: DocumentId): Entry | undefined {
    const entry = this.#entryById.get(id)
    if (entry === undefined || !entry.document.state.isDeleted) return entry
    this.#entryById.delete(id)
    this.#deleted.add(entry)
    return undefined
  }

  async #letGoOf(document: AppDocument): Promise<void> {
    const entry = this.#entries.find((one) => one.document === document)
    if (entry === undefined || entry.count === 0) return
    if (--entry.count > 0) return
    await this.#turns.run(document.id, async () => {
      // Somebody has opened it again, or the collection has ended.
      if (entry.count > 0 || !this.#entries.includes(entry)) return
      await document.end()
      if (this.#entryById.get(document.id) === entry) this.#entryById.delete(document.id)
      this.#deleted.delete(entry)
    })
  }

  // The core ---------------------------------------------------------------------------------------

  #listen(): void {
    const core = this.#core
    this.#undo = [
      core.onStatus(() => this.#tell()),
      core.onLinks((links) => this.#onLinks.tell(links)),
      core.onList(() => this.#onList.tell()),
    ]
    if (this.#onTraffic.size > 0) this.#listenToTraffic()
  }

  #listenToTraffic(): void {
    if (this.#isClosed || this.#moving !== undefined) return
    this.#undoTraffic?.()
    this.#undoTraffic = this.#core.onTraffic((traffic) => this.#onTraffic.tell(traffic))
  }

  #tell(): void {
    this.#waits.news()
    this.#onStatus.tell(this.status)
  }

  /** Asks the core of the moment; another one, if that is exchanged before it has answered. */
  async #ask<T>(question: (core: CoreCollection) => Promise<T>): Promise<T> {
    for (;;) {
      await this.#moving
      this.#assertOpen()
      const core = this.#core
      try {
        return await question(core)
      } catch (error) {
        const isExchanged = this.#moving !== undefined || this.#core !== core
        if (!isExchanged || this.#isClosed) throw error
      }
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw this.#closed()
  }

  #closed(): ClientError {
    return new ClientError('closed', `the collection ${this.name} is closed`)
  }
}

interface Entry {
  readonly document: AppDocument
  /** How many have it open. */
  count: number
}
