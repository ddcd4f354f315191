import type { Link, Rtc } from '../ports/index.js'
import type { IceServer } from '../protocol/index.js'
import { createRtcAttempt } from '../links/webrtc.adapter.js'

export interface LinkAttemptOptions {
  /** Exactly one of the two ends. */
  readonly initiator: boolean
  readonly iceServers: readonly IceServer[]
  /** For the other end's `signal`. */
  readonly onSignal: (data: string) => void
  /** It stands. Once, and the last thing heard of this attempt but for signals. */
  readonly onLink: (link: Link) => void
  /** It never will. Once, in place of `onLink`. */
  readonly onFailed: (reason: string) => void
}

export interface LinkAttempt {
  /** What the other end's `onSignal` gave. False if it was not taken. Never throws. */
  signal(data: string): boolean
  /** Gives up, without a word to the listeners. A link that was handed out stays. Idempotent. */
  close(): void
}

/**
 * Makes links between two ends that can signal each other. Nothing is called before `attempt` has
 * returned, and there is no deadline: whoever makes an attempt gives up in time.
 */
export interface LinkDialer {
  attempt(options: LinkAttemptOptions): LinkAttempt
}

export interface RtcDialerOptions {
  readonly rtc: Rtc
  /** Only by way of a TURN server. */
  readonly relayOnly?: boolean
}

/** Direct links by WebRTC. */
export function rtcDialer({ rtc, relayOnly = false }: RtcDialerOptions): LinkDialer {
  return { attempt: (options) => createRtcAttempt({ ...options, rtc, relayOnly }) }
}
