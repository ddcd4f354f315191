/*
 * What every link over a platform's pipe does alike. The pipe itself only sends, hangs up, and says
 * what it hears; the promises of the `Link` port are kept here.
 *
 *   open ── close(): local ─────────────────────────────► closed
 *     ├──── the pipe's word: remote or failed ───────────►  ▲
 *     └──── a frame too large, too much waiting, ───────────┘
 *           a send that throws, too much unheard: failed
 */
import type { Link, LinkClosed, LinkKind, Undo } from '../ports/index.js'
import { LinkEvents } from './link-events.js'

/** A platform's pipe, from a link's side. */
export interface Pipe {
  /** Bytes given to `send` that have not left this process yet. */
  readonly bufferedBytes: number
  /** May throw: then the link fails. The bytes may be a view of something larger. */
  send(frame: Uint8Array): void
  /** As `send`, of a frame whose two halves lie apart; where the platform does that by itself. */
  sendInTwo?(head: Uint8Array, body: Uint8Array): void
  /** Called once, unless the pipe has said itself that it ended. */
  hangUp(closed: LinkClosed): void
}

/** What a pipe tells its link. Each call in a turn of its own, never inside a call of the pipe's. */
export interface PipeListener {
  /** The bytes are the listener's, and their buffer holds nothing else. */
  frame(frame: Uint8Array): void
  /** The pipe has ended by itself. */
  ended(closed: LinkClosed): void
  /** What came is not a frame: this end gives the pipe up. */
  garbage(reason: string): void
}

export interface PipeLinkOptions {
  readonly kind: LinkKind
  readonly maxFrameBytes: number
  /** Attaches the pipe, which says nothing before this has returned. */
  readonly attach: (listener: PipeListener) => Pipe
}

/**
 * What may wait in one link. Eight windows of the largest size, so whoever keeps to a window never
 * meets it, and half of what makes data channels drop frames without a word.
 */
export const maxLinkBufferBytes = 8 * 1024 * 1024

export class PipeLink implements Link, PipeListener {
  readonly kind: LinkKind
  readonly maxFrameBytes: number
  readonly #events = new LinkEvents(inMicrotask)
  readonly #pipe: Pipe
  /** What waited when the pipe was last asked, and all that was given to it since. */
  #bufferedAtMostBytes = 0

  constructor({ kind, maxFrameBytes, attach }: PipeLinkOptions) {
    this.kind = kind
    this.maxFrameBytes = maxFrameBytes
    this.#pipe = attach(this)
  }

  get bufferedBytes(): number {
    return this.#isClosed ? 0 : this.#pipe.bufferedBytes
  }

  send(frame: Uint8Array): void {
    if (!this.#mayTake(frame.byteLength)) return
    try {
      this.#pipe.send(frame)
    } catch (error) {
      this.#fail(`sending threw: ${String(error)}`)
    }
  }

  sendInTwo(head: Uint8Array, body: Uint8Array): void {
    if (!this.#mayTake(head.byteLength + body.byteLength)) return
    try {
      if (this.#pipe.sendInTwo !== undefined) this.#pipe.sendInTwo(head, body)
      else this.#pipe.send(joined(head, body))
    } catch (error) {
      this.#fail(`sending threw: ${String(error)}`)
    }
  }

  onFrame(listener: (frame: Uint8Array) => void): Undo {
    return this.#events.onFrame(listener)
  }

  onClose(listener: (closed: LinkClosed) => void): Undo {
    return this.#events.onClose(listener)
  }

  close(reason = 'closed'): void {
    this.#end({ by: 'local', reason })
  }

  // From the pipe ---------------------------------------------------------------------------------

  frame(frame: Uint8Array): void {
    if (frame.byteLength > this.maxFrameBytes) {
      this.#fail(`the other side sent a frame of ${frame.byteLength} bytes`)
    } else if (!this.#events.receive(frame)) this.#fail('nobody listens')
  }

  ended(closed: LinkClosed): void {
    this.#events.finish(closed)
  }

  garbage(reason: string): void {
    this.#fail(reason)
  }

  get #isClosed(): boolean {
    return this.#events.closed !== undefined
  }

  /** Asks the pipe only where it could be: in Node it answers from another thread, as slowly as it sends. */
  #overflows(bytes: number): boolean {
    if (this.#bufferedAtMostBytes + bytes > maxLinkBufferBytes) {
      this.#bufferedAtMostBytes = this.#pipe.bufferedBytes
    }
    this.#bufferedAtMostBytes += bytes
    return this.#bufferedAtMostBytes > maxLinkBufferBytes
  }

  #mayTake(bytes: number): boolean {
    if (this.#isClosed) return false
    if (bytes > this.maxFrameBytes) this.#fail(`a frame of ${bytes} bytes is too large`)
    else if (this.#overflows(bytes)) this.#fail('too much waits to be sent')
    else return true
    return false
  }

  #fail(reason: string): void {
    this.#end({ by: 'failed', reason })
  }

  #end(closed: LinkClosed): void {
    if (this.#isClosed) return
    this.#events.finish(closed)
    this.#pipe.hangUp(closed)
  }
}

/** A later turn; and unlike a timer it is not held back by a hidden page. */
function inMicrotask(call: () => void): void {
  queueMicrotask(call)
}

function joined(head: Uint8Array, body: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + body.length)
  whole.set(head)
  whole.set(body, head.length)
  return whole
}
