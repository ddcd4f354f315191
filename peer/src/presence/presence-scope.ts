/*
 * The presence of one document, or of the collection: one Awareness, and who is behind each client
 * in it.
 *
 *   own change ──► dirty ──at most each 50 ms──► bytes, per author ──► tell
 *   heard ──► judged by author and clock ──► Awareness ──► dirty, where others lack its author
 *
 * A client belongs to the instance that showed it first, until that instance is gone. Nobody else
 * changes it, and nobody but this side its own.
 */
import type * as Y from 'yjs'
import { jittered, type Clock, type Logger, type Random, type Undo } from '../ports/index.js'
import { messageBounds, type DocumentRef, type InstanceId } from '../protocol/index.js'
import { encodeAwareness, type AwarenessEntry } from './awareness-update.js'
import { Awareness } from './awareness.js'
import { presenceBounds as bounds } from './limits.js'

export interface PresenceScopeOptions {
  readonly self: InstanceId
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Undefined: the collection's. */
  readonly document: DocumentRef | undefined
  readonly doc: Y.Doc
  /** Somebody's own, that outlasts this. Absent: one is made, and ends with this. */
  readonly awareness: Awareness | undefined
  /** Sends this to whom it concerns. `author`: whose it is. */
  readonly tell: (author: InstanceId, bytes: Uint8Array) => void
}

export interface Heard {
  /** Entries that were newer than what was known. */
  readonly taken: number
  /** Entries about clients of somebody else. */
  readonly foreign: number
}

export class PresenceScope {
  readonly document: DocumentRef | undefined
  readonly awareness: Awareness
  /** The origin of changes that neighbours brought. */
  readonly origin: object = { name: 'holdfast' }
  readonly #options: PresenceScopeOptions
  readonly #authorByClient = new Map<number, InstanceId>()
  readonly #clientsByAuthor = new Map<InstanceId, Set<number>>()
  /** When each author was last heard of, on the monotonic clock. */
  readonly #heardAtMsByAuthor = new Map<InstanceId, number>()
  /** Clients that are gone, and since when: their clocks are forgotten after a while. */
  readonly #goneAtMsByClient = new Map<number, number>()
  readonly #dirty = new Map<InstanceId, Set<number>>()
  #telling: Undo | undefined
  #renewal: Undo | undefined
  #toldAtMs = -Infinity

