/**
 * Clients of the signalling on virtual time, and what they dial: the real server without its
 * sockets, which can crash, drain and come back; or a scripted one that says whatever it is told.
 */
import {
  createSignalling,
  type Dial,
  type NeighbourNews,
  type RoomOptions,
  type RoomState,
  type Signalling,
  type SignallingOptions,
  type SignallingRoom,
} from '@holdfast/peer'
import {
  closeCodeBase,
  encodeSignalling,
  errorCodes,
  hexOf,
  parseCollectionName,
  parseInstanceId,
  parseReplicaId,
  parseToSignaller,
  type CollectionName,
  type ErrorCode,
  type FromSignaller,
  type InstanceId,
  type Joined,
  type Neighbour,
  type Parsed,
  type ReplicaId,
  type ToSignaller,
} from '@holdfast/peer/protocol'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'
import {
  createSwitchboard,
  type SocketListener,
  type Switchboard,
  type SwitchboardOptions,
} from '@holdfast/signal'
import { CountedClock } from '../../sim/mesh/counted-clock.js'
import { SignallingWire, type ServerEnd } from '../../sim/mesh/signalling-wire.js'

export const notes = taken(parseCollectionName('notes'))
export const drafts = taken(parseCollectionName('drafts'))

/** One way, in milliseconds. */
const delayMs = 10

export class SignallingWorld {
  readonly clock = new VirtualClock()
  readonly random: SeededRandom

  constructor(seed: string | number = 1) {
    this.random = new SeededRandom(seed)
  }

  client(dial: Dial, options: Partial<SignallingOptions> = {}): TestClient {
    return new TestClient(this, dial, options)
  }

  freshInstance(): InstanceId {
    return taken(parseInstanceId(hexOf(this.random.bytes(16))))
  }

  freshReplica(): ReplicaId {
    return taken(parseReplicaId(hexOf(this.random.bytes(16))))
  }

  /** Runs for `ms`, with promises. */
  run(ms: number): Promise<void> {
    return this.clock.run(ms)
  }
}

/** A client with everything that it was told. */
export class TestClient {
  readonly signalling: Signalling
  readonly #clock: CountedClock
  readonly instance: InstanceId
  readonly states: string[] = []
  readonly rooms: TestRoomOfClient[] = []

  constructor(world: SignallingWorld, dial: Dial, options: Partial<SignallingOptions>) {
    this.instance = options.identity?.instance ?? world.freshInstance()
    this.#clock = new CountedClock(world.clock)
    this.signalling = createSignalling({
      dial,
      clock: this.#clock,
      random: world.random.fork(`client ${this.instance}`),
      identity: { replica: world.freshReplica(), instance: this.instance },
      ...options,
    })
    this.signalling.onState(({ phase }) => this.states.push(phase))
  }

  join(collection: CollectionName = notes, options: RoomOptions = {}): TestRoomOfClient {
    const room = new TestRoomOfClient(this.signalling.join(collection, options))
    this.rooms.push(room)
    return room
  }

  /** Timers of this client that have neither run nor been undone. */
  get pendingTasks(): number {
    return this.#clock.pendingTasks
  }

  close(): void {
    this.signalling.close()
  }
}

export class TestRoomOfClient {
  readonly room: SignallingRoom
  readonly states: RoomState[] = []
  readonly news: NeighbourNews[] = []
  readonly signals: string[] = []
  readonly undelivered: [InstanceId, ErrorCode][] = []
  readonly relayWishes: InstanceId[] = []

  constructor(room: SignallingRoom) {
    this.room = room
    room.onState((state) => this.states.push(state))
    room.onNeighbours((news) => this.news.push(news))
    room.onSignal((_from, _access, data) => this.signals.push(data))
    room.onUndelivered((to, code) => this.undelivered.push([to, code]))
    room.onRelayWanted((from) => this.relayWishes.push(from))
  }

  get phase(): RoomState['phase'] {
    return this.room.state.phase
  }

  get phases(): string[] {
    return this.states.map((state) => state.phase)
  }

  get neighbourIds(): InstanceId[] {
    return this.room.neighbours.map(({ id }) => id)
  }

  removedIds(): InstanceId[] {
    return this.news.flatMap(({ removed }) => removed.map(({ id }) => id))
  }
}

/** The real server on virtual time, whose process can be taken away. */
export class TestServer {
  readonly #world: SignallingWorld
  readonly #options: Partial<SwitchboardOptions>
  readonly #wires = new Set<SignallingWire>()
  #runs = 0
  #switchboard: Switchboard | undefined
  /** When connections came up, in virtual milliseconds. */
  readonly connectedAtMs: number[] = []

  constructor(world: SignallingWorld, options: Partial<SwitchboardOptions> = {}) {
    this.#world = world
    this.#options = options
    this.start()
  }

