import type { Link, LinkClosed, Undo } from '../ports/index.js'
import type { Lane } from './lane.js'
import type { LinkEvents } from '../links/link-events.js'
import type { LinkStatistics } from './statistics.js'

/** What a pipe gives to each of its ends. */
export interface LinkWiring {
  readonly id: number
  readonly host: string
  readonly remoteHost: string
  readonly maxFrameBytes: number
  readonly events: LinkEvents
  readonly outgoing: Lane
  close(reason: string): void
  fail(reason: string): void
}

/** One end of a simulated link: what a participant holds. */
export class SimulatedLink implements Link {
  readonly kind = 'simulated'
  readonly #wiring: LinkWiring

  constructor(wiring: LinkWiring) {
    this.#wiring = wiring
  }

  /** The same number at both ends; links are numbered as they are made. */
  get id(): number {
    return this.#wiring.id
  }

  /** Whose end this is. */
  get host(): string {
    return this.#wiring.host
  }

  get remoteHost(): string {
    return this.#wiring.remoteHost
  }

  get maxFrameBytes(): number {
    return this.#wiring.maxFrameBytes
  }

  get bufferedBytes(): number {
    return this.isOpen ? this.#wiring.outgoing.bufferedBytes : 0
  }

  /** What this end believes. */
  get isOpen(): boolean {
    return this.#wiring.events.closed === undefined
  }

  /** What this end has sent. */
  get statistics(): LinkStatistics {
    return { ...this.#wiring.outgoing.tally }
  }

  send(frame: Uint8Array): void {
    if (!this.isOpen) return
    if (frame.byteLength <= this.maxFrameBytes) this.#wiring.outgoing.send(frame)
    else this.#wiring.fail(`a frame of ${frame.byteLength} bytes is too large`)
  }

  onFrame(listener: (frame: Uint8Array) => void): Undo {
    return this.#wiring.events.onFrame(listener)
  }

  onClose(listener: (closed: LinkClosed) => void): Undo {
    return this.#wiring.events.onClose(listener)
  }

  close(reason = 'closed'): void {
    this.#wiring.close(reason)
  }
}
