import type { Channel, ChannelClosed } from '../links/channel.js'
import type { Clock, Logger, Random, Undo } from '../ports/index.js'
import {
  canWrite,
  messageBounds,
  type DocumentRef,
  type InstanceId,
  type OpId,
} from '../protocol/index.js'
import { Brought } from './brought.js'
import { DigestTree } from './digest-tree.js'
import type { Documents } from './documents.js'
import { Gaps } from './gaps.js'
import type { Expected, Self } from './handshake.js'
import { syncBounds as bounds } from './limits.js'
import { Listeners } from './listeners.js'
import { PeerSession, type LiveMessage } from './peer-session.js'
import { Spreading, type SpreadingStatistics } from './spreading.js'

export interface CollectionSyncOptions {
  readonly self: Self
  readonly documents: Documents
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export interface CollectionSyncStatistics extends SpreadingStatistics {
  readonly sessions: number
  readonly synced: number
  readonly gaps: number
  /** Every neighbour that writes is linked with every other one: edits take one hop. */
  readonly isFullMesh: boolean
}

/**
 * One collection on all its links: a session for each, and the edits that spread over them. It knows
 * channels and documents; who is linked with whom is decided by whoever adds the channels.
 */
export class CollectionSync {
  readonly #options: CollectionSyncOptions
  readonly #tree: DigestTree
  readonly #gaps: Gaps
  readonly #spreading: Spreading
  readonly #brought: Brought
  readonly #sessions = new Set<PeerSession>()
  readonly #onState = new Listeners<[PeerSession]>()
  readonly #onClosed = new Listeners<[PeerSession, ChannelClosed]>()
  readonly #onMessage = new Listeners<[PeerSession, LiveMessage]>()
  readonly #onDelivered = new Listeners<[OpId, InstanceId]>()
  readonly #onResent = new Listeners<[ops: number, to: InstanceId]>()
  readonly #stopListening: Undo
  #telling: Undo | undefined
  #list = 0
  #isClosed = false

  constructor(options: CollectionSyncOptions) {
    const { self, documents, clock, logger } = options
    this.#options = options
    this.#tree = new DigestTree(documents, self.instance)
    this.#gaps = new Gaps(clock, documents, () => this.sessions.filter(({ isOpen }) => isOpen))
    this.#spreading = new Spreading({
      self,
      documents,
      clock,
      logger,
      gapped: (document, from) => this.#gaps.note(document, from),
      delivered: (op, to) => this.#onDelivered.tell(op, to),
      resent: (ops, to) => this.#onResent.tell(ops, to),
    })
    this.#brought = new Brought(clock, (from) =>
      this.sessions.filter((session) => !this.#spreading.haveEachOther(from, session)),
    )
    this.#stopListening = documents.onOp((op) => this.#spreading.made(op))
  }

  /**
   * Syncs over this channel from now on, until it or the session ends. The channel must not have
   * been started. A second channel to the same instance is welcome: ops then go over the newer one,
   * and what the older one still brings is taken.
   */
  add(channel: Channel, expected: Expected): PeerSession {
    const { self, documents, clock, random, logger } = this.#options
    const session = new PeerSession({
      channel,
      self,
      expected,
      documents,
      tree: this.#tree,
      clock,
      random,
      logger,
      events: {
        opened: (opened) => this.#opened(opened),
        stateChanged: (changed) => this.#onState.tell(changed),
        heard: (from, message) => this.#heard(from, message),
        brought: (from, document) => this.#brought.note(document, from),
        gapped: (from, document) => this.#gaps.note(document, from),
        closed: (ended, closed) => this.#ended(ended, closed),
      },
    })
    if (this.#isClosed) {
      session.close('going-away')
      return session
    }
    this.#sessions.add(session)
    session.start()
    return session
  }

  get sessions(): readonly PeerSession[] {
    return [...this.#sessions]
  }

  /** The newest open session with this instance. */
  sessionWith(instance: InstanceId): PeerSession | undefined {
    return this.sessions.findLast((session) => session.isOpen && session.instance === instance)
  }

  /**
   * This side takes part in a document from now on: it is exchanged with every neighbour at once, and
   * not synced before that has come about. For documents that were there when the links were made
   * nothing has to be said.
   */
  documentOpened(document: DocumentRef): void {
    for (const session of this.sessions) session.documentOpened(document)
  }

  /** The document is confirmed to be the same here and at every neighbour that is linked. */
  isSynced(document: DocumentRef): boolean {
    const open = this.sessions.filter(({ isOpen }) => isOpen)
    return (
      open.length > 0 &&
      !this.#gaps.has(document) &&
      open.every((session) => session.isSyncedDocument(document))
    )
  }

  /** An op of this document was sent to a neighbour, and is not known to have arrived. */
  isSending(document: DocumentRef): boolean {
    return this.#spreading.isSending(document)
  }

  /** A session has entered another state. */
  onState(listener: (session: PeerSession) => void): Undo {
    return this.#onState.add(listener)
  }

  onClosed(listener: (session: PeerSession, closed: ChannelClosed) => void): Undo {
    return this.#onClosed.add(listener)
  }

  /** What is neither comparing nor spreading: presence, viewing, neighbours, saved, errors. */
  onMessage(listener: (session: PeerSession, message: LiveMessage) => void): Undo {
    return this.#onMessage.add(listener)
  }

  /** An op has reached this neighbour's process. */
  onDelivered(listener: (op: OpId, to: InstanceId) => void): Undo {
    return this.#onDelivered.add(listener)
  }

  /** The link that carried so many ops to this neighbour has ended, and they went over another one. */
  onResent(listener: (ops: number, to: InstanceId) => void): Undo {
    return this.#onResent.add(listener)
  }

  stats(): CollectionSyncStatistics {
    return {
      ...this.#spreading.statistics,
      sessions: this.#sessions.size,
      synced: this.sessions.filter(({ isSynced }) => isSynced).length,
      gaps: this.#gaps.size,
      isFullMesh: this.#spreading.isFullMesh,
    }
  }

  /** Says `bye` on every link, after what is queued. Nothing is armed afterwards. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const session of this.sessions) session.close()
    this.#stopListening()
    this.#telling?.()
    this.#spreading.close()
    this.#brought.close()
    this.#gaps.close()
    this.#tree.close()
    this.#onState.clear()
    this.#onClosed.clear()
    this.#onMessage.clear()
    this.#onDelivered.clear()
    this.#onResent.clear()
  }

  #opened(session: PeerSession): void {
    if (session.instance === undefined) return
    this.#spreading.opened(session, session.instance)
    this.#tellNeighboursSoon()
  }

  #heard(session: PeerSession, message: LiveMessage): void {
    if (!this.#spreading.heard(session, message)) this.#onMessage.tell(session, message)
  }

  #ended(session: PeerSession, closed: ChannelClosed): void {
    this.#sessions.delete(session)
    this.#spreading.closed(session)
    this.#onClosed.tell(session, closed)
    this.#tellNeighboursSoon()
  }

  #tellNeighboursSoon(): void {
    if (this.#isClosed || !canWrite(this.#options.self.access)) return
    this.#telling ??= this.#options.clock.after(bounds.tellNeighboursWithinMs, () => {
      this.#telling = undefined
      const instances = new Set<InstanceId>()
      for (const { isOpen, instance } of this.#sessions) {
        if (isOpen && instance !== undefined) instances.add(instance)
      }
      const list = ++this.#list
      const told = [...instances].slice(0, messageBounds.maxNeighbours)
      for (const session of this.#sessions) {
        session.send({ type: 'neighbours', list, instances: told })
      }
    })
  }
}
