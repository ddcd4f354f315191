/** A signalling server without sockets, on virtual time, and peers who say and hear messages. */
import {
  encodeSignalling,
  hexOf,
  parseCollectionName,
  parseFromSignaller,
  parseInstanceId,
  parseReplicaId,
  refuse,
  accept,
  type Access,
  type CollectionName,
  type ErrorCode,
  type FromSignaller,
  type InstanceId,
  type Join,
  type Joined,
  type Parsed,
  type ReplicaId,
  type ToSignaller,
} from '@holdfast/peer/protocol'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'
import {
  createSwitchboard,
  type Counters,
  type Grant,
  type Socket,
  type SocketListener,
  type Switchboard,
  type SwitchboardOptions,
  type TokenVerifier,
} from '@holdfast/signal'

export const notes = taken(parseCollectionName('notes'))

export class TestSignaller {
  readonly clock = new VirtualClock()
  readonly random: SeededRandom
  readonly switchboard: Switchboard
  readonly peers: TestPeer[] = []

  constructor(options: Partial<SwitchboardOptions> = {}, seed: string | number = 1) {
    this.random = new SeededRandom(seed)
    this.switchboard = createSwitchboard({
      clock: this.clock,
      random: this.random.fork('switchboard'),
      ...options,
    })
  }

  get counters(): Counters {
    return this.switchboard.context.counters
  }

  /** A socket that has said nothing yet. */
  connect(): TestPeer {
    const peer = new TestPeer(this)
    this.peers.push(peer)
    return peer
  }

  /** A peer that has joined. */
  async joined(extra: Partial<Join> = {}): Promise<TestPeer> {
    const peer = this.connect()
    await peer.join(extra)
    if (peer.joinedAs(extra.collection) === undefined) {
      throw new Error(`not joined: ${JSON.stringify(peer.heard)}`)
    }
    return peer
  }

  async two(): Promise<[TestPeer, TestPeer]> {
    return [await this.joined(), await this.joined()]
  }

  async three(): Promise<[TestPeer, TestPeer, TestPeer]> {
    return [await this.joined(), await this.joined(), await this.joined()]
  }

  async filled(count: number, extra: Partial<Join> = {}): Promise<TestPeer[]> {
    const peers: TestPeer[] = []
    for (let at = 0; at < count; at++) peers.push(await this.joined(extra))
    return peers
  }
}

export class TestPeer {
  readonly id: InstanceId
  readonly replica: ReplicaId
  readonly heard: FromSignaller[] = []
  readonly frames: Uint8Array[] = []
  /** Flushed by hand while true. */
  holdsFrames = false
  readonly #held: (() => void)[] = []
  /** Called with each message, after it has been kept. */
  onHeard: (message: FromSignaller) => void = () => {}
  /** What the socket says of its buffer. */
  bufferedBytes = 0
  closed: { code: number; reason: string } | undefined
  readonly #signaller: TestSignaller
  readonly #listener: SocketListener

  constructor(signaller: TestSignaller, connect?: (socket: Socket) => SocketListener) {
    const { random } = signaller
    this.#signaller = signaller
    this.id = taken(parseInstanceId(hexOf(random.bytes(16))))
    this.replica = taken(parseReplicaId(hexOf(random.bytes(16))))
    const socket = this.#socket()
    this.#listener = connect?.(socket) ?? signaller.switchboard.connect(socket)
  }

  say(message: ToSignaller): this {
    return this.sayText(encodeSignalling(message))
  }

  sayText(text: string): this {
    this.#listener.onText(text, Buffer.byteLength(text))
    return this
  }

  sayBytes(message: Uint8Array): this {
    this.#listener.onBinary(message)
    return this
  }

  async join(extra: Partial<Join> = {}): Promise<this> {
    this.say({
      type: 'join',
      version: 1,
      collection: notes,
      replica: this.replica,
      instance: this.id,
      role: 'peer',
      capabilities: [],
      standing: [],
      ...extra,
    })
    await this.#signaller.clock.settle()
    return this
  }

