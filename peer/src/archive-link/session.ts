/*
 * One link to an archive, from this side:
 *
 *   hello ── its hello is the proof ──► open: pushes, reads, answers ──► closed
 *     │                                                                    ▲
 *     └──── too late, another version, not an archive, refused ────────────┘
 *
 * It tells the parts apart and nothing else: what each does is in a file of its own. Everything here
 * ends with the link; what must outlive it is in the ledger.
 */
import type { Channel, ChannelClosed } from '../links/channel.js'
import type { Clock, Logger, Random, Undo } from '../ports/index.js'
import {
  frameBounds,
  messageBounds,
  messageKinds,
  protocolVersion,
  versionOfLink,
  type Access,
  type ArchiveId,
  type CollectionName,
  type Credential,
  type DocumentRef,
  type ErrorCode,
  type Grant,
  type InstanceId,
  type Message,
  type MessageOf,
  type ReplicaId,
} from '../protocol/index.js'
import type { ArchiveLedger } from './ledger.js'
import type { SessionContext } from './context.js'
import { Fetches } from './fetches.js'
import { Hints } from './hints.js'
import { archiveBounds as bounds } from './limits.js'
import { NeighbourList, type Reach } from './neighbour-list.js'
import { PushPump } from './push-pump.js'
import type { ResyncBreaker } from './resync-breaker.js'
import { Resync, type ResyncMessage } from './resync.js'
import { Sender } from './sender.js'
import type { ArchiveProgress, ArchiveTrouble } from './state.js'
import { Subscription } from './subscription.js'
import { Uploads } from './uploads.js'

/** Who comes to the archive. A replica that had to mint a new id comes as somebody else next time. */
export interface ArchiveIdentity {
  readonly replica: ReplicaId
  readonly instance: InstanceId
}

/** What the connection does with its session. */
interface SessionEvents {
  /** The archive is who it says, and lets this replica in. */
  opened(session: ArchiveSession): void
  phase(phase: 'resyncing' | 'catching-up' | 'live'): void
  granted(grant: Grant): void
  /** About a `renew`, or a token that ends. */
  tokenError(code: ErrorCode): void
  presence(message: MessageOf<'presence'>): void
  compacted(message: MessageOf<'compacted'>): void
  trouble(trouble: ArchiveTrouble): void
  progressed(): void
  closed(ended: SessionEnded): void
}

/** Why a session ended. */
export interface SessionEnded {
  readonly code: ErrorCode
  /** The archive said so itself. */
  readonly isTheirWord: boolean
  readonly retryAfterMs?: number
  readonly reason: string
}

export interface SessionOptions {
  readonly channel: Channel
  readonly credential: Credential
  readonly identity: ArchiveIdentity
  readonly collection: CollectionName
  readonly ledger: ArchiveLedger
  readonly breaker: ResyncBreaker
  readonly reach: Reach | undefined
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly events: SessionEvents
}

