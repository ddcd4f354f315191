/**
 * One collection's room as the rest of the peer uses it: who the neighbours are, what they signal,
 * links through the server. Being in it at all is `membership.ts`.
 */
import type { Link, Undo } from '../ports/index.js'
import {
  signallingBounds,
  type Access,
  type CollectionName,
  type ErrorCode,
  type IceServer,
  type InstanceId,
  type Joined,
  type Neighbour,
  type SignallingError,
} from '../protocol/index.js'
import type { RoomMessage } from './connection.js'
import { Listeners } from './listeners.js'
import { Membership, type MembershipContext } from './membership.js'
import { isNews, Neighbourhood, type NeighbourNews } from './neighbourhood.js'
import { Relays, type RelayChannels } from './relays.js'
import type { RoomOptions, RoomState, SignallingRoom } from './room.js'
import { UnsentSignals } from './unsent-signals.js'

export interface RoomContext extends MembershipContext {
  readonly channels: RelayChannels
}

/** What is said to members only. */
type InsideMessage = Extract<
  RoomMessage,
  { readonly type: 'neighbours' | 'signal' | 'relay-wanted' | 'relay-opened' | 'relay-closed' }
>

export class ClientRoom implements SignallingRoom {
  readonly collection: CollectionName
  readonly #context: RoomContext
  readonly #onLeft: () => void
  readonly #membership: Membership
  readonly #neighbourhood: Neighbourhood
  readonly #relays: Relays
  readonly #unsent: UnsentSignals
  readonly #states: Listeners<[RoomState]>
  readonly #news: Listeners<[NeighbourNews]>
  readonly #signals: Listeners<[InstanceId, Access, string]>
  readonly #undelivered: Listeners<[InstanceId, ErrorCode]>
  readonly #relayWishes: Listeners<[InstanceId]>
  #confirmTimer: Undo = () => {}

  constructor(
    collection: CollectionName,
    options: RoomOptions,
    context: RoomContext,
    onLeft: () => void,
  ) {
    const { channels, clock, counters, limits, logger, speaker } = context
    this.collection = collection
    this.#context = context
    this.#onLeft = onLeft
    this.#neighbourhood = new Neighbourhood(
      context.identity.instance,
      limits.maxNeighbours,
      counters,
    )
    this.#unsent = new UnsentSignals(clock, limits, counters)
    this.#relays = new Relays({ clock, limits, collection, channels, speaker })
    this.#states = new Listeners(logger)
    this.#news = new Listeners(logger)
    this.#signals = new Listeners(logger)
    this.#undelivered = new Listeners(logger)
    this.#relayWishes = new Listeners(logger)
    this.#membership = new Membership(collection, context, {
      capabilities: options.capabilities ?? [],
      standing: options.standing ?? (() => this.neighbours.map(({ id }) => id)),
      onState: (state) => this.#states.tell(state),
      onEntered: (joined) => this.#onEntered(joined),
      onOut: (code) => this.#onOut(code),
    })
  }

  get state(): RoomState {
    return this.#membership.state
  }

  get neighbours(): readonly Neighbour[] {
    return this.#neighbourhood.all
  }

  get iceServers(): readonly IceServer[] {
    return this.#membership.iceServers
  }

  onState(listener: (state: RoomState) => void): Undo {
    return this.#states.add(listener)
  }

  onNeighbours(listener: (news: NeighbourNews) => void): Undo {
    return this.#news.add(listener)
  }

  onSignal(listener: (from: InstanceId, access: Access, data: string) => void): Undo {
    return this.#signals.add(listener)
  }

  onUndelivered(listener: (to: InstanceId, code: ErrorCode) => void): Undo {
    return this.#undelivered.add(listener)
  }

  onRelayWanted(listener: (from: InstanceId) => void): Undo {
    return this.#relayWishes.add(listener)
  }

  signal(to: InstanceId, data: string): boolean {
    const { phase } = this.state
    const { maxSignalUnits } = this.#membership.announced ?? signallingBounds
    if (phase === 'left' || phase === 'refused' || data.length > maxSignalUnits) {
      this.#context.counters.signalsDropped++
      return false
    }
    this.#unsent.add(to, data)
    this.writable()
    return true
  }

  openRelay(to: InstanceId): Link {
    const isJoined = this.state.phase === 'joined'
    return this.#relays.open(to, isJoined ? this.#membership.announced?.relay : undefined)
  }

  leave(): void {
    if (this.state.phase === 'left') return
    for (const listeners of this.#allListeners()) listeners.clear()
    this.#relays.closeAll()
    this.#membership.leave()
    this.#confirmTimer()
    this.#unsent.clear()
    this.#neighbourhood.clear()
    this.#onLeft()
  }

  // From the owner ---------------------------------------------------------------------------------

  /** The connection is being dialled. */
  prepare(): void {
    this.#membership.prepare()
  }

  /** The connection is open. */
  opened(): void {
    this.#membership.opened()
  }

  /** The connection is gone; another one will come, or not when the code is fatal. */
  down(code: ErrorCode): void {
    this.#membership.down(code)
  }

  retryNow(): void {
    this.#membership.retryNow()
  }

  /** The connection takes messages (again). */
  writable(): void {
    if (this.state.phase !== 'joined') return
    const { collection } = this
    this.#unsent.flush(({ to, data }) =>
      this.#context.speaker.sendPaced({ type: 'signal', collection, to, data }),
    )
  }

  receive(message: RoomMessage): void {
    switch (message.type) {
      case 'joined':
      case 'left':
      case 'renewed':
      case 'expiring':
        this.#membership.receive(message)
        return
      case 'error':
        if (message.to === undefined) this.#membership.receive(message)
        else this.#onRefused(message.to, message)
        return
      case 'neighbours':
      case 'signal':
      case 'relay-wanted':
      case 'relay-opened':
      case 'relay-closed':
        if (this.state.phase === 'joined') this.#receiveInside(message)
        else this.#context.counters.unexpected++
        return
    }
  }

  #receiveInside(message: InsideMessage): void {
    switch (message.type) {
      case 'neighbours':
        this.#tellNews(this.#neighbourhood.changed(message.add, message.remove))
        return
      case 'signal':
        this.#context.counters.signalsReceived++
        this.#signals.tell(message.from, message.access, message.data)
        return
      case 'relay-wanted':
        this.#relayWishes.tell(message.from)
        return
      case 'relay-opened':
        this.#relays.opened(message)
        return
      case 'relay-closed':
        this.#relays.closed(message)
        return
    }
  }

  #onRefused(to: InstanceId, { code }: SignallingError): void {
    this.#relays.refused(to, code)
    this.#undelivered.tell(to, code)
  }

  #onEntered(joined: Joined): void {
    const { clock, limits } = this.#context
    const news = this.#neighbourhood.joined(joined.neighbours)
    this.#confirmTimer()
    this.#confirmTimer = this.#neighbourhood.hasUnconfirmed
      ? clock.after(limits.confirmMs, () => this.#tellNews(this.#neighbourhood.dropUnconfirmed()))
      : () => {}
    this.#tellNews(news)
    this.writable()
  }

  /** The neighbours stay; what went through the server does not. */
  #onOut(code: ErrorCode): void {
    this.#confirmTimer()
    this.#relays.endAll(code)
  }

  #tellNews(news: NeighbourNews): void {
    if (isNews(news)) this.#news.tell(news)
  }

  #allListeners(): readonly { clear(): void }[] {
    return [this.#states, this.#news, this.#signals, this.#undelivered, this.#relayWishes]
  }
}
