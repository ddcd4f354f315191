/**
 * A provider with the surface that y-webrtc's and y-websocket's users know: an app switches by
 * changing one import. Behind it is a client with its collection and document.
 *
 *   connecting ──the document is open──► open ──disconnect──► closed ──connect──► connecting
 *       └───────────────────────────── destroy ──────────────────┴──► destroyed
 */
import { Awareness } from '@holdfast/peer'
import { systemClock, type Undo } from '@holdfast/peer/ports'
import { parseCollectionName, parseDocumentId } from '@holdfast/peer/protocol'
import type * as Y from 'yjs'
import type { Client, Collection, Document } from './api.js'
import { createClient } from './client/create-client.js'
import { memoryStore } from './client/memory-store.js'
import type { ClientOptions } from './client/options.js'
import { adviceOf } from './client/advice.js'
import { callingTheApp } from './client/app-listeners.js'
import { sayOnConsole } from './client/console.adapter.js'
import { ClientError } from './errors.js'

export interface ProviderOptions extends Partial<ClientOptions> {
  /**
   * A client of the app's own, that several providers share; it is not closed here. Without it the
   * provider makes one with the other options, on a `memoryStore` unless another one is given.
   */
  readonly client?: Client | Promise<Client>
  /** Of a room without a slash. Default: `default`. */
  readonly collection?: string
  /** Default: true. */
  readonly connect?: boolean
}

/** What `on` tells, by name. */
export interface ProviderEvents {
  /** As y-websocket says it, and, by `connected`, as y-webrtc does. */
  status: [{ readonly status: ProviderStatus; readonly connected: boolean }]
  /** It has become synced. Only told when that is so: both libraries' listeners may ask for truth. */
  synced: [{ readonly synced: true }]
  /** It has become synced, or is not any more. */
  sync: [isSynced: boolean]
  peers: [
    {
      readonly added: readonly string[]
      readonly removed: readonly string[]
      readonly webrtcPeers: readonly string[]
      readonly bcPeers: readonly string[]
    },
  ]
  /** What went wrong. Without a listener it goes to the console. */
  error: [ClientError]
  destroy: [HoldfastProvider]
}

export type ProviderStatus = 'connected' | 'connecting' | 'disconnected'

type Listener<Name extends keyof ProviderEvents> = (...news: ProviderEvents[Name]) => void

export class HoldfastProvider {
  readonly doc: Y.Doc
  readonly awareness: Awareness
  readonly roomname: string
  readonly #place: { readonly collection: string; readonly document: string }
  readonly #options: ProviderOptions
  readonly #listenersByName = new Map<keyof ProviderEvents, Set<(...news: never) => void>>()
  readonly #destroy = (): void => void this.destroy()
  #client: Promise<Client> | undefined
  #open: Open | undefined
  /** What is under way: opening and closing, one after the other. */
  #work: Promise<void> = Promise.resolve()
  #shouldConnect = false
  #status: ProviderStatus = 'disconnected'
  #isSynced = false
  #peers: readonly string[] = []
  #tabs: readonly string[] = []
  #destroying: Promise<void> | undefined