export class ArchiveSession {
  readonly channel: Channel
  readonly sender: Sender
  readonly #options: SessionOptions
  readonly #undo: Undo[] = []
  #state: 'hello' | 'open' | 'closed' = 'hello'
  #helloDeadline: Undo = () => {}
  #archive: ArchiveId | undefined
  #access: Access = 'read'
  #parts: Parts | undefined
  #resync: Resync | undefined
  readonly #resyncRequests = { last: 0 }
  /** The last thing that the archive complained about, if it then hangs up without a word. */
  #lastError: ErrorCode | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.channel = options.channel
    this.sender = new Sender(options.channel, options.clock)
  }

  /** Says `hello`. The channel is started here. */
  start(): void {
    const { channel } = this
    const { identity, collection, credential, clock } = this.#options
    this.#undo.push(
      channel.onMessage((message, bytes) => this.#hear(message, bytes.length)),
      channel.onClose((closed) => this.#ended(endOf(closed, this.#lastError))),
    )
    channel.limitMessages(bounds.maxMessageBytesBeforeHello)
    this.sender.say({
      type: 'hello',
      version: protocolVersion,
      sender: { role: 'peer', replica: identity.replica },
      instance: identity.instance,
      collection,
      credential,
      maxFrameBytes: frameBounds.maxBytes,
      maxMessageBytes: messageBounds.maxBytes,
      // Which archive answers is not known yet; `subscribe` tells it where this replica stands.
      cursors: [],
    })
    this.#helloDeadline = clock.after(bounds.helloWithinMs, () => this.#fail('timeout', 'no hello'))
    channel.start()
  }

  get archive(): ArchiveId | undefined {
    return this.#archive
  }

  get access(): Access {
    return this.#access
  }

  get headSeq(): number | undefined {
    return this.#parts?.subscription.headSeq
  }

  get progress(): ArchiveProgress {
    return {
      download: this.#parts?.subscription.download,
      upload: this.#parts?.pump.upload,
      recovery: this.#resync?.recovery,
    }
  }

  /** A token that goes on where the last one ends. */
  renew(token: string | undefined): void {
    const credential: Credential = token === undefined ? { kind: 'none' } : { kind: 'token', token }
    if (this.#state === 'open') this.sender.say({ type: 'renew', credential })
  }

  /** False: it was not sent. Presence is never late: what cannot leave now is not sent at all. */
  sendPresence(document: DocumentRef | undefined, bytes: Uint8Array): boolean {
    if (this.#state !== 'open' || !this.sender.hasRoom('live')) return false
    this.sender.say({ type: 'presence', ...(document === undefined ? {} : { document }), bytes })
    return true
  }

  /** Says `bye`, and ends. Idempotent; nothing is told of it. */
  close(): void {
    this.channel.close()
    this.#release()
  }

  #hear(message: Message, byteLength: number): void {
    if (this.#state === 'closed') return
    if (this.#state === 'open') this.#take(message, byteLength)
    else if (message.type === 'hello') this.#meet(message)
    else if (message.type === 'error') this.#lastError = message.code
    else this.#misbehaved('unexpected-message', `${message.type} before hello`)
  }

  #meet(hello: MessageOf<'hello'>): void {
    const { collection, ledger, clock, random, logger, events } = this.#options
    const { sender: archive } = hello
    const version = versionOfLink(hello.version)
    if (!version.ok) return this.#misbehaved(version.refusal.code, 'hello: another version')
    if (archive.role !== 'archive') return this.#misbehaved('unexpected-message', 'not an archive')
    if (hello.collection !== collection) {
      return this.#misbehaved('unexpected-message', 'hello: another collection')
    }
    this.#helloDeadline()
    this.#state = 'open'
    this.#archive = archive.archive
    this.#access = archive.grant.access
    this.channel.limitFrames(hello.maxFrameBytes)
    this.channel.limitMessages(messageBounds.maxBytes)
    this.#parts = this.#createParts({
      archive: archive.archive,
      term: archive.term,
      ledger,
      clock,
      random,
      logger,
      sender: this.sender,
      maxMessageBytes: hello.maxMessageBytes,
      access: () => this.#access,
      isOver: () => this.#state === 'closed',
      fail: (code, reason) => this.#fail(code, reason),
      trouble: (trouble) => events.trouble(trouble),
      progressed: () => events.progressed(),
    })
    const { neighbours, subscription, pump } = this.#parts
    events.opened(this)
    events.granted(archive.grant)
    neighbours.start()
    subscription.subscribe('on')
    pump.start()
  }

  #createParts(context: SessionContext): Parts {
    const { breaker, reach, identity, events } = this.#options
    const uploads = new Uploads(context)
    const neighbours = new NeighbourList(context, reach)
    const fetches = new Fetches(context)
    const pump = new PushPump({
      context,
      neighbours,
      uploads,
      onTokenExpired: () => events.tokenError('token-expired'),
    })
    const subscription: Subscription = new Subscription({
      context,
      fetches,
      breaker,
      holdReceived: (hold) => this.channel.holdReceived(hold),
      onPhase: (phase) => events.phase(phase),
      stopResync: () => this.#stopResync(),
      resync: (at) => {
        const onDone = (): void => {
          this.#stopResync()
          subscription.resynced(at)
        }
        const { instance } = identity
        this.#resync = new Resync({
          context,
          instance,
          uploads,
          at,
          requests: this.#resyncRequests,
          onDone,
        })
        void this.#resync.start()
      },
    })
    const hints = new Hints(context, subscription, uploads)
    return { uploads, neighbours, fetches, pump, subscription, hints }
  }

  #take(message: Message, byteLength: number): void {
    const parts = this.#parts
    if (parts === undefined) return
    const { events } = this.#options
    switch (message.type) {
      case 'committed':
        void parts.pump.committed(message)
        return
      case 'refused':
        void parts.pump.refused(message)
        return
      case 'subscribed':
        parts.subscription.subscribed(message)
        return
      case 'changes':
        parts.subscription.changes(message, byteLength)
        if (message.compact !== undefined) parts.hints.compact(message.compact)
        return
      case 'fetched':
        parts.fetches.fetched(message)
        return
      case 'summary':
      case 'compared':
      case 'state':
      case 'update':
        this.#resyncing(parts, message)
        return
      case 'compacted':
        parts.hints.compacted(message)
        events.compacted(message)
        return
      case 'missing':
        parts.hints.missing(message)
        return
      case 'granted':
        this.#access = message.grant.access
        events.granted(message.grant)
        parts.pump.resume()
        parts.subscription.resume()
        return
      case 'presence':
        events.presence(message)
        return
      case 'error':
        this.#hearError(parts, message)
        return
      case 'hello':
        this.#misbehaved('unexpected-message', 'a second hello')
        return
      default:
        if (messageKinds[message.type].speaker === 'peer') {
          this.#misbehaved('unexpected-message', `${message.type} from an archive`)
        }
    }
  }

  #resyncing(parts: Parts, message: ResyncMessage): void {
    if (this.#resync !== undefined) {
      this.#resync.hear(message)
      return
    }
    // It has found, by a hint, that this replica does not hold what it acked.
    if (message.type === 'summary' && parts.subscription.isStreaming) {
      this.#options.logger.error('the archive finds that this replica lacks what it acked')
      parts.subscription.subscribe('anew')
      return
    }
    // Outside of a resync an archive asks for what was offered to it, and an administrator accepted.
    if (message.type !== 'state') return
    const { document, stateVector } = message
    parts.uploads.add({ kind: 'upload', document, stateVector: new Uint8Array(stateVector) }, noted)
  }

  #hearError(parts: Parts, message: MessageOf<'error'>): void {
    const { code, message: about, retryAfterMs } = message
    const { events, logger } = this.#options
    this.#lastError = code
    if (code === 'replica-in-use') {
      this.#endOurselves({
        code,
        isTheirWord: true,
        reason: 'another instance has this replica id',
      })
      return
    }
    if (code === 'token-expired' || about === numberOf.renew) {
      events.tokenError(code)
      if (about === numberOf.push) parts.pump.pauseFor(retryAfterMs)
      return
    }
    if (about === numberOf.fetch && parts.fetches.error(message)) return
    if (this.#resync?.error(message) === true) return
    logger.info('the archive refuses something', { code, about })
    switch (code) {
      case 'ack-beyond-sent':
        logger.error('the archive says that an ack went beyond what it sent')
        parts.subscription.subscribe('on')
        return
      case 'lease-ended':
        parts.subscription.subscribe('on')
        return
      case 'unknown-term':
      case 'cursor-ahead':
        parts.subscription.subscribe('anew')
        return
      default:
        if (about === numberOf.push) parts.pump.pauseFor(retryAfterMs)
        else if (about === numberOf.subscribe || about === numberOf.resynced) {
          this.#endOurselves({
            code,
            isTheirWord: true,
            reason: 'it does not let this replica read',
            ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
          })
        }
    }
  }

  #stopResync(): void {
    this.#resync?.close()
    this.#resync = undefined
  }

  /** What the archive says makes no sense. Somebody in between may have spoilt it: it is tried again. */
  #misbehaved(code: ErrorCode, reason: string): void {
    this.#options.events.trouble({ kind: 'archive-misbehaved', reason })
    this.#fail(code, reason)
  }

  #fail(code: ErrorCode, reason: string): void {
    if (this.#state === 'closed') return
    this.#options.logger.info('the link to the archive is given up', { code, reason })
    this.#endOurselves({ code, isTheirWord: false, reason })
  }

  #endOurselves(ended: SessionEnded): void {
    if (this.#state === 'closed') return
    this.channel.close(ended.isTheirWord ? undefined : ended.code)
    this.#ended(ended)
  }

  #ended(ended: SessionEnded): void {
    if (this.#state === 'closed') return
    this.#release()
    this.#options.events.closed(ended)
  }

  #release(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    for (const undo of this.#undo.splice(0)) undo()
    this.#helloDeadline()
    this.#stopResync()
    if (this.#parts !== undefined) closeAll(this.#parts)
    this.sender.close()
  }
}

interface Parts {
  readonly uploads: Uploads
  readonly neighbours: NeighbourList
  readonly fetches: Fetches
  readonly pump: PushPump
  readonly subscription: Subscription
  readonly hints: Hints
}

function closeAll({ uploads, neighbours, fetches, pump, subscription, hints }: Parts): void {
  for (const part of [uploads, neighbours, fetches, pump, subscription, hints]) part.close()
}

function endOf(closed: ChannelClosed, lastError: ErrorCode | undefined): SessionEnded {
  const { by, code, retryAfterMs, reason } = closed
  return {
    code: code ?? lastError ?? 'unavailable',
    isTheirWord: by === 'remote' && (code !== undefined || lastError !== undefined),
    reason,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}

/** What becomes of an accepted offer is told by the archive's log, not here. */
function noted(): void {}

const numberOf = {
  renew: messageKinds.renew.number,
  push: messageKinds.push.number,
  subscribe: messageKinds.subscribe.number,
  fetch: messageKinds.fetch.number,
  resynced: messageKinds.resynced.number,
} as const
