/*
 * One document, as long as somebody is connected to it:
 *
 *   loading ── its generation and coverage are known ──▶ open ── tombstone ──▶ ended
 *      └────────────── the log failed ──▶ failed               everybody is closed for good
 *
 * What the log commits, whoever wrote it, goes to every socket that is at the head. There is no
 * Y.Doc: the room knows what the document holds by its coverage alone.
 */
import {
  emptyCoverage,
  encodeStateVector,
  GrowingCoverage,
  readUpdate,
  stateVectorOf,
  type CollectionName,
  type DocumentId,
  type DocumentRef,
  type ErrorCode,
} from '@holdfast/peer/protocol'
import type { Clock, Logger } from '@holdfast/peer/ports'
import type { Log, RowEntry, StoredIds, TombstoneEntry } from '../log/port.js'
import { ownBytes } from '../log/sqlite/own-bytes.js'
import { Answers } from './answers.js'
import type { YWebsocketLimits } from './limits.js'
import { Presences } from './presences.js'
import type { StateBudget } from './state-budget.js'
import { encodeAwareness, encodeUpdate } from './wire.js'

/** What a room tells those who are in it. */
export interface RoomMember {
  /** A change, encoded once for all, that is durable at `seq`. */
  deliver(message: Uint8Array, seq: number): void
  deliverPresence(message: Uint8Array): void
  /** Whether what it shows may be told to so many now. */
  mayShow(viewers: number): boolean
  end(code: ErrorCode): void
}

export interface RoomOptions {
  readonly log: Log
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: YWebsocketLimits
  readonly states: StateBudget
}

export class Room {
  readonly collection: CollectionName
  readonly id: DocumentId
  readonly members = new Set<RoomMember>()
  readonly answers: Answers
  readonly #options: RoomOptions
  readonly #presences: Presences<RoomMember>
  /** Structs that the durable rows of the living generation hold, waiting ones included; never more. */
  readonly #held = new GrowingCoverage()
  /** The last entry that everybody here was told of. */
  #toldSeq = 0
  /** What the log has said to hold, as long as it reaches beyond what everybody here was told. */
  #known: StoredIds | undefined
  /** The log is being asked: once, and again if more came meanwhile. */
  #asking: 'once' | 'again' | undefined
  /** Entries that were committed while the room was loading; undefined afterwards. */
  #early: (RowEntry | TombstoneEntry)[] | undefined = []
  #generation = 0
  #ended: ErrorCode | undefined
  /** Updates on their way into the log, and who sent them: these need not be told. */
  readonly #underway: { readonly author: RoomMember; readonly update: Uint8Array }[] = []

  constructor(collection: CollectionName, id: DocumentId, options: RoomOptions) {
    this.collection = collection
    this.id = id
    this.#options = options
    this.#presences = new Presences(options.limits)
    this.answers = new Answers({
      states: options.states,
      read: (from) => options.log.state(collection, this.document, from),
      stateVector: () => this.stateVector,
    })
  }

  /** Why nobody can be in it any more. */
  get ended(): ErrorCode | undefined {
    return this.#ended
  }

