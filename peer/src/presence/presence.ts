/*
 * Presence in one collection: of the collection itself, and of each document that is open here.
 *
 * - Whom a link stands to tells its presence itself: the whole collection's to everybody, a
 *   document's to those who have it open (`viewing`).
 * - Who has no link to somebody gets that one's presence passed on, with its name, by those who have.
 *   Who is passed what it has from elsewhere passes it back, once, and is left out from then on: so a
 *   tree is left. When links or views change, it is learned anew.
 * - Who says `bye` is gone at once, who falls silent when its link is dead, and where the pipe broke
 *   a new one has three seconds to come.
 * - That somebody else is gone is a rumour: it goes round, and whoever is not gone says so. Nobody is
 *   taken away on hearsay before half a second has passed without a newer word of it.
 */
import type * as Y from 'yjs'
import type { Clock, Random, Undo } from '../ports/index.js'
import {
  copyOf,
  messageBounds,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
  type Message,
  type MessageOf,
} from '../protocol/index.js'
import { readAwareness } from './awareness-update.js'
import type { Awareness } from './awareness.js'
import { presenceBounds as bounds } from './limits.js'
import { PresenceScope } from './presence-scope.js'

/** A link on which somebody is known to be at the other end. */
export interface PresenceLink {
  readonly instance: InstanceId | undefined
  /** False: it was not sent. */
  send(message: Message): boolean
}

export type PresenceMessage = MessageOf<'presence'> | MessageOf<'viewing'> | MessageOf<'neighbours'>

export interface PresenceOptions {
  readonly self: InstanceId
  readonly clock: Clock
  readonly random: Random
  /** Lends the collection's presence its client id. */
  readonly doc: Y.Doc
}

export interface PresenceStatistics {
  readonly clients: number
  /** Of what came: entries about clients of others, and what could not be read. */
  readonly foreign: number
  readonly refused: number
  readonly sentMessages: number
  readonly passedOn: number
}

export class Presence {
  readonly #options: PresenceOptions
  readonly #collection: PresenceScope
  readonly #scopeById = new Map<DocumentId, PresenceScope>()
  readonly #linkedByInstance = new Map<InstanceId, Linked>()
  /** Those who may be gone, and until when they may say otherwise. */
  readonly #doubts = new Map<InstanceId, Undo>()
  /** Who brought the newest of what came by way of others, since the ways were last forgotten. */
  readonly #wayByShown = new Map<string, InstanceId>()
  #sweeping: Undo | undefined
  #refutedAtMs = -Infinity
  #learnedAtMs = -Infinity
  #isClosed = false
  #foreign = 0
  #refused = 0
  #sentMessages = 0
  #passedOn = 0

  constructor(options: PresenceOptions) {
    this.#options = options
    this.#collection = this.#newScope(undefined, options.doc)
  }

  /** Of the collection as a whole. */
  get collection(): Awareness {
    return this.#collection.awareness
  }

  /** Of a document that is opened here. */
  open(document: DocumentRef, doc: Y.Doc): Awareness {
    this.close(document.id)
    const scope = this.#newScope(document, doc)
    this.#scopeById.set(document.id, scope)
    for (const linked of this.#linkedByInstance.values()) {
      this.#send(linked, { type: 'viewing', opened: [document], closed: [] })
    }
    return scope.awareness
  }

  /** A document is closed here: this side is seen to leave it. Idempotent. */
  close(id: DocumentId): void {
    const scope = this.#scopeById.get(id)
    if (scope?.document === undefined) return
    scope.close()
    this.#scopeById.delete(id)
    for (const linked of this.#linkedByInstance.values()) {
      this.#send(linked, { type: 'viewing', opened: [], closed: [scope.document] })
    }
  }

