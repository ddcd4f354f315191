import type { Channel } from '../links/channel.js'
import { Pacer } from '../signalling/pacer.js'
import type { Clock, Undo } from '../ports/index.js'
import { encodeMessage, laneOf, type Lane, type Message } from '../protocol/index.js'
import { archiveBounds as bounds } from './limits.js'

/**
 * Says messages on a channel, each once and in the order of its lane, also when the lane is full for
 * a moment. It does not bound what waits: everybody who speaks here bounds what he has open.
 */
export class Sender {
  readonly #channel: Channel
  readonly #stop: Undo
  readonly #pacer: Pacer
  readonly #waiting: Readonly<Record<Lane, Waiting[]>> = { live: [], bulk: [] }

  constructor(channel: Channel, clock: Clock) {
    this.#channel = channel
    this.#pacer = new Pacer(clock)
    this.#pacer.hold(bounds.messagesPerSecond, bounds.messageBurst)
    this.#stop = channel.onRoom(() => this.#flush())
  }

  close(): void {
    this.#stop()
    this.#waiting.live.length = 0
    this.#waiting.bulk.length = 0
  }

  say(message: Message, onDelivered?: () => void): void {
    const bytes = encodeMessage(message)
    this.#pacer.borrow()
    this.sayEncoded(bytes, laneOf(message, bytes.length), onDelivered)
  }

  /** For pushes, which have bounds of their own. */
  sayEncoded(bytes: Uint8Array, lane: Lane, onDelivered?: () => void): void {
    this.#waiting[lane].push({ bytes, onDelivered })
    this.#flush()
  }

  /**
   * How long to wait before the next question, of which there may be thousands: an archive closes
   * the link of whoever says too much in too short a time.
   */
  get waitMs(): number {
    return this.#pacer.waitMs
  }

  /** Whether a message of this lane would leave now. */
  hasRoom(lane: Lane): boolean {
    return this.#waiting[lane].length === 0 && this.#channel.hasRoom(lane)
  }

  #flush(): void {
    for (const lane of lanes) {
      const waiting = this.#waiting[lane]
      let sent = 0
      for (const { bytes, onDelivered } of waiting) {
        if (!this.#channel.sendEncoded(bytes, lane, onDelivered)) break
        sent++
      }
      waiting.splice(0, sent)
    }
  }
}

interface Waiting {
  readonly bytes: Uint8Array
  readonly onDelivered: (() => void) | undefined
}

const lanes = ['live', 'bulk'] as const