  /** Of the living generation. */
  get document(): DocumentRef {
    return { id: this.id, generation: this.#generation }
  }

  /** What the document holds now, as Yjs says it. */
  get stateVector(): Uint8Array {
    return encodeStateVector(stateVectorOf(this.#held.toCoverage()))
  }

  /** Reads what the document is. Called once; rejects with what the log rejects with. */
  async load(): Promise<void> {
    const { log } = this.#options
    const latest = await log.latest(this.collection, this.id)
    if (latest !== undefined) {
      const { document, deleted } = latest
      this.#generation = deleted ? document.generation + 1 : document.generation
    }
    const ids = await log.ids(this.collection, this.document)
    if (ids !== undefined) this.#hold(ids)
    const early = this.#early ?? []
    this.#early = undefined
    for (const entry of early) this.onEntry(entry)
  }

  /** The log has committed an entry of this document. */
  onEntry(entry: RowEntry | TombstoneEntry): void {
    if (this.#early !== undefined) {
      this.#early.push(entry)
      return
    }
    if (entry.document.generation !== this.#generation) return
    if (entry.kind === 'tombstone') {
      this.end('document-deleted')
      return
    }
    const message = encodeUpdate('update', entry.bytes)
    const author = this.#authorOf(entry.bytes)
    for (const member of this.members) {
      if (member !== author) member.deliver(message, entry.seq)
    }
    this.#toldSeq = entry.seq
    // After the members: who falls behind with this entry still has to be told of it.
    this.#cover(entry.bytes)
    this.answers.changed()
  }

  /** Nobody is served any more, now or later. */
  end(code: ErrorCode): void {
    this.#ended ??= code
    for (const member of this.members) member.end(code)
  }

  /** Remembers who sends these until the log has answered. */
  async underway<T>(
    author: RoomMember,
    updates: readonly Uint8Array[],
    append: () => Promise<T>,
  ): Promise<T> {
    const mine = updates.map((update) => ({ author, update }))
    this.#underway.push(...mine)
    try {
      return await append()
    } finally {
      for (const one of mine) {
        const at = this.#underway.indexOf(one)
        if (at >= 0) this.#underway.splice(at, 1)
      }
    }
  }

  /** Takes in presence and passes on what is new: to its sender too, who waits for a sign of life. */
  takePresence(member: RoomMember, update: Uint8Array): ErrorCode | undefined {
    const news = this.#presences.take(member, update, this.#options.clock.monotonic())
    if (!news.ok) return news.refusal.code
    // Who opens the document is shown it all the same, and its client says it again by itself.
    if (news.value !== undefined && member.mayShow(this.members.size)) {
      this.#tellPresence(news.value)
    }
    return undefined
  }

  /** Everybody's presence as a message; undefined if nobody shows any. */
  get presence(): Uint8Array | undefined {
    const all = this.#presences.all()
    return all === undefined ? undefined : encodeAwareness(all)
  }

  leave(member: RoomMember): void {
    if (!this.members.delete(member)) return
    this.#tellPresence(this.#presences.leave(member, this.#options.clock.monotonic()))
  }

  forgetOldPresence(nowMs: number): void {
    this.#presences.forget(nowMs)
  }

  #tellPresence(news: Uint8Array | undefined): void {
    if (news === undefined) return
    const message = encodeAwareness(news)
    for (const member of this.members) member.deliverPresence(message)
  }

  #cover(update: Uint8Array): void {
    if (update.byteLength > maxReadBytes) {
      void this.#askLog()
      return
    }
    const coverage = readUpdate(update, ownBytes)
    // The log has read these bytes before it took them.
    if (coverage.ok) this.#held.add(coverage.value)
    const known = this.#known
    if (known !== undefined) this.#hold(known)
  }

  /**
   * The log reads what is large where nobody waits for it. Until it has answered the vector says less
   * than there is, which costs bytes that are said twice, and nothing else.
   */
  async #askLog(): Promise<void> {
    if (this.#asking !== undefined) {
      this.#asking = 'again'
      return
    }
    try {
      do {
        this.#asking = 'once'
        const ids = await this.#options.log.ids(this.collection, this.document)
        if (ids !== undefined) this.#hold(ids)
      } while (this.#isToBeAskedAgain)
    } catch (error) {
      const { collection } = this
      this.#options.logger.debug('what a document holds was not told', {
        collection,
        reason: String(error),
      })
    } finally {
      this.#asking = undefined
    }
  }

  get #isToBeAskedAgain(): boolean {
    return this.#asking === 'again' && this.members.size > 0
  }

  /**
   * The vector may not name what is still to be told here: who falls behind goes on from it, and
   * would never get that.
   */
  #hold(ids: StoredIds): void {
    const isAhead = this.#early === undefined && ids.through > this.#toldSeq
    this.#known = isAhead ? ids : undefined
    if (isAhead) return
    for (const structs of [ids.integrated, ids.parked]) {
      this.#held.add({ ...emptyCoverage, structs })
    }
  }

  /** The first of those underway that sent exactly these bytes, as rows come in the order of sending. */
  #authorOf(bytes: Uint8Array): RoomMember | undefined {
    for (const { author, update } of this.#underway) {
      if (isEqual(update, bytes)) return author
    }
    return undefined
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && Buffer.compare(a, b) === 0
}

/** An update of this size is read in a millisecond; one of 60 MB would hold up everybody for half a second. */
const maxReadBytes = 64 * 1024
