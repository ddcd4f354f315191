/*
 * How the two ends of a data channel part. A connection that closes while its other end sends takes
 * down that end's process where it is libwebrtc for Node: its `send` looks whether the channel is
 * open, and does not look again. So neither end closes before the other has said that it sends no
 * more, however late it hears that it should.
 *
 *   open ── begin(): says `over` ──► waiting ── `out`, or no answer in 2 s ────► closed
 *     └──── `over`: says `out` ────► waiting ── the connection closes, or 2 s ──►  ▲
 *
 * Where both have said `over` one of them closes, and the other waits for it: a connection is never
 * being closed from both ends in the same moment.
 */
import type { Clock, Undo } from '../ports/index.js'

/** `out` answers `over`. */
export type LastWord = 'over' | 'out'

export function isLastWord(said: unknown): said is LastWord {
  return said === 'over' || said === 'out'
}

export interface PartingOptions {
  readonly clock: Clock
  /** Of two ends that begin at the same time it closes. Exactly one of them. */
  readonly isFirst: boolean
  /** Says the last thing that this end sends. May throw: the channel is not open any more. */
  readonly say: (word: LastWord) => void
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
    this.#say('over')
  }

  /** The other end sends nothing any more, and this one must not from now on. Idempotent. */
  heard(word: LastWord): void {
    if (this.#hasHeard) return
    this.#hasHeard = true
    if (!this.#hasSaid) this.#say('out')
    else if (word === 'out' || this.#options.isFirst) {
      this.#deadline?.()
      this.#options.close()
    }
  }

  /** The connection has closed. */
  closed(): void {
    this.#deadline?.()
  }

  #say(word: LastWord): void {
    if (this.#hasSaid) return
    this.#hasSaid = true
    const { clock, say, close } = this.#options
    try {
      say(word)
    } catch {
      // Nobody is there to answer.
      close()
      return
    }
    this.#deadline = clock.after(partWithinMs, close)
  }
}

/**
 * Who does not answer in this time is gone, or frozen, and then not in the middle of sending; who is
 * only busy has answered. The connection, and a process with nothing else to do, wait for no longer.
 */
const partWithinMs = 2_000
