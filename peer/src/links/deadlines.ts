import type { Clock, Undo } from '../ports/index.js'
import { sorted } from '../protocol/index.js'

/** Something that wants to be looked at later. */
export interface Due {
  /** Where it stands in the wheel; 0: nowhere. Kept by `Deadlines`. */
  dueTick: number
  due(): void
}

/** Coarse on purpose: a deadline comes up to so much later. */
const tickMs = 250
/** Farther deadlines are looked at in between: whoever is due and not done sets itself again. */
const horizonMs = 60_000

/**
 * One timer for all links of a server. Ten thousand of them cost ten thousand entries in sets, and no
 * timers; who has nothing to wait for costs nothing.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #byTick = new Map<number, Set<Due>>()
  #armedTick = Infinity
  #stop: Undo | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `due` within `delayMs`, or a tick later; at the horizon already if that is nearer. */
  set(who: Due, delayMs: number): void {
    this.clear(who)
    const atMs = this.#clock.monotonic() + Math.min(Math.max(delayMs, 0), horizonMs)
    const tick = Math.floor(atMs / tickMs) + 1
    who.dueTick = tick
    const others = this.#byTick.get(tick)
    if (others !== undefined) others.add(who)
    else this.#byTick.set(tick, new Set([who]))
    if (tick < this.#armedTick) this.#arm(tick)
  }

  clear(who: Due): void {
    if (who.dueTick === 0) return
    const others = this.#byTick.get(who.dueTick)
    if (others?.delete(who) === true && others.size === 0) {
      this.#byTick.delete(who.dueTick)
      if (this.#byTick.size === 0) this.#disarm()
    }
    who.dueTick = 0
  }

  close(): void {
    this.#disarm()
    this.#byTick.clear()
  }

  #arm(tick: number): void {
    this.#stop?.()
    this.#armedTick = tick
    const delayMs = Math.max(0, tick * tickMs - this.#clock.monotonic())
    this.#stop = this.#clock.after(delayMs, () => this.#fire())
  }

  #disarm(): void {
    this.#stop?.()
    this.#stop = undefined
    this.#armedTick = Infinity
  }

  #fire(): void {
    this.#disarm()
    // A timer may come a little early: what it was armed for is due.
    const nowTick = Math.floor((this.#clock.monotonic() + tickMs / 2) / tickMs)
    const ticks = [...this.#byTick.keys()].filter((tick) => tick <= nowTick)
    for (const tick of sorted(ticks, (a, b) => a - b)) {
      const due = this.#byTick.get(tick)
      this.#byTick.delete(tick)
      for (const who of due ?? []) {
        who.dueTick = 0
        who.due()
      }
    }
    let next = Infinity
    for (const tick of this.#byTick.keys()) next = Math.min(next, tick)
    if (next < this.#armedTick) this.#arm(next)
  }
}
