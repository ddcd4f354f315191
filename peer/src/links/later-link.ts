/*
 * A link that stands when another one does: what is sent before waits for it.
 *
 *   waiting (frames wait) ── stands(link) ──► open ──► closed, as that one is
 */
import type { Link, LinkClosed, LinkKind } from '../ports/index.js'
import { PipeLink, type Pipe, type PipeListener } from './pipe-link.js'

export interface LaterLink {
  readonly link: Link
  /** Closed before it stood: whoever brings a link then keeps it. */
  readonly isWaiting: boolean
  /** Takes this link over. Once. */
  stands(link: Link): void
}

export function laterLink(kind: LinkKind, maxFrameBytes: number): LaterLink {
  let pipe: LaterPipe | undefined
  const link = new PipeLink({
    kind,
    maxFrameBytes,
    attach: (listener) => (pipe = new LaterPipe(listener)),
  })
  return {
    link,
    get isWaiting() {
      return pipe?.isWaiting === true
    },
    stands: (inner) => pipe?.stands(inner),
  }
}

class LaterPipe implements Pipe {
  readonly #listener: PipeListener
  /** Frames that wait; undefined once there is no need to. The link bounds them. */
  #waiting: Uint8Array[] | undefined = []
  #waitingBytes = 0
  #inner: Link | undefined

  constructor(listener: PipeListener) {
    this.#listener = listener
  }

  get isWaiting(): boolean {
    return this.#waiting !== undefined
  }

  get bufferedBytes(): number {
    return this.#inner?.bufferedBytes ?? this.#waitingBytes
  }

  stands(inner: Link): void {
    if (this.#waiting === undefined) return
    this.#inner = inner
    inner.onFrame((frame) => this.#listener.frame(frame))
    inner.onClose((closed) => this.#listener.ended(closed))
    for (const frame of this.#waiting) inner.send(frame)
    this.#waiting = undefined
  }

  send(frame: Uint8Array): void {
    if (this.#inner !== undefined) this.#inner.send(frame)
    else if (this.#waiting !== undefined) {
      this.#waiting.push(frame)
      this.#waitingBytes += frame.byteLength
    }
  }

  hangUp({ reason }: LinkClosed): void {
    this.#waiting = undefined
    this.#inner?.close(reason)
  }
}
