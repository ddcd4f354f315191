/** A WebSocket of the `ws` package as the y-websocket bridge sees it. */
import type { WebSocket } from 'ws'
import type { YWebsocketListener, YWebsocketSocket } from '../y-websocket/socket.js'

/**
 * The socket, and how its listener is told of everything that happens to it. Nothing is lost in
 * between as long as `listen` is called in the same turn.
 */
export function yWebsocketSocket(ws: WebSocket): {
  socket: YWebsocketSocket
  listen: (listener: YWebsocketListener) => void
} {
  let isClosed = false
  const isOpen = (): boolean => !isClosed && ws.readyState === ws.OPEN
  const socket: YWebsocketSocket = {
    get bufferedBytes() {
      return ws.bufferedAmount
    },
    send(message, onFlushed) {
      if (!isOpen()) return
      if (onFlushed === undefined) ws.send(message)
      else {
        ws.send(message, (error) => {
          if (!error && !isClosed) onFlushed()
        })
      }
    },
    ping() {
      if (isOpen()) ws.ping()
    },
    pause() {
      if (isOpen()) ws.pause()
    },
    resume() {
      if (isOpen()) ws.resume()
    },
    close(code, reason) {
      if (isClosed) return
      isClosed = true
      // A paused socket would not hear the answer to the close.
      if (ws.isPaused) ws.resume()
      // Behind this much the close frame would not get through within any time worth waiting.
      if (ws.bufferedAmount > maxBytesBeforeClose) ws.terminate()
      else ws.close(code, reason)
    },
  }

  function listen(listener: YWebsocketListener): void {
    ws.on('message', (data, isBinary) => {
      if (isClosed) return
      if (isBinary) listener.onMessage(data as Buffer)
      else listener.onForeign()
    })
    ws.on('pong', () => {
      if (!isClosed) listener.onPong()
    })
    ws.on('error', (error: Error & { code?: string }) => {
      if (isClosed) return
      // `ws` answers these by itself, with the close codes of the WebSocket protocol.
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') listener.onOversized()
      else if (error.code?.startsWith('WS_ERR_') === true) listener.onForeign()
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
