import { Channel, Deadlines } from '@holdfast/peer'
import {
  jittered,
  type Clock,
  type Link,
  type Logger,
  type Random,
  type Undo,
} from '@holdfast/peer/ports'
import {
  hexOf,
  type Access,
  type CollectionName,
  type DocumentRef,
  type ErrorCode,
  type InstanceId,
} from '@holdfast/peer/protocol'
import type { Commit, Entry, Log } from '../log/port.js'
import type { Caller } from './access/caller.js'
import type { AccessVerifier } from './access/verifier.js'
import type { NodeContext } from './context.js'
import { NodeCounters } from './counters.js'
import { Collection } from './fan-out/collection.js'
import { LeaseFlusher } from './fan-out/lease-flusher.js'
import { defaultNodeLimits, type NodeLimits } from './limits.js'
import type { SessionState } from './participant.js'
import type { Offered } from './session/offers.js'
import { Session, type SessionOwner } from './session/session.js'
import type { CompactionReport } from '../compaction/compact-document.js'
import type { SnapshotBuilder } from '../compaction/builder-port.js'
import type { RipeDocument } from '../log/port.js'
import { Hints } from './hints/hints.js'
import { DocumentDigests } from './resync/digests.js'
import { statisticsOf, type NodeStatistics } from './statistics.js'

export interface ArchiveNodeOptions {
  /** Stays open when the node closes: whoever opened it closes it, afterwards. */
  readonly log: Log
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Absent: everybody who reaches the node has `openAccess`. See to it who does. */
  readonly verifier?: AccessVerifier
  /** Default: `write`. */
  readonly openAccess?: Access
  readonly limits?: Partial<NodeLimits>
  /** Digests are built with it when a peer resyncs. Absent: in this thread. */
  readonly builder?: Pick<SnapshotBuilder, 'build'>
}

/**
 * The archive as a peer: puts a log on links, and knows nothing of where these come from.
 *
 * Guarantees:
 * - Nothing is answered, streamed or compared that is not durable in the log.
 * - Whatever comes over a link is answered with a code or served; it never throws, and never ends
 *   anything but its own link.
 * - Memory for one link is bounded, whatever the other side sends or does not take in.
 */
export class ArchiveNode {
  readonly #hints: Hints
  readonly #owner: SessionOwner
  readonly #context: NodeContext
  readonly #sessions = new Set<Session>()
  readonly #collections = new Map<CollectionName, Collection>()
  readonly #stop: Undo
  readonly #closing: (() => void)[] = []
  #strangers = 0
  #state: 'open' | 'draining' | 'closed' = 'open'

