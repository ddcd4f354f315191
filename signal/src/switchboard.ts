/**
 * The signalling server without its sockets: what sessions there are, the rooms and relays between
 * them. Sockets come from outside, so all of it runs on a virtual clock too.
 */
import { fraction } from '@holdfast/peer/ports'
import type { Grant } from './access/grant.js'
import type { SignalContext } from './context.js'
import { Relays } from './relay/relays.js'
import { Rooms } from './rooms/rooms.js'
import { Session } from './session.js'
import type { Socket, SocketListener } from './sockets/socket.js'
import { YWebrtcSession } from './y-webrtc/session.js'
import { Topics } from './y-webrtc/topics.js'

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
    for (const session of this.#sessions) {
      const { random } = this.context
      session.drain(Math.round(drainFirstMs + fraction(random) * drainSpreadMs))
    }
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
