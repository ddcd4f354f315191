import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'

/**
 * A WebSocket of a server that puts a small message and its header into one piece of memory, and
 * writes that. `ws` writes the two one after the other, in a system call that takes a list: for a
 * keystroke that goes to a thousand readers, this is a third of what it costs.
 *
 * Only for connections without extensions: their messages go out in the turn in which they are sent,
 * so what is written here and what `ws` writes by itself (pongs, the close) keep their order.
 */
export class DirectWebSocket extends WebSocket {
  #pipe: Duplex | undefined

  /** From now on small messages are written to the pipe that was upgraded. */
  writeTo(pipe: Duplex): void {
    if (this.extensions === '') this.#pipe = pipe
  }

  override send(data: unknown, ...others: readonly unknown[]): void {
    const pipe = this.#pipe
    const isSmall = data instanceof Uint8Array && data.length <= maxCopiedBytes
    if (pipe === undefined || !isSmall || others.length > 0 || this.readyState !== this.OPEN) {
      super.send(data as Uint8Array, ...(others as []))
      return
    }
    pipe.write(begun(data, data.length))
  }

  /** One message of two pieces; the second is written from where it lies. */
  sendInTwo(head: Uint8Array, body: Uint8Array): void {
    const pipe = this.#pipe
    if (pipe === undefined) {
      this.send(Buffer.concat([head, body]))
      return
    }
    if (this.readyState !== this.OPEN) return
    pipe.cork()
    pipe.write(begun(head, head.length + body.length))
    pipe.write(body)
    pipe.uncork()
  }
}

/** A message's header and its first bytes. */
function begun(head: Uint8Array, length: number): Buffer {
  const headerBytes = length < twoByteLength ? 2 : length <= 0xffff ? 4 : 10
  const frame = Buffer.allocUnsafe(headerBytes + head.length)
  frame[0] = finalBinary
  if (headerBytes === 2) frame[1] = length
  else if (headerBytes === 4) {
    frame[1] = twoByteLength
    frame.writeUInt16BE(length, 2)
  } else {
    frame[1] = eightByteLength
    frame.writeUInt32BE(0, 2)
    frame.writeUInt32BE(length, 6)
  }
  frame.set(head, headerBytes)
  return frame
}

/** Where copying still costs less than a second piece; what fits Node's pool of small buffers. */
const maxCopiedBytes = 3_072
/** The last piece of a binary message. */
const finalBinary = 0x82
/** In the place of a length: the next two bytes have it. A server's frames are not masked. */
const twoByteLength = 126
/** The next eight. */
const eightByteLength = 127
