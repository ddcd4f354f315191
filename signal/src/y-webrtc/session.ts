/**
 * One socket of an unmodified y-webrtc 10.3 client. It speaks in topics, and a message goes to
 * everybody who is subscribed to its topic, the sender too:
 *
 *   { "type": "subscribe" | "unsubscribe", "topics": ["room"] }
 *   { "type": "publish", "topic": "room", "data": … }     delivered with "clients": how many there are
 *   { "type": "ping" }                                    answered by { "type": "pong" }
 *
 * `data` is an object, or a base64 string where the room has a password; the server passes on
 * either unread. y-webrtc has no word for a refusal, but ignores what it does not know: refusals
 * are `{ "type": "error", "code": … }`.
 *
 * A topic is held to the same access as a collection of that name. y-webrtc peers take every write,
 * so nothing less than `write` lets anybody in.
 */
import { TokenBucket, type Grant } from '@holdfast/access'
import {
  accept,
  canWrite,
  isFields,
  ownField,
  parseBoundedJson,
  parseCollectionName,
  refuse,
  type ErrorCode,
  type Fields,
  type Parsed,
} from '@holdfast/peer/protocol'
import type { SignalContext } from '../context.js'
import { Gate, type GateKeeper } from '../sockets/gate.js'
import type { Socket, SocketListener } from '../sockets/socket.js'
import type { Topics } from './topics.js'

export class YWebrtcSession implements SocketListener, GateKeeper {
  readonly #context: SignalContext
  readonly #all: Topics<YWebrtcSession>
  readonly #grant: Grant
  readonly #gate: Gate
  readonly #fanOut: TokenBucket
  readonly #expiresAtMs: number
  readonly #topics = new Set<string>()
  readonly #onClosed: (session: YWebrtcSession) => void

  /** @param grant of the token that the socket came with, which has been checked */
  constructor(
    context: SignalContext,
    all: Topics<YWebrtcSession>,
    grant: Grant,
    socket: Socket,
    onClosed: (session: YWebrtcSession) => void,
  ) {
    const { clock, limits } = context
    this.#context = context
    this.#all = all
    this.#grant = grant
    this.#onClosed = onClosed
    this.#gate = new Gate(context, socket, this)
    this.#fanOut = new TokenBucket(clock, limits.fanOutPerSecond, limits.fanOutBurst)
    this.#expiresAtMs = clock.monotonic() + (grant.expiresAtMs - clock.now())
  }

  open(): void {
    this.#gate.open()
  }

  /** There is no word for it: y-webrtc clients come back with a back-off of their own. */
  announceDrain(): void {
    this.#gate.mute()
  }

  drain(): void {
    this.#gate.close('going-away')
  }

  // From the socket --------------------------------------------------------------------------------

  onText(text: string, bytes: number): void {
    if (!this.#gate.admit(bytes)) return
    const message = parseBoundedJson(text, this.#context.limits.maxMessageBytes, maxDepth)
    if (!message.ok) this.#gate.refuse(message.refusal.code)
    else if (isFields(message.value)) this.#take(message.value)
    else this.#gate.refuse('malformed')
  }

  onBinary(): void {
    this.#gate.refuse('unexpected-message')
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
    this.#send({ type: 'error', code: 'rate-limited', retryAfterMs })
  }

  /** The client asks by itself, every 15 seconds. */
  onQuiet(): void {}

  onDue(nowMs: number): number {
    if (nowMs >= this.#expiresAtMs) this.#gate.refuse('token-expired')
    return this.#expiresAtMs
  }

  onClosing(code: ErrorCode): void {
    this.#send({ type: 'error', code })
  }

  onClosed(): void {
    for (const topic of this.#topics) this.#all.remove(topic, this)
    this.#topics.clear()
    this.#context.counters.topics = this.#all.size
    this.#onClosed(this)
  }

  // ------------------------------------------------------------------------------------------------

  #take(message: Fields): void {
    switch (ownField(message, 'type')) {
      case 'subscribe':
        for (const topic of this.#readTopics(message)) this.#subscribe(topic)
        if (this.#topics.size > 0) this.#gate.prove()
        return
      case 'unsubscribe':
        for (const topic of this.#readTopics(message)) this.#unsubscribe(topic)
        if (this.#topics.size === 0) this.#gate.unprove()
        return
      case 'publish':
        this.#publish(ownField(message, 'topic'), ownField(message, 'data'))
        return
      case 'ping':
        this.#send({ type: 'pong' })
        return
      default:
        this.#answer('unexpected-message')
    }
  }

  /** Empty when refused. A message names no more topics than one socket may have. */
  #readTopics(message: Fields): readonly unknown[] {
    const topics = ownField(message, 'topics')
    if (!Array.isArray(topics)) {
      this.#gate.refuse('malformed')
      return []
    }
    if (topics.length > this.#context.limits.maxRoomsPerSocket) {
      this.#answer('too-many')
      return []
    }
    return topics as unknown[]
  }

  #subscribe(input: unknown): void {
    const topic = this.#readTopic(input)
    const subscribed = topic.ok ? this.#join(topic.value) : topic
    if (!subscribed.ok) this.#answer(subscribed.refusal.code)
  }

  #unsubscribe(topic: unknown): void {
    if (typeof topic !== 'string' || !this.#topics.delete(topic)) return
    this.#all.remove(topic, this)
    this.#context.counters.topics = this.#all.size
  }

  #publish(topic: unknown, data: unknown): void {
    // Whoever has not subscribed has not been checked for this topic.
    if (typeof topic !== 'string' || !this.#topics.has(topic)) {
      this.#answer('unknown-recipient')
      return
    }
    const subscribers = this.#all.subscribers(topic)
    if (subscribers === undefined) return
    if (!this.#fanOut.take(subscribers.size)) {
      this.#answer('rate-limited')
      return
    }
    const text = JSON.stringify({ type: 'publish', topic, data, clients: subscribers.size })
    for (const subscriber of subscribers) subscriber.#gate.send(text)
  }

  #join(topic: string): Parsed<undefined> {
    if (this.#topics.has(topic)) return accept(undefined)
    const { counters, limits } = this.#context
    if (this.#topics.size >= limits.maxRoomsPerSocket) return refuse('too-many', 'topics')
    const subscribers = this.#all.subscribers(topic)
    if (subscribers === undefined && this.#all.size >= limits.maxRooms) {
      return refuse('too-many', 'topics in all')
    }
    if ((subscribers?.size ?? 0) >= limits.maxSubscribersPerTopic) {
      return refuse('too-many', 'subscribers')
    }
    this.#topics.add(topic)
    this.#all.add(topic, this)
    counters.joins++
    counters.topics = this.#all.size
    return accept(undefined)
  }

  #readTopic(input: unknown): Parsed<string> {
    if (typeof input !== 'string' || input.length === 0) return refuse('malformed', 'topic')
    if (input.length > this.#context.limits.maxTopicUnits) return refuse('too-large', 'topic')
    if (!this.#mayUse(input)) return refuse('forbidden', 'topic')
    return accept(input)
  }

  #mayUse(topic: string): boolean {
    if (this.#context.tokens === undefined) return true
    const collection = parseCollectionName(topic)
    if (!collection.ok) return false
    const access = this.#grant.accessTo(collection.value)
    return access !== undefined && canWrite(access)
  }

  #answer(code: ErrorCode): void {
    this.#context.counters.refused(code)
    this.#send({ type: 'error', code })
  }

  #send(message: object): void {
    this.#gate.send(JSON.stringify(message))
  }
}

/** The deepest that y-webrtc sends is a candidate in a signal in the data of a publish: 4. */
const maxDepth = 8
