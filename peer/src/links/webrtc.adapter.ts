/**
 * WebRTC by simple-peer, over whichever platform's constructors are given. Its browser build is the
 * one that works as it is in Vite, in Metro and in Node: the other one asks bundles for polyfills.
 */
import SimplePeer from 'simple-peer/simplepeer.min.js'
import { systemClock, type LinkClosed, type Rtc } from '../ports/index.js'
import type { IceServer } from '../protocol/index.js'
import { gentle } from './gentle-connection.adapter.js'
import { isLastWord, Parting } from './parting.js'
import {
  RtcAttempt,
  type RtcAttemptListener,
  type RtcConnection,
  type RtcConnectionListener,
} from './rtc-attempt.js'
import type { RtcSignal } from './rtc-signal.js'

export interface RtcAttemptOptions extends RtcAttemptListener {
  readonly rtc: Rtc
  /** Exactly one of the two ends. It makes the offer; nothing resolves two offers that cross. */
  readonly initiator: boolean
  /** STUN and TURN. None unless given: no public server is ever asked. */
  readonly iceServers?: readonly IceServer[]
  /** Only by way of a TURN server. */
  readonly relayOnly?: boolean
}

/**
 * Begins an attempt at a link to somebody with whom signals can be exchanged. Nothing is called
 * before this has returned; after it, `onSignal` any number of times and one of `onLink` and
 * `onFailed` once, unless the attempt is closed before.
 */
export function createRtcAttempt(options: RtcAttemptOptions): RtcAttempt {
  return new RtcAttempt(options.initiator, options, (listener) => connect(options, listener))
}

function connect(options: RtcAttemptOptions, listener: RtcConnectionListener): RtcConnection {
  const { rtc, initiator, iceServers = [], relayOnly = false } = options
  let hasOpened = false
  const peer = new SimplePeer({
    initiator,
    wrtc: gentle(rtc, () => hasOpened),
    // Else an empty frame vanishes.
    objectMode: true,
    trickle: true,
    channelName: 'holdfast',
    // Always said, for simple-peer's own default asks public servers.
    config: { iceServers: iceServers.slice(), iceTransportPolicy: relayOnly ? 'relay' : 'all' },
  })
  let failure: LinkClosed | undefined
  const parting = new Parting({
    clock: systemClock,
    isFirst: initiator,
    say: (word) => peer.send(word),
    close: () => peer.destroy(),
  })
  peer.on('signal', (signal) => {
    if (isOurs(signal)) listener.signal(signal)
  })
  peer.on('connect', () => {
    hasOpened = true
    listener.connected()
  })
  // Past simple-peer's stream, which would cost as much as reading the message. Nobody reads from it.
  peer._onChannelMessage = ({ data }) => {
    if (peer.destroyed) return
    // simple-peer says so a little later.
    hasOpened = true
    if (data instanceof ArrayBuffer) listener.frame(new Uint8Array(data))
    else if (isLastWord(data)) {
      listener.ended(theirClose)
      parting.heard(data)
    } else listener.garbage('a message that is not binary')
  }
  peer.on('error', (error) => (failure = endOf(error)))
  peer.on('close', () => {
    clearTimeout(peer._iceCompleteTimer ?? undefined)
    parting.closed()
    listener.ended(failure ?? theirClose)
  })
  takeOneChannel(peer)
  return {
    get bufferedBytes() {
      return peer.bufferSize
    },
    signal: (signal) => peer.signal(signal),
    send: (frame) => peer.send(frame),
    hangUp: () => {
      if (hasOpened) parting.begin()
      else peer.destroy()
    },
  }
}

const theirClose: LinkClosed = { by: 'remote', reason: 'the other end closed' }

/** simple-peer may ask for negotiations that a single data channel never needs. */
function isOurs(signal: object): signal is RtcSignal {
  return 'sdp' in signal || 'candidate' in signal
}

/** Chromium tells a channel that the other end closed as an error. */
function endOf(error: Error & { readonly code?: string }): LinkClosed {
  if (error.message.includes('User-Initiated Abort')) return theirClose
  return {
    by: 'failed',
    reason: `${error.code ?? 'error'}: ${error.message}`,
  }
}

/** A second channel from the other end would take the place of the first, and its timer stay for ever. */
function takeOneChannel(peer: SimplePeer): void {
  const connection = peer._pc
  const setUp = connection?.ondatachannel
  if (!connection || !setUp) return
  connection.ondatachannel = (first) => {
    connection.ondatachannel = ({ channel }) => channel.close()
    setUp(first)
  }
}
