/**
 * The links of one collection: a `Neighbour` for each that the signaller names, a session on each
 * link that stands, presence over all of them.
 */
import { Channel, channelBounds } from '../links/channel.js'
import type { ChannelClosed } from '../links/channel.js'
import type { Clock, Link, LinkKind, Logger, Random, Undo } from '../ports/index.js'
import {
  canWrite,
  type Access,
  type InstanceId,
  type Neighbour as NamedNeighbour,
  type ReplicaId,
} from '../protocol/index.js'
import type { Presence, PresenceLink } from '../presence/index.js'
import type { NeighbourNews, SignallingRoom } from '../signalling/index.js'
import type { CollectionSync, LiveMessage, PeerSession } from '../sync/index.js'
import { Conversation, type ConversationListener } from './conversation.js'
import type { LinkDialer } from './dialer.js'
import type { HandshakeGate } from './handshake-gate.js'
import { meshBounds as bounds } from './limits.js'
import { Neighbour, type NeighbourStatistics } from './neighbour.js'

export interface CollectionMeshOptions {
  readonly room: SignallingRoom
  readonly sync: CollectionSync
  readonly presence: Presence
  readonly dialer: LinkDialer | undefined
  readonly gate: HandshakeGate
  readonly relay: boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Who is linked, or by which path, has changed. */
  readonly onPeers: () => void
}

/** A peer of the collection to which a link stands. */
export interface LinkedPeer {
  readonly instance: InstanceId
  readonly replica: ReplicaId
  readonly access: Access
  readonly path: LinkKind
  /** What it held and what this side held when they met is confirmed to be the same at both. */
  readonly isSynced: boolean
}

export interface NeighbourReport extends NeighbourStatistics {
  readonly instance: InstanceId
  readonly path: LinkKind | undefined
  readonly roundTripMs: number | undefined
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly queuedBytes: number
  /** Ops that went to it again over another link, because the one that carried them ended. */
  readonly resentOps: number
}

export class CollectionMesh {
  readonly #options: CollectionMeshOptions
  readonly #entryById = new Map<InstanceId, Entry>()
  readonly #conversationBySession = new Map<PeerSession, Conversation>()
  /** Also those that are only still saying goodbye. */
  readonly #channels = new Set<Channel>()
  readonly #leaving = new Set<Undo>()
  /** Named in the room, and not part of the mesh: they are spoken to as archives. */
  readonly #archives = new Set<InstanceId>()
  readonly #undo: Undo[] = []
  #onSilent: (() => void) | undefined
  #isAway = false
  #isClosed = false
  #strangers = 0

