/**
 * One signaller: the rooms to be in there, over as many sockets as they need.
 *
 *   asking ── it tells which rooms there are ──▶ called: those, and those that are named
 *      └───── it does not ─────────────────────▶ by itself: those of the log, and those that are named
 *
 * Each may become the other when the signaller is asked again. A room that is not wanted any more is
 * left after a while, and not while somebody is linked there.
 */
import {
  createSignalling,
  DirectLinks,
  type Dial,
  type HandshakeGate,
  type LinkDialer,
  type RoomWatch,
  type Signalling,
  type SignallingRoom,
  type TokenProvider,
  type WatchState,
} from '@holdfast/peer'
import type { Clock, Logger, Random, Undo } from '@holdfast/peer/ports'
import type { CollectionName, ReplicaId } from '@holdfast/peer/protocol'
import type { Log } from '../log/port.js'
import type { ArchiveNode } from '../node/archive-node.js'

export interface Signaller {
  /** For logs. */
  readonly url: string
  readonly dial: Dial
  /** It has to give `admin`: peers believe an archive's word that an edit is safe. */
  readonly token?: TokenProvider | undefined
}

export interface DoorOptions {
  readonly signaller: Signaller
  readonly archive: Log['archive']
  readonly node: Pick<ArchiveNode, 'accept' | 'instance'>
  readonly dialer: LinkDialer
  readonly gate: HandshakeGate
  /** Always to be in. */
  readonly named: readonly CollectionName[]
  /** Those of the log: asked when the signaller does not tell which rooms there are. */
  readonly held: () => Iterable<CollectionName>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export class Door {
  readonly #options: DoorOptions
  readonly #named: ReadonlySet<CollectionName>
  readonly #rooms = new Map<CollectionName, Joined>()
  readonly #sockets: Socket[] = []
  readonly #watching: Signalling
  readonly #watch: RoomWatch
  #mode: 'asking' | 'called' | 'by-itself' = 'asking'
  #hasComplained = false
  #isCrowded = false

  constructor(options: DoorOptions) {
    this.#options = options
    this.#named = new Set(options.named)
    this.#watching = this.#dial()
    this.#watch = this.#watching.watch()
    this.#watch.onState((state) => this.#onWatch(state))
    this.#watch.onRooms(() => this.review())
    this.review()
  }

  /** Whether this signaller tells which rooms there are. */
  get isCalled(): boolean {
    return this.#mode === 'called'
  }

  get rooms(): Iterable<Joined> {
    return this.#rooms.values()
  }

  /** Joins what is wanted, and lets go of what is not. */
  review(): void {
    for (const collection of this.#wanted()) this.join(collection)
    for (const [collection, joined] of this.#rooms) {
      if (this.#isWanted(collection)) joined.stay()
      else joined.goLater(() => this.#leaveUnused(collection))
    }
  }

  /** Idempotent. */
  join(collection: CollectionName): void {
    if (this.#rooms.has(collection)) return
    if (this.#rooms.size >= maxRooms) {
      this.#complainOfCrowd()
      return
    }
    const { clock, dialer, gate, node, random, signaller } = this.#options
    const socket = this.#socketWithRoom()
    // The first join may ask before there are links.
    let links: DirectLinks | undefined = undefined
    const room = socket.signalling.join(collection, { standing: () => links?.standing ?? [] })
    socket.rooms++
    room.onState((state) => {
      if (state.phase === 'refused') this.#complain(collection, state.code)
    })
    links = new DirectLinks({
      room,
      dialer,
      gate,
      clock,
      random,
      // Another archive is followed, or follows: it takes nobody in that comes as an archive.
      isWanted: ({ role }) => role === 'peer',
      onLink: ({ id, access, voucher }, link) =>
        node.accept(link, {
          address: signaller.url,
          announced: { instance: id, access, voucher },
        }),
    })
    this.#rooms.set(collection, new Joined(clock, room, links, socket))
  }

  /** Leaves all rooms; links that stand are the node's. Idempotent. */
  close(): void {
    for (const joined of this.#rooms.values()) joined.close()
    this.#rooms.clear()
    for (const { signalling } of this.#sockets) signalling.close()
    this.#watching.close()
  }

  #onWatch(state: WatchState): void {
    switch (state.phase) {
      case 'watching':
        this.#mode = 'called'
        break
      case 'refused':
        this.#mode = 'by-itself'
        break
      case 'offline':
        // Not the connection: the signaller has answered, and for now it does not tell.
        if (this.#watching.state.phase === 'open' && this.#mode === 'asking') {
          this.#mode = 'by-itself'
        }
        break
      case 'asking':
      case 'ended':
        return
    }
    this.review()
  }

  *#wanted(): Iterable<CollectionName> {
    yield* this.#named
    if (this.#mode === 'called') yield* this.#watch.rooms
    else if (this.#mode === 'by-itself') yield* this.#options.held()
  }

  #isWanted(collection: CollectionName): boolean {
    if (this.#mode !== 'called' || this.#named.has(collection)) return true
    return this.#watch.rooms.has(collection)
  }

  #leaveUnused(collection: CollectionName): boolean {
    const joined = this.#rooms.get(collection)
    if (joined === undefined || this.#isWanted(collection)) return true
    if (joined.links.count > 0) return false
    this.#rooms.delete(collection)
    joined.close()
    joined.socket.rooms--
    // There may be one that found no place.
    if (this.#isCrowded) this.review()
    return true
  }

  #socketWithRoom(): Socket {
    const free = this.#sockets.find(({ rooms }) => rooms < roomsPerSocket)
    if (free !== undefined) return free
    const socket: Socket = { signalling: this.#dial(), rooms: 0 }
    this.#sockets.push(socket)
    return socket
  }

  #dial(): Signalling {
    const { archive, clock, logger, node, random, signaller } = this.#options
    const { dial, token } = signaller
    return createSignalling({
      dial,
      clock,
      random,
      logger,
      identity: { replica: archive as string as ReplicaId, instance: node.instance },
      role: 'archive',
      ...(token === undefined ? {} : { token }),
    })
  }

  /** Said once: it is the same for every room, mostly. */
  #complain(collection: CollectionName, code: string): void {
    if (this.#hasComplained) return
    this.#hasComplained = true
    this.#options.logger.error('a signaller does not let this archive in', {
      url: this.#options.signaller.url,
      collection,
      code,
    })
  }

  #complainOfCrowd(): void {
    if (this.#isCrowded) return
    this.#isCrowded = true
    const { logger, signaller } = this.#options
    logger.error('this archive is in as many rooms as it can be', { url: signaller.url, maxRooms })
  }
}

interface Socket {
  readonly signalling: Signalling
  rooms: number
}

/** A room that the archive is in, or is on its way into. */
class Joined {
  readonly room: SignallingRoom
  readonly links: DirectLinks
  readonly socket: Socket
  readonly #clock: Clock
  #leaving: Undo | undefined

  constructor(clock: Clock, room: SignallingRoom, links: DirectLinks, socket: Socket) {
    this.#clock = clock
    this.room = room
    this.links = links
    this.socket = socket
  }

  stay(): void {
    this.#leaving?.()
    this.#leaving = undefined
  }

  /** `leave` says whether that was that; else it is called again. */
  goLater(leave: () => boolean): void {
    this.#leaving ??= this.#clock.after(lingerMs, () => {
      this.#leaving = undefined
      if (!leave()) this.goLater(leave)
    })
  }

  close(): void {
    this.stay()
    this.links.close()
    this.room.leave()
  }
}

/** What a signaller lets one socket be in, unless it says otherwise. */
const roomsPerSocket = 32
/** 128 sockets: half of what a signaller takes from one address, unless it was told otherwise. */
const maxRooms = 4_096
/** A page that is loaded anew, and a phone in a tunnel, find the archive where it was. */
const lingerMs = 60_000
