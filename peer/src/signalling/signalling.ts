/**
 * The client half of signalling: keeps this peer in the rooms of its collections, tells who its
 * neighbours are, and carries signals and relayed frames to them.
 *
 *   connection.ts     one socket: dial, pauses, silence, drain
 *   membership.ts     being in each collection's room: join, renewal, return
 *   client-room.ts    what happens in it: neighbours, signals, relays
 *   room-watch.ts     being told which rooms there are
 */
import { silentLogger, type Clock, type Logger, type Random, type Undo } from '../ports/index.js'
import type { CollectionName, InstanceId, PeerRole, ReplicaId } from '../protocol/index.js'
import { Connection, type ConnectionState, type RoomMessage } from './connection.js'
import { SignallingCounters } from './counters.js'
import type { Dial } from './dial.js'
import { defaultSignallingClientLimits, type SignallingClientLimits } from './limits.js'
import { Listeners } from './listeners.js'
import { ClientRoom, type RoomContext } from './client-room.js'
import { ClientWatch, type RoomWatch } from './room-watch.js'
import type { RelayLink } from './relay-link.js'
import type { RoomOptions, SignallingRoom } from './room.js'
import { TokenSource, type TokenProvider } from './token-source.js'

export interface SignallingOptions {
  readonly dial: Dial
  readonly clock: Clock
  readonly random: Random
  readonly logger?: Logger
  /** Under which this peer is known: its store, and this run of it. */
  readonly identity: { readonly replica: ReplicaId; readonly instance: InstanceId }
  /** Default `peer`. An archive is offered to everybody, and needs a token that allows it. */
  readonly role?: PeerRole
  /** Asked for each connection and each renewal. Without it the server is asked without a token. */
  readonly token?: TokenProvider
  readonly limits?: Partial<SignallingClientLimits>
}

export interface Signalling {
  readonly state: ConnectionState
  readonly counters: Readonly<SignallingCounters>
  onState(listener: (state: ConnectionState) => void): Undo
  /**
   * Enters a collection's room, and stays in it until `leave`. The first one dials the server, the
   * last one to leave hangs up. Throws a RangeError for a collection that is joined already.
   */
  join(collection: CollectionName, options?: RoomOptions): SignallingRoom
  /**
   * Asks the server in which rooms somebody is. It tells those in which the token gives `admin`, and
   * a server that strangers may use without a token tells none. Keeps the connection up until it is
   * ended. Throws a RangeError while there is one.
   */
  watch(): RoomWatch
  /**
   * Ends all pauses, and tries again what was refused for good: for when the network is back, the
   * page is visible again, or somebody has signed in.
   */
  retryNow(): void
  /** Leaves all rooms and hangs up. Idempotent; nothing is heard and no timer runs afterwards. */
  close(): void
}

export function createSignalling(options: SignallingOptions): Signalling {
  return new SignallingClient(options)
}

class SignallingClient implements Signalling {
  readonly counters = new SignallingCounters()
  readonly #connection: Connection
  readonly #context: RoomContext
  readonly #rooms = new Map<CollectionName, ClientRoom>()
  readonly #channels = new Map<number, RelayLink>()
  #watch: ClientWatch | undefined
  readonly #states: Listeners<[ConnectionState]>

  constructor(options: SignallingOptions) {
    const { clock, dial, identity, logger = silentLogger, random, role = 'peer' } = options
    const limits = { ...defaultSignallingClientLimits, ...options.limits }
    const { counters } = this
    this.#states = new Listeners(logger)
    this.#connection = new Connection(
      { dial, clock, random, logger, limits, counters },
      {
        onState: (state) => this.#onState(state),
        onMessage: (message) => this.#onMessage(message),
        onWatchWord: (word) => {
          if (this.#watch === undefined) this.counters.unexpected++
          else this.#watch.receive(word)
        },
        onRefused: (code) => this.#watch?.refused(code),
        // Frames and credit of a relay that has just been closed cross with that: they are normal.
        onRelayCredit: (channel, bytes) => this.#channels.get(channel)?.credit(bytes),
        onRelayFrame: (channel, frame) => this.#channels.get(channel)?.receive(frame),
        onWritable: () => this.#eachRoom((room) => room.writable()),
      },
    )
    this.#context = {
      clock,
      random,
      logger,
      limits,
      counters,
      identity: { replica: identity.replica, instance: identity.instance },
      role,
      tokens: new TokenSource(options.token, clock, logger, limits.tokenMs),
      speaker: this.#connection,
      channels: this.#channels,
    }
  }

  get state(): ConnectionState {
    return this.#connection.state
  }

  onState(listener: (state: ConnectionState) => void): Undo {
    return this.#states.add(listener)
  }

  join(collection: CollectionName, options: RoomOptions = {}): SignallingRoom {
    const { state } = this.#connection
    if (state.phase === 'closed') throw new RangeError('this signalling is closed')
    if (this.#rooms.has(collection)) throw new RangeError(`${collection} is joined already`)
    const room = new ClientRoom(collection, options, this.#context, () => this.#onLeft(collection))
    this.#rooms.set(collection, room)
    if (state.phase === 'failed') room.down(state.code)
    else if (state.phase === 'open') room.opened()
    else if (state.phase === 'dialing') room.prepare()
    else this.#connection.want()
    return room
  }

  watch(): RoomWatch {
    const { state } = this.#connection
    if (state.phase === 'closed') throw new RangeError('this signalling is closed')
    if (this.#watch !== undefined) throw new RangeError('this signalling watches already')
    const watch = new ClientWatch(this.#context, () => {
      this.#watch = undefined
      this.#unwantUnused()
    })
    this.#watch = watch
    if (state.phase === 'failed') watch.down(state.code)
    else if (state.phase === 'open') watch.opened()
    else this.#connection.want()
    return watch
  }

  retryNow(): void {
    this.#watch?.retryNow()
    this.#eachRoom((room) => room.retryNow())
    this.#connection.retryNow()
  }

  close(): void {
    if (this.#connection.state.phase === 'closed') return
    this.#states.clear()
    this.#watch?.end()
    this.#eachRoom((room) => room.leave())
    this.#context.tokens.close()
    this.#connection.close()
  }

  #onState(state: ConnectionState): void {
    switch (state.phase) {
      case 'dialing':
        this.#eachRoom((room) => room.prepare())
        break
      case 'open':
        this.#watch?.opened()
        this.#eachRoom((room) => room.opened())
        break
      case 'waiting':
      case 'failed':
        this.#channels.clear()
        this.#watch?.down(state.code)
        this.#eachRoom((room) => room.down(state.code))
        break
      case 'idle':
      case 'closed':
        this.#channels.clear()
        break
    }
    // What the rooms did may have changed it again: then the newer state was told already.
    if (this.#connection.state === state) this.#states.tell(state)
  }

  #onMessage(message: RoomMessage): void {
    const room = message.collection === undefined ? undefined : this.#rooms.get(message.collection)
    // A room that was left a moment ago is still spoken of.
    if (room === undefined) this.counters.unexpected++
    else room.receive(message)
  }

  #onLeft(collection: CollectionName): void {
    this.#rooms.delete(collection)
    this.#unwantUnused()
  }

  #unwantUnused(): void {
    if (this.#rooms.size === 0 && this.#watch === undefined) this.#connection.unwant()
  }

  #eachRoom(action: (room: ClientRoom) => void): void {
    for (const room of this.#rooms.values()) action(room)
  }
}
