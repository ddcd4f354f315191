/*
 * Tells neighbours who is here: this side's presence to everybody whom it is for, and that of others
 * to those who have no link to them, along a tree that is learned.
 *
 * Who passes on what a neighbour had from elsewhere is answered, once, by the same; from then on each
 * leaves the other out. When links or views change all of that is forgotten, and learned anew.
 */
import type { Clock, Undo } from '../ports/index.js'
import {
  messageBounds,
  type DocumentRef,
  type InstanceId,
  type Message,
} from '../protocol/index.js'
import { presenceBounds as bounds } from './limits.js'
import { keyOfShown, lacks, presenceOf, rumourOf, views, type Linked } from './linked.js'
import type { PresenceScope } from './presence-scope.js'

interface PresenceTellerOptions {
  readonly self: InstanceId
  readonly clock: Clock
  readonly linkedByInstance: ReadonlyMap<InstanceId, Linked>
}

export class PresenceTeller {
  readonly #options: PresenceTellerOptions
  /** Who brought the newest of what came by way of others, since the ways were last forgotten. */
  readonly #wayByShown = new Map<string, InstanceId>()
  readonly #owed: Owed[] = []
  #passing: Undo | undefined
  #learnedAtMs = -Infinity
  #sentMessages = 0
  #passedOn = 0

  constructor(options: PresenceTellerOptions) {
    this.#options = options
  }

  get sentMessages(): number {
    return this.#sentMessages
  }

