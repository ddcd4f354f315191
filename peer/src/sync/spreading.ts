/*
 * How an edit reaches everybody once.
 *
 * Where all neighbours that write are linked with each other (a full mesh), its author sends it to
 * each of them, and nobody passes it on to whom the author reaches itself: N − 1 messages, one hop.
 *
 * Elsewhere a tree grows out of the links by itself: an op goes whole over the links of the tree and
 * is announced on the others. An op that comes a second time makes the link that brought it
 * `announced`; an op that was announced and does not come in time is wanted, and that makes its link
 * a branch again. So the tree follows what breaks and what is slow, and announcements see to it that
 * nothing is lost meanwhile.
 *
 *   new op ──► remembered ──► applied
 *                   └──► to the others: whole or announced; never back, never to its author
 *
 * Readers forward nothing, and what they write is refused.
 */
import type { Clock, Logger } from '../ports/index.js'
import {
  canWrite,
  copyOf,
  encodeMessage,
  messageBounds,
  messageKinds,
  readUpdate,
  type DocumentRef,
  type ErrorCode,
  type InstanceId,
  type Message,
  type MessageOf,
  type OpId,
} from '../protocol/index.js'
import { Arrivals } from './arrivals.js'
import type { Documents, LocalOp, Outcome, Received } from './documents.js'
import type { Self } from './handshake.js'
import { OpMemory, type RememberedOp } from './op-memory.js'
import type { LiveMessage, PeerSession } from './peer-session.js'
import { SpreadingLink, type OutgoingOp } from './spreading-link.js'
import { WantedOps } from './wanted-ops.js'

export interface SpreadingOptions {
  readonly self: Self
  readonly documents: Documents
  readonly clock: Clock
  readonly logger: Logger
  readonly gapped: (document: DocumentRef, from: PeerSession) => void
  /** The other side's process has it. */
  readonly delivered: (op: OpId, to: InstanceId) => void
  /** So many ops went to this neighbour again, because the link that carried them ended. */
  readonly resent: (ops: number, to: InstanceId) => void
}

export interface SpreadingStatistics {
  /** Ops that came a second time. */
  readonly duplicates: number
  /** Ops that came from somebody who may not write, or that the reader or a document refused. */
  readonly refused: number
  /** Ops of which somebody else had brought other bytes than their author did. */
  readonly forged: number
  /** Ops that went again over another link, because the one that carried them ended. */
  readonly resentOps: number
  readonly rememberedOps: number
  readonly rememberedBytes: number
  readonly wantedOps: number
  readonly waitingOps: number
}

export class Spreading {
  readonly #options: SpreadingOptions
  readonly #memory: OpMemory
  readonly #wanted: WantedOps
  readonly #arrivals: Arrivals
  /** The newest link to each instance: where two stand for a moment, ops go over one. */
  readonly #linkByInstance = new Map<InstanceId, SpreadingLink>()
  readonly #linkBySession = new Map<PeerSession, SpreadingLink>()
  #isFullMesh: boolean | undefined
  #duplicates = 0
  #refused = 0
  #forged = 0
  #resent = 0

