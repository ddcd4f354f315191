/** WebSockets as connections to the signalling server: the browser's own, or those of `ws`. */
import type { WebSocketConstructor, WebSocketLike } from '../ports/index.js'
import type { Dial } from './dial.js'

/**
 * Dials `url` (`ws:` or `wss:`) with the platform's WebSocket. Throws a RangeError at once for
 * another kind of address.
 */
export function webSocketDial(WebSocket: WebSocketConstructor, url: string): Dial {
  if (!/^wss?:\/\/[^/]/.test(url)) {
    throw new RangeError(`a signalling server's address starts with ws:// or wss://, got ${url}`)
  }
  return (listener) => {
    let socket: WebSocketLike | undefined
    let isOver = false
    const end = (code: number): void => {
      if (isOver) return
      isOver = true
      listener.onClose(code)
    }
    try {
      socket = new WebSocket(url)
      socket.binaryType = 'arraybuffer'
      socket.onopen = () => {
        if (!isOver) listener.onOpen()
      }
      socket.onmessage = ({ data }: { readonly data: unknown }) => {
        if (isOver) return
        if (typeof data === 'string') listener.onMessage(data)
        else if (data instanceof ArrayBuffer) listener.onMessage(new Uint8Array(data))
      }
      socket.onclose = ({ code }: { readonly code: number }) => end(code)
      // A close event follows; without a listener `ws` would end the process.
      socket.onerror = () => {}
    } catch {
      // A page that may not connect there at all (mixed content, a policy): as if nobody answered.
      queueMicrotask(() => end(noAnswer))
    }
    return {
      send(message) {
        if (isOver || socket?.readyState !== openState) return
        socket.send(message as string | Uint8Array<ArrayBuffer>)
      },
      close(code) {
        isOver = true
        // While it is connecting, `ws` reports the close as an error: the empty listener stays.
        socket?.close(code)
      },
    }
  }
}

const openState = 1
const noAnswer = 1006
