/** As much of a WebSocket as is used: the browser's, React Native's and `ws`' have it. */
export interface WebSocketLike {
  binaryType: string
  readonly readyState: number
  /** Bytes given to `send` that have not left yet. React Native's does not say. */
  readonly bufferedAmount?: number
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
  send(data: string | Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
}

export type WebSocketConstructor = new (url: string) => WebSocketLike
