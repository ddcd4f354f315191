import type { WebSocketConstructor } from '../ports/index.js'

/** The platform's own WebSocket; undefined where there is none, as in Node 20. */
export function browserWebSocket(): WebSocketConstructor | undefined {
  return (globalThis as { readonly WebSocket?: WebSocketConstructor }).WebSocket
}
