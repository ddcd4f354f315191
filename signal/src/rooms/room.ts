/**
 * One collection's members and the links between them. The topology says which two are linked; the
 * room tells those two, and nobody else.
 *
 * A member is known by its instance id. Its `resume` secret, said or made at the join, lets the same
 * instance come back on a new socket while the old one is not yet known to be dead: nothing changes
 * for the others then.
 */
import type {
  Access,
  CollectionName,
  InstanceId,
  Neighbour,
  PeerRole,
  RemovalReason,
  RemovedNeighbour,
  ReplicaId,
} from '@holdfast/peer/protocol'
import { canWrite, signallingBounds } from '@holdfast/peer/protocol'
import type { Clock, Undo } from '@holdfast/peer/ports'
import { createHmac } from 'node:crypto'
import type { RelayParty } from '../relay/relays.js'
import type { Role, Topology, TopologyChange } from '../topology/index.js'

/** The socket side of a member. */
export interface Outlet extends RelayParty {
  /** Another socket has taken this membership over. */
  onReplaced(collection: CollectionName): void
}

export interface Member {
  readonly id: InstanceId
  readonly replica: ReplicaId
  readonly role: PeerRole
  readonly access: Access
  readonly capabilities: readonly string[]
  readonly resume: string
  readonly outlet: Outlet
}

export interface RoomOptions {
  readonly topology: Topology
  /** From which the vouchers of this room's links are derived. */
  readonly voucherKey: Uint8Array
  readonly clock: Clock
  /** How long a member's links wait for the standing neighbours that it named. */
  readonly settleMs: number
}

export class Room {
  readonly collection: CollectionName
  readonly #topology: Topology
  readonly #voucherKey: Uint8Array
  readonly #clock: Clock
  readonly #settleMs: number
  readonly #members = new Map<string, Member>()
  #archives = 0
  /** Members whose standing neighbours are not back yet. */
  readonly #settling = new Map<string, Undo>()

  constructor(collection: CollectionName, options: RoomOptions) {
    this.collection = collection
    this.#topology = options.topology
    this.#voucherKey = options.voucherKey
    this.#clock = options.clock
    this.#settleMs = options.settleMs
  }

  get size(): number {
    return this.#members.size
  }

  get archives(): number {
    return this.#archives
  }

  /** Whether anybody is here whom an archive could serve. */
  get hasPeers(): boolean {
    return this.#members.size > this.#archives
  }

  member(id: InstanceId): Member | undefined {
    return this.#members.get(id)
  }

  /** Archives first. */
  neighboursOf(id: InstanceId): Neighbour[] {
    const neighbours: Neighbour[] = []
    for (const { caller, callee } of this.#topology.linksOf(id)) {
      const other = this.#members.get(caller === id ? callee : caller)
      if (other !== undefined) neighbours.push(this.#describe(other, id))
    }
    return neighbours
  }

  /** Takes a member in who is not there. Who gets a link to it is told; it is not. */
  join(member: Member, standing: readonly InstanceId[]): void {
    this.#members.set(member.id, member)
    if (member.role === 'archive') this.#archives++
    const change = this.#topology.join(member.id, topologyRole(member), { standing })
    this.#announce(change, 'moved', member.id)
    if (this.#topology.isWaiting(member.id)) {
      this.#settling.set(
        member.id,
        this.#clock.after(this.#settleMs, () => this.#settle(member.id)),
      )
    }
  }

