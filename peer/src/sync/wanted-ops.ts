import type { Clock, Undo } from '../ports/index.js'
import type { OpId } from '../protocol/index.js'
import { syncBounds as bounds } from './limits.js'
import { keyOfOp } from './op-memory.js'
import type { PeerSession } from './peer-session.js'

/**
 * Ops that neighbours have announced and that have not come yet. Each has a moment to come another
 * way; then those who announced it are asked, one after the other.
 *
 *   announced ──400 ms──► wanted from the first ──600 ms──► from the next … ──► given up: compare
 */
export class WantedOps {
  readonly #clock: Clock
  readonly #want: (session: PeerSession, ops: readonly OpId[]) => void
  readonly #givenUp: (session: PeerSession) => void
  /** In the order in which they were announced. */
  readonly #wantedByKey = new Map<string, Wanted>()
  #timer: Undo | undefined

  constructor(
    clock: Clock,
    want: (session: PeerSession, ops: readonly OpId[]) => void,
    givenUp: (session: PeerSession) => void,
  ) {
    this.#clock = clock
    this.#want = want
    this.#givenUp = givenUp
  }

  get size(): number {
    return this.#wantedByKey.size
  }

  announced(op: OpId, by: PeerSession): void {
    const key = keyOfOp(op)
    const wanted = this.#wantedByKey.get(key)
    if (wanted !== undefined) {
      // Who says it again is not asked again: the place is for somebody who may keep its word.
      const mayAsk = !wanted.known.has(by) && wanted.known.size <= bounds.maxAnnouncers
      if (mayAsk) {
        wanted.known.add(by)
        wanted.announcers.push(by)
      }
      return
    }
    if (this.#wantedByKey.size >= bounds.maxWantedOps) {
      this.#givenUp(by)
      return
    }
    const dueAtMs = this.#clock.monotonic() + bounds.wantAfterMs
    this.#wantedByKey.set(key, { op, announcers: [by], known: new Set([by]), dueAtMs })
    this.#timer ??= this.#clock.after(bounds.wantAfterMs, () => this.#look())
  }

  /** It has come. */
  came(op: OpId): void {
    this.#wantedByKey.delete(keyOfOp(op))
  }

  close(): void {
    this.#timer?.()
    this.#wantedByKey.clear()
  }

  #look(): void {
    this.#timer = undefined
    const nowMs = this.#clock.monotonic()
    const opsBySession = new Map<PeerSession, OpId[]>()
    let nextAtMs = Infinity
    for (const [key, wanted] of this.#wantedByKey) {
      if (wanted.dueAtMs <= nowMs) {
        const from = takeOpen(wanted.announcers)
        if (from === undefined) {
          this.#wantedByKey.delete(key)
          for (const session of wanted.known) this.#givenUp(session)
          continue
        }
        wanted.dueAtMs = nowMs + bounds.wantAgainAfterMs
        const ops = opsBySession.get(from)
        if (ops === undefined) opsBySession.set(from, [wanted.op])
        else ops.push(wanted.op)
      }
      nextAtMs = Math.min(nextAtMs, wanted.dueAtMs)
    }
    for (const [session, ops] of opsBySession) this.#want(session, ops)
    if (nextAtMs < Infinity) {
      // Up to whole milliseconds: a clock that rounds down would look again at once, for ever.
      this.#timer ??= this.#clock.after(Math.ceil(nextAtMs - nowMs), () => this.#look())
    }
  }
}

interface Wanted {
  readonly op: OpId
  /** Those who have not been asked. */
  readonly announcers: PeerSession[]
  /** All who announced it, as far as they are remembered. */
  readonly known: Set<PeerSession>
  dueAtMs: number
}

function takeOpen(sessions: PeerSession[]): PeerSession | undefined {
  for (;;) {
    const session = sessions.shift()
    if (session === undefined || session.isOpen) return session
  }
}
