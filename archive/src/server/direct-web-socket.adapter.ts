import { PipeLink, socketCloseCodes, type Pipe, type PipeListener } from '@holdfast/peer'
import type { Link, LinkClosed } from '@holdfast/peer/ports'
import { frameBounds } from '@holdfast/peer/protocol'
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { answerPing } from './pings.adapter.js'

/**
 * A WebSocket of a server, and the pipe of a link at once. There are many of them:
 *
 * - What it hears it tells its link, and keeps no lists of who listens. With those, each idle client
 *   takes as much memory for its listeners as for everything else that `ws` has of it.
 * - A small message and its header are put into one piece of memory and written. `ws` writes the two
 *   one after the other, in a system call that takes a list: for a keystroke that goes to a thousand
 *   readers, this is a third of what it costs. Only for connections without extensions: their
 *   messages go out in the turn in which they are sent, so what is written here and what `ws` writes
 *   by itself (pongs, the close) keep their order.
 */
export class DirectWebSocket extends WebSocket implements Pipe {
  #pipe: Duplex | undefined
  /** Whom it tells what it hears. */
  #listener: PipeListener | undefined

  /**
   * The link over this socket. In the turn that accepted it, before its first message can arrive.
   *
   * @param pipe that was upgraded: small messages are written to it
   */
  link(pipe: Duplex): Link {
    if (this.extensions === '') this.#pipe = pipe
    return new PipeLink({
      kind: 'websocket',
      maxFrameBytes: frameBounds.maxBytes,
      attach: (listener) => this.#attach(listener),
    })
  }

  get bufferedBytes(): number {
    return this.bufferedAmount
  }

  hangUp({ by }: LinkClosed): void {
    this.close(by === 'failed' ? socketCloseCodes.gaveUp : socketCloseCodes.ordinary)
  }

  override send(data: unknown, ...others: readonly unknown[]): void {
    const pipe = this.#pipe
    if (this.readyState !== this.OPEN) return
    const isSmall = data instanceof Uint8Array && data.length <= maxCopiedBytes
    if (pipe === undefined || !isSmall || others.length > 0) {
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

  /** What `ws` has to tell: for its own listeners, and before the link is there, as ever. */
  override emit(event: string | symbol, ...heard: readonly unknown[]): boolean {
    const listener = this.#listener
    if (listener === undefined) return super.emit(event, ...heard)
    const [data] = heard
    switch (event) {
      case 'message':
        if (data instanceof ArrayBuffer) listener.frame(new Uint8Array(data))
        else listener.garbage('a message that is not binary')
        return true
      case 'ping':
        answerPing(this, data as Buffer)
        return true
      case 'close':
        listener.ended({
          by: data === noHandshake ? 'failed' : 'remote',
          reason: `the socket closed with ${String(data)}`,
        })
        return true
      case 'error':
        // A close follows.
        return true
      default:
        return super.emit(event, ...heard)
    }
  }

  #attach(listener: PipeListener): Pipe {
    this.#listener = listener
    this.binaryType = 'arraybuffer'
    return this
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
/** The code of a connection that ended without a closing handshake. */
const noHandshake = 1006