  /** All is closed, and nothing is armed afterwards. Idempotent. */
  closeAll(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const id of this.#scopeById.keys()) this.close(id)
    this.#collection.close()
    for (const undo of this.#doubts.values()) undo()
    this.#doubts.clear()
    this.#linkedByInstance.clear()
    this.#sweeping?.()
  }

  stats(): PresenceStatistics {
    let clients = 0
    for (const { awareness } of this.#scopes()) clients += awareness.states.size
    return {
      clients,
      foreign: this.#foreign,
      refused: this.#refused,
      sentMessages: this.#sentMessages,
      passedOn: this.#passedOn,
    }
  }

  // Links ------------------------------------------------------------------------------------------

  /** A link stands. All that this side shows goes there, also where an older link does. */
  opened(link: PresenceLink): void {
    const { instance } = link
    if (instance === undefined || this.#isClosed) return
    this.#believe(instance)
    const known = this.#linkedByInstance.get(instance)
    const linked = known ?? newLinked(instance)
    linked.links.push(link)
    this.#linkedByInstance.set(instance, linked)
    this.#relearn()
    this.#introduce(linked)
    this.#sweepLater()
  }

  /** @param why `left`: it said goodbye; `dead`: it fell silent; `broken`: the pipe did. */
  closed(link: PresenceLink, why: 'left' | 'dead' | 'broken'): void {
    const { instance } = link
    const linked = instance === undefined ? undefined : this.#linkedByInstance.get(instance)
    const at = linked?.links.indexOf(link) ?? -1
    if (instance === undefined || linked === undefined || at < 0) return
    linked.links.splice(at, 1)
    if (linked.links.length > 0) return
    this.#linkedByInstance.delete(instance)
    this.#relearn()
    if (why === 'broken') this.#doubt(instance, bounds.brokenLinkMs)
    else this.#end(instance)
  }

  /** What was lost because a lane was full is said again. */
  roomAgain(link: PresenceLink): void {
    const linked = link.instance && this.#linkedByInstance.get(link.instance)
    if (!linked?.isBehind) return
    linked.isBehind = false
    this.#introduce(linked)
  }

  heard(link: PresenceLink, message: PresenceMessage): void {
    const linked = link.instance && this.#linkedByInstance.get(link.instance)
    if (!linked) return
    if (message.type === 'presence') this.#hear(linked, message)
    else if (message.type === 'viewing') this.#view(linked, message)
    else this.#meetNeighbours(linked, new Set(message.instances))
  }

  // What comes -------------------------------------------------------------------------------------

  #hear(from: Linked, message: MessageOf<'presence'>): void {
    const author = message.from ?? from.instance
    const isDirect = author === from.instance
    if (author === this.#options.self) {
      if (message.bytes.byteLength === 0) this.#refute()
      return
    }
    const theirLink = this.#linkedByInstance.get(author)
    if (message.bytes.byteLength === 0) {
      if (isDirect) this.#withdraw(author, message.document)
      else if (theirLink === undefined) this.#doubtOnHearsay(author, from)
      // Who is linked with it knows better, and lets it say so itself.
      else this.#send(theirLink, rumourOf(author))
      return
    }
    const scope = this.#scopeOf(message.document)
    if (scope === undefined) return
    if (!isDirect && theirLink !== undefined) {
      from.informed.add(keyOfShown(scope, author))
      return
    }
    const read = readAwareness(copyOf(message.bytes))
    if (!read.ok) {
      this.#refused++
      from.links.at(-1)?.send({ type: 'error', code: read.refusal.code })
      return
    }
    const { taken, foreign } = scope.hear(author, read.value, isDirect)
    this.#foreign += foreign
    if (taken > 0) this.#believe(author)
    this.#sweepLater()
    if (isDirect || foreign > 0) return
    const key = keyOfShown(scope, author)
    from.informed.add(key)
    if (taken > 0) this.#wayByShown.set(key, from.instance)
    // It came another way before: that is answered, to be left out; and an answer is not answered.
    const way = this.#wayByShown.get(key) ?? from.instance
    const quietMs = this.#options.clock.monotonic() - (from.toldAtMs.get(key) ?? -Infinity)
    if (way !== from.instance && quietMs > bounds.rumourMs) this.#pass(scope, author, from)
  }

  #view(linked: Linked, { opened, closed }: MessageOf<'viewing'>): void {
    this.#relearn()
    for (const document of closed) linked.viewed.delete(keyOf(document))
    for (const document of opened) {
      if (linked.viewed.size >= bounds.maxViewed) break
      linked.viewed.add(keyOf(document))
      const scope = this.#scopeOf(document)
      if (scope?.document !== undefined) this.#showAll(scope, linked)
    }
  }

  /** Those whom it has no link to are passed on to it from now on. */
  #meetNeighbours(linked: Linked, neighbours: ReadonlySet<InstanceId>): void {
    const before = linked.neighbours
    linked.neighbours = neighbours
    this.#relearn()
    for (const scope of this.#scopes()) {
      if (!views(linked, scope)) continue
      for (const author of scope.authors) {
        const lackedBefore = before !== undefined && !before.has(author)
        if (!lackedBefore && lacks(linked, author)) this.#pass(scope, author, linked)
      }
    }
  }