  constructor(options: PresenceScopeOptions) {
    this.#options = options
    this.document = options.document
    this.awareness = options.awareness ?? new Awareness(options.doc, options.clock)
    this.awareness.on('update', this.#heardHere)
    // Others may remember it as gone with the clock that it has: it is shown with a newer one.
    if (options.awareness !== undefined) this.renew()
    this.#changedHere()
  }

  /** Instances of which something is shown here. */
  get authors(): readonly InstanceId[] {
    return [...this.#clientsByAuthor.keys()]
  }

  /** Something of this instance is shown here. */
  shows(author: InstanceId): boolean {
    return this.#clientsByAuthor.has(author)
  }

  /** All that this instance shows; undefined where that is nothing. */
  bytesOf(author: InstanceId): Uint8Array | undefined {
    const { self } = this.#options
    const clients =
      author === self ? [this.awareness.clientID] : (this.#clientsByAuthor.get(author) ?? [])
    const shown = [...clients].filter((client) => this.awareness.states.has(client))
    return shown.length === 0 ? undefined : encodeAwareness(this.awareness.entriesOf(shown))
  }

  /** @param isDirect whether the author itself said it, on its own link */
  hear(author: InstanceId, entries: readonly AwarenessEntry[], isDirect: boolean): Heard {
    const news: AwarenessEntry[] = []
    let foreign = 0
    for (const entry of entries) {
      if (!this.#mayShow(author, entry.client)) foreign++
      else if (this.#isNews(entry, isDirect)) news.push(entry)
    }
    if (news.length > 0) {
      for (const { client, state } of news) {
        if (state === null) this.#disown(client)
        else this.#own(author, client)
        this.#markDirty(author, client)
      }
      // Of whom nothing is shown nothing is kept.
      if (this.shows(author)) {
        this.#heardAtMsByAuthor.set(author, this.#options.clock.monotonic())
      }
      this.#guarded(() => this.awareness.take(news, this.origin))
    }
    return { taken: news.length, foreign }
  }

  /** Nothing that this instance showed is there any more. */
  gone(author: InstanceId): void {
    const clients = [...(this.#clientsByAuthor.get(author) ?? [])]
    for (const client of clients) this.#disown(client)
    this.#dirty.delete(author)
    this.#guarded(() => this.awareness.drop(clients, this.origin))
  }

  /** Shows ourselves with a newer clock. */
  renew(): void {
    const state = this.awareness.getLocalState()
    if (state !== null) this.#guarded(() => this.awareness.setLocalState(state))
  }

  /** @param isLinked authors whose own link stands: that says more than any renewal */
  sweep(isLinked: (author: InstanceId) => boolean): void {
    const nowMs = this.#options.clock.monotonic()
    for (const [author, heardAtMs] of this.#heardAtMsByAuthor) {
      if (!isLinked(author) && nowMs - heardAtMs >= bounds.expireAfterMs) this.gone(author)
    }
    for (const [client, goneAtMs] of this.#goneAtMsByClient) {
      if (nowMs - goneAtMs < bounds.rememberGoneMs) break
      this.#forget(client)
    }
  }

  /** Says what was not said yet, at once; afterwards nothing is armed. */
  close(): void {
    if (this.#options.awareness === undefined) this.#guarded(() => this.awareness.destroy())
    this.#tell()
    if (this.#options.awareness !== undefined) this.#leave()
    this.#telling?.()
    this.#renewal?.()
  }

  /** Whoever has given the awareness keeps it: as it is, without the others. */
  #leave(): void {
    this.awareness.off('update', this.#heardHere)
    for (const author of this.authors) this.gone(author)
    if (this.awareness.getLocalState() === null) return
    this.#options.tell(this.#options.self, encodeAwareness([this.awareness.withdrawal()]))
  }

  readonly #heardHere = (_change: unknown, origin: unknown): void => {
    if (origin === 'local') this.#changedHere()
  }

  #changedHere(): void {
    this.#markDirty(this.#options.self, this.awareness.clientID)
    this.#renewal?.()
    this.#renewal = undefined
    if (this.awareness.getLocalState() === null) return
    const { clock, random } = this.#options
    this.#renewal = clock.after(jittered(random, bounds.renewEveryMs * 0.9, 0.1), () => {
      this.#renewal = undefined
      this.renew()
    })
  }

  #mayShow(author: InstanceId, client: number): boolean {
    if (client === this.awareness.clientID) return false
    const owner = this.#authorByClient.get(client)
    if (owner !== undefined) return owner === author
    const own = this.#clientsByAuthor.get(author)?.size ?? 0
    return own < bounds.maxClientsOfAuthor && this.#authorByClient.size < bounds.maxClients
  }

  /** The author itself may say the same again: it was taken for gone meanwhile. */
  #isNews({ client, clock, state }: AwarenessEntry, isDirect: boolean): boolean {
    const known = this.awareness.meta.get(client)?.clock
    const isShown = this.awareness.states.has(client)
    if (known === undefined) return state !== null
    if (clock === known) return state === null ? isShown : isDirect && !isShown
    return clock > known
  }

  #own(author: InstanceId, client: number): void {
    this.#authorByClient.set(client, author)
    this.#goneAtMsByClient.delete(client)
    const clients = this.#clientsByAuthor.get(author)
    if (clients === undefined) this.#clientsByAuthor.set(author, new Set([client]))
    else clients.add(client)
  }

  #disown(client: number): void {
    const author = this.#authorByClient.get(client)
    if (author === undefined) return
    this.#authorByClient.delete(client)
    const clients = this.#clientsByAuthor.get(author)
    clients?.delete(client)
    if (clients?.size === 0) {
      this.#clientsByAuthor.delete(author)
      this.#heardAtMsByAuthor.delete(author)
    }
    // At the end, so that the oldest come first.
    this.#goneAtMsByClient.delete(client)
    this.#goneAtMsByClient.set(client, this.#options.clock.monotonic())
    const [oldest] = this.#goneAtMsByClient.keys()
    if (this.#goneAtMsByClient.size > bounds.maxClients && oldest !== undefined) {
      this.#forget(oldest)
    }
  }

  #forget(client: number): void {
    this.#goneAtMsByClient.delete(client)
    if (!this.awareness.states.has(client)) this.awareness.meta.delete(client)
  }

  /** Listeners are the application's: what they throw is told, and reaches no link and no timer. */
  #guarded(change: () => void): void {
    try {
      change()
    } catch (error) {
      this.#options.logger.error('a listener of presence threw', { error: String(error) })
    }
  }

  #markDirty(author: InstanceId, client: number): void {
    const clients = this.#dirty.get(author)
    if (clients === undefined) this.#dirty.set(author, new Set([client]))
    else clients.add(client)
    const { clock } = this.#options
    const waitMs = Math.max(0, this.#toldAtMs + bounds.tellEveryMs - clock.monotonic())
    this.#telling ??= clock.after(Math.ceil(waitMs), () => this.#tell())
  }

  #tell(): void {
    this.#telling = undefined
    this.#toldAtMs = this.#options.clock.monotonic()
    const dirty = [...this.#dirty]
    this.#dirty.clear()
    for (const [author, clients] of dirty) {
      for (const bytes of this.#encode(clients)) this.#options.tell(author, bytes)
    }
  }

  /** In one update where that fits a message, else one a client. */
  #encode(clients: ReadonlySet<number>): readonly Uint8Array[] {
    const entries = this.awareness.entriesOf(clients)
    const all = encodeAwareness(entries)
    if (all.byteLength <= messageBounds.maxPresenceBytes) return [all]
    return entries.map((entry) => encodeAwareness([entry]))
  }
}