  /**
   * The member is described anew: another socket, other capabilities, another access. Those linked
   * to it are told only of what shows.
   */
  replace(member: Member): void {
    const before = this.#members.get(member.id)
    if (before === undefined) return
    this.#members.set(member.id, member)
    if (topologyRole(before) !== topologyRole(member)) {
      this.#moveTo(member)
    } else if (!isSameToOthers(before, member)) {
      for (const { caller, callee } of this.#topology.linksOf(member.id)) {
        const other = this.#members.get(caller === member.id ? callee : caller)
        const add = [this.#describe(member, other?.id ?? member.id)]
        other?.outlet.send({ type: 'neighbours', collection: this.collection, add, remove: [] })
      }
    }
    if (before.outlet !== member.outlet) before.outlet.onReplaced(this.collection)
  }

  leave(id: InstanceId, why: RemovalReason): void {
    const member = this.#members.get(id)
    if (member === undefined) return
    this.#members.delete(id)
    if (member.role === 'archive') this.#archives--
    this.#stopSettling(id)
    this.#announce(this.#topology.leave(id), why, id)
  }

  /** Those who have not come back by now are not waited for any longer. */
  #settle(id: InstanceId): void {
    this.#settling.delete(id)
    this.#announce(this.#topology.settle(id), 'moved')
  }

  #stopSettling(id: InstanceId): void {
    this.#settling.get(id)?.()
    this.#settling.delete(id)
  }

  /** A writer became a reader or the other way round: its links are laid anew. */
  #moveTo(member: Member): void {
    this.#stopSettling(member.id)
    const left = this.#topology.leave(member.id)
    const joined = this.#topology.join(member.id, topologyRole(member))
    this.#announce(left, 'moved')
    this.#announce(joined, 'moved')
  }

  /** Tells each end of each changed link, in one message a member; not the member `except`. */
  #announce(change: TopologyChange, why: RemovalReason, except?: InstanceId): void {
    const news = new Map<Member, { add: Neighbour[]; remove: RemovedNeighbour[] }>()
    const newsFor = (id: string): { add: Neighbour[]; remove: RemovedNeighbour[] } | undefined => {
      const member = id === except ? undefined : this.#members.get(id)
      if (member === undefined) return undefined
      const told = news.get(member) ?? { add: [], remove: [] }
      news.set(member, told)
      return told
    }
    for (const { caller, callee } of change.removed) {
      const reason = caller === except || callee === except ? why : 'moved'
      newsFor(caller)?.remove.push({ id: callee as InstanceId, why: reason })
      newsFor(callee)?.remove.push({ id: caller as InstanceId, why: reason })
    }
    for (const { caller, callee } of change.added) {
      const a = this.#members.get(caller)
      const b = this.#members.get(callee)
      if (a === undefined || b === undefined) continue
      newsFor(caller)?.add.push(this.#describe(b, a.id))
      newsFor(callee)?.add.push(this.#describe(a, b.id))
    }
    for (const [member, { add, remove }] of news) {
      sendNeighbours(member.outlet, this.collection, add, remove)
    }
  }

  /** What `hearer` is told about `member`. The smaller id calls, as in the topology's pairs. */
  #describe(member: Member, hearer: InstanceId): Neighbour {
    const { id, replica, role, access, capabilities } = member
    const call = hearer < id
    return { id, replica, role, access, call, voucher: this.#voucher(id, hearer), capabilities }
  }

  /** 128 bits that only the two ends are told, and that need not be remembered. */
  #voucher(a: InstanceId, b: InstanceId): string {
    const link = a < b ? `${a} ${b}` : `${b} ${a}`
    return createHmac('sha256', this.#voucherKey)
      .update(`${link} ${this.collection}`)
      .digest('hex')
      .slice(0, 32)
  }
}

/** An archive has more links than fit one message: they go in pages. */
export function sendNeighbours(
  outlet: Outlet,
  collection: CollectionName,
  add: readonly Neighbour[],
  remove: readonly RemovedNeighbour[],
): void {
  const page = signallingBounds.maxNeighbours
  for (let at = 0; at < Math.max(add.length, remove.length); at += page) {
    outlet.send({
      type: 'neighbours',
      collection,
      add: add.slice(at, at + page),
      remove: remove.slice(at, at + page),
    })
  }
}

function topologyRole(member: Member): Role {
  if (member.role === 'archive') return 'archive'
  return canWrite(member.access) ? 'writer' : 'reader'
}

function isSameToOthers(a: Member, b: Member): boolean {
  return (
    a.access === b.access &&
    a.replica === b.replica &&
    a.role === b.role &&
    a.capabilities.join('\n') === b.capabilities.join('\n')
  )
}