  /** What is known of who has what by way of whom. */
  get rememberedWays(): number {
    let count = this.#wayByShown.size
    for (const { informed } of this.#all) count += informed.size
    return count
  }

  get passedOn(): number {
    return this.#passedOn
  }

  /** Something of this author's has changed, or was renewed. */
  tell(scope: PresenceScope, author: InstanceId, bytes: Uint8Array): void {
    for (const linked of this.#all) {
      if (!views(linked, scope)) continue
      if (author === this.#options.self) this.send(linked, presenceOf(scope, undefined, bytes))
      else if (linked.neighbours !== undefined && lacks(linked, author)) {
        if (linked.informed.has(keyOfShown(scope, author))) continue
        this.#sendOn(linked, scope, author, bytes)
      }
    }
  }

  /** All that is open here, and all that is shown here and is for it. */
  introduce(
    linked: Linked,
    documents: readonly DocumentRef[],
    scopes: Iterable<PresenceScope>,
  ): void {
    for (let at = 0; at < documents.length; at += messageBounds.maxViewed) {
      const opened = documents.slice(at, at + messageBounds.maxViewed)
      this.send(linked, { type: 'viewing', opened, closed: [] })
    }
    for (const scope of scopes) if (views(linked, scope)) this.showAll(scope, linked)
  }

  showAll(scope: PresenceScope, linked: Linked): void {
    const own = scope.bytesOf(this.#options.self)
    if (own !== undefined) this.send(linked, presenceOf(scope, undefined, own))
    if (linked.neighbours === undefined) return
    for (const author of scope.authors)
      if (lacks(linked, author)) this.passSoon(scope, author, linked)
  }

  /** What somebody else shows, to one who has no link to it: soon, if it has none then. */
  passSoon(scope: PresenceScope, author: InstanceId, linked: Linked): void {
    const key = keyOfShown(scope, author)
    if (linked.owed.has(key)) return
    linked.owed.add(key)
    this.#owed.push({ scope, author, linked, key })
    this.#passing ??= this.#options.clock.after(bounds.passAfterMs, () => this.#passOwed())
  }

  /** Nothing is armed afterwards. */
  close(): void {
    this.#passing?.()
    this.#owed.length = 0
  }

  toAll(message: Message): void {
    for (const linked of this.#all) this.send(linked, message)
  }

  send(linked: Linked, message: Message): void {
    this.#sentMessages++
    if (linked.links.at(-1)?.send(message) !== true) linked.isBehind = true
  }

  /** To everybody: those who are linked with the author ask it, the others doubt it. */
  spreadRumour(author: InstanceId, except: Linked | undefined): void {
    for (const linked of this.#all) {
      const isFullyLinked = linked.neighbours?.has(author) === true && this.#isFullMesh()
      if (linked !== except && linked.instance !== author && !isFullyLinked) {
        this.send(linked, rumourOf(author))
      }
    }
  }

  /** Tells somebody that it is said to be gone, twice as often as it answers that. */
  passRumour(about: Linked): void {
    const nowMs = this.#options.clock.monotonic()
    if (nowMs - about.rumouredAtMs < bounds.refuteEveryMs / 2) return
    about.rumouredAtMs = nowMs
    this.send(about, rumourOf(about.instance))
  }

  // The tree ---------------------------------------------------------------------------------------

  /** It has this of others: it is not passed it from here. */
  isInformed(from: Linked, scope: PresenceScope, author: InstanceId): void {
    this.#inform(from, keyOfShown(scope, author))
  }

  /**
   * It passed this on to us. If it came another way before, that is answered, to be left out; and an
   * answer is not answered.
   */
  wasPassed(from: Linked, scope: PresenceScope, author: InstanceId, isNews: boolean): void {
    const key = keyOfShown(scope, author)
    this.#inform(from, key)
    if (isNews) this.#wayByShown.set(key, from.instance)
    const way = this.#wayByShown.get(key) ?? from.instance
    const quietMs = this.#options.clock.monotonic() - (from.toldAtMs.get(key) ?? -Infinity)
    if (way !== from.instance && quietMs > bounds.rumourMs) this.#pass(scope, author, from)
  }

  /** Links or views have changed: forgets the ways. */
  relearn(): void {
    this.#learnedAtMs = this.#options.clock.monotonic()
    for (const { informed, toldAtMs } of this.#all) {
      informed.clear()
      toldAtMs.clear()
    }
    this.#wayByShown.clear()
  }

  /** Now and then without a reason, for a way that was lost without anybody noticing. */
  relearnInTime(): void {
    const nowMs = this.#options.clock.monotonic()
    if (nowMs - this.#learnedAtMs >= bounds.relearnEveryMs) this.relearn()
  }

  /** Those who name authors without end find that the ways are learned anew. */
  #inform(from: Linked, key: string): void {
    const isFull =
      from.informed.size >= bounds.maxInformed || this.#wayByShown.size >= bounds.maxInformed
    if (isFull) this.relearn()
    from.informed.add(key)
  }

  get #all(): Iterable<Linked> {
    return this.#options.linkedByInstance.values()
  }

  #passOwed(): void {
    this.#passing = undefined
    for (const { scope, author, linked, key } of this.#owed.splice(0)) {
      linked.owed.delete(key)
      const isNeeded = lacks(linked, author) && views(linked, scope) && linked.links.length > 0
      if (isNeeded) this.#pass(scope, author, linked)
    }
  }

  #pass(scope: PresenceScope, author: InstanceId, linked: Linked): void {
    const bytes = scope.bytesOf(author)
    if (bytes === undefined || bytes.byteLength > messageBounds.maxPresenceBytes) return
    this.#sendOn(linked, scope, author, bytes)
  }

  #sendOn(linked: Linked, scope: PresenceScope, author: InstanceId, bytes: Uint8Array): void {
    this.#passedOn++
    linked.toldAtMs.set(keyOfShown(scope, author), this.#options.clock.monotonic())
    this.send(linked, presenceOf(scope, author, bytes))
  }

  /** Everybody whom this side is linked with is linked with everybody else of them. */
  #isFullMesh(): boolean {
    const all = [...this.#all]
    return all.every((one) =>
      all.every((other) => one === other || one.neighbours?.has(other.instance) === true),
    )
  }
}

/** What is to be passed on. */
interface Owed {
  readonly scope: PresenceScope
  readonly author: InstanceId
  readonly linked: Linked
  readonly key: string
}
