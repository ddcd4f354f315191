/**
 * One WebSocket as the sessions see it: real ones are made in `ws-socket.adapter.ts`, tests have
 * their own.
 *
 * - Nothing here throws. After the end, sending does nothing.
 * - `close` is idempotent. No message reaches the listener after it.
 * - The listener's `onEnd` is called exactly once, whoever ended the socket, and never from inside
 *   `sendText`, `sendBinary` or `close`.
 */
export interface Socket {
  /** Bytes given to the socket that the platform has not taken yet. */
  readonly bufferedBytes: number
  sendText(text: string): void
  /** `onFlushed` is called when the platform has taken the message; never after the end. */
  sendBinary(message: Uint8Array, onFlushed: () => void): void
  close(code: number, reason: string): void
}

/** Takes what comes out of one socket. Never throws, whatever comes. */
export interface SocketListener {
  /** @param bytes of the message in UTF-8 */
  onText(text: string, bytes: number): void
  onBinary(message: Uint8Array): void
  /** A WebSocket ping, which the socket answers by itself. */
  onPing(bytes: number): void
  /** A message beyond what the socket takes was cut off. Nothing follows it. */
  onOversized(): void
  /** The other side broke the WebSocket protocol itself. Nothing follows it. */
  onViolation(): void
  onEnd(): void
}
