/**
 * All rooms of one server. A room is made by the first join and gone with the last leave, so what
 * is kept is bounded by who is there.
 */
import {
  accept,
  refuse,
  type CollectionName,
  type InstanceId,
  type Parsed,
  type RemovalReason,
} from '@holdfast/peer/protocol'
import { hexOf } from '@holdfast/peer/protocol'
import type { SignalContext } from '../context.js'
import { createTopology } from '../topology/index.js'
import { Room, type Member } from './room.js'
import { Watchers } from './watchers.js'

/** A newcomer, without what the server adds. */
export type Newcomer = Omit<Member, 'resume'>

export class Rooms {
  /** Told of each room that somebody comes into, and that the last one leaves. */
  readonly watchers: Watchers
  readonly #context: SignalContext
  readonly #rooms = new Map<CollectionName, Room>()
  readonly #voucherKey: Uint8Array

  constructor(context: SignalContext) {
    this.#context = context
    this.#voucherKey = context.random.bytes(32)
    this.watchers = new Watchers(context.limits.maxWatchers)
  }

  room(collection: CollectionName): Room | undefined {
    return this.#rooms.get(collection)
  }

  /** Rooms in which somebody is besides archives. */
  withPeers(): CollectionName[] {
    return [...this.#rooms].filter(([, { hasPeers }]) => hasPeers).map(([name]) => name)
  }

  /**
   * Takes the newcomer in; gives its membership with the secret to come back with, which is the one
   * that it brought, if any. With the secret of the member that has this id now, it takes that
   * one's place.
   */
  join(
    collection: CollectionName,
    newcomer: Newcomer,
    standing: readonly InstanceId[],
    resume: string | undefined,
  ): Parsed<Member> {
    const room = this.#rooms.get(collection)
    const present = room?.member(newcomer.id)
    const member: Member = { ...newcomer, resume: resume ?? hexOf(this.#context.random.bytes(16)) }
    if (room !== undefined && present !== undefined) {
      if (present.resume !== resume || present.role !== newcomer.role) {
        return refuse('replica-in-use', 'join: another socket is in the room under this id')
      }
      room.replace(member)
      return accept(member)
    }
    const entered = room === undefined ? this.#make(collection) : this.#admit(room, newcomer)
    if (!entered.ok) return entered
    const hadPeers = entered.value.hasPeers
    entered.value.join(member, standing)
    this.#context.counters.members++
    if (hadPeers !== entered.value.hasPeers) this.watchers.changed(collection)
    return accept(member)
  }

  /** The membership ends. (One that another socket has taken over is not its first owner's to end.) */
  leave(collection: CollectionName, id: InstanceId, why: RemovalReason): void {
    const room = this.#rooms.get(collection)
    if (room === undefined) return
    const hadPeers = room.hasPeers
    room.leave(id, why)
    const { counters } = this.#context
    counters.members--
    counters.leaves++
    if (room.size === 0) this.#rooms.delete(collection)
    counters.rooms = this.#rooms.size
    if (hadPeers !== room.hasPeers) this.watchers.changed(collection)
  }

  #admit(room: Room, newcomer: Newcomer): Parsed<Room> {
    const { limits } = this.#context
    if (room.size >= limits.maxPeersPerRoom) return refuse('too-many', 'join: the room is full')
    if (newcomer.role === 'archive' && room.archives >= limits.maxArchivesPerRoom) {
      return refuse('too-many', 'join: enough archives')
    }
    return accept(room)
  }

  #make(collection: CollectionName): Parsed<Room> {
    const { clock, counters, limits, random } = this.#context
    if (this.#rooms.size >= limits.maxRooms) return refuse('too-many', 'join: enough rooms')
    const room = new Room(collection, {
      topology: createTopology({ random }),
      voucherKey: this.#voucherKey,
      clock,
      settleMs: limits.settleMs,
    })
    this.#rooms.set(collection, room)
    counters.rooms = this.#rooms.size
    return accept(room)
  }
}
