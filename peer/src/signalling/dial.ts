/**
 * Opens one connection to the signalling server. Given from outside, so that the rest knows no
 * platform: `web-socket-dial.adapter.ts` makes one from any WebSocket constructor.
 *
 * - It never throws and calls nothing on the listener before it has returned.
 * - The listener hears `onOpen` at most once, then messages in order, and `onClose` once at the
 *   end, whoever ended it; after a call of `close` on this side it hears nothing at all.
 */
export type Dial = (listener: SocketListener) => SignalSocket

/** One connection: texts, and bytes for relayed frames. Nothing here throws. */
export interface SignalSocket {
  /** Does nothing unless the connection is open. */
  send(message: string | Uint8Array): void
  /** Idempotent. Without a code it is an ordinary end. */
  close(code?: number): void
}

export interface SocketListener {
  onOpen(): void
  /** Bytes belong to the listener. */
  onMessage(message: string | Uint8Array): void
  /** @param code the WebSocket close code; 1006 when nobody said one */
  onClose(code: number): void
}
