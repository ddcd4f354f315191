/**
 * Being told in which rooms of the server somebody is, kept up across connections:
 *
 *              connection open, token there            watching
 *   offline ───────────────────────────────▶ asking ──────────▶ watching ⟲ renewal.ts
 *      ▲  ▲                                   │   │               │
 *      │  └──── a pause ◀── unwatched: retry ─┴───┼───────────────┤
 *      └─────── the connection is gone ◀──────────┼───────────────┤
 *                                                 │ fatal         │
 *                          retryNow ────────── refused ◀──────────┘
 *
 * The rooms stay when the connection goes. After a return the server names them all again; those
 * that it has not named when it says that there are no more are gone.
 */
import type { Undo } from '../ports/index.js'
import {
  nextAfter,
  signallingVersion,
  type CollectionName,
  type ErrorCode,
} from '../protocol/index.js'
import { Backoff } from './backoff.js'
import type { WatchWord } from './connection.js'
import { Listeners } from './listeners.js'
import type { MembershipContext } from './membership.js'
import { Renewal } from './renewal.js'

export type WatchState =
  /** No connection, no token yet, or a pause. It goes on by itself. */
  | { readonly phase: 'offline'; readonly code?: ErrorCode }
  | { readonly phase: 'asking' }
  | { readonly phase: 'watching' }
  /** A fatal code. Nothing more until `retryNow`. */
  | { readonly phase: 'refused'; readonly code: ErrorCode }
  | { readonly phase: 'ended' }

export interface RoomNews {
  readonly added: readonly CollectionName[]
  readonly removed: readonly CollectionName[]
}

export interface RoomWatch {
  readonly state: WatchState
  /** Those with somebody in them, as far as this peer may know, by the server's last word. */
  readonly rooms: ReadonlySet<CollectionName>
  onState(listener: (state: WatchState) => void): Undo
  onRooms(listener: (news: RoomNews) => void): Undo
  /**
   * Ends it for good; a server that this peer stays connected to for its rooms goes on telling, and
   * is not listened to. Idempotent; nothing is heard afterwards.
   */
  end(): void
}

export class ClientWatch implements RoomWatch {
  readonly #context: MembershipContext
  readonly #onEnded: () => void
  readonly #backoff: Backoff
  readonly #renewal: Renewal
  readonly #states: Listeners<[WatchState]>
  readonly #news: Listeners<[RoomNews]>
  readonly #rooms = new Set<CollectionName>()
  /** Rooms of before this connection that have not been named on it. */
  #unnamed = new Set<CollectionName>()
  #isComplete = false
  #state: WatchState = { phase: 'offline' }
  #isPausing = false
  /** The pause while offline, the deadline for the answer while asking. */
  #timer: Undo = () => {}
  #tokenQuestion: Undo | undefined
  #watchingSinceMs = 0

