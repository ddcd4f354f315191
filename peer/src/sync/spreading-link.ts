import type { Clock, Undo } from '../ports/index.js'
import {
  laneOf,
  messageBounds,
  type DocumentRef,
  type InstanceId,
  type Message,
  type OpId,
} from '../protocol/index.js'
import { syncBounds as bounds } from './limits.js'
import type { PeerSession } from './peer-session.js'

/** An op as it goes out: encoded once for all links. */
export interface OutgoingOp {
  readonly op: OpId
  readonly document: DocumentRef
  readonly message: Message
  readonly bytes: Uint8Array
}

/**
 * How ops go over one link:
 *
 *   whole ◄──want, spread(whole)── announced
 *     └──────spread(announced)────►
 *
 * Both sides change together: a link is a branch of the tree in both directions, or in none.
 */
export class SpreadingLink {
  readonly session: PeerSession
  readonly instance: InstanceId
  /** Whom the other side has direct links to. */
  neighbours: ReadonlySet<InstanceId> = new Set()
  isWhole = true
  readonly #clock: Clock
  readonly #delivered: (op: OpId, to: InstanceId) => void
  #announcements: OpId[] = []
  #announcing: Undo | undefined
  /** Ops that wait in the bulk lane: what follows must not overtake them. */
  #inBulk = 0
  /** Sent, and not known to have arrived: no more than the lanes and the window hold. */
  readonly #unconfirmed = new Set<OutgoingOp>()

  constructor(
    session: PeerSession,
    instance: InstanceId,
    clock: Clock,
    delivered: (op: OpId, to: InstanceId) => void,
  ) {
    this.session = session
    this.instance = instance
    this.#clock = clock
    this.#delivered = delivered
  }

  get isWriter(): boolean {
    return this.session.canWrite
  }

  /** What cannot be sent now is owed, and compared later. */
  send(outgoing: OutgoingOp): void {
    if (!this.session.isOpen) return
    const { op, document, message, bytes } = outgoing
    const lane = this.#inBulk > 0 ? 'bulk' : laneOf(message, bytes.length)
    const isSent = this.session.channel.sendEncoded(bytes, lane, () => {
      if (lane === 'bulk') this.#inBulk--
      this.#unconfirmed.delete(outgoing)
      this.#delivered(op, this.instance)
    })
    if (!isSent) {
      this.session.owe(document)
      return
    }
    this.#unconfirmed.add(outgoing)
    if (lane === 'bulk') this.#inBulk++
  }

  /** Something of this document is sent, and not known to have arrived. */
  isSending({ id, generation }: DocumentRef): boolean {
    for (const { document } of this.#unconfirmed) {
      if (document.id === id && document.generation === generation) return true
    }
    return false
  }

  announce(op: OpId): void {
    this.#announcements.push(op)
    if (this.#announcements.length >= messageBounds.maxOps) this.#tell()
    else this.#announcing ??= this.#clock.after(bounds.announceWithinMs, () => this.#tell())
  }

  /** "Only announce from now on": this link is no branch. */
  prune(): void {
    if (!this.isWhole) return
    this.isWhole = false
    this.session.send({ type: 'spread', how: 'announced' })
  }

  close(): void {
    this.#announcing?.()
    this.#announcements = []
    this.#unconfirmed.clear()
  }

  /**
   * Another link to the same neighbour goes on: what may have been lost here is sent there. Gives how
   * many ops that were.
   */
  replaceBy(other: SpreadingLink): number {
    const { size } = this.#unconfirmed
    for (const outgoing of this.#unconfirmed) other.send(outgoing)
    for (const op of this.#announcements) other.announce(op)
    // What had arrived there may not have been heard any more, and the other way round.
    other.session.compareSoon()
    return size
  }

  #tell(): void {
    this.#announcing?.()
    this.#announcing = undefined
    const ops = this.#announcements
    this.#announcements = []
    if (!this.session.send({ type: 'announce', ops })) this.session.compareSoon()
  }
}