  constructor(options: CollectionMeshOptions) {
    this.#options = options
    const { room, sync } = options
    this.#undo.push(
      room.onNeighbours((news) => this.#takeNews(news)),
      room.onSignal((from, _access, data) => this.#known(from)?.neighbour.hear(data)),
      room.onRelayWanted((from) => this.#known(from)?.neighbour.relayWanted()),
      room.onState(({ phase }) => {
        if (phase === 'joined') for (const { neighbour } of this.#entries) neighbour.retryNow()
      }),
      sync.onState((session) => this.#stateChanged(session)),
      sync.onClosed((session, closed) => this.#closed(session, closed)),
      sync.onMessage((session, message) => this.#heard(session, message)),
      sync.onResent((ops, to) => this.#resent(ops, to)),
    )
  }

  /** Instances to which a direct link stands. */
  get standing(): readonly InstanceId[] {
    return this.#entries.filter(({ neighbour }) => neighbour.isLinked).map(({ named }) => named.id)
  }

  get peers(): readonly LinkedPeer[] {
    return this.#entries.flatMap(({ named, neighbour }) => {
      const { current } = neighbour
      if (current === undefined) return []
      const { id: instance, replica, access } = named
      const { isSynced } = current.session
      return [{ instance, replica, access, path: current.path, isSynced }]
    })
  }

  /** Something is on its way, or saying goodbye, over a relay. */
  get usesRelay(): boolean {
    return [...this.#channels].some((channel) => channel.stats().path === 'relay')
  }

  /** Signals of peers that the signaller has not named as neighbours. */
  get strangers(): number {
    return this.#strangers
  }

  reports(): readonly NeighbourReport[] {
    return this.#entries.map(({ named, neighbour, resentOps }) => {
      const channel = neighbour.current?.session.channel.stats()
      return {
        ...neighbour.stats(),
        resentOps,
        instance: named.id,
        path: channel?.path,
        roundTripMs: channel?.roundTripMs,
        sentBytes: channel?.sentBytes ?? 0,
        receivedBytes: channel?.receivedBytes ?? 0,
        queuedBytes: channel?.queuedBytes ?? 0,
      }
    })
  }

  /** Hidden or in the background: beats slowly, and says so. */
  setAway(away: boolean): void {
    this.#isAway = away
    for (const { neighbour } of this.#entries) neighbour.setAway(away)
  }

  retryNow(): void {
    for (const { neighbour } of this.#entries) neighbour.retryNow()
  }

  /** What this side may do has changed: every link is made anew, for each is opened for one access. */
  relink(): void {
    for (const { named, neighbour } of this.#entries) {
      neighbour.close('going-away')
      this.#entryById.delete(named.id)
      this.#meet(named)
    }
  }

  /** Ends all links. Resolves when what was queued has left, or five seconds have passed. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true
      for (const undo of this.#leaving) undo()
      for (const { neighbour } of this.#entries) neighbour.close()
    }
    if (this.#channels.size > 0) {
      await new Promise<void>((resolve) => (this.#onSilent = resolve))
    }
    // Collections go on without it, and may get another one.
    for (const undo of this.#undo.splice(0)) undo()
  }

  get #entries(): readonly Entry[] {
    return [...this.#entryById.values()]
  }

  #known(id: InstanceId): Entry | undefined {
    const entry = this.#entryById.get(id)
    if (entry === undefined && !this.#archives.has(id)) this.#strangers++
    return entry
  }

  #takeNews({ added, updated, removed }: NeighbourNews): void {
    for (const { id, why } of removed) {
      this.#archives.delete(id)
      const neighbour = this.#entryById.get(id)?.neighbour
      if (why === 'moved') {
        neighbour?.close('too-many')
        this.#entryById.delete(id)
      } else {
        // Whom the signaller has lost may still answer here; who has left is still saying goodbye.
        neighbour?.letGo()
        if (why === 'left') this.#closeLater(id, neighbour)
      }
    }
    for (const named of [...updated, ...added]) {
      const entry = this.#entryById.get(named.id)
      if (entry === undefined) this.#meet(named)
      else if (entry.named.access !== named.access) {
        entry.neighbour.close('going-away')
        this.#entryById.delete(named.id)
        this.#meet(named)
      } else {
        entry.named = named
        entry.neighbour.keep()
      }
    }
    this.#options.onPeers()
  }

  /** It may not be here any more, unless it comes back. */
  #closeLater(id: InstanceId, neighbour: Neighbour | undefined): void {
    const undo = this.#options.clock.after(channelBounds.flushWithinMs, () => {
      this.#leaving.delete(undo)
      const isBack = this.#options.room.neighbours.some((named) => named.id === id)
      if (!isBack) neighbour?.close()
    })
    this.#leaving.add(undo)
  }

  #meet(named: NamedNeighbour): void {
    if (named.role === 'archive') this.#archives.add(named.id)
    if (this.#isClosed || named.role !== 'peer') return
    const { room, dialer, gate, relay, clock, random } = this.#options
    const { id } = named
    const entry: Entry = {
      named,
      resentOps: 0,
      neighbour: new Neighbour({
        isCaller: named.call,
        dialer,
        gate,
        clock,
        random,
        iceServers: () => room.iceServers,
        isReachable: () => room.state.phase === 'joined',
        signal: (text) => room.signal(id, text),
        openRelay: relay ? () => room.openRelay(id) : undefined,
        isRelayUrgent: () => this.#isRelayUrgent(entry),
        converse: (link, listener) => this.#converse(entry, link, listener),
        onGone: () => {
          if (this.#entryById.get(id) === entry) this.#entryById.delete(id)
        },
      }),
    }
    this.#entryById.set(id, entry)
    entry.neighbour.start()
  }

  /** So few writers have been met that this one is needed for what the others hold. */
  #isRelayUrgent({ named }: Entry): boolean {
    const met = this.#entries.filter(
      ({ named: { access }, neighbour }) => canWrite(access) && neighbour.isMet,
    )
    return canWrite(named.access) && met.length < bounds.firstRelays
  }

  #converse({ named }: Entry, link: Link, listener: ConversationListener): Conversation {
    const { sync, clock, random } = this.#options
    const channel = new Channel({ link, clock, random })
    this.#channels.add(channel)
    channel.onClose(() => {
      this.#channels.delete(channel)
      if (this.#channels.size === 0) this.#onSilent?.()
    })
    const session = sync.add(channel, {
      access: named.access,
      instance: named.id,
      voucher: named.voucher,
    })
    const conversation = new Conversation({
      clock,
      channel,
      session,
      listener,
    })
    conversation.setAway(this.#isAway)
    this.#conversationBySession.set(session, conversation)
    return conversation
  }

  #stateChanged(session: PeerSession): void {
    const conversation = this.#conversationBySession.get(session)
    if (conversation === undefined || !session.isOpen) return
    if (!conversation.isOpen) {
      conversation.opened()
      const link = presenceLinkOf(session)
      this.#options.presence.opened(link)
      session.channel.onRoom(() => this.#options.presence.roomAgain(link))
    }
    this.#options.onPeers()
  }

  #closed(session: PeerSession, closed: ChannelClosed): void {
    const conversation = this.#conversationBySession.get(session)
    // Somebody else's: another tab's, or of a mesh that was there before.
    if (conversation === undefined) return
    this.#conversationBySession.delete(session)
    if (session.instance !== undefined) {
      this.#options.presence.closed(presenceLinkOf(session), whyOf(closed))
    }
    conversation.ended(closed)
    for (const { neighbour } of this.#entries) neighbour.seeToRelay()
    if (closed.by === 'refused') {
      this.#options.logger.info('a link was refused', { code: closed.code, reason: closed.reason })
    }
    this.#options.onPeers()
  }

  #resent(ops: number, to: InstanceId): void {
    const entry = this.#entryById.get(to)
    if (entry !== undefined) entry.resentOps += ops
  }

  #heard(session: PeerSession, message: LiveMessage): void {
    const { type } = message
    if (!this.#conversationBySession.has(session)) return
    if (type === 'presence' || type === 'viewing' || type === 'neighbours') {
      this.#options.presence.heard(presenceLinkOf(session), message)
    }
  }
}

interface Entry {
  named: NamedNeighbour
  resentOps: number
  readonly neighbour: Neighbour
}

/** The session itself: presence tells links apart by identity. */
function presenceLinkOf(session: PeerSession): PresenceLink {
  return session
}

/** A goodbye without a code is one; with a code the two may meet again. */
function whyOf({ by, code }: ChannelClosed): 'left' | 'dead' | 'broken' {
  if (by === 'dead') return 'dead'
  return (by === 'remote' || by === 'local') && code === undefined ? 'left' : 'broken'
}