  signal(to: InstanceId, data: string, collection: CollectionName = notes): this {
    return this.say({ type: 'signal', collection, to, data })
  }

  /** What this instance says when it joins on another socket. */
  get identity(): Pick<Join, 'instance' | 'replica'> {
    return { instance: this.id, replica: this.replica }
  }

  /** The secret of its last join. */
  get resume(): string {
    return this.joinedAs()?.resume ?? ''
  }

  /** The network ends the socket. */
  drop(): void {
    this.#listener.onEnd()
  }

  flushFrames(): void {
    for (const flushed of this.#held.splice(0)) flushed()
  }

  of<Type extends FromSignaller['type']>(type: Type): Extract<FromSignaller, { type: Type }>[] {
    return this.heard.filter((message) => message.type === type) as Extract<
      FromSignaller,
      { type: Type }
    >[]
  }

  joinedAs(collection: CollectionName = notes): Joined | undefined {
    return this.of('joined').findLast((joined) => joined.collection === collection)
  }

  /** The codes of all errors heard. */
  errors(): ErrorCode[] {
    return this.of('error').map(({ code }) => code)
  }

  /** Its neighbours after everything that it was told. */
  neighbours(collection: CollectionName = notes): Map<InstanceId, Access> {
    const neighbours = new Map<InstanceId, Access>()
    for (const message of this.heard) {
      if (message.type === 'joined' && message.collection === collection) {
        neighbours.clear()
        for (const { id, access } of message.neighbours) neighbours.set(id, access)
      }
      if (message.type === 'neighbours' && message.collection === collection) {
        for (const { id } of message.remove) neighbours.delete(id)
        for (const { id, access } of message.add) neighbours.set(id, access)
      }
    }
    return neighbours
  }

  #socket(): Socket {
    const bufferedBytes = (): number => this.bufferedBytes
    return {
      get bufferedBytes() {
        return bufferedBytes()
      },
      sendText: (text) => {
        const message = parseFromSignaller(text)
        if (!message.ok) throw new Error(`the server said ${message.refusal.detail}: ${text}`)
        this.heard.push(message.value)
        this.onHeard(message.value)
      },
      sendBinary: (message, onFlushed) => {
        this.frames.push(message.slice())
        if (this.holdsFrames) this.#held.push(onFlushed)
        else onFlushed()
      },
      close: (code, reason) => {
        this.closed ??= { code, reason }
      },
    }
  }
}

/** A verifier whose tokens are what they give: `notes=write;until=5000` (wall-clock ms from now). */
export function plainTokens(clock: VirtualClock): TokenVerifier {
  return {
    verify: (token): Promise<Parsed<Grant>> => {
      const claims = new URLSearchParams(token)
      const until = Number(claims.get('until') ?? Number.NaN)
      if (Number.isNaN(until)) return Promise.resolve(refuse('unauthenticated', 'no until'))
      if (until <= clock.now()) return Promise.resolve(refuse('token-expired', 'ended'))
      return Promise.resolve(
        accept({
          expiresAtMs: until,
          accessTo: (collection) => (claims.get(collection) as Access | null) ?? undefined,
        }),
      )
    },
  }
}

/** A signaller that wants such tokens, and a way to make them. */
export function withTokens(options: Partial<SwitchboardOptions> = {}): {
  signaller: TestSignaller
  token: (access: Access, forMs: number, collection?: string) => string
} {
  let tokens: TokenVerifier | undefined
  const signaller = new TestSignaller({
    ...options,
    tokens: {
      verify: (token) => (tokens ??= plainTokens(signaller.clock)).verify(token),
    },
  })
  return {
    signaller,
    token: (access, forMs, collection = 'notes') =>
      `${collection}=${access}&until=${signaller.clock.now() + forMs}`,
  }
}

export function taken<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.refusal.detail)
  return parsed.value
}