  readonly dial: Dial = (client) => {
    const wire: SignallingWire = new SignallingWire({
      clock: this.#world.clock,
      delayMs,
      client,
      accept: (socket) => {
        if (this.#switchboard === undefined) return undefined
        this.connectedAtMs.push(this.#world.clock.monotonic())
        this.#wires.add(wire)
        return this.#switchboard.connect(socket)
      },
    })
    return wire.clientEnd
  }

  get switchboard(): Switchboard {
    if (this.#switchboard === undefined) throw new Error('the server is down')
    return this.#switchboard
  }

  start(): void {
    this.#switchboard = createSwitchboard({
      clock: this.#world.clock,
      random: this.#world.random.fork(`server ${this.#runs++}`),
      ...this.#options,
    })
  }

  /** The process is killed: connections break, and new ones are refused until `start`. */
  crash(): void {
    this.#switchboard = undefined
    for (const wire of this.#wires) wire.snap()
    this.#wires.clear()
  }

  /** SIGTERM. */
  stop(): void {
    this.#switchboard?.drain()
    this.#switchboard = undefined
    this.#wires.clear()
  }

  /** Connections stay as they are and carry nothing any more. */
  freeze(): void {
    for (const wire of this.#wires) wire.isCut = true
    this.#wires.clear()
  }
}

/** A server that does nothing by itself. */
export class ScriptedServer {
  readonly #world: SignallingWorld
  readonly peers: ScriptedPeer[] = []
  /** Called with each message of each connection. */
  onMessage: (peer: ScriptedPeer, message: ToSignaller) => void = () => {}
  /** Whether connections come up. */
  isUp = true
  /** Nobody answers at all: neither yes nor no. */
  isSilent = false
  readonly dialledAtMs: number[] = []

  constructor(world: SignallingWorld) {
    this.#world = world
  }

  readonly dial: Dial = (client) => {
    this.dialledAtMs.push(this.#world.clock.monotonic())
    const peer = new ScriptedPeer()
    const accept = (socket: ServerEnd): SocketListener | undefined => {
      if (!this.isUp) return undefined
      peer.socket = socket
      this.peers.push(peer)
      return {
        onText: (text) => {
          const message = taken(parseToSignaller(text))
          peer.heard.push(message)
          this.onMessage(peer, message)
        },
        onBinary: (message) => void peer.frames.push(message),
        onPing: () => {},
        onOversized: () => {},
        onViolation: () => {},
        onEnd: () => {
          peer.isEnded = true
        },
      }
    }
    const { clock } = this.#world
    const wire = new SignallingWire({ clock, delayMs, client, accept })
    if (this.isSilent) wire.isCut = true
    return wire.clientEnd
  }

  get last(): ScriptedPeer {
    const peer = this.peers.at(-1)
    if (peer === undefined) throw new Error('nobody has connected')
    return peer
  }

  /** Lets everybody in who asks, and answers pings. */
  admitAll(terms: Partial<Joined> = {}): this {
    this.onMessage = (peer, message) => {
      if (message.type === 'join') peer.say(joinedTo(message, terms))
      if (message.type === 'ping') peer.say({ type: 'pong' })
    }
    return this
  }
}

export class ScriptedPeer {
  socket: ServerEnd | undefined
  readonly heard: ToSignaller[] = []
  readonly frames: Uint8Array[] = []
  isEnded = false

  say(message: FromSignaller): void {
    this.socket?.sendText(encodeSignalling(message))
  }

  sayText(text: string): void {
    this.socket?.sendText(text)
  }

  sayBytes(bytes: Uint8Array): void {
    this.socket?.sendBinary(bytes, () => {})
  }

  /** Closes with an error code, or with any other WebSocket code. */
  close(code: ErrorCode | number): void {
    this.socket?.close(
      typeof code === 'number' ? code : closeCodeBase + errorCodes[code].number,
      'scripted',
    )
  }

  /** Everything of this kind that was said on this connection. */
  ofType<Type extends ToSignaller['type']>(type: Type): Extract<ToSignaller, { type: Type }>[] {
    return this.heard.filter(
      (message): message is Extract<ToSignaller, { type: Type }> => message.type === type,
    )
  }
}

/** The answer to a join, as a generous server gives it. */
export function joinedTo(
  join: Extract<ToSignaller, { type: 'join' }>,
  terms: Partial<Joined> = {},
): Joined {
  return {
    type: 'joined',
    version: 1,
    collection: join.collection,
    id: join.instance,
    access: 'write',
    neighbours: [],
    iceServers: [],
    limits: {
      maxMessageBytes: 65_536,
      maxSignalUnits: 16_384,
      messagesPerSecond: 50,
      messageBurst: 300,
      maxRooms: 32,
      idleMs: 60_000,
    },
    resume: '0'.repeat(32),
    ...terms,
  }
}

export function neighbour(id: InstanceId, extra: Partial<Neighbour> = {}): Neighbour {
  return {
    id,
    replica: taken(parseReplicaId('ab'.repeat(16))),
    role: 'peer',
    access: 'write',
    call: true,
    voucher: 'cd'.repeat(16),
    capabilities: [],
    ...extra,
  }
}

export function taken<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.refusal.detail)
  return parsed.value
}
