/**
 * The rooms that one socket is in. Each membership:
 *
 *   joining ── token holds, room has a place ──▶ in ── leave, token ends, taken over ──▶ gone
 *      └────── refused, or left meanwhile ───────────────────────────────────────────────▲
 *
 * A token is checked at the join and at each renewal, and its end is kept to by the monotonic
 * clock: soon before it the peer is told, at it the membership ends.
 */
import {
  accept,
  refuse,
  signallingVersion,
  type CollectionName,
  type ErrorCode,
  type InstanceId,
  type Join,
  type Neighbour,
  type Parsed,
  type Refusal,
  type RemovalReason,
  type Renew,
  type SendSignal,
} from '@holdfast/peer/protocol'
import { grantFor, type Granted } from '../access/granted.js'
import type { SignalContext } from '../context.js'
import { issueIce } from '../ice.js'
import { announcedLimits } from '../limits.js'
import type { Relays } from '../relay/relays.js'
import { sendNeighbours, type Member, type Outlet } from './room.js'
import type { Rooms } from './rooms.js'

/** The socket that these memberships belong to. */
export interface MembershipOwner extends Outlet {
  /** Answers a message with a refusal; counted here. */
  answer(code: ErrorCode, about: { collection?: CollectionName; to?: InstanceId }): void
  /** The number of rooms that the socket is in has changed. */
  onMembershipsChanged(): void
  /** There may be a deadline earlier than those before. */
  wakeAt(atMs: number): void
}

interface Membership {
  member: Member | undefined
  /** Monotonic. */
  expiresAtMs: number
  hasWarned: boolean
  isRenewing: boolean
}

export class Memberships {
  readonly #context: SignalContext
  readonly #rooms: Rooms
  readonly #relays: Relays
  readonly #owner: MembershipOwner
  readonly #byCollection = new Map<CollectionName, Membership>()

  constructor(context: SignalContext, rooms: Rooms, relays: Relays, owner: MembershipOwner) {
    this.#context = context
    this.#rooms = rooms
    this.#relays = relays
    this.#owner = owner
  }

