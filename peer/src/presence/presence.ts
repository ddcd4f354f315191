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
import type { Clock, Logger, Random, Undo } from '../ports/index.js'
import {
  copyOf,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
  type MessageOf,
} from '../protocol/index.js'
import { readAwareness } from './awareness-update.js'
import type { Awareness } from './awareness.js'
import { Doubts } from './doubts.js'
import { presenceBounds as bounds } from './limits.js'
import { keyOf, lacks, newLinked, views, type Linked, type PresenceLink } from './linked.js'
import { PresenceScope } from './presence-scope.js'
import { PresenceTeller } from './presence-teller.js'
import { Scopes } from './scopes.js'

export type PresenceMessage = MessageOf<'presence'> | MessageOf<'viewing'> | MessageOf<'neighbours'>

export interface PresenceOptions {
  readonly self: InstanceId
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Lends the collection's presence its client id. */
  readonly doc: Y.Doc
  /** Of that doc, where there is one: it is not ended here. */
  readonly awareness?: Awareness
}

export interface PresenceStatistics {
  readonly clients: number
  /** Of what came: entries about clients of others, and what could not be read. */
  readonly foreign: number
  readonly refused: number
  readonly sentMessages: number
  readonly passedOn: number
  /** Of what came by way of others: what is known of the ways. Bounded, and forgotten now and then. */
  readonly rememberedWays: number
}

export class Presence {
  readonly #options: PresenceOptions
  readonly #linkedByInstance = new Map<InstanceId, Linked>()
  readonly #scopes: Scopes
  readonly #teller: PresenceTeller
  readonly #doubts: Doubts
  #sweeping: Undo | undefined
  #refutedAtMs = -Infinity
  #isClosed = false
  #foreign = 0
  #refused = 0

  constructor(options: PresenceOptions) {
    this.#options = options
    const { self, clock, doc, awareness } = options
    this.#teller = new PresenceTeller({ self, clock, linkedByInstance: this.#linkedByInstance })
    this.#doubts = new Doubts(clock, (author) => this.#end(author))
    this.#scopes = new Scopes(this.#newScope(undefined, doc, awareness))
  }

  /** Of the collection as a whole. */
  get collection(): Awareness {
    return this.#scopes.collection.awareness
  }

  /** Of a document that is opened here. An awareness that is given is not ended by closing it. */
  open(document: DocumentRef, doc: Y.Doc, awareness?: Awareness): Awareness {
    this.close(document.id)
    const scope = this.#newScope(document, doc, awareness)
    this.#scopes.add(document, scope)
    this.#teller.toAll({ type: 'viewing', opened: [document], closed: [] })
    return scope.awareness
  }

  /** A document is closed here: this side is seen to leave it. Idempotent. */
  close(id: DocumentId): void {
    const scope = this.#scopes.remove(id)
    if (scope?.document === undefined) return
    scope.close()
    this.#teller.toAll({ type: 'viewing', opened: [], closed: [scope.document] })
  }

  /** All is closed, and nothing is armed afterwards. Idempotent. */
  closeAll(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const { id } of this.#scopes.documents) this.close(id)
    this.#scopes.collection.close()
    this.#doubts.clear()
    this.#teller.close()
    this.#linkedByInstance.clear()
    this.#sweeping?.()
  }

