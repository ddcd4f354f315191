import type { Link, LinkClosed, Undo } from '@holdfast/peer/ports'
import { LinkEvents } from '@holdfast/peer/testing'
import type { MessagePort } from 'node:worker_threads'

/**
 * The smallest link that is not simulated: frames over one end of a MessageChannel, in real time.
 * It shows that the contract suite knows nothing of the simulator, and how little a link needs.
 */
export class MessagePortLink implements Link {
  readonly kind = 'port'
  readonly maxFrameBytes = 1024 * 1024
  readonly bufferedBytes = 0
  readonly #port: MessagePort
  readonly #events = new LinkEvents(
    (call) => void setImmediate(call),
    () => this.#end({ by: 'failed', reason: 'too much arrived while nobody listened' }),
  )

  constructor(port: MessagePort) {
    this.#port = port
    port.on('message', (message: Uint8Array | null) => {
      if (message === null) this.#end({ by: 'remote', reason: 'the other side closed' })
      else this.#events.receive(message)
    })
    port.on('close', () => this.#end({ by: 'failed', reason: 'the port closed' }))
  }

  send(frame: Uint8Array): void {
    if (this.#events.closed !== undefined) return
    if (frame.byteLength > this.maxFrameBytes) {
      this.#end({ by: 'failed', reason: `a frame of ${frame.byteLength} bytes is too large` })
      return
    }
    // A clone of a view carries its whole buffer across; a copy carries the frame.
    const copy = frame.slice()
    this.#port.postMessage(copy, [copy.buffer])
  }

  onFrame(listener: (frame: Uint8Array) => void): Undo {
    return this.#events.onFrame(listener)
  }

  onClose(listener: (closed: LinkClosed) => void): Undo {
    return this.#events.onClose(listener)
  }

  close(reason = 'closed'): void {
    this.#end({ by: 'local', reason })
  }

  #end(closed: LinkClosed): void {
    if (this.#events.closed !== undefined) return
    this.#events.finish(closed)
    this.#port.postMessage(null, [])
    this.#port.close()
  }
}
