/**
 * One socket that speaks the signalling protocol: reads its messages, hands them to where they
 * belong, answers. The gate holds it to its limits (`sockets/gate.ts` has the states), the
 * memberships are its rooms.
 */
import { TokenBucket } from '@holdfast/access'
import {
  encodeSignalling,
  parseRelayFrame,
  parseToSignaller,
  signallingVersion,
  type CollectionName,
  type ErrorCode,
  type FromSignaller,
  type InstanceId,
  type Join,
  type ToSignaller,
  type Watch as WatchMessage,
} from '@holdfast/peer/protocol'
import type { SignalContext } from './context.js'
import type { RelayEnd, Relays } from './relay/relays.js'
import { Memberships, type MembershipOwner } from './rooms/memberships.js'
import type { Rooms } from './rooms/rooms.js'
import { Watch, type WatchOwner } from './rooms/watch.js'
import { Gate, type GateKeeper } from './sockets/gate.js'
import type { Socket, SocketListener } from './sockets/socket.js'

export class Session implements SocketListener, MembershipOwner, WatchOwner, GateKeeper {
  readonly relayEnds = new Map<number, RelayEnd>()
  readonly #context: SignalContext
  readonly #rooms: Rooms
  readonly #relays: Relays
  readonly #gate: Gate
  readonly #memberships: Memberships
  readonly #onClosed: (session: Session) => void
  /** Made for the few that ask. */
  #watch: Watch | undefined
  #hasJoined = false
  #strayFrames: TokenBucket | undefined
  #channels = 0

  constructor(
    context: SignalContext,
    rooms: Rooms,
    relays: Relays,
    socket: Socket,
    onClosed: (session: Session) => void,
  ) {
    this.#context = context
    this.#rooms = rooms
    this.#relays = relays
    this.#onClosed = onClosed
    this.#gate = new Gate(context, socket, this)
    this.#memberships = new Memberships(context, rooms, relays, this)
  }

  open(): void {
    this.#gate.open()
  }

  /** Says when to come back; nothing that follows is said any more. */
  announceDrain(retryAfterMs: number): void {
    this.send({ type: 'drain', retryAfterMs })
    this.#gate.mute()
  }

  drain(): void {
    this.#gate.close('going-away')
  }

  // From the socket --------------------------------------------------------------------------------

  onText(text: string, bytes: number): void {
    if (!this.#gate.admit(bytes)) return
    const message = parseToSignaller(text, this.#context.limits.maxMessageBytes)
    if (message.ok) this.#take(message.value)
    else if (message.refusal.code === 'unexpected-message') this.answer('unexpected-message', {})
    else this.#gate.refuse(message.refusal.code)
  }

  onBinary(message: Uint8Array): void {
    if (this.#gate.isClosed) return
    // From whoever has never been in a room there is nothing that this could be.
    if (!this.#hasJoined) {
      this.#gate.refuse('unexpected-message')
      return
    }
    this.#gate.heard()
    const frame = parseRelayFrame(message)
    if (!frame.ok) {
      this.#gate.refuse(frame.refusal.code)
      return
    }
    const end = this.relayEnds.get(frame.value.channel)
    if (end === undefined) this.#onStrayFrame()
    else this.#relays.forward(end, message, frame.value.frame.length)
  }

  onPing(bytes: number): void {
    this.#gate.admit(bytes)
  }

  onOversized(): void {
    this.#gate.refuse('too-large')
  }

  onViolation(): void {
    this.#gate.refuse('malformed')
  }

  onEnd(): void {
    this.#gate.ended()
  }

  // From the gate ----------------------------------------------------------------------------------

  onRateLimited(retryAfterMs: number): void {
    this.send({ type: 'error', code: 'rate-limited', retryAfterMs })
  }

  onQuiet(): void {
    this.send({ type: 'ping' })
  }

  onDue(nowMs: number): number {
    const dueMs = this.#memberships.onDue(nowMs)
    return this.#watch === undefined ? dueMs : Math.min(dueMs, this.#watch.onDue(nowMs))
  }

  onClosing(code: ErrorCode): void {
    if (code !== 'going-away') this.send({ type: 'error', code })
  }

  onClosed(): void {
    this.#watch?.end()
    this.#memberships.endAll('lost')
    this.#onClosed(this)
  }

  // From the memberships and relays ----------------------------------------------------------------

  send(message: FromSignaller): void {
    this.#gate.send(encodeSignalling(message))
  }

  answer(code: ErrorCode, about: { collection?: CollectionName; to?: InstanceId }): void {
    this.#context.counters.refused(code)
    this.send({ type: 'error', code, ...about })
  }

  onReplaced(collection: CollectionName): void {
    this.#memberships.replaced(collection)
  }

  onMembershipsChanged(): void {
    if (this.#memberships.count > 0) this.#hasJoined = true
    this.#weighProof()
  }

  onWatchChanged(): void {
    this.#weighProof()
  }

  wakeAt(atMs: number): void {
    this.#gate.wakeAt(atMs)
  }

  nextChannel(): number {
    return ++this.#channels
  }

  sendFrame(message: Uint8Array, onFlushed: () => void): void {
    this.#gate.sendRelayed(message, onFlushed)
  }

  // ------------------------------------------------------------------------------------------------

  #take(message: ToSignaller): void {
    switch (message.type) {
      case 'join':
        this.#join(message)
        return
      case 'leave':
        this.#memberships.leave(message.collection)
        return
      case 'signal':
        this.#memberships.signal(message)
        return
      case 'renew':
        this.#await(this.#memberships.renew(message))
        return
      case 'relay-open':
        this.#memberships.openRelay(message.collection, message.to)
        return
      case 'relay-close':
        this.#memberships.closeRelay(message.collection, message.to)
        return
      case 'watch':
        this.#startWatch(message)
        return
      case 'ping':
        this.send({ type: 'pong' })
        return
      case 'pong':
        return
    }
  }

  #join(join: Join): void {
    if (join.version === signallingVersion) this.#await(this.#memberships.join(join))
    else this.#gate.refuse('unsupported-version')
  }

  #startWatch(watch: WatchMessage): void {
    if (watch.version !== signallingVersion) {
      this.#gate.refuse('unsupported-version')
      return
    }
    this.#watch ??= new Watch(this.#context, this.#rooms, this)
    this.#await(this.#watch.ask(watch))
  }

  /** Who is in a room, or is told of rooms, has shown that it may be here. */
  #weighProof(): void {
    if (this.#memberships.count > 0 || this.#watch?.isOn === true) this.#gate.prove()
    else this.#gate.unprove()
  }

  /** Nothing that a message starts may end the process. */
  #await(work: Promise<void>): void {
    work.catch((cause: unknown) => {
      const reason = cause instanceof Error ? (cause.stack ?? cause.message) : 'not an error'
      this.#context.logger.error('a message could not be handled', { reason })
      this.#gate.refuse('internal')
    })
  }

  /** Frames that crossed with `relay-closed` are normal, and that message was their answer. */
  #onStrayFrame(): void {
    const { clock, counters, limits } = this.#context
    this.#strayFrames ??= new TokenBucket(
      clock,
      limits.strayFramesPerSecond,
      limits.strayFrameBurst,
    )
    if (this.#strayFrames.take(1)) counters.refused('unknown-recipient')
    else this.#gate.refuse('rate-limited')
  }
}
