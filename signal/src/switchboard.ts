/**
 * The signalling server without its sockets: what sessions there are, the rooms and relays between
 * them. Sockets come from outside, so all of it runs on a virtual clock too.
 */
import type { Grant, TokenVerifier } from '@holdfast/access'
import type { Access } from '@holdfast/peer/protocol'
import { fraction, silentLogger, type Clock, type Logger, type Random } from '@holdfast/peer/ports'
import type { SignalContext } from './context.js'
import { Counters } from './counters.js'
import { checkIce, type IceOptions } from './ice.js'
import { signalLimits, type SignalLimits } from './limits.js'
import { Relays } from './relay/relays.js'
import { Rooms } from './rooms/rooms.js'
import { Session } from './session.js'
import type { Socket, SocketListener } from './sockets/socket.js'
import { YWebrtcSession } from './y-webrtc/session.js'
import { Topics } from './y-webrtc/topics.js'

export interface SwitchboardOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger?: Logger
  readonly limits?: Partial<SignalLimits>
  /** Absent: nobody needs a token, and everybody has `openAccess`. */
  readonly tokens?: TokenVerifier
  /** Without tokens: strangers are served. Nobody is told then which rooms there are. */
  readonly open?: boolean
  /** Default: `admin`. */
  readonly openAccess?: Access
  readonly ice?: IceOptions
  /** Whether frames are relayed. Default: true. */
  readonly relay?: boolean
}

/** Throws a RangeError that names the option which cannot hold. */
export function createSwitchboard(options: SwitchboardOptions): Switchboard {
  checkIce(options.ice ?? {})
  return new Switchboard({
    clock: options.clock,
    random: options.random,
    logger: options.logger ?? silentLogger,
    limits: signalLimits(options.limits),
    counters: new Counters(),
    ...(options.tokens === undefined ? {} : { tokens: options.tokens }),
    openAccess: options.openAccess ?? 'admin',
    namesRooms: options.tokens !== undefined || options.open !== true,
    ice: options.ice ?? {},
    relays: options.relay ?? true,
  })
}

export class Switchboard {
  readonly context: SignalContext
  readonly #rooms: Rooms
  readonly #relays: Relays
  readonly #topics = new Topics<YWebrtcSession>()
  readonly #sessions = new Set<Session | YWebrtcSession>()

  constructor(context: SignalContext) {
    this.context = context
    this.#rooms = new Rooms(context)
    this.#relays = new Relays(context)
  }

  /** Takes a socket that speaks the signalling protocol; gives who listens to it. */
  connect(socket: Socket): SocketListener {
    return this.#start(new Session(this.context, this.#rooms, this.#relays, socket, this.#onClosed))
  }

  /** Takes a socket of a y-webrtc client, whose token has been checked. */
  connectYWebrtc(socket: Socket, grant: Grant): SocketListener {
    return this.#start(
      new YWebrtcSession(this.context, this.#topics, grant, socket, this.#onClosed),
    )
  }

  /**
   * Sends everybody away, each with its own moment to come back, spread evenly: a restart then
   * meets them one after the other.
   */
  drain(): void {
    const { random } = this.context
    for (const session of this.#sessions) {
      session.announceDrain(Math.round(drainFirstMs + fraction(random) * drainSpreadMs))
    }
    // Only when nobody is told anything any more: the rooms are not laid anew for those who remain.
    for (const session of this.#sessions) session.drain()
  }

  #start(session: Session | YWebrtcSession): SocketListener {
    this.#sessions.add(session)
    this.context.counters.sockets = this.#sessions.size
    session.open()
    return session
  }

  readonly #onClosed = (session: Session | YWebrtcSession): void => {
    this.#sessions.delete(session)
    this.context.counters.sockets = this.#sessions.size
  }
}

/** What a supervised process takes to be back. */
const drainFirstMs = 500
/** 100 peers are then 29 a second, and the last is back within 4 seconds. */
const drainSpreadMs = 3_500