  constructor(options: ArchiveNodeOptions) {
    const { log, clock, random, logger, verifier, openAccess = 'write' } = options
    const limits = { ...defaultNodeLimits, ...options.limits }
    this.#context = {
      log,
      clock,
      random,
      logger,
      limits,
      verifier,
      openAccess,
      instance: hexOf(random.bytes(16)) as InstanceId,
      deadlines: new Deadlines(clock),
      counters: new NodeCounters(),
      digests: new DocumentDigests(log, options.builder),
      leases: new LeaseFlusher(log.leases, clock, logger, limits.leaseFlushMs),
    }
    this.#hints = new Hints(this.#context)
    this.#owner = {
      hints: this.#hints,
      collection: (name) => this.#collection(name),
      proven: () => this.#strangers--,
      left: (session, was, code) => this.#left(session, was, code),
      closed: (session) => this.#closed(session),
    }
    this.#stop = log.onCommit((commit) => this.#committed(commit))
  }

  /** This run of the node, as its `hello` names it. */
  get instance(): InstanceId {
    return this.#context.instance
  }

  /** Of what its log holds, for others who compare it. */
  get digests(): DocumentDigests {
    return this.#context.digests
  }

  /**
   * Serves the peer at the other end of a link, which the node owns from now on: to its end, or to
   * its own. A node that is full or going away says so and hangs up.
   */
  accept(link: Link, caller: Caller = {}): void {
    const { limits, counters } = this.#context
    if (this.#state !== 'open') this.#turnAway(link, 'going-away')
    else if (this.#sessions.size >= limits.maxSessions || this.#strangers >= limits.maxStrangers) {
      this.#turnAway(link, 'too-many')
    } else {
      counters.accepted++
      this.#strangers++
      const session = new Session(this.#context, this.#owner, link, caller)
      this.#sessions.add(session)
      session.start()
    }
  }

  /** For the compactor: asks a caught-up peer whether it holds a document, if there is one. */
  ask(document: RipeDocument): Promise<void> {
    return this.#hints.ask(document, this.#collections.get(document.collection))
  }

  /** For the compactor's reports: tells whoever helped what became of it. */
  reported(report: CompactionReport): void {
    this.#hints.reported(report)
  }

  /** What connected readers say that they could give, in a collection. */
  offers(collection: CollectionName): readonly (Offered & { readonly instance: InstanceId })[] {
    const offers: (Offered & { readonly instance: InstanceId })[] = []
    for (const session of this.#sessions) {
      if (session.collection?.name !== collection) continue
      for (const offer of session.offers) offers.push({ ...offer, instance: session.instance })
    }
    return offers
  }

  /** Accepts one of them, on an administrator's word. False: it is not offered any more. */
  acceptOffer(collection: CollectionName, instance: InstanceId, document: DocumentRef): boolean {
    for (const session of this.#sessions) {
      if (session.collection?.name === collection && session.instance === instance) {
        return session.acceptOffer(document)
      }
    }
    return false
  }

  stats(): NodeStatistics {
    return statisticsOf(this.#context, this.#sessions, this.#collections, this.#strangers)
  }

  /**
   * Takes in nobody any more, answers what was pushed, tells everybody to come back, spread over a
   * while, and resolves when the last link is closed. Idempotent.
   */
  async drain(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'draining'
      const { limits, random } = this.#context
      for (const session of this.#sessions) {
        const spreadMs = jittered(random, limits.drainSpreadMs / 2, 1)
        session.closeWhenIdle('going-away', Math.round(limits.drainRetryMs + spreadMs))
      }
    }
    if (this.#sessions.size === 0) return
    const { clock, limits } = this.#context
    const stop = clock.after(limits.drainWithinMs, () => {
      for (const session of this.#sessions) session.abort('the node closes')
    })
    await new Promise<void>((resolve) => this.#closing.push(resolve))
    stop()
  }

  /** Drains, and lets go of the log, which stays open. Idempotent. */
  async close(): Promise<void> {
    await this.drain()
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#stop()
    this.#context.deadlines.close()
    this.#context.leases.close()
    this.#hints.close()
  }

  #committed({ entries, gaps }: Commit): void {
    if (this.#collections.size === 0) return
    const byCollection = new Map<CollectionName, Entry[]>()
    for (const { collection, entry } of entries) {
      const own = byCollection.get(collection)
      if (own === undefined) byCollection.set(collection, [entry])
      else own.push(entry)
    }
    for (const [name, own] of byCollection) this.#collections.get(name)?.committed(own)
    for (const gap of gaps) this.#collections.get(gap.collection)?.gaps.changed(gap)
  }

  #collection(name: CollectionName): Collection {
    const known = this.#collections.get(name)
    if (known !== undefined) return known
    const collection = new Collection(name, this.#context)
    this.#collections.set(name, collection)
    collection.start()
    return collection
  }

  #left(session: Session, was: SessionState, code: ErrorCode | undefined): void {
    if (was === 'hello') this.#strangers--
    this.#context.counters.closed(code)
    const { collection } = session
    if (collection?.isEmpty === true && this.#collections.get(collection.name) === collection) {
      collection.close()
      this.#collections.delete(collection.name)
    }
  }

  #closed(session: Session): void {
    this.#sessions.delete(session)
    if (this.#sessions.size === 0) for (const resolve of this.#closing.splice(0)) resolve()
  }

  #turnAway(link: Link, code: ErrorCode): void {
    const { clock, random, limits, counters } = this.#context
    counters.closed(code)
    const channel = new Channel({ link, clock, random })
    channel.start()
    channel.close(
      code,
      Math.round(limits.drainRetryMs + jittered(random, limits.drainSpreadMs / 2, 1)),
    )
  }
}
