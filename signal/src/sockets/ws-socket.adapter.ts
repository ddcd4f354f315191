/** A WebSocket of the `ws` package as a `Socket`. */
import type { WebSocket } from 'ws'
import type { Socket, SocketListener } from './socket.js'

/**
 * The socket, and how its listener is told of everything that happens to it. Nothing is lost in
 * between as long as `listen` is called in the same turn.
 */
export function wrapWebSocket(ws: WebSocket): {
  socket: Socket
  listen: (listener: SocketListener) => void
} {
  let isClosed = false
  const socket: Socket = {
    get bufferedBytes() {
      return ws.bufferedAmount
    },
    sendText(text) {
      if (ws.readyState === ws.OPEN) ws.send(text)
    },
    sendBinary(message, onFlushed) {
      if (ws.readyState !== ws.OPEN) return
      ws.send(message, (error) => {
        if (!error && !isClosed) onFlushed()
      })
    },
    close(code, reason) {
      if (isClosed) return
      isClosed = true
      // Behind this much the close frame would not get through within any time worth waiting.
      if (ws.bufferedAmount > maxBytesBeforeClose) ws.terminate()
      else ws.close(code, reason)
    },
  }

  function listen(listener: SocketListener): void {
    ws.on('message', (data, isBinary) => {
      if (isClosed) return
      const bytes = data as Buffer
      if (isBinary) listener.onBinary(bytes)
      else listener.onText(bytes.toString(), bytes.length)
    })
    ws.on('ping', (data) => {
      if (isClosed) return
      listener.onPing(data.length)
      // Whoever asks without reading the answers gets no more of them.
      if (ws.readyState === ws.OPEN && ws.bufferedAmount < maxBytesBeforeClose) ws.pong(data)
    })
    ws.on('error', (error: Error & { code?: string }) => {
      if (isClosed) return
      // `ws` answers these by itself, with the close codes of the WebSocket protocol.
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') listener.onOversized()
      else if (error.code?.startsWith('WS_ERR_') === true) listener.onViolation()
      // Anything else is the network; `close` follows.
    })
    ws.on('close', () => {
      isClosed = true
      listener.onEnd()
    })
  }

  return { socket, listen }
}

/** What a socket that is read at all takes within a moment. */
const maxBytesBeforeClose = 65_536
