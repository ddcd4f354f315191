import {
  messageBounds,
  type CollectionName,
  type DocumentRef,
  type Entry,
  type InstanceId,
} from '@holdfast/peer/protocol'
import type { Entry as LogEntry } from '../../log/port.js'
import type { NodeContext } from '../context.js'
import type { Participant } from '../participant.js'
import { PresenceRelay } from '../presence/relay.js'
import { readHoldings, type Holdings } from '../resync/holdings.js'
import { AboutBytes } from './about-bytes.js'
import { Gaps, isWriter } from './gaps.js'
import { LivePage, stretches } from './live-page.js'
import { placeOf, Places } from './places.js'
import type { Feed, Reader } from './reader.js'
import { RecentEntries } from './recent-entries.js'
import { SharedAnswers } from './shared-answers.js'
import { SharedPages } from './shared-pages.js'
import { wireEntry } from './wire-entry.js'

/**
 * A collection while somebody is connected: who is there, who is at the head, and what came last.
 *
 * Every new entry is put into bytes once for all readers at the head. Whoever is not there reads on
 * from memory or from the log at its own pace, and joins when it has reached the head.
 */
export class Collection implements Feed {
  readonly name: CollectionName
  readonly places = new Places((instance) => this.#readerByInstance.get(instance))
  readonly gaps: Gaps
  readonly presence: PresenceRelay
  readonly shared: SharedAnswers
  readonly pages: SharedPages
  readonly about: AboutBytes
  readonly #context: NodeContext
  readonly #sessions = new Map<InstanceId, Participant>()
  readonly #readers = new Set<Reader>()
  readonly #readerByInstance = new Map<InstanceId, Reader>()
  readonly #atHead = new Set<Reader>()
  readonly #recent: RecentEntries
  /** The last seq that the log has told of. */
  #head = 0
  #holdings: { readonly head: number; readonly made: Promise<Holdings> } | undefined
  /** Documents of the last places: to be fetched after their rows are gone. */
  readonly #documentByPlace = new Map<number, DocumentRef>()
  /** Stays where it is in the map: a new one would step over all that was deleted, for each place. */
  readonly #oldestPlaces = this.#documentByPlace.keys()

  constructor(name: CollectionName, context: NodeContext) {
    this.name = name
    this.#context = context
    this.#recent = new RecentEntries(context.limits.recentBytes)
    this.shared = new SharedAnswers(context.clock, context.limits.sharedBytes)
    this.pages = new SharedPages({
      name,
      context,
      recent: this.#recent,
      head: () => this.#head,
      isCrowded: () => this.#isCrowded,
    })
    this.about = new AboutBytes(context.log, name, context.clock)
    this.presence = new PresenceRelay(context, () => this.#sessions)
    this.gaps = new Gaps(context, () => [...this.#sessions.values()].filter(isWriter))
  }

  /** Looks up what was open before anybody came. */
  start(): void {
    const { log, limits, logger } = this.#context
    log.gaps(this.name, limits.maxGaps).then(
      (gaps) => this.gaps.known(gaps),
      (error: unknown) => logger.error('looking for gaps failed', { error: String(error) }),
    )
  }

  get head(): number {
    return this.#head
  }

  get sessions(): ReadonlyMap<InstanceId, Participant> {
    return this.#sessions
  }

  get readers(): ReadonlySet<Reader> {
    return this.#readers
  }

  get readersAtHead(): number {
    return this.#atHead.size
  }

  readerOf(instance: InstanceId): Reader | undefined {
    return this.#readerByInstance.get(instance)
  }

  isAtHead(reader: Reader): boolean {
    return this.#atHead.has(reader)
  }

  /** The session of that instance that was there before, if its link still stands: it has been replaced. */
  enter(session: Participant, instance: InstanceId): Participant | undefined {
    const before = this.#sessions.get(instance)
    this.#sessions.set(instance, session)
    return before
  }

  /** False if another session has taken its place. */
  leave(session: Participant, instance: InstanceId): boolean {
    this.gaps.forget(session)
    this.presence.left(session)
    if (this.#sessions.get(instance) !== session) return false
    this.#sessions.delete(instance)
    return true
  }

  get isEmpty(): boolean {
    return this.#sessions.size === 0
  }

  close(): void {
    this.gaps.close()
    this.shared.clear()
    this.pages.clear()
    this.#recent.clear()
  }

  /** Before its place is looked up: nothing that is committed from now on passes it by. */
  joined(reader: Reader): void {
    this.#readers.add(reader)
    this.#readerByInstance.set(reader.lease.instance, reader)
  }

  left(reader: Reader): void {
    this.#readers.delete(reader)
    const { instance } = reader.lease
    if (this.#readerByInstance.get(instance) === reader) this.#readerByInstance.delete(instance)
    this.#atHead.delete(reader)
    this.#context.leases.forget(reader)
    if (this.#readers.size === 0) this.#recent.clear()
    this.#forgetPagesOfOne()
  }

  reachedHead(reader: Reader): void {
    this.#atHead.add(reader)
    this.#forgetPagesOfOne()
  }

  fellBehind(reader: Reader): void {
    this.#atHead.delete(reader)
  }

  /** The log is known to reach this far. */
  sawHead(head: number): void {
    if (head > this.#head) this.#head = head
  }

  recentEntry(seq: number): Entry | undefined {
    return this.#recent.find(seq)
  }

  /** The document of an entry whose place was sent not long ago. */
  placeOf(seq: number): DocumentRef | undefined {
    return this.#documentByPlace.get(seq)
  }

  /** What the log holds, for comparing: taken down once for all who ask while nothing changes. */
  holdings(): Promise<Holdings> {
    const known = this.#holdings
    if (known !== undefined && known.head === this.#head) return known.made
    const { log, digests, instance } = this.#context
    const made = readHoldings(log, digests, this.name, instance)
    const holdings = { head: this.#head, made }
    this.#holdings = holdings
    made.catch(() => {
      if (this.#holdings === holdings) this.#holdings = undefined
    })
    return made
  }

  /** New entries of this collection, durable, in order. */
  committed(logEntries: readonly LogEntry[]): void {
    const first = logEntries[0]
    const last = logEntries[logEntries.length - 1]
    if (first === undefined || last === undefined) return
    const after = first.seq - 1
    this.sawHead(last.seq)
    // What is deleted is handed out to nobody any more.
    if (logEntries.some(({ kind }) => kind === 'tombstone')) {
      this.pages.clear()
      this.shared.clear()
    }
    if (this.#readers.size === 0) return
    const entries = logEntries.map(wireEntry)
    this.#recent.add(after, entries)
    if (this.#atHead.size > 0) this.#spread(after, entries)
  }

  /** More than one reader is on its way to the head. */
  get #isCrowded(): boolean {
    return this.#readers.size - this.#atHead.size > 1
  }

  #forgetPagesOfOne(): void {
    if (!this.#isCrowded) this.pages.clear()
  }

  #spread(after: number, entries: readonly Entry[]): void {
    const { livePageBytes } = this.#context.limits
    const places = this.places.of(entries)
    const placeBySeq = new Map<number, Entry>()
    const placeAt = (entry: Entry): Entry | undefined => {
      const { seq } = entry
      const known = placeBySeq.get(seq)
      if (known !== undefined) return known
      const place = placeOf(entry)
      if (place !== undefined) {
        placeBySeq.set(seq, place)
        this.#context.counters.places++
        this.#rememberPlace(entry)
      }
      return place
    }
    let from = after
    for (const stretch of stretches(entries, livePageBytes, messageBounds.maxEntries)) {
      const page = new LivePage(from, stretch, places, placeAt)
      for (const reader of this.#atHead) reader.takeLive(page)
      from = page.through
    }
  }

  #rememberPlace(entry: Entry): void {
    if (entry.kind !== 'row') return
    this.#documentByPlace.set(entry.seq, entry.document)
    if (this.#documentByPlace.size <= maxPlaces) return
    const { value: oldest } = this.#oldestPlaces.next()
    if (oldest !== undefined) this.#documentByPlace.delete(oldest)
  }
}

const maxPlaces = 4_096
