import type { Channel } from '@holdfast/peer'
import type { Undo } from '@holdfast/peer/ports'
import { encodeMessage, laneOf, type Lane, type Message } from '@holdfast/peer/protocol'

/**
 * Says messages on a channel, each once and in the order of its lane, also when the lane is full for
 * a moment. It does not bound what waits: everybody who speaks here bounds what he has open.
 */
export class Sender {
  readonly #channel: Channel
  readonly #stop: Undo
  readonly #waiting: Readonly<Record<Lane, Waiting[]>> = { live: [], bulk: [] }

  constructor(channel: Channel) {
    this.#channel = channel
    this.#stop = channel.onRoom(() => this.#flush())
  }

  close(): void {
    this.#stop()
    this.#waiting.live.length = 0
    this.#waiting.bulk.length = 0
  }

  say(message: Message, onDelivered?: () => void): void {
    const bytes = encodeMessage(message)
    this.sayEncoded(bytes, laneOf(message, bytes.length), onDelivered)
  }

  sayEncoded(bytes: Uint8Array, lane: Lane, onDelivered?: () => void): void {
    this.#waiting[lane].push({ bytes, onDelivered })
    this.#flush()
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
