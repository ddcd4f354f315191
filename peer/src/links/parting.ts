/*
 * How the two ends of a data channel part. A connection that closes while its other end sends takes
 * down that end's process where it is libwebrtc for Node: its `send` looks whether the channel is
 * open, and does not look again. So neither end closes before the other has said that it sends no
 * more, however late it hears that it should.
 *
 *   open ── begin(): says so ──► waiting ── heard(), or no answer in 2 s ───────► closed
 *     └──── heard(): says so, too ────► waiting ── the channel closes, or 2 s ──►  ▲
 */
import type { Clock, Undo } from '../ports/index.js'

export interface PartingOptions {
  readonly clock: Clock
  /** Says the last thing that this end sends. May throw: the channel is not open any more. */
  readonly say: () => void
  /** Closes the connection. */
  readonly close: () => void
}

export class Parting {
  readonly #options: PartingOptions
  #hasSaid = false
  #hasHeard = false
  #deadline: Undo | undefined

  constructor(options: PartingOptions) {
    this.#options = options
  }

  /** This end sends nothing from now on. Idempotent. */
  begin(): void {
    if (this.#hasSaid) return
    this.#hasSaid = true
    const { clock, say, close } = this.#options
    try {
      say()
    } catch {
      // Nobody is there to answer.
      close()
      return
    }
    this.#deadline = clock.after(partWithinMs, close)
  }

  /** The other end sends nothing any more, and this one must not from now on. Idempotent. */
  heard(): void {
    if (this.#hasHeard) return
    this.#hasHeard = true
    if (this.#hasSaid) {
      this.#deadline?.()
      this.#options.close()
    } else this.begin()
  }

  /** The connection has closed. */
  closed(): void {
    this.#deadline?.()
  }
}

/**
 * Who does not answer in this time is gone, or frozen, and then not in the middle of sending; who is
 * only busy has answered. The connection, and a process with nothing else to do, wait for no longer.
 */
const partWithinMs = 2_000
