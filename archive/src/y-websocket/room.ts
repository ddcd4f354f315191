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
  encodeStateVector,
  GrowingCoverage,
  readUpdate,
  stateVectorOf,
  type CollectionName,
  type DocumentId,
  type DocumentRef,
  type ErrorCode,
} from '@holdfast/peer/protocol'
import type { Clock } from '@holdfast/peer/ports'
import type { Log, RowEntry, TombstoneEntry } from '../log/port.js'
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
  /** What the durable rows of the living generation hold, waiting ones included. */
  readonly #coverage = new GrowingCoverage()
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
    return encodeStateVector(stateVectorOf(this.#coverage.toCoverage()))
  }

  /** Reads what the document is. Called once; rejects with what the log rejects with. */
  async load(): Promise<void> {
    const { log } = this.#options
    const latest = await log.latest(this.collection, this.id)
    if (latest !== undefined) {
      const { document, deleted } = latest
      this.#generation = deleted ? document.generation + 1 : document.generation
    }
    const state = await log.state(this.collection, this.document)
    if (state !== undefined) {
      for (const bytes of [state.bytes, ...state.parked]) this.#cover(bytes)
    }
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
    const coverage = readUpdate(update, ownBytes)
    // The log has read these bytes before it took them.
    if (coverage.ok) this.#coverage.add(coverage.value)
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
  if (a.byteLength !== b.byteLength) return false
  for (let at = 0; at < a.byteLength; at++) {
    if (a[at] !== b[at]) return false
  }
  return true
}
