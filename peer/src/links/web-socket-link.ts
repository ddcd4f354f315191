/*
 * A link over a WebSocket that somebody else has opened or accepted: the browser's, or one of `ws`.
 * Frames are binary messages.
 *
 *   connecting (frames wait) ──► open ──► closed: remote after a closing handshake, else failed
 */
import type { Link, LinkClosed, WebSocketLike } from '../ports/index.js'
import { frameBounds } from '../protocol/index.js'
import { PipeLink, type Pipe, type PipeListener } from './pipe-link.js'

/**
 * A link that takes the socket over: its `on…` handlers, and closing it. Give it the socket before
 * its first message can arrive: in the turn that made or accepted it.
 */
export function webSocketLink(socket: WebSocketLike): Link {
  return new PipeLink({
    kind: 'websocket',
    maxFrameBytes: frameBounds.maxBytes,
    attach: (listener) => new SocketPipe(socket, listener),
  })
}

class SocketPipe implements Pipe {
  readonly #socket: WebSocketLike
  /** What was sent before the socket was open. The link bounds it. */
  #waiting: Uint8Array[] = []
  #waitingBytes = 0

  constructor(socket: WebSocketLike, listener: PipeListener) {
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => this.#flush()
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      if (data instanceof ArrayBuffer) listener.frame(new Uint8Array(data))
      else listener.garbage('a message that is not binary')
    }
    socket.onclose = (event: { readonly wasClean: boolean; readonly code: number }) => {
      listener.ended({
        by: event.wasClean ? 'remote' : 'failed',
        reason: `the socket closed with ${event.code}`,
      })
    }
    // A close event follows. Without a listener `ws` would end the process.
    socket.onerror = () => {}
    if (socket.readyState > openState) {
      queueMicrotask(() => listener.ended({ by: 'failed', reason: 'the socket was closed' }))
    }
  }

  get bufferedBytes(): number {
    return this.#waitingBytes + (this.#socket.bufferedAmount ?? 0)
  }

  send(frame: Uint8Array): void {
    const { readyState } = this.#socket
    if (readyState === openState) this.#socket.send(frame as Uint8Array<ArrayBuffer>)
    else if (readyState < openState) {
      this.#waiting.push(frame)
      this.#waitingBytes += frame.byteLength
    }
  }

  hangUp({ by }: LinkClosed): void {
    this.#waiting = []
    this.#waitingBytes = 0
    this.#socket.onmessage = null
    this.#socket.close(by === 'failed' ? socketCloseCodes.gaveUp : socketCloseCodes.ordinary)
  }

  #flush(): void {
    for (const frame of this.#waiting) this.#socket.send(frame as Uint8Array<ArrayBuffer>)
    this.#waiting = []
    this.#waitingBytes = 0
  }
}

const openState = 1

/** How a link ends its socket. For logs: the other end hears `remote` anyway. */
export const socketCloseCodes = {
  ordinary: 1000,
  /** Of the codes that are free for applications. */
  gaveUp: 4000,
} as const