  // Who is gone ------------------------------------------------------------------------------------

  /** Its own word: nothing of it is shown, here or at all. */
  #withdraw(author: InstanceId, document: DocumentRef | undefined): void {
    if (document === undefined) this.#end(author)
    else this.#scopeOf(document)?.gone(author)
  }

  #doubtOnHearsay(author: InstanceId, from: Linked): void {
    if (this.#doubts.has(author) || !this.#isShown(author)) return
    this.#spreadRumour(author, from)
    this.#doubt(author, bounds.rumourMs)
  }

  #doubt(author: InstanceId, forMs: number): void {
    if (this.#isClosed || this.#doubts.has(author)) return
    this.#doubts.set(
      author,
      this.#options.clock.after(forMs, () => this.#end(author)),
    )
  }

  #believe(author: InstanceId): void {
    this.#doubts.get(author)?.()
    this.#doubts.delete(author)
  }

  #end(author: InstanceId): void {
    this.#believe(author)
    if (!this.#isShown(author)) return
    for (const scope of this.#scopes()) scope.gone(author)
    this.#spreadRumour(author, undefined)
  }

  /** To everybody: those who are linked with it ask it, the others doubt it. */
  #spreadRumour(author: InstanceId, except: Linked | undefined): void {
    for (const linked of this.#linkedByInstance.values()) {
      const isFullyLinked = linked.neighbours?.has(author) === true && this.#isFullMesh()
      if (linked !== except && linked.instance !== author && !isFullyLinked) {
        this.#send(linked, rumourOf(author))
      }
    }
  }

  /** Somebody says that we are gone. */
  #refute(): void {
    const nowMs = this.#options.clock.monotonic()
    if (nowMs - this.#refutedAtMs < bounds.refuteEveryMs) return
    this.#refutedAtMs = nowMs
    for (const scope of this.#scopes()) scope.renew()
  }

  #relearn(): void {
    this.#learnedAtMs = this.#options.clock.monotonic()
    for (const { informed, toldAtMs } of this.#linkedByInstance.values()) {
      informed.clear()
      toldAtMs.clear()
    }
    this.#wayByShown.clear()
  }

  #sweepLater(): void {
    if (this.#isClosed || this.#sweeping !== undefined) return
    this.#sweeping = this.#options.clock.after(bounds.sweepEveryMs, () => {
      this.#sweeping = undefined
      const nowMs = this.#options.clock.monotonic()
      if (nowMs - this.#learnedAtMs >= bounds.relearnEveryMs) this.#relearn()
      let isNeeded = this.#linkedByInstance.size > 0
      for (const scope of this.#scopes()) {
        scope.sweep((author) => this.#linkedByInstance.has(author))
        isNeeded ||= scope.authors.length > 0
      }
      if (isNeeded) this.#sweepLater()
    })
  }

  // What goes --------------------------------------------------------------------------------------

  #newScope(document: DocumentRef | undefined, doc: Y.Doc): PresenceScope {
    const { self, clock, random } = this.#options
    const scope: PresenceScope = new PresenceScope({
      self,
      clock,
      random,
      document,
      doc,
      tell: (author, bytes) => this.#tell(scope, author, bytes),
    })
    return scope
  }

  #tell(scope: PresenceScope, author: InstanceId, bytes: Uint8Array): void {
    for (const linked of this.#linkedByInstance.values()) {
      if (!views(linked, scope)) continue
      if (author === this.#options.self) this.#send(linked, presenceOf(scope, undefined, bytes))
      else if (linked.neighbours !== undefined && lacks(linked, author)) {
        if (linked.informed.has(keyOfShown(scope, author))) continue
        this.#sendOn(linked, scope, author, bytes)
      }
    }
  }

  #introduce(linked: Linked): void {
    const documents: DocumentRef[] = []
    for (const { document } of this.#scopeById.values()) if (document) documents.push(document)
    for (let at = 0; at < documents.length; at += messageBounds.maxViewed) {
      const opened = documents.slice(at, at + messageBounds.maxViewed)
      this.#send(linked, { type: 'viewing', opened, closed: [] })
    }
    for (const scope of this.#scopes()) if (views(linked, scope)) this.#showAll(scope, linked)
  }

  #showAll(scope: PresenceScope, linked: Linked): void {
    const own = scope.bytesOf(this.#options.self)
    if (own !== undefined) this.#send(linked, presenceOf(scope, undefined, own))
    if (linked.neighbours === undefined) return
    for (const author of scope.authors) if (lacks(linked, author)) this.#pass(scope, author, linked)
  }

  #pass(scope: PresenceScope, author: InstanceId, linked: Linked): void {
    const bytes = scope.bytesOf(author)
    if (bytes === undefined || bytes.byteLength > messageBounds.maxPresenceBytes) return
    this.#sendOn(linked, scope, author, bytes)
  }

  #sendOn(linked: Linked, scope: PresenceScope, author: InstanceId, bytes: Uint8Array): void {
    this.#passedOn++
    linked.toldAtMs.set(keyOfShown(scope, author), this.#options.clock.monotonic())
    this.#send(linked, presenceOf(scope, author, bytes))
  }

  #send(linked: Linked, message: Message): void {
    this.#sentMessages++
    if (linked.links.at(-1)?.send(message) !== true) linked.isBehind = true
  }

  #scopeOf(document: DocumentRef | undefined): PresenceScope | undefined {
    if (document === undefined) return this.#collection
    const scope = this.#scopeById.get(document.id)
    return scope?.document?.generation === document.generation ? scope : undefined
  }

  *#scopes(): Iterable<PresenceScope> {
    yield this.#collection
    yield* this.#scopeById.values()
  }

  #isShown(author: InstanceId): boolean {
    for (const scope of this.#scopes()) if (scope.authors.includes(author)) return true
    return false
  }

  /** Everybody whom this side is linked with is linked with everybody else of them. */
  #isFullMesh(): boolean {
    const all = [...this.#linkedByInstance.values()]
    return all.every((one) =>
      all.every((other) => one === other || one.neighbours?.has(other.instance) === true),
    )
  }
}

