/*
 * A link over one end of a MessageChannel: between a page and its workers or frames, or between
 * threads of Node. A frame travels as a transferred ArrayBuffer; `null` says that this side closes.
 */
import type { Link } from '../ports/index.js'
import { frameBounds } from '../protocol/index.js'
import { PipeLink } from './pipe-link.js'

/** As much of a MessagePort as is used: the browser's and Node's have it. */
export interface MessagePortLike {
  addEventListener(
    type: 'message' | 'messageerror' | 'close',
    listener: (event: object) => void,
  ): void
  start(): void
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
  close(): void
}

/**
 * A link that takes the port over. Where the platform does not tell that the other end vanished with
 * its page (`close` events are young), only silence tells: put a `Channel` above it.
 */
export function portLink(port: MessagePortLike): Link {
  return new PipeLink({
    kind: 'port',
    maxFrameBytes: frameBounds.maxBytes,
    attach: (listener) => {
      port.addEventListener('message', (event) => {
        const { data } = event as { readonly data: unknown }
        if (data instanceof ArrayBuffer) listener.frame(new Uint8Array(data))
        else if (data === null) {
          listener.ended({ by: 'remote', reason: 'the other end closed' })
          port.close()
        } else listener.garbage('a message that is not a frame')
      })
      port.addEventListener('messageerror', () => listener.garbage('a message that cannot be read'))
      port.addEventListener('close', () =>
        listener.ended({ by: 'failed', reason: 'the port closed' }),
      )
      port.start()
      return {
        // What was posted has left: the platform does not tell more.
        bufferedBytes: 0,
        send(frame) {
          // A view would take its whole buffer along; a copy takes the frame.
          const bytes = frame.slice().buffer
          port.postMessage(bytes, [bytes])
        },
        hangUp() {
          port.postMessage(null, [])
          port.close()
        },
      }
    },
  })
}
