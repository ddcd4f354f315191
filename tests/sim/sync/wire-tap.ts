import { Joiner, parseMessage, type Message, type MessageType } from '@holdfast/peer/protocol'
import type { World } from '@holdfast/peer/testing'

/** Reads along on the wire of a world that keeps its frames, with one link a pair of hosts at a time. */
export class WireTap {
  readonly heard: { readonly from: string; readonly to: string; readonly message: Message }[] = []
  readonly #joinerByWay = new Map<string, Joiner>()
  bytes = 0

  constructor(world: World) {
    world.network.intercept((frame, from, to) => {
      this.bytes += frame.byteLength
      const way = `${from}>${to}`
      // A new link numbers its frames from 0.
      const known = frame[1] === 0 ? undefined : this.#joinerByWay.get(way)
      const joiner = known ?? new Joiner()
      this.#joinerByWay.set(way, joiner)
      const taken = joiner.take(frame, 0)
      if (taken.ok && taken.value.kind === 'messages') {
        for (const bytes of taken.value.messages) {
          const parsed = parseMessage(bytes)
          if (parsed.ok) this.heard.push({ from, to, message: parsed.value })
        }
      }
      return 'pass'
    })
  }

  /** Forgets what it has heard so far. */
  clear(): void {
    this.heard.length = 0
    this.bytes = 0
  }

  count(type: MessageType): number {
    return this.heard.filter(({ message }) => message.type === type).length
  }
}
