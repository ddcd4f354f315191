import { maxUnheardBytes, type LinkClosed, type Undo } from '../ports/index.js'
import { listed, listens, withListener, withoutListener, type Listeners } from './listeners.js'

/**
 * The listening half of a link, the same for every kind: who listens, what is kept while nobody
 * does, and that a link closes once. What the `Link` port promises about calls is kept here.
 *
 *   open ──(finish)──► closed      `receive` counts in `open` only
 */
export class LinkEvents {
  readonly #later: (call: () => void) => void
  #frameListeners: Listeners<[frame: Uint8Array]>
  #closeListeners: Listeners<[closed: LinkClosed]>
  /** What came while nobody listened, until it is handed out. */
  #unheard: Uint8Array[] | undefined
  #unheardBytes = 0
  #closed: LinkClosed | undefined

  /** @param later runs a call in a later turn; calls keep their order */
  constructor(later: (call: () => void) => void) {
    this.#later = later
  }

  /** Why the link ended, from the moment of the call that ended it; undefined while it is open. */
  get closed(): LinkClosed | undefined {
    return this.#closed
  }

  onFrame(listener: (frame: Uint8Array) => void): Undo {
    const heard = apart(this.#frameListeners, listener)
    this.#frameListeners = withListener(this.#frameListeners, heard)
    if (this.#unheard !== undefined) this.#later(() => this.#handOut())
    return once(() => (this.#frameListeners = withoutListener(this.#frameListeners, heard)))
  }

  onClose(listener: (closed: LinkClosed) => void): Undo {
    const heard = apart(this.#closeListeners, listener)
    this.#closeListeners = withListener(this.#closeListeners, heard)
    if (this.#closed !== undefined) this.#later(() => this.#tell(heard))
    return once(() => (this.#closeListeners = withoutListener(this.#closeListeners, heard)))
  }

  /**
   * A frame has arrived. Call it in a turn of its own: it hands the frame out at once. False: more
   * than `maxUnheardBytes` have arrived while nobody listened. Fail the link.
   */
  receive(frame: Uint8Array): boolean {
    if (this.#closed !== undefined) return true
    if (this.#unheard === undefined && this.#frameListeners !== undefined) {
      this.#hear(frame)
      return true
    }
    this.#unheard ??= []
    this.#unheard.push(frame)
    // The 64 stand for what a kept frame costs besides its bytes, or empty ones would be free.
    this.#unheardBytes += frame.byteLength + 64
    if (this.#frameListeners !== undefined) this.#handOut()
    return this.#unheardBytes <= maxUnheardBytes
  }

  /** The link has ended. The first call counts; listeners hear of it in a later turn. */
  finish(closed: LinkClosed): void {
    if (this.#closed !== undefined) return
    this.#closed = closed
    this.#frameListeners = undefined
    this.#unheard = undefined
    this.#unheardBytes = 0
    for (const listener of listed(this.#closeListeners)) this.#later(() => this.#tell(listener))
  }

  /** Stops where the last listener goes: what is left waits for the next one. */
  #handOut(): void {
    while (this.#unheard !== undefined && this.#frameListeners !== undefined) {
      const frame = this.#unheard.shift()
      if (frame !== undefined) {
        this.#unheardBytes -= frame.byteLength + 64
        this.#hear(frame)
      }
      if (this.#unheard?.length === 0) this.#unheard = undefined
    }
  }

  #hear(frame: Uint8Array): void {
    const listeners = this.#frameListeners
    if (typeof listeners === 'function') {
      listeners(frame)
      return
    }
    for (const listener of listed(listeners)) {
      if (listens(this.#frameListeners, listener)) listener(frame)
    }
  }

  /** Each close listener is told once, and not after its undo. */
  #tell(listener: (closed: LinkClosed) => void): void {
    if (this.#closed === undefined || !listens(this.#closeListeners, listener)) return
    this.#closeListeners = withoutListener(this.#closeListeners, listener)
    listener(this.#closed)
  }
}

/** One function may listen twice, and each undo ends its own: the second is a function of its own. */
function apart<Heard>(
  listeners: Listeners<[Heard]>,
  listener: (heard: Heard) => void,
): (heard: Heard) => void {
  return listens(listeners, listener) ? (heard) => listener(heard) : listener
}

/** The same function may have come to listen again when an undo is called again. */
function once(undo: () => void): Undo {
  let isDone = false
  return () => {
    if (!isDone) undo()
    isDone = true
  }
}
