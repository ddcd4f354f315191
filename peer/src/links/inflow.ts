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
import type { Undo } from '../ports/index.js'
import { isPrompt, type Setting } from './setting.js'
import { windowBounds } from './window.js'

/** Whom it brings what arrives. */
export interface Receiving {
  /** The other side is to be told that so much has arrived. */
  acknowledge(receivedBytes: number): void
  /** The rest of a message has not come in time. */
  stalled(refusal: Refusal): void
}

export class Inflow {
  readonly #setting: Setting
  readonly #channel: Receiving
  readonly #joiner = new Joiner()
  #acknowledgedBytes = 0
  /** Nothing is acknowledged for now. */
  #isHeld = false
  /** When it was last held no more: until then the other side could not send on. */
  #releasedAtMs: number | undefined
  #acknowledgement: Undo | undefined
  #stallWatch: Undo | undefined
  #isClosed = false

  constructor(setting: Setting, channel: Receiving) {
    this.#setting = setting
    this.#channel = channel
  }

  get receivedBytes(): number {
    return this.#joiner.receivedBytes
  }

  take(frame: Uint8Array, nowMs: number): Parsed<FrameContent> {
    const taken = this.#joiner.take(frame, nowMs)
    if (taken.ok && taken.value.kind !== 'received') {
      const { messages } = taken.value
      // Pings and pongs by themselves wait for the rest: nobody waits for their arrival.
      if (isPrompt(this.#setting) || !isBeat(messages)) this.#planAcknowledgement()
      this.#watchStall()
    }
    return taken
  }

  limitMessages(maxMessageBytes: number): void {
    const isUsual = maxMessageBytes === usualLimits.bulk
    this.#joiner.limitMessages(
      isUsual
        ? usualLimits
        : {
            live: Math.min(maxMessageBytes, messageBounds.maxLiveBytes),
            bulk: maxMessageBytes,
          },
    )
  }

  hold(hold: boolean): void {
    if (this.#isHeld === hold) return
    this.#isHeld = hold
    if (hold) {
      this.#stopAcknowledging()
      this.#stallWatch?.()
    } else if (!this.#isClosed) {
      this.#releasedAtMs = this.#setting.clock.monotonic()
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
      const { acknowledgeWithinMs, acknowledgeLateMs } = windowBounds
      const withinMs = isPrompt(this.#setting) ? acknowledgeWithinMs : acknowledgeLateMs
      this.#acknowledgement ??= this.#setting.clock.after(withinMs, () => this.#acknowledge())
    }
  }

  #acknowledge(): void {
    this.#stopAcknowledging()
    this.#acknowledgedBytes = this.receivedBytes
    this.#channel.acknowledge(this.#acknowledgedBytes)
  }

  #stopAcknowledging(): void {
    this.#acknowledgement?.()
    this.#acknowledgement = undefined
  }

  #watchStall(): void {
    const { clock } = this.#setting
    const { deadlineMs } = this.#joiner
    if (deadlineMs === undefined && this.#stallWatch === undefined) return
    this.#stallWatch?.()
    this.#stallWatch = undefined
    if (deadlineMs === undefined || this.#isHeld) return
    const releasedAtMs = this.#releasedAtMs ?? -Infinity
    const dueMs = Math.max(deadlineMs, releasedAtMs + frameBounds.stallMs)
    this.#stallWatch = clock.after(Math.ceil(dueMs - clock.monotonic()), () => {
      const refused = this.#joiner.expire(clock.monotonic())
      if (refused === undefined) this.#watchStall()
      else this.#channel.stalled(refused.refusal)
    })
  }
}

/** Of whoever has shown who it is: one object for all of them. */
const usualLimits = { live: messageBounds.maxLiveBytes, bulk: messageBounds.maxBytes } as const

/** A ping or a pong and nothing else. Every message begins with the number of its kind. */
function isBeat([first, ...others]: readonly Uint8Array[]): boolean {
  const kind = first?.[0]
  return (
    others.length === 0 && (kind === messageKinds.ping.number || kind === messageKinds.pong.number)
  )
}
