/**
 * What one socket is told of the rooms that there are: those with peers in them in which its token
 * gives `admin`.
 *
 *   off ── watch, token holds ──▶ on ⟲ watch with a newer token
 *    ▲                             │
 *    └── token ends, socket goes ──┘
 *
 * News wait for a tick, so that a room that comes and goes in between costs nothing, and are told in
 * pages: twenty thousand rooms are told in seconds and never stand in a buffer together. What waits
 * are rooms that were told or have somebody in them, so it is bounded by the rooms of the server.
 */
import {
  refuse,
  signallingBounds,
  signallingVersion,
  type CollectionName,
  type ErrorCode,
  type FromSignaller,
  type Parsed,
  type Watch as WatchMessage,
} from '@holdfast/peer/protocol'
import type { Grant } from '@holdfast/access'
import type { Undo } from '@holdfast/peer/ports'
import { grantOf } from '../access/granted.js'
import type { SignalContext } from '../context.js'
import { announcedLimits } from '../limits.js'
import type { Rooms } from './rooms.js'
import type { Watcher } from './watchers.js'

/** The socket that watches. */
export interface WatchOwner {
  send(message: FromSignaller): void
  /** It began or ended. */
  onWatchChanged(): void
  /** There may be a deadline earlier than those before. */
  wakeAt(atMs: number): void
}

export class Watch implements Watcher {
  readonly #context: SignalContext
  readonly #rooms: Rooms
  readonly #owner: WatchOwner
  readonly #told = new Set<CollectionName>()
  readonly #news = new Set<CollectionName>()
  /** Undefined: off. */
  #grant: Grant | undefined
  /** Monotonic. */
  #expiresAtMs = Number.POSITIVE_INFINITY
  /** The token that is being checked. */
  #question: object | undefined
  #owesEnd = false
  #tick: Undo | undefined

  constructor(context: SignalContext, rooms: Rooms, owner: WatchOwner) {
    this.#context = context
    this.#rooms = rooms
    this.#owner = owner
  }

  get isOn(): boolean {
    return this.#grant !== undefined
  }

  async ask({ token }: WatchMessage): Promise<void> {
    const question = {}
    this.#question = question
    const granted = await this.#granted(token)
    // Asked again, or the socket is gone.
    if (this.#question !== question) return
    this.#question = undefined
    if (granted.ok) this.#begin(granted.value)
    else this.#refuse(granted.refusal.code)
  }

  changed(collection: CollectionName): void {
    if (this.#told.has(collection) === this.#isShown(collection)) this.#news.delete(collection)
    else this.#news.add(collection)
    if (this.#news.size > 0) this.#arm()
  }

  /** Ends what is due; gives the next deadline (monotonic). */
  onDue(nowMs: number): number {
    if (!this.isOn) return Number.POSITIVE_INFINITY
    if (nowMs < this.#expiresAtMs) return this.#expiresAtMs
    this.#refuse('token-expired')
    return Number.POSITIVE_INFINITY
  }

  /** Nothing is told any more. Idempotent. */
  end(): void {
    this.#question = undefined
    this.#grant = undefined
    this.#rooms.watchers.delete(this)
    this.#tick?.()
    this.#tick = undefined
    this.#told.clear()
    this.#news.clear()
  }

  async #granted(token: string | undefined): Promise<Parsed<Grant>> {
    // Where strangers need no token, the name of a room may be all that keeps it to those in it.
    if (!this.#context.namesRooms) return refuse('forbidden', 'watch: an open server')
    const granted = await grantOf(this.#context, token)
    if (!granted.ok || (granted.value.most ?? 'admin') === 'admin') return granted
    return refuse('forbidden', 'watch: the token gives admin nowhere')
  }

  #begin(grant: Grant): void {
    const { clock } = this.#context
    if (!this.#rooms.watchers.add(this)) {
      this.#refuse('too-many')
      return
    }
    const expiresInMs = grant.expiresAtMs - clock.now()
    this.#grant = grant
    this.#expiresAtMs = clock.monotonic() + expiresInMs
    this.#owner.onWatchChanged()
    if (Number.isFinite(this.#expiresAtMs)) this.#owner.wakeAt(this.#expiresAtMs)
    this.#owner.send({
      type: 'watching',
      version: signallingVersion,
      ...(Number.isSafeInteger(Math.floor(expiresInMs))
        ? { expiresInMs: Math.max(0, Math.floor(expiresInMs)) }
        : {}),
      limits: announcedLimits(this.#context),
    })
    for (const collection of [...this.#told, ...this.#rooms.withPeers()]) this.#news.add(collection)
    this.#owesEnd = true
    this.#tell()
  }

  #refuse(code: ErrorCode): void {
    const wasOn = this.isOn
    this.#context.counters.refused(code)
    this.end()
    this.#owner.send({ type: 'unwatched', code })
    if (wasOn) this.#owner.onWatchChanged()
  }

  #arm(): void {
    this.#tick ??= this.#context.clock.after(tickMs, () => {
      this.#tick = undefined
      this.#tell()
    })
  }

  /** One page. */
  #tell(): void {
    const add: CollectionName[] = []
    const remove: CollectionName[] = []
    const most = signallingBounds.maxRoomsNamed
    let looked = 0
    for (const collection of this.#news) {
      if (add.length >= most || remove.length >= most || ++looked > maxLooked) break
      this.#news.delete(collection)
      const isShown = this.#isShown(collection)
      if (isShown === this.#told.has(collection)) continue
      if (isShown) {
        this.#told.add(collection)
        add.push(collection)
      } else {
        this.#told.delete(collection)
        remove.push(collection)
      }
    }
    const more = this.#news.size > 0
    if (add.length + remove.length > 0 || (this.#owesEnd && !more)) {
      this.#owner.send({ type: 'rooms', add, remove, more })
    }
    if (more) this.#arm()
    else this.#owesEnd = false
  }

  #isShown(collection: CollectionName): boolean {
    if (this.#rooms.room(collection)?.hasPeers !== true) return false
    return this.#grant?.accessTo(collection) === 'admin'
  }
}

/** A thousand rooms a second, in a third of a megabyte at the very most; nobody feels the wait. */
const tickMs = 100
/** Rooms that are held against the token in one tick: a millisecond, with the longest of tokens. */
const maxLooked = 512
