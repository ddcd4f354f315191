/*
 * Brings an archive to peers that cannot reach its port: it is in their rooms as an archive, and
 * every link that comes about there is served as if it had been accepted.
 *
 *   rooms with somebody in them ──► a door a signaller ──► DirectLinks ──► ArchiveNode.accept
 *   (called, named, or held)                               with peers alone; archives follow
 *
 * The signaller tells who is at the other end and what it may do; the voucher that both are told
 * proves that it is the one.
 */
import type { HandshakeGate, LinkDialer } from '@holdfast/peer'
import type { Clock, Logger, Random, Undo } from '@holdfast/peer/ports'
import type { CollectionName } from '@holdfast/peer/protocol'
import type { Log } from '../log/port.js'
import type { ArchiveNode } from '../node/archive-node.js'
import { Door, type Signaller } from './door.js'

export interface RoomsOptions {
  readonly log: Log
  readonly node: Pick<ArchiveNode, 'accept' | 'instance'>
  readonly signallers: readonly Signaller[]
  /** How direct links are made. */
  readonly dialer: LinkDialer
  readonly gate: HandshakeGate
  /** Rooms to be in whether anybody is there or not. */
  readonly collections?: readonly CollectionName[]
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export class Rooms {
  readonly #options: RoomsOptions
  readonly #doors: Door[] = []
  /** Of the log; read when a signaller does not tell which rooms there are. */
  readonly #held = new Set<CollectionName>()
  #stopListening: Undo | undefined
  #isClosed = false

  constructor(options: RoomsOptions) {
    this.#options = options
  }

  /** Rooms and links come by themselves. */
  start(): void {
    const { clock, collections = [], dialer, gate, log, logger, node, random } = this.#options
    for (const signaller of this.#options.signallers) {
      const door = new Door({
        signaller,
        archive: log.archive,
        node,
        dialer,
        gate,
        named: collections,
        held: () => this.#heldOnes(),
        clock,
        random,
        logger,
      })
      this.#doors.push(door)
    }
  }

  stats(): RoomsStatistics {
    const rooms = this.#doors.flatMap((door) => [...door.rooms])
    return {
      signallers: this.#doors.length,
      calling: this.#doors.filter(({ isCalled }) => isCalled).length,
      rooms: rooms.length,
      joined: rooms.filter(({ room }) => room.state.phase === 'joined').length,
      links: rooms.reduce((sum, { links }) => sum + links.count, 0),
    }
  }

  /** Leaves all rooms. Links that stand are the node's. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#stopListening?.()
    for (const door of this.#doors) door.close()
  }

  #heldOnes(): Iterable<CollectionName> {
    if (this.#stopListening === undefined) {
      const { log, logger } = this.#options
      this.#stopListening = log.onCommit(({ entries }) => {
        for (const { collection } of entries) this.#hold([collection])
      })
      this.#readHeld().catch((error: unknown) => {
        logger.error('the log does not tell its collections', { reason: String(error) })
      })
    }
    return this.#held
  }

  async #readHeld(): Promise<void> {
    let after: CollectionName | undefined
    for (;;) {
      const page = await this.#options.log.collections({ limit: 1_000, ...(after && { after }) })
      if (this.#isClosed) return
      this.#hold(page.collections)
      after = page.collections.at(-1)
      if (!page.more) return
    }
  }

  #hold(collections: readonly CollectionName[]): void {
    const added = collections.filter((collection) => !this.#held.has(collection))
    for (const collection of added) this.#held.add(collection)
    if (added.length > 0) for (const door of this.#doors) door.review()
  }
}

export interface RoomsStatistics {
  readonly signallers: number
  /** Signallers that tell in which rooms somebody is. */
  readonly calling: number
  /** To be in, over all signallers; and those of them that it is in now. */
  readonly rooms: number
  readonly joined: number
  /** Direct links that stand. */
  readonly links: number
}
