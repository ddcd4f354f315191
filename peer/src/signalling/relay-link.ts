/**
 * A link whose frames go through the signalling server, for two peers that cannot reach each other.
 *
 *   asked ── the other has asked too ──▶ open ── either side, the server, the connection ──▶ closed
 *     └─────────── refused, or nobody answers ──────────────────────────────────────────────────▲
 *
 * Frames sent while it is only asked for wait. The server lets so many bytes be under way
 * (`windowBytes`) and gives credit for what it has passed on; what is beyond waits here, bounded.
 */
import type { Clock, Link, LinkClosed, Undo } from '../ports/index.js'
import {
  encodeRelayFrame,
  relayCost,
  signallingBounds,
  type InstanceId,
} from '../protocol/index.js'
import { LinkEvents } from '../links/link-events.js'

/** The server's side of one relay, as the link sees it. */
export interface RelayPipe {
  send(message: Uint8Array): void
  /** This side is done with it. Called once, and not when the other side or the server ended it. */
  close(): void
}

export interface RelayLinkOptions {
  readonly clock: Clock
  readonly with: InstanceId
  readonly maxFrameBytes: number
  readonly maxQueueBytes: number
  readonly pipe: RelayPipe
}

export class RelayLink implements Link {
  readonly kind = 'relay'
  /** The neighbour at the other end. */
  readonly with: InstanceId
  readonly maxFrameBytes: number
  readonly #pipe: RelayPipe
  readonly #maxQueueBytes: number
  readonly #events: LinkEvents
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #channel: number | undefined
  /** What the server allows to be under way, and what is. */
  #windowBytes = 0
  #spentBytes = 0

  constructor(options: RelayLinkOptions) {
    this.with = options.with
    this.maxFrameBytes = Math.min(options.maxFrameBytes, signallingBounds.maxRelayFrameBytes)
    this.#maxQueueBytes = options.maxQueueBytes
    this.#pipe = options.pipe
    this.#events = new LinkEvents((call) => void options.clock.after(0, call))
  }

  get bufferedBytes(): number {
    return this.#queuedBytes
  }

  /** By which the server knows it; undefined until it is open. */
  get channel(): number | undefined {
    return this.#channel
  }

  get isClosed(): boolean {
    return this.#events.closed !== undefined
  }

  send(frame: Uint8Array): void {
    if (this.isClosed) return
    if (frame.byteLength > this.maxFrameBytes) {
      this.#fail(`a frame of ${frame.byteLength} bytes`)
      return
    }
    if (this.#queuedBytes + relayCost(frame.byteLength) > this.#maxQueueBytes) {
      this.#fail('too much waits for the relay')
      return
    }
    // A frame may be a view of something larger that its owner goes on using.
    this.#queue.push(frame.slice())
    this.#queuedBytes += frame.byteLength
    this.#flush()
  }

  onFrame(listener: (frame: Uint8Array) => void): Undo {
    return this.#events.onFrame(listener)
  }

  onClose(listener: (closed: LinkClosed) => void): Undo {
    return this.#events.onClose(listener)
  }

  close(reason = 'closed'): void {
    if (this.isClosed) return
    this.end({ by: 'local', reason })
    this.#pipe.close()
  }

  // From the server --------------------------------------------------------------------------------

  open(channel: number, windowBytes: number): void {
    if (this.isClosed) return
    this.#channel = channel
    this.#windowBytes = windowBytes
    this.#flush()
  }

  credit(bytes: number): void {
    this.#spentBytes = Math.max(0, this.#spentBytes - bytes)
    this.#flush()
  }

  /** @param frame a view: the rest of the message is not the listener's */
  receive(frame: Uint8Array): void {
    if (!this.#events.receive(frame.slice())) this.#fail('nobody listens')
  }

  /** The relay is over, and the server knows. */
  end(closed: LinkClosed): void {
    this.#events.finish(closed)
    this.#queue = []
    this.#queuedBytes = 0
  }

  #fail(reason: string): void {
    if (this.isClosed) return
    this.end({ by: 'failed', reason })
    this.#pipe.close()
  }

  #flush(): void {
    let sent = 0
    for (const frame of this.#queue) {
      const cost = relayCost(frame.byteLength)
      if (this.#channel === undefined || this.#spentBytes + cost > this.#windowBytes) break
      this.#spentBytes += cost
      this.#queuedBytes -= frame.byteLength
      this.#pipe.send(encodeRelayFrame(this.#channel, frame))
      sent++
    }
    if (sent > 0) this.#queue.splice(0, sent)
  }
}