/** One neighbour, on however many links at the moment. */
interface Linked {
  readonly instance: InstanceId
  readonly links: PresenceLink[]
  readonly viewed: Set<string>
  /** What it is passed by others: authors, each with the scope. */
  readonly informed: Set<string>
  /** When it was last passed what from here. */
  readonly toldAtMs: Map<string, number>
  /** Whom it is linked with; undefined until it has said so. */
  neighbours: ReadonlySet<InstanceId> | undefined
  /** Something was not sent. */
  isBehind: boolean
}

function newLinked(instance: InstanceId): Linked {
  return {
    instance,
    links: [],
    viewed: new Set(),
    informed: new Set(),
    toldAtMs: new Map(),
    neighbours: undefined,
    isBehind: false,
  }
}

function views({ viewed }: Linked, { document }: PresenceScope): boolean {
  return document === undefined || viewed.has(keyOf(document))
}

function lacks({ instance, neighbours }: Linked, author: InstanceId): boolean {
  return instance !== author && neighbours?.has(author) !== true
}

function presenceOf(
  { document }: PresenceScope,
  from: InstanceId | undefined,
  bytes: Uint8Array,
): Message {
  return {
    type: 'presence',
    ...(document === undefined ? {} : { document }),
    ...(from === undefined ? {} : { from }),
    bytes,
  }
}

function rumourOf(author: InstanceId): Message {
  return { type: 'presence', from: author, bytes: new Uint8Array(0) }
}

function keyOfShown({ document }: PresenceScope, author: InstanceId): string {
  return document === undefined ? author : `${author} ${keyOf(document)}`
}

function keyOf({ id, generation }: DocumentRef): string {
  return `${generation} ${id}`
}