  /** Rooms that the socket is in; those that it is joining do not count yet. */
  get count(): number {
    let count = 0
    for (const { member } of this.#byCollection.values()) if (member !== undefined) count++
    return count
  }

  async join(join: Join): Promise<void> {
    const { collection } = join
    if (this.#byCollection.has(collection)) {
      this.#owner.answer('unexpected-message', { collection })
      return
    }
    if (this.#byCollection.size >= this.#context.limits.maxRoomsPerSocket) {
      this.#owner.answer('too-many', { collection })
      return
    }
    const membership: Membership = {
      member: undefined,
      expiresAtMs: Number.POSITIVE_INFINITY,
      hasWarned: false,
      isRenewing: false,
    }
    this.#byCollection.set(collection, membership)
    const granted = await grantFor(this.#context, collection, join.token)
    // Left, or the socket closed, while the token was being checked.
    if (this.#byCollection.get(collection) !== membership) return
    const joined = granted.ok ? this.#enter(join, granted.value, membership) : granted
    if (!joined.ok) {
      this.#byCollection.delete(collection)
      this.#refuse(joined.refusal, collection)
    }
  }

  async renew({ collection, token }: Renew): Promise<void> {
    const membership = this.#byCollection.get(collection)
    if (membership?.member === undefined) {
      this.#owner.answer('unexpected-message', { collection })
      return
    }
    if (token === undefined) {
      this.#sayRenewed(collection, membership.member, membership)
      return
    }
    if (membership.isRenewing) {
      this.#owner.answer('too-many', { collection })
      return
    }
    membership.isRenewing = true
    const granted = await grantFor(this.#context, collection, token)
    membership.isRenewing = false
    if (this.#byCollection.get(collection) !== membership) return
    if (!granted.ok) {
      // The old token is still good until it ends.
      this.#refuse(granted.refusal, collection)
      return
    }
    const member = { ...membership.member, access: granted.value.access }
    if (member.role === 'archive' && member.access !== 'admin') {
      this.#refuse({ code: 'forbidden', detail: 'renew: an archive needs admin' }, collection)
      return
    }
    membership.member = member
    this.#holdTo(granted.value, membership)
    this.#rooms.room(collection)?.replace(member)
    this.#sayRenewed(collection, member, membership)
  }

  leave(collection: CollectionName): void {
    if (!this.#byCollection.has(collection)) return
    this.#end(collection, 'left')
    this.#owner.onMembershipsChanged()
  }

  signal({ collection, to, data }: SendSignal): void {
    const sender = this.#byCollection.get(collection)?.member
    if (sender === undefined) {
      this.#owner.answer('unexpected-message', { collection, to })
      return
    }
    if (data.length > this.#context.limits.maxSignalUnits) {
      this.#owner.answer('too-large', { collection, to })
      return
    }
    const recipient = this.#otherMember(collection, sender, to)
    if (recipient === undefined) {
      this.#owner.answer('unknown-recipient', { collection, to })
      return
    }
    this.#context.counters.signals++
    const { id: from, access } = sender
    recipient.outlet.send({ type: 'signal', collection, from, access, data })
  }

  openRelay(collection: CollectionName, to: InstanceId): void {
    const sender = this.#byCollection.get(collection)?.member
    if (sender === undefined) {
      this.#owner.answer('unexpected-message', { collection, to })
      return
    }
    const recipient = this.#otherMember(collection, sender, to)
    if (recipient === undefined) {
      this.#owner.answer('unknown-recipient', { collection, to })
      return
    }
    const opened = this.#relays.open(collection, sender.id, this.#owner, to, recipient.outlet)
    if (!opened.ok) this.#owner.answer(opened.refusal.code, { collection, to })
  }

  closeRelay(collection: CollectionName, to: InstanceId): void {
    const sender = this.#byCollection.get(collection)?.member
    if (sender !== undefined) this.#relays.close(collection, sender.id, to)
  }

  /** Another socket has taken the membership over: it ends here, and nobody else is told. */
  replaced(collection: CollectionName): void {
    this.#drop(collection)
    this.#owner.send({ type: 'left', collection, code: 'replica-in-use' })
    this.#owner.onMembershipsChanged()
  }

  /** Ends what is due; gives the next deadline (monotonic). */
  onDue(nowMs: number): number {
    let dueMs = Number.POSITIVE_INFINITY
    for (const [collection, membership] of this.#byCollection) {
      if (nowMs >= membership.expiresAtMs) {
        this.#context.counters.refused('token-expired')
        this.#owner.send({ type: 'left', collection, code: 'token-expired' })
        this.#end(collection, 'lost')
        this.#owner.onMembershipsChanged()
        continue
      }
      const warnAtMs = membership.expiresAtMs - expiryWarningMs
      if (!membership.hasWarned && nowMs >= warnAtMs) {
        membership.hasWarned = true
        const expiresInMs = Math.ceil(membership.expiresAtMs - nowMs)
        this.#owner.send({ type: 'expiring', collection, expiresInMs })
      }
      dueMs = Math.min(dueMs, membership.hasWarned ? membership.expiresAtMs : warnAtMs)
    }
    return dueMs
  }

  /** The socket is gone, and so is its peer from all its rooms. */
  endAll(why: RemovalReason): void {
    for (const collection of this.#byCollection.keys()) this.#end(collection, why)
  }

  #enter(join: Join, granted: Granted, membership: Membership): Parsed<undefined> {
    const { collection, capabilities, instance: id, replica, resume, role, standing } = join
    const { access } = granted
    // Peers believe an archive's word that an edit is safe, so not everybody who may write is one.
    if (role === 'archive' && access !== 'admin') {
      return refuse('forbidden', 'join: an archive needs admin')
    }
    const newcomer = { id, replica, role, access, capabilities, outlet: this.#owner }
    const joined = this.#rooms.join(collection, newcomer, standing, resume)
    if (!joined.ok) return joined
    membership.member = joined.value
    this.#context.counters.joins++
    this.#holdTo(granted, membership)
    this.#owner.onMembershipsChanged()
    this.#sayJoined(collection, joined.value, membership)
    return accept(undefined)
  }

  #sayJoined(collection: CollectionName, member: Member, membership: Membership): void {
    const neighbours = this.#rooms.room(collection)?.neighboursOf(member.id) ?? []
    const [first, rest] = firstPage(neighbours)
    this.#owner.send({
      type: 'joined',
      version: signallingVersion,
      collection,
      id: member.id,
      access: member.access,
      ...this.#remaining(membership),
      neighbours: first,
      ...issueIce(this.#context.ice, member.id, this.#context.clock),
      limits: announcedLimits(this.#context),
      resume: member.resume,
    })
    sendNeighbours(this.#owner, collection, rest, [])
  }

  #sayRenewed(collection: CollectionName, member: Member, membership: Membership): void {
    this.#owner.send({
      type: 'renewed',
      collection,
      access: member.access,
      ...this.#remaining(membership),
      ...issueIce(this.#context.ice, member.id, this.#context.clock),
    })
  }

  #holdTo({ expiresInMs }: Granted, membership: Membership): void {
    const nowMs = this.#context.clock.monotonic()
    membership.expiresAtMs = nowMs + expiresInMs
    // A token that is shorter than the warning is its own warning.
    membership.hasWarned = expiresInMs <= expiryWarningMs
    const dueMs = membership.expiresAtMs - (membership.hasWarned ? 0 : expiryWarningMs)
    if (Number.isFinite(dueMs)) this.#owner.wakeAt(dueMs)
  }

  #remaining({ expiresAtMs }: Membership): { expiresInMs?: number } {
    if (!Number.isFinite(expiresAtMs)) return {}
    const remainingMs = Math.floor(expiresAtMs - this.#context.clock.monotonic())
    // An end that no number can say is no end.
    return remainingMs > Number.MAX_SAFE_INTEGER ? {} : { expiresInMs: Math.max(0, remainingMs) }
  }

  /** A member of the room other than the sender. */
  #otherMember(collection: CollectionName, sender: Member, to: InstanceId): Member | undefined {
    return to === sender.id ? undefined : this.#rooms.room(collection)?.member(to)
  }

  #refuse({ code, detail }: Refusal, collection: CollectionName): void {
    this.#context.logger.debug('refused', { code, detail, collection })
    this.#owner.answer(code, { collection })
  }

  #end(collection: CollectionName, why: RemovalReason): void {
    const member = this.#drop(collection)
    if (member !== undefined) this.#rooms.leave(collection, member.id, why)
  }

  #drop(collection: CollectionName): Member | undefined {
    const membership = this.#byCollection.get(collection)
    this.#byCollection.delete(collection)
    this.#relays.leave(collection, this.#owner)
    return membership?.member
  }
}

function firstPage(neighbours: readonly Neighbour[]): [readonly Neighbour[], readonly Neighbour[]] {
  return [neighbours.slice(0, neighboursInJoined), neighbours.slice(neighboursInJoined)]
}

/** With everything else in `joined` they stay below a quarter of the largest message. */
const neighboursInJoined = 32

/** Time for a page to fetch a new token over a bad line, twice. */
const expiryWarningMs = 30_000
