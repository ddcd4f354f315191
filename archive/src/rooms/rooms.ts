/*
 * Brings an archive to peers that cannot reach its port: it is in their rooms as an archive, and
 * every link that comes about there is served as if it had been accepted.
 *
 *   collections ──► a room each, at each signaller ──► DirectLinks ──► ArchiveNode.accept
 *   (held, named, new)                                  with peers alone; archives follow each other
 *
 * The signaller tells who is at the other end and what it may do; the voucher that both are told
 * proves that it is the one.
 */
import {
  createSignalling,
  DirectLinks,
  type Dial,
  type HandshakeGate,
  type LinkDialer,
  type Signalling,
  type SignallingRoom,
  type TokenProvider,
} from '@holdfast/peer'
import type { Clock, Logger, Random, Undo } from '@holdfast/peer/ports'
import type { CollectionName, ReplicaId } from '@holdfast/peer/protocol'
import type { Log } from '../log/port.js'
import type { ArchiveNode } from '../node/archive-node.js'

export interface RoomsOptions {
  readonly log: Log
  readonly node: Pick<ArchiveNode, 'accept' | 'instance'>
  readonly signallers: readonly Signaller[]
  /** How direct links are made. */
  readonly dialer: LinkDialer
  readonly gate: HandshakeGate
  /** Rooms to be in before the log holds anything of them. */
  readonly collections?: readonly CollectionName[]
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

interface Signaller {
  /** For logs. */
  readonly url: string
  readonly dial: Dial
  /** It has to give `admin`: peers believe an archive's word that an edit is safe. */
  readonly token?: TokenProvider | undefined
}

export class Rooms {
  readonly #options: RoomsOptions
  readonly #doors: readonly Door[]
  readonly #joined = new Set<CollectionName>()
  #stopListening: Undo = () => {}
  #isClosed = false

  constructor(options: RoomsOptions) {
    this.#options = options
    this.#doors = options.signallers.map((signaller) => new Door(options, signaller))
  }

  /** Resolves when the rooms are known; links come up by themselves. Rejects when the log fails. */
  async start(): Promise<void> {
    const { log, collections = [] } = this.#options
    this.#stopListening = log.onCommit(({ entries }) => {
      for (const { collection } of entries) this.#join(collection)
    })
    for (const collection of collections) this.#join(collection)
    let after: CollectionName | undefined
    for (;;) {
      const page = await log.collections({ limit: 1_000, ...(after && { after }) })
      for (const collection of page.collections) this.#join(collection)
      after = page.collections.at(-1)
      if (!page.more || this.#isClosed) return
    }
  }

  stats(): RoomsStatistics {
    const rooms = this.#doors.flatMap((door) => door.rooms)
    return {
      rooms: rooms.length,
      joined: rooms.filter(({ room }) => room.state.phase === 'joined').length,
      links: rooms.reduce((sum, { links }) => sum + links.count, 0),
    }
  }

  /** Leaves all rooms. Links that stand are the node's. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#stopListening()
    for (const door of this.#doors) door.close()
  }

  #join(collection: CollectionName): void {
    if (this.#isClosed || this.#joined.has(collection)) return
    this.#joined.add(collection)
    for (const door of this.#doors) door.join(collection)
  }
}

export interface RoomsStatistics {
  /** To be in, over all signallers; and those of them that it is in now. */
  readonly rooms: number
  readonly joined: number
  /** Direct links that stand. */
  readonly links: number
}

/** What a signaller lets one socket be in, unless it says otherwise. */
const roomsPerSocket = 32

/** One signaller, over as many sockets as its rooms need. */
class Door {
  readonly rooms: { readonly room: SignallingRoom; readonly links: DirectLinks }[] = []
  readonly #options: RoomsOptions
  readonly #signaller: Signaller
  readonly #sockets: Signalling[] = []
  #hasComplained = false

  constructor(options: RoomsOptions, signaller: Signaller) {
    this.#options = options
    this.#signaller = signaller
  }

  join(collection: CollectionName): void {
    const { dialer, gate, clock, random, node } = this.#options
    // The first join may ask before there are links.
    let links: DirectLinks | undefined = undefined
    const room = this.#socket().join(collection, { standing: () => links?.standing ?? [] })
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
          address: this.#signaller.url,
          announced: { instance: id, access, voucher },
        }),
    })
    this.rooms.push({ room, links })
  }

  close(): void {
    for (const { links } of this.rooms.splice(0)) links.close()
    for (const socket of this.#sockets) socket.close()
  }

  #socket(): Signalling {
    const last = this.#sockets.at(-1)
    if (last !== undefined && this.rooms.length % roomsPerSocket !== 0) return last
    const { log, node, clock, random, logger } = this.#options
    const { dial, token } = this.#signaller
    const socket = createSignalling({
      dial,
      clock,
      random,
      logger,
      identity: { replica: log.archive as string as ReplicaId, instance: node.instance },
      role: 'archive',
      ...(token === undefined ? {} : { token }),
    })
    this.#sockets.push(socket)
    return socket
  }

  /** Said once: it is the same for every room, mostly. */
  #complain(collection: CollectionName, code: string): void {
    if (this.#hasComplained) return
    this.#hasComplained = true
    const { url } = this.#signaller
    this.#options.logger.error('a signaller does not let this archive in', {
      url,
      collection,
      code,
    })
  }
}
