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
  send({ op, document, message, bytes }: OutgoingOp): void {
    if (!this.session.isOpen) return
    const lane = this.#inBulk > 0 ? 'bulk' : laneOf(message, bytes.length)
    const isSent = this.session.channel.sendEncoded(bytes, lane, () => {
      if (lane === 'bulk') this.#inBulk--
      this.#delivered(op, this.instance)
    })
    if (!isSent) this.session.owe(document)
    else if (lane === 'bulk') this.#inBulk++
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
  }

  #tell(): void {
    this.#announcing?.()
    this.#announcing = undefined
    const ops = this.#announcements
    this.#announcements = []
    if (!this.session.send({ type: 'announce', ops })) this.session.compareSoon()
  }
}
