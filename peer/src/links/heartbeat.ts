/*
 * Whether the other side is still there.
 *
 *   ping each `everyMs` ──► heard within what the other side promised ──► alive
 *                                    │ silence for longer
 *                                    ▼
 *                                   dead (told once)
 *
 * Everything that is heard is a sign of life. A participant that will be slow to answer (a hidden
 * tab, an app in the background) promises so in its ping, and is waited for that much longer; whoever
 * only answers is as silent as it is not asked.
 */
import { jittered, type Clock, type Random, type Undo } from '../ports/index.js'

/**
 * `equal`: both ask. Where one side serves many, the `caller` asks alone and the `server` answers:
 * each hears from the other as often, for half the frames.
 */
export type Side = 'equal' | 'caller' | 'server'

export interface HeartbeatOptions {
  readonly side: Side
  readonly clock: Clock
  readonly random: Random
  /** Sends a ping with the promise to be heard again within so many milliseconds. */
  readonly ping: (nextWithinMs: number) => void
  readonly dead: () => void
}

export const heartbeatBounds = {
  /** While the user looks. */
  everyMs: 2_000,
  /** In a hidden tab or in the background, where timers run once a minute at worst. */
  awayEveryMs: 30_000,
  /** Silence of a visible peer until it counts as dead: two pings lost, and half a second. */
  deadAfterMs: 5_000,
  /** Of what an away peer promised, until it counts as dead. */
  awayTolerance: 2.5,
  /** The longest promise that is believed: whoever is silent for longer may come back as new. */
  maxPromiseMs: 60_000,
} as const

export class Heartbeat {
  readonly #options: HeartbeatOptions
  #away = false
  #heardAtMs: number
  /** How long the other side may be silent. */
  #patienceMs: number = heartbeatBounds.deadAfterMs
  #stopPinging: Undo | undefined
  #stopWatching: Undo | undefined
  /** The last ping that is not answered. */
  #askedAtMs: number | undefined
  #roundTripMs: number | undefined

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#heardAtMs = options.clock.monotonic()
  }

  start(): void {
    this.#heardAtMs = this.#options.clock.monotonic()
    if (this.#options.side !== 'server') this.#schedulePing()
    this.#watch(this.#patienceMs)
  }

  stop(): void {
    this.#stopPinging?.()
    this.#stopWatching?.()
    this.#stopPinging = this.#stopWatching = undefined
  }

  heard(nowMs: number): void {
    this.#heardAtMs = nowMs
  }

  /** Of the last ping that was answered. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs
  }

  answered(): void {
    if (this.#askedAtMs === undefined) return
    this.#roundTripMs = this.#heardAtMs - this.#askedAtMs
    this.#askedAtMs = undefined
  }

  /** The other side promises to be heard again within so many milliseconds. */
  promised(nextWithinMs: number): void {
    const promiseMs = Math.min(nextWithinMs, heartbeatBounds.maxPromiseMs)
    const patienceMs = Math.max(
      heartbeatBounds.deadAfterMs,
      promiseMs * heartbeatBounds.awayTolerance,
    )
    // A watch that stands ends too early for a longer promise, and then looks again.
    const isShorter = patienceMs < this.#patienceMs
    this.#patienceMs = patienceMs
    if (isShorter && this.#stopWatching !== undefined) this.#watch(patienceMs)
  }

  /** Hidden or in the background, or back again: says so at once. */
  setAway(away: boolean): void {
    if (this.#away === away) return
    this.#away = away
    if (this.#stopPinging === undefined) return
    if (this.#options.side === 'caller') this.promised(this.#everyMs)
    this.#ping()
  }

  get #everyMs(): number {
    return this.#away ? heartbeatBounds.awayEveryMs : heartbeatBounds.everyMs
  }

  #ping(): void {
    const { side, clock, ping } = this.#options
    // Equals have the times of their frames, which are acknowledged at once.
    if (side === 'caller') this.#askedAtMs ??= clock.monotonic()
    ping(this.#everyMs)
    this.#schedulePing()
  }

  #schedulePing(): void {
    this.#stopPinging?.()
    const { clock, random } = this.#options
    // Spread downwards only: the promise is the upper bound.
    const delayMs = jittered(random, this.#everyMs * 0.9, 0.1)
    this.#stopPinging = clock.after(delayMs, () => this.#ping())
  }

  #watch(delayMs: number): void {
    this.#stopWatching?.()
    const { clock } = this.#options
    const dueAtMs = clock.monotonic() + delayMs
    this.#stopWatching = clock.after(delayMs, () => {
      const nowMs = clock.monotonic()
      // This side slept: what was said meanwhile is still to be read. The other gets its time again.
      if (nowMs - dueAtMs > heartbeatBounds.deadAfterMs / 2) this.#heardAtMs = nowMs
      const silentMs = nowMs - this.#heardAtMs
      if (silentMs < this.#patienceMs) {
        // Whole milliseconds: a clock that rounds a trace of one down would ask again at once.
        this.#watch(Math.ceil(this.#patienceMs - silentMs))
        return
      }
      this.stop()
      this.#options.dead()
    })
  }
}