  /**
   * @param room `collection/document`, or one word: a document of `options.collection`. Throws a
   *   `ClientError` for a name that cannot be one.
   */
  constructor(room: string, ydoc: Y.Doc, options: ProviderOptions = {}) {
    this.roomname = room
    this.doc = ydoc
    this.#options = options
    this.#place = placeOf(room, options.collection ?? 'default')
    this.awareness = new Awareness(ydoc, options.clock ?? systemClock)
    ydoc.on('destroy', this.#destroy)
    if (options.connect !== false) this.connect()
  }

  get synced(): boolean {
    return this.#isSynced
  }

  get connected(): boolean {
    return this.#status === 'connected'
  }

  get status(): ProviderStatus {
    return this.#status
  }

  get shouldConnect(): boolean {
    return this.#shouldConnect
  }

  /** The document behind it, for what a provider does not say: `state`, `whenArchived`. */
  get document(): Document | undefined {
    return this.#open?.document
  }

  /** Begins to sync, and to store. Does nothing where that is so. */
  connect(): void {
    if (this.#destroying !== undefined || this.#shouldConnect) return
    this.#shouldConnect = true
    this.#setStatus('connecting')
    this.#do(() => this.#begin())
  }

  /** Leaves the room. What is edited meanwhile is in the Y.Doc, and stored and synced after `connect`. */
  disconnect(): void {
    if (!this.#shouldConnect) return
    this.#shouldConnect = false
    this.#do(() => this.#end())
  }

  /** Ends it for good, and the client that it has made. The Y.Doc stays. Idempotent. */
  destroy(): Promise<void> {
    this.#destroying ??= this.#finish()
    return this.#destroying
  }

  on<Name extends keyof ProviderEvents>(name: Name, listener: Listener<Name>): void {
    const listeners = this.#listenersByName.get(name)
    if (listeners === undefined) this.#listenersByName.set(name, new Set([listener]))
    else listeners.add(listener)
  }

  once<Name extends keyof ProviderEvents>(name: Name, listener: Listener<Name>): void {
    const once: Listener<Name> = (...news) => {
      this.off(name, once)
      listener(...news)
    }
    this.on(name, once)
  }

  off<Name extends keyof ProviderEvents>(name: Name, listener: Listener<Name>): void {
    this.#listenersByName.get(name)?.delete(listener)
  }

  // ------------------------------------------------------------------------------------------------

  async #finish(): Promise<void> {
    this.doc.off('destroy', this.#destroy)
    const isOwn = this.#options.client === undefined
    if (isOwn) this.#shouldConnect = false
    else this.disconnect()
    await this.#work
    if (isOwn && this.#client !== undefined) {
      for (const undo of this.#open?.undo ?? []) undo()
      this.#open = undefined
      this.#look()
      try {
        const client = await this.#client
        await client.close()
      } catch (error) {
        this.#fail(error)
      }
    }
    callingTheApp(
      'an awareness',
      (error) => this.#fail(error),
      () => this.awareness.destroy(),
    )
    this.#emit('destroy', this)
    this.#listenersByName.clear()
  }

  #do(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => this.#fail(error))
  }

  async #begin(): Promise<void> {
    if (!this.#shouldConnect || this.#open !== undefined) return
    const client = await this.#clientOf()
    const collection = await client.collection(this.#place.collection)
    let document: Document
    try {
      const { doc: ydoc, awareness } = this
      document = await collection.open(this.#place.document, { ydoc, awareness })
    } catch (error) {
      await collection.close()
      throw error
    }
    this.#open = {
      collection,
      document,
      undo: [
        document.onState(() => this.#look()),
        collection.onStatus(() => this.#look()),
        collection.onLinks(() => this.#look()),
        document.onReplaced(() => this.#replaced()),
      ],
    }
    this.#look()
  }

  async #end(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    for (const undo of open?.undo ?? []) undo()
    this.#look()
    await open?.document.close()
    await open?.collection.close()
  }

  async #clientOf(): Promise<Client> {
    this.#client ??= this.#makeClient()
    return this.#client
  }

  async #makeClient(): Promise<Client> {
    const { client, collection: _collection, connect: _connect, ...options } = this.#options
    if (client !== undefined) return client
    const made = await createClient({ store: memoryStore(), ...options })
    made.onError((error) => this.#fail(error))
    return made
  }

  /** Tells what has changed. */
  #look(): void {
    const { collection, document } = this.#open ?? {}
    const reach = collection?.status.reach
    const isThere = reach === 'archive' || reach === 'mesh'
    this.#setStatus(isThere ? 'connected' : this.#shouldConnect ? 'connecting' : 'disconnected')
    this.#setPeers(
      (collection?.links ?? []).filter(({ kind }) => kind === 'peer').map(({ id }) => id),
      (collection?.links ?? []).filter(({ kind }) => kind === 'tab').map(({ id }) => id),
    )
    this.#setSynced(document?.state.isSynced === true)
  }

  #setStatus(status: ProviderStatus): void {
    if (this.#status === status) return
    this.#status = status
    this.#emit('status', { status, connected: status === 'connected' })
  }

  #setSynced(isSynced: boolean): void {
    if (this.#isSynced === isSynced) return
    this.#isSynced = isSynced
    this.#emit('sync', isSynced)
    if (isSynced) this.#emit('synced', { synced: true })
  }

  #setPeers(webrtcPeers: readonly string[], bcPeers: readonly string[]): void {
    const [before, now] = [
      [...this.#peers, ...this.#tabs],
      [...webrtcPeers, ...bcPeers],
    ]
    this.#peers = webrtcPeers
    this.#tabs = bcPeers
    const added = now.filter((id) => !before.includes(id))
    const removed = before.filter((id) => !now.includes(id))
    if (added.length + removed.length === 0) return
    this.#emit('peers', { added, removed, webrtcPeers, bcPeers })
  }

  /** The Y.Doc that the app has given hears nothing of others any more. */
  #replaced(): void {
    const text = `${this.roomname} had to be made anew: take provider.document.ydoc, or reload`
    this.#fail(new ClientError('document-damaged', text))
  }

  #fail(error: unknown): void {
    const known =
      error instanceof ClientError
        ? error
        : new ClientError('internal', 'the provider failed', { cause: error })
    if ((this.#listenersByName.get('error')?.size ?? 0) > 0) this.#emit('error', known)
    else sayOnConsole(`holdfast: ${known.code}: ${known.message}. ${adviceOf(known.code)}`, known)
  }

  #emit<Name extends keyof ProviderEvents>(name: Name, ...news: ProviderEvents[Name]): void {
    for (const listener of this.#listenersByName.get(name) ?? []) {
      try {
        Reflect.apply(listener, undefined, news)
      } catch (cause) {
        const text = `a listener of '${name}' threw`
        if (name === 'error') sayOnConsole(`holdfast: ${text}`, cause)
        else this.#fail(new ClientError('listener-threw', text, { cause }))
      }
    }
  }
}

interface Open {
  readonly collection: Collection
  readonly document: Document
  readonly undo: readonly Undo[]
}

function placeOf(
  room: string,
  collectionOfWords: string,
): { readonly collection: string; readonly document: string } {
  const slash = room.indexOf('/')
  const place =
    slash < 0
      ? { collection: collectionOfWords, document: room }
      : { collection: room.slice(0, slash), document: room.slice(slash + 1) }
  for (const name of [parseCollectionName(place.collection), parseDocumentId(place.document)]) {
    if (!name.ok) throw new ClientError('bad-name', `${room}: ${name.refusal.detail}`)
  }
  return place
}
