/**
 * The archive for unmodified y-websocket clients. Each document that somebody is connected to has a
 * room; what a client sends goes through the log like everything else, and what the log commits,
 * whoever wrote it, goes to the room's sockets.
 */
import type { Access, CollectionName, DocumentId, ErrorCode } from '@holdfast/peer/protocol'
import type { Clock, Logger, Undo } from '@holdfast/peer/ports'
import type { Commit, Log } from '../log/port.js'
import type { YWebsocketAddress } from './address.js'
import type { YWebsocketContext } from './context.js'
import { YWebsocketCounters } from './counters.js'
import { yWebsocketLimits, type YWebsocketLimits } from './limits.js'
import { Room } from './room.js'
import { YWebsocketSession } from './session.js'
import type { YWebsocketListener, YWebsocketSocket } from './socket.js'
import { StateBudget } from './state-budget.js'
import { closeCodeOf } from './wire.js'

export interface YWebsocketBridgeOptions {
  readonly log: Log
  readonly clock: Clock
  readonly logger: Logger
  readonly limits?: Partial<YWebsocketLimits>
}

/** What a socket has shown before it is let in. */
export interface YWebsocketAdmission extends YWebsocketAddress {
  readonly access: Access
  /** Wall-clock milliseconds at which its token ends; Infinity: never. */
  readonly expiresAtMs: number
}

export interface YWebsocketBridge {
  readonly counters: YWebsocketCounters
  readonly limits: YWebsocketLimits
  /** Takes a socket over; what comes out of it goes to the listener. */
  connect(socket: YWebsocketSocket, admission: YWebsocketAdmission): YWebsocketListener
  /** Closes a socket that is not let in, in words that its client understands. */
  refuse(socket: YWebsocketSocket, code: ErrorCode): YWebsocketListener
  /** Closes all sockets, which may come back, and takes none any more. Idempotent. */
  close(): void
}

/** Throws a RangeError for a limit that cannot hold. */
export function createYWebsocketBridge(options: YWebsocketBridgeOptions): YWebsocketBridge {
  return new Bridge(options)
}

class Bridge implements YWebsocketBridge {
  readonly counters = new YWebsocketCounters()
  readonly limits: YWebsocketLimits
  readonly #context: YWebsocketContext
  readonly #roomByName = new Map<string, Room>()
  readonly #sessions = new Set<YWebsocketSession>()
  readonly #undoCommits: Undo
  /** Armed while there is anybody. */
  #timer: Undo | undefined
  #isClosed = false

  constructor(options: YWebsocketBridgeOptions) {
    const { log, clock, logger } = options
    this.limits = yWebsocketLimits(options.limits)
    this.#context = {
      log,
      clock,
      logger,
      limits: this.limits,
      counters: this.counters,
      states: new StateBudget(this.limits.maxStateBytes),
    }
    this.#undoCommits = log.onCommit((commit) => this.#tell(commit))
  }

  connect(socket: YWebsocketSocket, admission: YWebsocketAdmission): YWebsocketListener {
    const { clock } = this.#context
    const { collection, document, access, expiresAtMs } = admission
    const room = this.#isClosed ? undefined : this.#roomOf(collection, document)
    const isFull = room !== undefined && room.members.size >= this.limits.maxSocketsPerDocument
    if (room === undefined || isFull) {
      return this.refuse(socket, isFull ? 'too-many' : 'going-away')
    }
    const untilMs = clock.monotonic() + (expiresAtMs - clock.now())
    const session = new YWebsocketSession(this.#context, room, socket, access, untilMs, () => {
      this.#sessions.delete(session)
      this.counters.sockets = this.#sessions.size
      this.#dropIfEmpty(room)
    })
    room.members.add(session)
    this.#sessions.add(session)
    this.counters.sockets = this.#sessions.size
    this.#arm()
    void this.#open(room, session)
    return session
  }

  refuse(socket: YWebsocketSocket, code: ErrorCode): YWebsocketListener {
    this.counters.refused(code)
    socket.close(closeCodeOf(code), code)
    return deaf
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#undoCommits()
    this.#timer?.()
    for (const session of this.#sessions) session.end('going-away')
  }

  readonly #loadByRoom = new WeakMap<Room, Promise<void>>()

  async #open(room: Room, session: YWebsocketSession): Promise<void> {
    let loading = this.#loadByRoom.get(room)
    if (loading === undefined) {
      loading = room.load()
      this.#loadByRoom.set(room, loading)
    }
    try {
      await loading
      session.open()
    } catch (error) {
      this.#context.logger.error('a document could not be read for y-websocket clients', {
        collection: room.collection,
        reason: String(error),
      })
      session.end('storage-failed')
    }
  }

  #roomOf(collection: CollectionName, id: DocumentId): Room {
    const name = nameOf(collection, id)
    const known = this.#roomByName.get(name)
    // Those who come after the end of a document begin its next life.
    if (known !== undefined && known.ended === undefined) return known
    const room = new Room(collection, id, this.#context)
    this.#roomByName.set(name, room)
    this.counters.documents = this.#roomByName.size
    return room
  }

  #dropIfEmpty(room: Room): void {
    const name = nameOf(room.collection, room.id)
    if (room.members.size > 0 || this.#roomByName.get(name) !== room) return
    this.#roomByName.delete(name)
    this.counters.documents = this.#roomByName.size
  }

  #tell({ entries }: Commit): void {
    if (this.#roomByName.size === 0) return
    for (const { collection, entry } of entries) {
      this.#roomByName.get(nameOf(collection, entry.document.id))?.onEntry(entry)
    }
  }

  #arm(): void {
    this.#timer ??= this.#context.clock.after(tickMs, () => {
      this.#timer = undefined
      const nowMs = this.#context.clock.monotonic()
      for (const session of this.#sessions) session.tick(nowMs)
      for (const room of this.#roomByName.values()) room.forgetOldPresence(nowMs)
      if (this.#sessions.size > 0 && !this.#isClosed) this.#arm()
    })
  }
}

/** Names hold no control characters. */
function nameOf(collection: CollectionName, id: DocumentId): string {
  return `${collection}\n${id}`
}

const deaf: YWebsocketListener = {
  onMessage: () => {},
  onForeign: () => {},
  onOversized: () => {},
  onPong: () => {},
  onEnd: () => {},
}

/** All deadlines are some seconds long. */
const tickMs = 1_000
