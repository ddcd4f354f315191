import { signallingBounds, type SignallingLimits } from '@holdfast/peer/protocol'

/**
 * What the server holds everybody to. Exceeding one is answered by a code, counted under it, and
 * ends the socket where going on would cost the others.
 */
export interface SignalLimits {
  // One message
  /** Bytes of one text message, at most what the protocol allows. Beyond: `too-large`, closed. */
  readonly maxMessageBytes: number
  /** UTF-16 units of one signal's data. Beyond: `too-large`. */
  readonly maxSignalUnits: number

  // One socket
  /** Text messages a second that a socket may send for long, and at once after a pause. */
  readonly messagesPerSecond: number
  readonly messageBurst: number
  /** Bytes of text a second, and at once after a pause. */
  readonly bytesPerSecond: number
  readonly byteBurst: number
  /** Messages beyond the rate that are answered by nothing but `rate-limited` before the close. */
  readonly maxOverruns: number
  /** Rooms that one socket is in, or is joining. */
  readonly maxRoomsPerSocket: number
  /** Until the first accepted `join`, and after the last room was left. */
  readonly proofMs: number
  /** Bytes that may arrive before the first accepted `join`. */
  readonly proofBytes: number
  /** Bytes that wait for a socket to take them. Beyond: `slow-reader`, closed. */
  readonly maxBufferedBytes: number
  /** Of silence until the socket is closed. At half of it the server asks. */
  readonly idleMs: number
  /** From a close until the socket is cut off without waiting for the other side any longer. */
  readonly closeMs: number

  // Everybody
  readonly maxSockets: number
  readonly maxSocketsPerAddress: number
  readonly maxRooms: number
  readonly maxPeersPerRoom: number
  readonly maxArchivesPerRoom: number
  /** Sockets that are told which rooms there are. */
  readonly maxWatchers: number
  /** How long a returning peer's place is laid out around the links that it has named. */
  readonly settleMs: number

  // Relay
  /** Relays in all. Times twice the window it is the memory that relayed frames can take. */
  readonly maxRelays: number
  readonly maxRelaysPerSocket: number
  readonly maxRelayFrameBytes: number
  /** Bytes on their way in one direction of one relay. */
  readonly relayWindowBytes: number
  /** Of one relay in both directions together, and of all relays. */
  readonly relayBytesPerSecond: number
  readonly relayTotalBytesPerSecond: number
  /** Frames for no relay that stands: so many a second, and at once after a pause, then closed. */
  readonly strayFramesPerSecond: number
  readonly strayFrameBurst: number
  /** Until the other peer has to agree to a relay. */
  readonly relayOfferMs: number

  // y-webrtc
  readonly maxSubscribersPerTopic: number
  /** UTF-16 units of a topic's name. */
  readonly maxTopicUnits: number
  /** Deliveries a second that one socket's messages may cause, and at once after a pause. */
  readonly fanOutPerSecond: number
  readonly fanOutBurst: number
}

const KiB = 1024
const MiB = 1024 * KiB

export const defaultSignalLimits: SignalLimits = {
  maxMessageBytes: signallingBounds.maxMessageBytes,
  maxSignalUnits: signallingBounds.maxSignalUnits,

  // Eight handshakes of some ten signals each start at once after a join; a peer whose links all
  // fail and start anew every few seconds stays below 50 a second.
  messagesPerSecond: 50,
  messageBurst: 300,
  // 300 signals of an ordinary 3 KiB.
  bytesPerSecond: 256 * KiB,
  byteBurst: MiB,
  // An honest peer that was asleep hears the first refusal and slows down; a flood ends here.
  maxOverruns: 300,
  // An application opens a handful of collections.
  maxRoomsPerSocket: 32,
  // Long enough for a phone that fetches a token on a bad line after it has connected.
  proofMs: 10_000,
  proofBytes: 64 * KiB,
  // Ten times what the busiest second of joins sends to one peer.
  maxBufferedBytes: MiB,
  // Proxies cut connections that are silent for a minute: the question at half of it keeps them.
  idleMs: 60_000,
  // The answer to a close takes one round trip; whoever does not answer is not there.
  closeMs: 2_000,

  // 20 KiB each when idle, so 200 MiB.
  maxSockets: 10_000,
  // An office or a campus behind one address; a proxy in front needs `trustedProxies`.
  maxSocketsPerAddress: 256,
  maxRooms: 20_000,
  // Joins cost O(degree) at any size; this bounds what one room can take from the others.
  maxPeersPerRoom: 1_000,
  // Two archives, and two that take their place during a move.
  maxArchivesPerRoom: 4,
  // Archives that share the collections of one signaller, each twice after a bad end.
  maxWatchers: 16,
  // After a restart everybody is told to be back within 4 seconds.
  settleMs: 5_000,

  // 128 MiB of frames at the very worst.
  maxRelays: 512,
  maxRelaysPerSocket: 8,
  // Links cut messages into chunks of 16 KiB, at most 64.
  maxRelayFrameBytes: signallingBounds.maxRelayFrameBytes,
  // The window that links start with: one round trip of 50 ms then carries 2.5 MB a second.
  relayWindowBytes: 128 * KiB,
  // A relay is the way of last resort for one pair: typing and one document, not a backup.
  relayBytesPerSecond: MiB,
  // A tenth of a gigabit port.
  relayTotalBytesPerSecond: 12 * MiB,
  // Eight relays, all full of the smallest frames, that are closed at once.
  strayFramesPerSecond: 100,
  strayFrameBurst: 4_096,
  // A round trip to a phone and back, many times over.
  relayOfferMs: 30_000,

  // y-webrtc sends everything to everybody in the room: 100 peers are 10,000 deliveries a join.
  maxSubscribersPerTopic: 128,
  maxTopicUnits: 256,
  // Its client in a room of 100 announces, answers 99 and signals with 20: each goes to all 100.
  fanOutPerSecond: 2_000,
  fanOutBurst: 20_000,
}

/** The defaults with `given` on top. Throws a RangeError that names the limit which cannot hold. */
export function signalLimits(given: Partial<SignalLimits> = {}): SignalLimits {
  const limits = { ...defaultSignalLimits, ...given }
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`${name} takes a whole number from 1, got ${value}`)
    }
  }
  const most = {
    maxMessageBytes: signallingBounds.maxMessageBytes,
    maxSignalUnits: signallingBounds.maxSignalUnits,
    maxRelayFrameBytes: signallingBounds.maxRelayFrameBytes,
  } as const
  for (const name of ['maxMessageBytes', 'maxSignalUnits', 'maxRelayFrameBytes'] as const) {
    if (limits[name] > most[name]) {
      throw new RangeError(`${name} takes at most ${most[name]}, got ${limits[name]}`)
    }
  }
  if (limits.relayWindowBytes < limits.maxRelayFrameBytes) {
    throw new RangeError('relayWindowBytes takes at least maxRelayFrameBytes')
  }
  return limits
}

/** The limits that a peer is told, so that it need not run into them. */
export function announcedLimits(context: {
  readonly limits: SignalLimits
  readonly relays: boolean
}): SignallingLimits {
  const { limits, relays } = context
  const relay = { maxFrameBytes: limits.maxRelayFrameBytes, windowBytes: limits.relayWindowBytes }
  return {
    maxMessageBytes: limits.maxMessageBytes,
    maxSignalUnits: limits.maxSignalUnits,
    messagesPerSecond: limits.messagesPerSecond,
    messageBurst: limits.messageBurst,
    maxRooms: limits.maxRoomsPerSocket,
    idleMs: limits.idleMs,
    ...(relays ? { relay } : {}),
  }
}
