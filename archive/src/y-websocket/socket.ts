/**
 * One WebSocket as a session sees it: real ones are made by the server's adapter, tests have their
 * own.
 *
 * - Nothing here throws. After the end, sending does nothing.
 * - `close` is idempotent. No message reaches the listener after it.
 * - The listener's `onEnd` is called exactly once, whoever ended the socket, and never from inside a
 *   call on the socket.
 */
export interface YWebsocketSocket {
  /** Bytes given to the socket that the platform has not taken yet. */
  readonly bufferedBytes: number
  /** The bytes are given away. `onFlushed` is called when the platform has taken them; never after the end. */
  send(message: Uint8Array, onFlushed?: () => void): void
  /** Asks for a sign of life, which `onPong` tells of. */
  ping(): void
  /** Reads nothing more until `resume`. What was read already may still be told of. */
  pause(): void
  resume(): void
  close(code: number, reason: string): void
}

/** Takes what comes out of one socket. Never throws, whatever comes. */
export interface YWebsocketListener {
  /** The bytes belong to the listener. */
  onMessage(message: Uint8Array): void
  /** A message that is text, or that breaks the WebSocket protocol. */
  onForeign(): void
  /** A message beyond what the socket takes was cut off. */
  onOversized(): void
  onPong(): void
  onEnd(): void
}
