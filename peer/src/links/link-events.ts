import { maxUnheardBytes, type LinkClosed, type Undo } from '../ports/index.js'

/**
 * The listening half of a link, the same for every kind: who listens, what is kept while nobody
 * does, and that a link closes once. What the `Link` port promises about calls is kept here.
 *
 *   open ──(finish)──► closed      `receive` counts in `open` only
 */
export class LinkEvents {
  readonly #later: (call: () => void) => void
  readonly #onOverflow: () => void
  readonly #frameListeners = new Set<(frame: Uint8Array) => void>()
  readonly #closeListeners = new Set<(closed: LinkClosed) => void>()
  #unheard: Uint8Array[] = []
  #unheardBytes = 0
  #closed: LinkClosed | undefined

  /**
   * @param later runs a call in a later turn; calls keep their order
   * @param onOverflow more than `maxUnheardBytes` arrived while nobody listened: fail the link
   */
  constructor(later: (call: () => void) => void, onOverflow: () => void) {
    this.#later = later
    this.#onOverflow = onOverflow
  }

  /** Why the link ended, from the moment of the call that ended it; undefined while it is open. */
  get closed(): LinkClosed | undefined {
    return this.#closed
  }

  onFrame(listener: (frame: Uint8Array) => void): Undo {
    // A wrapper a call, so that one function may listen twice and each undo ends its own.
    const heard = (frame: Uint8Array): void => listener(frame)
    this.#frameListeners.add(heard)
    if (this.#unheard.length > 0) this.#later(() => this.#handOut())
    return () => this.#frameListeners.delete(heard)
  }

  onClose(listener: (closed: LinkClosed) => void): Undo {
    const heard = (closed: LinkClosed): void => listener(closed)
    this.#closeListeners.add(heard)
    if (this.#closed !== undefined) this.#later(() => this.#tell(heard))
    return () => this.#closeListeners.delete(heard)
  }

  /** A frame has arrived. Call it in a turn of its own: it hands the frame out at once. */
  receive(frame: Uint8Array): void {
    if (this.#closed !== undefined) return
    if (this.#unheard.length === 0 && this.#frameListeners.size > 0) {
      this.#hear(frame)
      return
    }
    this.#unheard.push(frame)
    // The 64 stand for what a kept frame costs besides its bytes, or empty ones would be free.
    this.#unheardBytes += frame.byteLength + 64
    if (this.#frameListeners.size > 0) this.#handOut()
    else if (this.#unheardBytes > maxUnheardBytes) this.#onOverflow()
  }

  /** The link has ended. The first call counts; listeners hear of it in a later turn. */
  finish(closed: LinkClosed): void {
    if (this.#closed !== undefined) return
    this.#closed = closed
    this.#unheard = []
    this.#unheardBytes = 0
    for (const listener of this.#closeListeners) this.#later(() => this.#tell(listener))
  }

  /** Stops where the last listener goes: what is left waits for the next one. */
  #handOut(): void {
    while (this.#frameListeners.size > 0) {
      const frame = this.#unheard.shift()
      if (frame === undefined) return
      this.#unheardBytes -= frame.byteLength + 64
      this.#hear(frame)
    }
  }

  #hear(frame: Uint8Array): void {
    for (const listener of this.#frameListeners) {
      listener(frame)
      if (this.#closed !== undefined) return
    }
  }

  /** Each close listener is told once, and not after its undo. */
  #tell(listener: (closed: LinkClosed) => void): void {
    if (this.#closed !== undefined && this.#closeListeners.delete(listener)) listener(this.#closed)
  }
}
