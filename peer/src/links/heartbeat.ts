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
import { jittered, type Undo } from '../ports/index.js'
import type { Due } from './deadlines.js'
import type { Setting } from './setting.js'

/** Whose heart it is. */
export interface Beating {
  /** Sends a ping with the promise to be heard again within so many milliseconds. */
  ping(nextWithinMs: number): void
  /** Nothing was heard for too long. */
  dead(): void
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

export class Heartbeat implements Due {
  dueTick = 0
  readonly #setting: Setting
  readonly #channel: Beating
  #away = false
  #heardAtMs: number
  /** How long the other side may be silent. */
  #patienceMs: number = heartbeatBounds.deadAfterMs
  #stopPinging: Undo | undefined
  /** When the watch that stands ends; undefined: none does. */
  #watchEndsAtMs: number | undefined
  #stopWatching: Undo | undefined
  /** The last ping that is not answered. */
  #askedAtMs: number | undefined
  #roundTripMs: number | undefined

  constructor(setting: Setting, channel: Beating) {
    this.#setting = setting
    this.#channel = channel
    this.#heardAtMs = setting.clock.monotonic()
  }

  start(): void {
    this.#heardAtMs = this.#setting.clock.monotonic()
    if (this.#setting.side !== 'server') this.#schedulePing()
    this.#watch(this.#patienceMs)
  }

  stop(): void {
    this.#stopPinging?.()
    this.#stopPinging = undefined
    this.#stopWatching?.()
    this.#stopWatching = this.#watchEndsAtMs = undefined
    this.#setting.deadlines?.clear(this)
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
    if (isShorter && this.#watchEndsAtMs !== undefined) this.#watch(patienceMs)
  }

  /** Hidden or in the background, or back again: says so at once. */
  setAway(away: boolean): void {
    if (this.#away === away) return
    this.#away = away
    if (this.#stopPinging === undefined) return
    if (this.#setting.side === 'caller') this.promised(this.#everyMs)
    this.#ping()
  }

  /** The watch has ended, or was looked at in between. */
  due(): void {
    const nowMs = this.#setting.clock.monotonic()
    const lateMs = nowMs - (this.#watchEndsAtMs ?? nowMs)
    // This side slept: what was said meanwhile is still to be read. The other gets its time again.
    if (lateMs > heartbeatBounds.deadAfterMs / 2) this.#heardAtMs = nowMs
    const silentMs = nowMs - this.#heardAtMs
    if (silentMs < this.#patienceMs) {
      // Whole milliseconds: a clock that rounds a trace of one down would ask again at once.
      this.#watch(Math.ceil(this.#patienceMs - silentMs))
      return
    }
    this.stop()
    this.#channel.dead()
  }

  get #everyMs(): number {
    return this.#away ? heartbeatBounds.awayEveryMs : heartbeatBounds.everyMs
  }

  #ping(): void {
    const { side, clock } = this.#setting
    // Equals have the times of their frames, which are acknowledged at once.
    if (side === 'caller') this.#askedAtMs ??= clock.monotonic()
    this.#channel.ping(this.#everyMs)
    this.#schedulePing()
  }

  #schedulePing(): void {
    this.#stopPinging?.()
    const { clock, random } = this.#setting
    // Spread downwards only: the promise is the upper bound.
    const delayMs = jittered(random, this.#everyMs * 0.9, 0.1)
    this.#stopPinging = clock.after(delayMs, () => this.#ping())
  }

  #watch(delayMs: number): void {
    const { clock, deadlines } = this.#setting
    this.#watchEndsAtMs = clock.monotonic() + delayMs
    if (deadlines !== undefined) {
      deadlines.set(this, delayMs)
      return
    }
    this.#stopWatching?.()
    this.#stopWatching = clock.after(delayMs, () => this.due())
  }
}
