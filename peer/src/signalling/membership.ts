/**
 * One collection's membership, kept up across connections:
 *
 *              connection open, token there            joined
 *   offline ───────────────────────────────▶ joining ─────────▶ joined ⟲ renewal.ts
 *      ▲  ▲                                   │    │             │  │
 *      │  └──── a pause ◀── retry ────────────┘    │             │  │ left: fatal
 *      │  └──── a pause ◀── left: retry ───────────┼─────────────┘  │
 *      └─────── the connection is gone ◀───────────┼────────────────┤
 *                                                  │ fatal          ▼
 *                          retryNow ──────────── refused ◀──────────┘
 *
 * The token is fetched while the connection is dialled, so that nobody sits on an open connection
 * without proof. Each join names the links that stand and the secret of the last join, with which
 * the server lets this instance take the place of its own dead connection.
 *
 * **Ghosts.** A server may not have noticed yet that an earlier connection is dead, and refuse this
 * instance beside itself: the secret that would let it take over is lost when the connection broke
 * between a join and its answer, or when the room was left meanwhile. For a while after the loss of
 * a connection `replica-in-use` is therefore a reason to wait, not the end.
 */
import type { Clock, Logger, Random, Undo } from '../ports/index.js'
import {
  nextAfter,
  signallingBounds,
  signallingVersion,
  type CollectionName,
  type ErrorCode,
  type IceServer,
  type InstanceId,
  type Joined,
  type PeerRole,
  type Renewed,
  type ReplicaId,
  type SignallingError,
  type SignallingLimits,
  type ToSignaller,
} from '../protocol/index.js'
import { Backoff } from './backoff.js'
import type { RoomMessage } from './connection.js'
import type { SignallingCounters } from './counters.js'
import type { SignallingClientLimits } from './limits.js'
import { Renewal } from './renewal.js'
import type { RoomState } from './room.js'
import type { TokenSource } from './token-source.js'

/** The connection, as rooms use it. */
export interface Speaker {
  readonly isOpen: boolean
  /** When the last open connection ended, on the monotonic clock. */
  readonly lostAtMs: number
  send(message: ToSignaller): void
  sendPaced(message: ToSignaller): boolean
  sendBytes(message: Uint8Array): void
  hold(limits: SignallingLimits): void
  restart(code: ErrorCode): void
}

export interface MembershipContext {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly limits: SignallingClientLimits
  readonly counters: SignallingCounters
  readonly identity: { readonly replica: ReplicaId; readonly instance: InstanceId }
  readonly role: PeerRole
  readonly tokens: TokenSource
  readonly speaker: Speaker
}

/** What the membership asks and tells the room that it is for. */
export interface MembershipDelegate {
  readonly capabilities: readonly string[]
  /** Links that stand. */
  standing(): readonly InstanceId[]
  onState(state: RoomState): void
  /** The room is entered, with what the server says of it; after `onState`. */
  onEntered(joined: Joined): void
  /** Out of the room, or of the attempt to enter it; before `onState`. */
  onOut(code: ErrorCode): void
}

type MembershipMessage = Extract<
  RoomMessage,
  { readonly type: 'joined' | 'left' | 'renewed' | 'expiring' | 'error' }
>

export class Membership {
  readonly #collection: CollectionName
  readonly #context: MembershipContext
  readonly #delegate: MembershipDelegate
  readonly #backoff: Backoff
  readonly #renewal: Renewal
  #state: RoomState = { phase: 'offline' }
  /** Fetched for the next join, and for no other: by then it may have ended. */
  #token: { readonly value: string | undefined } | undefined
  #isFetchingToken = false
  #tokenQuestion: Undo = () => {}
  #isPausing = false
  /** The pause while offline, the deadline for the answer while joining. */
  #timer: Undo = () => {}
  #joinedAtMs = 0
  #resume: string | undefined
  #announced: SignallingLimits | undefined
  #iceServers: readonly IceServer[] = []