  constructor(context: MembershipContext, onEnded: () => void) {
    const { clock, limits, logger, random, speaker, tokens } = context
    this.#context = context
    this.#onEnded = onEnded
    this.#backoff = new Backoff(random, limits.firstRetryMs, limits.mostRetryMs)
    this.#states = new Listeners(logger)
    this.#news = new Listeners(logger)
    this.#renewal = new Renewal({
      clock,
      random,
      limits,
      tokens,
      ask: (token) => speaker.send(watchWith(token)),
      onRefused: () => {},
    })
  }

  get state(): WatchState {
    return this.#state
  }

  get rooms(): ReadonlySet<CollectionName> {
    return this.#rooms
  }

  onState(listener: (state: WatchState) => void): Undo {
    return this.#states.add(listener)
  }

  onRooms(listener: (news: RoomNews) => void): Undo {
    return this.#news.add(listener)
  }

  end(): void {
    if (this.#state.phase === 'ended') return
    this.#state = { phase: 'ended' }
    this.#states.clear()
    this.#news.clear()
    this.#rooms.clear()
    this.#stop()
    this.#onEnded()
  }

  // From the owner ---------------------------------------------------------------------------------

  /** The connection is open. */
  opened(): void {
    this.#ask()
  }

  /** The connection is gone. */
  down(code: ErrorCode): void {
    const { phase } = this.#state
    if (phase === 'ended' || phase === 'refused') return
    this.#stop()
    this.#enter(nextAfter(code) === 'fatal' ? { phase: 'refused', code } : offline(code))
  }

  retryNow(): void {
    const { phase } = this.#state
    if (phase !== 'offline' && phase !== 'refused') return
    this.#timer()
    this.#isPausing = false
    this.#backoff.reset()
    if (phase === 'refused') this.#enter({ phase: 'offline' })
    this.#ask()
  }

  /** The server refused something that was about no room: perhaps it knows no watches. */
  refused(code: ErrorCode): void {
    if (this.#state.phase === 'asking' && code === 'unexpected-message') this.#over(code)
  }

  receive(word: WatchWord): void {
    const { phase } = this.#state
    if (word.type === 'watching' && (phase === 'asking' || phase === 'watching')) {
      this.#began(word)
    } else if (word.type === 'rooms' && phase === 'watching') {
      this.#named(word)
    } else if (word.type === 'unwatched' && (phase === 'asking' || phase === 'watching')) {
      this.#over(word.code)
    } else {
      this.#context.counters.unexpected++
    }
  }

  // ------------------------------------------------------------------------------------------------

  #began({ expiresInMs, limits }: Extract<WatchWord, { readonly type: 'watching' }>): void {
    const { clock, speaker } = this.#context
    speaker.hold(limits)
    this.#renewal.hold(expiresInMs, undefined)
    if (this.#state.phase === 'watching') return
    this.#timer()
    this.#watchingSinceMs = clock.monotonic()
    this.#isComplete = false
    this.#unnamed = new Set(this.#rooms)
    this.#enter({ phase: 'watching' })
  }

  #named({ add, remove, more }: Extract<WatchWord, { readonly type: 'rooms' }>): void {
    const { counters, limits } = this.#context
    const added: CollectionName[] = []
    for (const collection of add) {
      this.#unnamed.delete(collection)
      if (this.#rooms.has(collection)) continue
      if (this.#rooms.size < limits.maxWatchedRooms) {
        this.#rooms.add(collection)
        added.push(collection)
      } else {
        counters.roomsIgnored++
      }
    }
    const gone = [...remove]
    if (!more && !this.#isComplete) {
      this.#isComplete = true
      gone.push(...this.#unnamed)
      this.#unnamed = new Set()
    }
    const removed = gone.filter((collection) => this.#rooms.delete(collection))
    if (added.length + removed.length > 0) this.#news.tell({ added, removed })
  }

  #ask(): void {
    const { clock, limits, speaker, tokens } = this.#context
    if (this.#state.phase !== 'offline' || this.#isPausing || !speaker.isOpen) return
    if (this.#tokenQuestion !== undefined) return
    this.#tokenQuestion = () => {}
    const undo = tokens.ask((answer) => {
      this.#tokenQuestion = undefined
      if (this.#state.phase !== 'offline' || !speaker.isOpen) return
      if (!answer.ok) {
        this.#pause('unavailable')
        return
      }
      speaker.send(watchWith(answer.token))
      this.#timer = clock.after(limits.answerMs, () => speaker.restart('timeout'))
      this.#enter({ phase: 'asking' })
    })
    // Without a provider it has been answered already.
    if (this.#tokenQuestion !== undefined) this.#tokenQuestion = undo
  }

  /** The server tells nothing (any more). */
  #over(code: ErrorCode): void {
    const { clock, limits, logger } = this.#context
    const wasStable =
      this.#state.phase === 'watching' &&
      clock.monotonic() - this.#watchingSinceMs >= limits.stableMs
    if (wasStable) this.#backoff.reset()
    this.#stop()
    if (nextAfter(code) === 'fatal') {
      logger.info('the signalling server does not tell which rooms there are', { code })
      this.#enter({ phase: 'refused', code })
    } else {
      this.#pause(code)
    }
  }

  #pause(code: ErrorCode): void {
    this.#isPausing = true
    this.#timer = this.#context.clock.after(this.#backoff.nextMs(), () => {
      this.#isPausing = false
      this.#ask()
    })
    this.#enter(offline(code))
  }

  #stop(): void {
    this.#timer()
    this.#isPausing = false
    this.#renewal.stop()
    this.#tokenQuestion?.()
    this.#tokenQuestion = undefined
  }

  #enter(state: WatchState): void {
    this.#state = state
    this.#states.tell(state)
  }
}

function offline(code: ErrorCode): WatchState {
  return { phase: 'offline', code }
}

function watchWith(token: string | undefined) {
  return {
    type: 'watch',
    version: signallingVersion,
    ...(token === undefined ? {} : { token }),
  } as const
}
