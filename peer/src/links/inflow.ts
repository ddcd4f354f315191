/*
 * What arrives at a channel: frames are joined to messages, and what has arrived is acknowledged, after
 * so many bytes or so long. A message that stops coming half-way does not hold its memory for ever.
 */
import {
  frameBounds,
  Joiner,
  messageBounds,
  messageKinds,
  type FrameContent,
  type Parsed,
  type Refusal,
} from '../protocol/index.js'
import type { Clock, Undo } from '../ports/index.js'
import { windowBounds } from './window.js'

interface InflowOptions {
  readonly clock: Clock
  /** How long little may wait to be acknowledged … */
  readonly acknowledgeWithinMs: number
  /** … and whether pings and pongs are, by themselves: nobody waits for their arrival. */
  readonly acknowledgesBeats: boolean
  /** The other side is to be told that so much has arrived. */
  readonly acknowledge: (receivedBytes: number) => void
  /** The rest of a message has not come in time. */
  readonly stalled: (refusal: Refusal) => void
}

export class Inflow {
  readonly #options: InflowOptions
  readonly #joiner = new Joiner()
  #acknowledgedBytes = 0
  /** Nothing is acknowledged for now. */
  #isHeld = false
  /** When it was last held no more: until then the other side could not send on. */
  #releasedAtMs = -Infinity
  #acknowledgement: Undo | undefined
  #stallWatch: Undo | undefined
  #isClosed = false

  constructor(options: InflowOptions) {
    this.#options = options
  }

  get receivedBytes(): number {
    return this.#joiner.receivedBytes
  }

  take(frame: Uint8Array, nowMs: number): Parsed<FrameContent> {
    const taken = this.#joiner.take(frame, nowMs)
    if (taken.ok && taken.value.kind !== 'received') {
      const { messages } = taken.value
      if (this.#options.acknowledgesBeats || !isBeat(messages)) this.#planAcknowledgement()
      this.#watchStall()
    }
    return taken
  }

  limitMessages(maxMessageBytes: number): void {
    this.#joiner.limitMessages({
      live: Math.min(maxMessageBytes, messageBounds.maxLiveBytes),
      bulk: maxMessageBytes,
    })
  }

  hold(hold: boolean): void {
    if (this.#isHeld === hold) return
    this.#isHeld = hold
    if (hold) {
      this.#stopAcknowledging()
      this.#stallWatch?.()
    } else if (!this.#isClosed) {
      this.#releasedAtMs = this.#options.clock.monotonic()
      this.#watchStall()
      if (this.receivedBytes > this.#acknowledgedBytes) this.#acknowledge()
    }
  }

  close(): void {
    this.#isClosed = true
    this.#stopAcknowledging()
    this.#stallWatch?.()
  }

  #planAcknowledgement(): void {
    if (this.#isHeld) return
    const owedBytes = this.receivedBytes - this.#acknowledgedBytes
    if (owedBytes >= windowBounds.acknowledgeEveryBytes) this.#acknowledge()
    else {
      const { clock, acknowledgeWithinMs } = this.#options
      this.#acknowledgement ??= clock.after(acknowledgeWithinMs, () => this.#acknowledge())
    }
  }

  #acknowledge(): void {
    this.#stopAcknowledging()
    this.#acknowledgedBytes = this.receivedBytes
    this.#options.acknowledge(this.#acknowledgedBytes)
  }

  #stopAcknowledging(): void {
    this.#acknowledgement?.()
    this.#acknowledgement = undefined
  }

  #watchStall(): void {
    const { clock, stalled } = this.#options
    const { deadlineMs } = this.#joiner
    if (deadlineMs === undefined && this.#stallWatch === undefined) return
    this.#stallWatch?.()
    this.#stallWatch = undefined
    if (deadlineMs === undefined || this.#isHeld) return
    const dueMs = Math.max(deadlineMs, this.#releasedAtMs + frameBounds.stallMs)
    this.#stallWatch = clock.after(Math.ceil(dueMs - clock.monotonic()), () => {
      const refused = this.#joiner.expire(clock.monotonic())
      if (refused === undefined) this.#watchStall()
      else stalled(refused.refusal)
    })
  }
}

/** A ping or a pong and nothing else. Every message begins with the number of its kind. */
function isBeat([first, ...others]: readonly Uint8Array[]): boolean {
  const kind = first?.[0]
  return (
    others.length === 0 && (kind === messageKinds.ping.number || kind === messageKinds.pong.number)
  )
}