  constructor(
    collection: CollectionName,
    context: MembershipContext,
    delegate: MembershipDelegate,
  ) {
    const { clock, limits, random, speaker, tokens } = context
    this.#collection = collection
    this.#context = context
    this.#delegate = delegate
    this.#backoff = new Backoff(random, limits.firstRetryMs, limits.mostRetryMs)
    this.#renewal = new Renewal({
      clock,
      random,
      limits,
      tokens,
      ask: (token) => speaker.send({ type: 'renew', collection, ...given('token', token) }),
      onRefused: (code) => this.#onRenewalRefused(code),
    })
  }

  get state(): RoomState {
    return this.#state
  }

  /** What the server said at the last join; undefined before the first. */
  get announced(): SignallingLimits | undefined {
    return this.#announced
  }

  get iceServers(): readonly IceServer[] {
    return this.#iceServers
  }

  /** The connection is being dialled: time enough to fetch a token. */
  prepare(): void {
    if (this.#state.phase === 'offline' && !this.#isPausing) this.#fetchToken()
  }

  /** The connection is open. */
  opened(): void {
    this.#join()
  }

  /** The connection is gone. */
  down(code: ErrorCode): void {
    const { phase } = this.#state
    if (phase === 'left' || phase === 'refused') return
    this.#token = undefined
    if (phase !== 'offline') this.#exit(code)
    if (nextAfter(code) === 'fatal') this.#refuse(code)
    else if (phase !== 'offline') this.#enter({ phase: 'offline', code })
  }

  retryNow(): void {
    const { phase } = this.#state
    if (phase !== 'offline' && phase !== 'refused') return
    this.#endPause()
    this.#backoff.reset()
    if (phase === 'refused') this.#enter({ phase: 'offline' })
    this.#join()
  }

  /** For good, and without a word to the delegate. */
  leave(): void {
    const { phase } = this.#state
    if (phase === 'joined' || phase === 'joining') {
      this.#context.speaker.send({ type: 'leave', collection: this.#collection })
    }
    this.#state = { phase: 'left' }
    this.#endPause()
    this.#renewal.stop()
    this.#tokenQuestion()
  }

  receive(message: MembershipMessage): void {
    const { phase } = this.#state
    if (message.type === 'joined' && phase === 'joining') this.#onJoined(message)
    else if (message.type === 'error' && phase === 'joining') this.#onJoinRefused(message)
    else if (message.type === 'left' && phase === 'joined') this.#onEnded(message.code)
    else if (message.type === 'renewed' && phase === 'joined') this.#onRenewed(message)
    else if (message.type === 'expiring' && phase === 'joined') this.#renewal.expiring()
    else if (message.type === 'error' && this.#renewal.isAsking) this.#renewal.refused(message.code)
    else this.#context.counters.unexpected++
  }

  #onJoined(joined: Joined): void {
    const { clock, counters, speaker } = this.#context
    counters.joins++
    this.#timer()
    this.#joinedAtMs = clock.monotonic()
    this.#resume = joined.resume
    this.#announced = joined.limits
    this.#iceServers = joined.iceServers
    speaker.hold(joined.limits)
    this.#renewal.hold(joined.expiresInMs, joined.iceExpiresInMs)
    const state: RoomState = { phase: 'joined', access: joined.access }
    this.#enter(state)
    // A listener may have left at once.
    if (this.#state === state) this.#delegate.onEntered(joined)
  }

  #onRenewed(renewed: Renewed): void {
    this.#context.counters.renewals++
    this.#iceServers = renewed.iceServers
    this.#renewal.hold(renewed.expiresInMs, renewed.iceExpiresInMs)
    this.#enter({ phase: 'joined', access: renewed.access })
  }

  #onRenewalRefused(code: ErrorCode): void {
    this.#context.logger.info('a new token was refused', { code })
    if (this.#state.phase !== 'joined') return
    this.#enter({ phase: 'joined', access: this.#state.access, renewalRefused: code })
  }

  #onJoinRefused({ code, retryAfterMs }: SignallingError): void {
    const { clock, limits, speaker } = this.#context
    const isGhost =
      code === 'replica-in-use' && clock.monotonic() - speaker.lostAtMs < limits.ghostMs
    this.#exit(code)
    if (nextAfter(code) === 'fatal' && !isGhost) this.#refuse(code)
    else this.#pause(code, retryAfterMs)
  }

  /** The server has ended the membership; the links to the neighbours stay. */
  #onEnded(code: ErrorCode): void {
    const { clock, limits } = this.#context
    if (clock.monotonic() - this.#joinedAtMs >= limits.stableMs) this.#backoff.reset()
    this.#exit(code)
    if (nextAfter(code) === 'fatal') this.#refuse(code)
    else this.#pause(code)
  }

  #exit(code: ErrorCode): void {
    this.#timer()
    this.#renewal.stop()
    this.#delegate.onOut(code)
  }

  #refuse(code: ErrorCode): void {
    this.#context.logger.error('the signalling server refuses a collection', { code })
    this.#endPause()
    this.#enter({ phase: 'refused', code })
  }

  #pause(code: ErrorCode, askedMs = 0): void {
    const { clock, limits } = this.#context
    this.#endPause()
    this.#isPausing = true
    const pauseMs = Math.max(this.#backoff.nextMs(), Math.min(askedMs, limits.mostAskedPauseMs))
    this.#timer = clock.after(pauseMs, () => {
      this.#isPausing = false
      this.#join()
    })
    this.#enter({ phase: 'offline', code })
  }

  #endPause(): void {
    this.#timer()
    this.#isPausing = false
  }

  #join(): void {
    const { clock, identity, limits, role, speaker } = this.#context
    if (this.#state.phase !== 'offline' || this.#isPausing || !speaker.isOpen) return
    if (this.#token === undefined) {
      this.#fetchToken()
      return
    }
    const { value: token } = this.#token
    this.#token = undefined
    speaker.send({
      type: 'join',
      version: signallingVersion,
      collection: this.#collection,
      ...identity,
      role,
      capabilities: this.#delegate.capabilities,
      standing: this.#delegate.standing().slice(0, signallingBounds.maxNeighbours),
      ...given('resume', this.#resume),
      ...given('token', token),
    })
    this.#timer = clock.after(limits.answerMs, () => speaker.restart('timeout'))
    this.#enter({ phase: 'joining' })
  }

  #fetchToken(): void {
    if (this.#token !== undefined || this.#isFetchingToken) return
    this.#isFetchingToken = true
    this.#tokenQuestion = this.#context.tokens.ask((answer) => {
      this.#isFetchingToken = false
      if (this.#state.phase !== 'offline') return
      if (!answer.ok) {
        this.#pause('unavailable')
        return
      }
      this.#token = { value: answer.token }
      this.#join()
    })
  }

  #enter(state: RoomState): void {
    this.#state = state
    this.#delegate.onState(state)
  }
}

/** The field, where there is a value for it. */
function given<Name extends string>(
  name: Name,
  value: string | undefined,
): { [N in Name]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { [N in Name]: string })
}