  constructor(options: SpreadingOptions) {
    const { clock, documents, logger } = options
    this.#options = options
    this.#memory = new OpMemory(clock)
    this.#wanted = new WantedOps(
      clock,
      (session, ops) => this.#want(session, ops),
      (session) => session.compareSoon(),
    )
    this.#arrivals = new Arrivals(
      documents,
      (received, from, outcome) => this.#applied(received, from, outcome),
      (error) => logger.error('documents failed to receive', { error: String(error) }),
    )
  }

  get statistics(): SpreadingStatistics {
    return {
      duplicates: this.#duplicates,
      refused: this.#refused,
      forged: this.#forged,
      resentOps: this.#resent,
      rememberedOps: this.#memory.size,
      rememberedBytes: this.#memory.bytes,
      wantedOps: this.#wanted.size,
      waitingOps: this.#arrivals.size,
    }
  }

  /** All neighbours that write are linked with each other, as far as they have told. */
  get isFullMesh(): boolean {
    this.#isFullMesh ??= this.#areAllLinked()
    return this.#isFullMesh
  }

  /** An op of this document is on its way to a neighbour. */
  isSending(document: DocumentRef): boolean {
    for (const link of this.#linkBySession.values()) if (link.isSending(document)) return true
    return false
  }

  /** The two are one, or are linked with each other as far as they have told. */
  haveEachOther({ instance: one }: PeerSession, { instance: other }: PeerSession): boolean {
    if (one === undefined || other === undefined || one === other) return true
    return (
      this.#linkByInstance.get(one)?.neighbours.has(other) === true ||
      this.#linkByInstance.get(other)?.neighbours.has(one) === true
    )
  }

  close(): void {
    for (const link of this.#linkBySession.values()) link.close()
    this.#linkBySession.clear()
    this.#linkByInstance.clear()
    this.#wanted.close()
    this.#arrivals.close()
    this.#memory.clear()
  }

  opened(session: PeerSession, instance: InstanceId): void {
    const { clock, delivered } = this.#options
    const link = new SpreadingLink(session, instance, clock, delivered)
    const before = this.#linkByInstance.get(instance)
    if (before !== undefined) link.neighbours = before.neighbours
    this.#linkByInstance.set(instance, link)
    this.#linkBySession.set(session, link)
    this.#linksChanged()
  }

  closed(session: PeerSession): void {
    const link = this.#linkBySession.get(session)
    if (link === undefined) return
    this.#linkBySession.delete(session)
    if (this.#linkByInstance.get(link.instance) === link) {
      this.#linkByInstance.delete(link.instance)
      for (const other of this.#linkBySession.values()) {
        if (other.instance === link.instance) this.#linkByInstance.set(other.instance, other)
      }
    }
    const left = this.#linkByInstance.get(link.instance)
    if (left !== undefined) this.#resend(link, left)
    link.close()
    this.#linksChanged()
  }

  /** A change that was made here. */
  made(change: LocalOp): void {
    const bytes = change.kind === 'update' ? change.bytes : undefined
    const { op, document, kind } = change
    this.#memory.add({ op, document, kind, bytes, from: undefined })
    if (!canWrite(this.#options.self.access)) return
    const outgoing = outgoingOf(change)
    if (outgoing === undefined) {
      for (const link of this.#linkByInstance.values()) link.session.owe(document)
      return
    }
    for (const link of this.#linkByInstance.values()) this.#give(link, outgoing)
  }

  /** False: the message is not about spreading. */
  heard(session: PeerSession, message: LiveMessage): boolean {
    const link = this.#linkBySession.get(session)
    if (link === undefined) return false
    switch (message.type) {
      case 'update':
        this.#heardUpdate(link, message)
        return true
      case 'tombstone':
        this.#heardTombstone(link, message)
        return true
      case 'announce':
        this.#heardAnnounce(link, message.ops)
        return true
      case 'want':
        this.#heardWant(link, message.ops)
        return true
      case 'spread':
        link.isWhole = message.how === 'whole'
        return true
      case 'neighbours':
        link.neighbours = new Set(message.instances)
        this.#linksChanged()
        return false
      default:
        return false
    }
  }

  // What comes -------------------------------------------------------------------------------------

  #heardUpdate(link: SpreadingLink, message: MessageOf<'update'>): void {
    const { document, cause } = message
    if (cause.kind !== 'op') return
    const { op } = cause
    if (!this.#isNews(link, op, document, message)) return
    const read = readUpdate(message.bytes)
    if (!read.ok) {
      this.#refuse(link, document, message, read.refusal.code)
      return
    }
    const bytes = copyOf(message.bytes)
    link.session.mentioned(document)
    this.#memory.add({ op, document, kind: 'update', bytes, from: link.instance })
    this.#passOn(link, { kind: 'update', op, document, bytes })
    const received: Received = { document, bytes, coverage: read.value, op }
    if (!this.#arrivals.add(received, link.session)) link.session.compareSoon()
  }

  #heardTombstone(link: SpreadingLink, message: MessageOf<'tombstone'>): void {
    const { op, document } = message
    if (!this.#isNews(link, op, document, message)) return
    this.#memory.add({ op, document, kind: 'tombstone', bytes: undefined, from: link.instance })
    this.#options.documents.end(document)
    this.#passOn(link, { kind: 'tombstone', op, document })
  }

  /** Whether it may be taken, and was not seen before. */
  #isNews(link: SpreadingLink, op: OpId, document: DocumentRef, message: Message): boolean {
    if (!link.isWriter) {
      this.#refuse(link, document, message, 'forbidden')
      return false
    }
    this.#wanted.came(op)
    const seen = this.#memory.get(op)
    if (seen === undefined && op.instance !== this.#options.self.instance) return true
    if (seen !== undefined && isForged(seen, link, message)) {
      this.#forged++
      return true
    }
    this.#duplicates++
    const cameElsewhere = seen?.from !== undefined && seen.from !== link.instance
    if (cameElsewhere && !this.isFullMesh) link.prune()
    return false
  }

  #heardAnnounce(link: SpreadingLink, ops: readonly OpId[]): void {
    if (!link.isWriter) return
    for (const op of ops) {
      const isKnown =
        op.instance === this.#options.self.instance || this.#memory.get(op) !== undefined
      if (!isKnown) this.#wanted.announced(op, link.session)
    }
  }

  #heardWant(link: SpreadingLink, ops: readonly OpId[]): void {
    link.isWhole = true
    for (const op of ops) {
      const seen = this.#memory.get(op)
      const outgoing = seen === undefined ? undefined : outgoingOfRemembered(seen)
      if (outgoing !== undefined) link.send(outgoing)
    }
  }

  #applied({ document }: Received, from: PeerSession, outcome: Outcome): void {
    if (outcome.kind === 'gapped') this.#options.gapped(document, from)
    if (outcome.kind !== 'refused') return
    this.#refused++
    // It was not looked at: what is remembered of it must not keep it away for good.
    if (outcome.code === 'internal') from.compareSoon()
    from.send({
      type: 'error',
      code: outcome.code,
      message: messageKinds.update.number,
      document,
    })
  }

  #refuse(link: SpreadingLink, document: DocumentRef, message: Message, code: ErrorCode): void {
    this.#refused++
    const { number } = messageKinds[message.type]
    link.session.send({ type: 'error', code, message: number, document })
  }

  // What goes --------------------------------------------------------------------------------------

  #passOn(from: SpreadingLink, change: LocalOp): void {
    if (!canWrite(this.#options.self.access)) return
    const author = change.op.instance
    const isStraight = from.instance === author
    // In a full mesh for nobody: then it is not encoded.
    let outgoing: OutgoingOp | undefined
    for (const link of this.#linkByInstance.values()) {
      if (link.instance === from.instance || link.instance === author) continue
      const hasItStraight =
        isStraight && this.isFullMesh && link.isWriter && from.neighbours.has(link.instance)
      if (hasItStraight) continue
      outgoing ??= outgoingOf(change)
      if (outgoing === undefined) return
      this.#give(link, outgoing)
    }
  }

  #give(link: SpreadingLink, outgoing: OutgoingOp): void {
    if (link.isWhole || (link.isWriter && this.isFullMesh)) link.send(outgoing)
    else link.announce(outgoing.op)
  }

  #resend(ended: SpreadingLink, left: SpreadingLink): void {
    const ops = ended.replaceBy(left)
    if (ops === 0) return
    this.#resent += ops
    this.#options.resent(ops, left.instance)
  }

  #want(session: PeerSession, ops: readonly OpId[]): void {
    const link = this.#linkBySession.get(session)
    if (link === undefined) return
    link.isWhole = true
    for (let at = 0; at < ops.length; at += messageBounds.maxOps) {
      session.send({ type: 'want', ops: ops.slice(at, at + messageBounds.maxOps) })
    }
  }

  #linksChanged(): void {
    const wasFullMesh = this.#isFullMesh
    this.#isFullMesh = undefined
    if (wasFullMesh === true || !this.isFullMesh) return
    // Whatever tree there was is not needed any more.
    for (const link of this.#linkByInstance.values()) if (link.isWriter) link.isWhole = true
  }

  #areAllLinked(): boolean {
    const writers = [...this.#linkByInstance.values()].filter(({ isWriter }) => isWriter)
    return writers.every((link) =>
      writers.every((other) => other === link || link.neighbours.has(other.instance)),
    )
  }
}

/**
 * The author itself brings it, and it is not what somebody else gave out under its id: then it counts.
 * Who heard the forgery alone finds the difference when the link is compared.
 */
function isForged(
  { from, op, bytes }: RememberedOp,
  link: SpreadingLink,
  message: Message,
): boolean {
  if (link.instance !== op.instance || from === op.instance || from === undefined) return false
  return message.type === 'update' && bytes !== undefined && !areEqual(bytes, message.bytes)
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at])
}

function outgoingOfRemembered({ kind, op, document, bytes }: RememberedOp): OutgoingOp | undefined {
  if (kind === 'tombstone') return outgoingOf({ kind, op, document })
  return bytes === undefined ? undefined : outgoingOf({ kind, op, document, bytes })
}

/** Undefined: it is longer than any message. */
function outgoingOf(change: LocalOp): OutgoingOp | undefined {
  const { op, document } = change
  if (change.kind === 'update' && change.bytes.length > messageBounds.maxUpdateBytes) {
    return undefined
  }
  const message: Message =
    change.kind === 'tombstone'
      ? { type: 'tombstone', op, document }
      : { type: 'update', document, cause: { kind: 'op', op }, bytes: change.bytes }
  return { op, document, message, bytes: encodeMessage(message) }
}