  stats(): PresenceStatistics {
    let clients = 0
    for (const { awareness } of this.#scopes) clients += awareness.states.size
    const { sentMessages, passedOn, rememberedWays } = this.#teller
    const [foreign, refused] = [this.#foreign, this.#refused]
    return { clients, foreign, refused, sentMessages, passedOn, rememberedWays }
  }

  // Links ------------------------------------------------------------------------------------------

  /** A link stands. All that this side shows goes there, also where an older link does. */
  opened(link: PresenceLink): void {
    const { instance } = link
    if (instance === undefined || this.#isClosed) return
    this.#doubts.believe(instance)
    const known = this.#linkedByInstance.get(instance)
    const linked = known ?? newLinked(instance)
    linked.links.push(link)
    this.#linkedByInstance.set(instance, linked)
    this.#teller.relearn()
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
    this.#teller.relearn()
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
    const isRumour = message.bytes.byteLength === 0
    if (author === this.#options.self) {
      if (isRumour) this.#refute()
      return
    }
    const theirLink = this.#linkedByInstance.get(author)
    if (isRumour) {
      if (isDirect) this.#withdraw(author, message.document)
      else if (theirLink === undefined) this.#doubtOnHearsay(author, from)
      // Who is linked with it knows better, and lets it say so itself.
      else this.#teller.passRumour(theirLink)
      return
    }
    const scope = this.#scopes.of(message.document)
    if (scope === undefined) return
    if (!isDirect && theirLink !== undefined) {
      this.#teller.isInformed(from, scope, author)
      this.#takeWithdrawals(scope, author, message.bytes)
    } else this.#take(from, scope, author, message.bytes)
  }

  /**
   * Its link stood here and not yet there when it left this document, and will not tell it again. What
   * is not so, its next renewal sets right.
   */
  #takeWithdrawals(scope: PresenceScope, author: InstanceId, bytes: Uint8Array): void {
    const read = readAwareness(copyOf(bytes))
    if (!read.ok) return
    scope.hear(
      author,
      read.value.filter(({ state }) => state === null),
      false,
    )
  }

  #take(from: Linked, scope: PresenceScope, author: InstanceId, bytes: Uint8Array): void {
    const isDirect = author === from.instance
    const read = readAwareness(copyOf(bytes))
    if (!read.ok) {
      this.#refused++
      from.links.at(-1)?.send({ type: 'error', code: read.refusal.code })
      return
    }
    const { taken, foreign } = scope.hear(author, read.value, isDirect)
    this.#foreign += foreign
    if (taken > 0) this.#doubts.believe(author)
    this.#sweepLater()
    if (isDirect || foreign > 0 || !scope.shows(author)) return
    this.#teller.wasPassed(from, scope, author, taken > 0)
  }

  #view(linked: Linked, { opened, closed }: MessageOf<'viewing'>): void {
    this.#teller.relearn()
    for (const document of closed) linked.viewed.delete(keyOf(document))
    for (const document of opened) {
      if (linked.viewed.size >= bounds.maxViewed) break
      // Said again on a second link, and then it has been shown what there is.
      if (linked.viewed.has(keyOf(document))) continue
      linked.viewed.add(keyOf(document))
      const scope = this.#scopes.of(document)
      if (scope?.document !== undefined) this.#teller.showAll(scope, linked)
    }
  }

  /** Those whom it has no link to are passed on to it from now on. */
  #meetNeighbours(linked: Linked, neighbours: ReadonlySet<InstanceId>): void {
    const before = linked.neighbours
    linked.neighbours = neighbours
    this.#teller.relearn()
    for (const scope of this.#scopes) {
      if (!views(linked, scope)) continue
      for (const author of scope.authors) {
        const lackedBefore = before !== undefined && !before.has(author)
        if (!lackedBefore && lacks(linked, author)) this.#teller.passSoon(scope, author, linked)
      }
    }
  }

  // Who is gone ------------------------------------------------------------------------------------

  /** Its own word: nothing of it is shown, here or at all. */
  #withdraw(author: InstanceId, document: DocumentRef | undefined): void {
    if (document === undefined) this.#end(author)
    else this.#scopes.of(document)?.gone(author)
  }

  #doubtOnHearsay(author: InstanceId, from: Linked): void {
    if (this.#doubts.has(author) || !this.#scopes.shows(author)) return
    this.#teller.spreadRumour(author, from)
    this.#doubt(author, bounds.rumourMs)
  }

  #doubt(author: InstanceId, forMs: number): void {
    if (!this.#isClosed) this.#doubts.doubt(author, forMs)
  }

  #end(author: InstanceId): void {
    this.#doubts.believe(author)
    if (!this.#scopes.shows(author)) return
    for (const scope of this.#scopes) scope.gone(author)
    this.#teller.spreadRumour(author, undefined)
  }

  /** Somebody says that we are gone. */
  #refute(): void {
    const nowMs = this.#options.clock.monotonic()
    if (nowMs - this.#refutedAtMs < bounds.refuteEveryMs) return
    this.#refutedAtMs = nowMs
    for (const scope of this.#scopes) scope.renew()
  }

  #sweepLater(): void {
    if (this.#isClosed || this.#sweeping !== undefined) return
    this.#sweeping = this.#options.clock.after(bounds.sweepEveryMs, () => {
      this.#sweeping = undefined
      this.#teller.relearnInTime()
      let isNeeded = this.#linkedByInstance.size > 0
      for (const scope of this.#scopes) {
        scope.sweep((author) => this.#linkedByInstance.has(author))
        isNeeded ||= scope.authors.length > 0
      }
      if (isNeeded) this.#sweepLater()
    })
  }

  #introduce(linked: Linked): void {
    this.#teller.introduce(linked, this.#scopes.documents, this.#scopes)
  }

  #newScope(
    document: DocumentRef | undefined,
    doc: Y.Doc,
    awareness: Awareness | undefined,
  ): PresenceScope {
    const { self, clock, random, logger } = this.#options
    const scope: PresenceScope = new PresenceScope({
      self,
      clock,
      random,
      logger,
      document,
      doc,
      awareness,
      tell: (author, bytes) => this.#teller.tell(scope, author, bytes),
    })
    return scope
  }
}
