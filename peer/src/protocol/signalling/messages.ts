/**
 * What peers and the signalling server say to each other: JSON text messages over one WebSocket,
 * and binary messages for relayed frames (`relay-frame.ts`). docs/PROTOCOL-SIGNALLING.md has the
 * table with examples.
 *
 * One socket may be in several rooms; a room is a collection, and each message names the one it is
 * about. In a room a peer is known by its instance id.
 */
import type { Access } from '../access.js'
import type { ErrorCode } from '../codes.js'
import type { CollectionName, InstanceId, ReplicaId } from '../ids.js'

/** Said in `join` and answered in `joined`. */
export const signallingVersion = 1

/** What no message may exceed. A server's own limits may be lower, never higher. */
export const signallingBounds = {
  /** Bytes of UTF-8 of one JSON message to the server: the longest token fits many times. */
  maxMessageBytes: 65_536,
  /**
   * Bytes of one from the server. Higher, because it passes on what others have said and adds to
   * it: nothing that it takes from one peer may come out as more than another peer takes.
   */
  maxServerMessageBytes: 131_072,
  /** `{` and `[` inside each other. The deepest message, `joined`, needs 4. */
  maxDepth: 8,
  /** UTF-16 units of a signal's data: an offer with all its candidates is below 8,000. */
  maxSignalUnits: 16_384,
  /** UTF-16 units of a token: a JWT with an RSA signature and many globs. */
  maxTokenUnits: 8_192,
  /** Links that one peer may be given or claim to have: four times the largest degree in use. */
  maxNeighbours: 64,
  /** Of a to z, 0 to 9 and `-`: neighbours are told them, so they must not swell on the way. */
  maxCapabilities: 16,
  maxCapabilityUnits: 32,
  /** Rooms that one message adds or removes: both lists full of the longest names fit. */
  maxRoomsNamed: 128,
  maxIceServers: 8,
  maxIceUrls: 8,
  /** UTF-16 units of a URL, a user name or a credential of an ICE server. */
  maxIceFieldUnits: 512,
  /** Bytes of one relayed frame, without the five bytes in front of it. */
  maxRelayFrameBytes: 65_536,
} as const

/** An archive is offered to everybody in the room first. */
export type PeerRole = 'peer' | 'archive'

/** 128 secret bits as 32 lower-case hex digits (see `Join.resume`, `Neighbour.voucher`). */
export type SignallingSecret = string

// What a peer says -------------------------------------------------------------------------------

export interface Join {
  readonly type: 'join'
  readonly version: number
  readonly collection: CollectionName
  readonly replica: ReplicaId
  readonly instance: InstanceId
  readonly role: PeerRole
  readonly token?: string
  /** Words that neighbours are told, such as `relay`. Unknown ones mean nothing. */
  readonly capabilities: readonly string[]
  /** Instances to which a link stands already: after a reconnect the server builds around them. */
  readonly standing: readonly InstanceId[]
  /**
   * A secret of this instance: a later join with the same one takes over from the socket that has
   * not been found dead yet. Best drawn by the peer itself and said in every join, so that it is
   * known even if the answer was lost; who says none is given one in `joined`.
   */
  readonly resume?: SignallingSecret
}

export interface Leave {
  readonly type: 'leave'
  readonly collection: CollectionName
}

/** To one member of the room. The data is opaque to the server. */
export interface SendSignal {
  readonly type: 'signal'
  readonly collection: CollectionName
  readonly to: InstanceId
  readonly data: string
}

/** A new token before the old one ends, and fresh ICE credentials; without a token only the latter. */
export interface Renew {
  readonly type: 'renew'
  readonly collection: CollectionName
  readonly token?: string
}

/**
 * Asks for a relay to another member. Frames flow once both have asked; the caller asks first, the
 * other hears `relay-wanted`.
 */
export interface RelayOpen {
  readonly type: 'relay-open'
  readonly collection: CollectionName
  readonly to: InstanceId
}

export interface RelayClose {
  readonly type: 'relay-close'
  readonly collection: CollectionName
  readonly to: InstanceId
}

/**
 * Asks to be told in which rooms somebody is, of those in which the token gives `admin`: an archive
 * then joins them without having been told of each. Said again it brings a new token.
 */
export interface Watch {
  readonly type: 'watch'
  readonly version: number
  readonly token?: string
}

/** Either side may ask at any time; the other answers at once. */
export interface Ping {
  readonly type: 'ping'
}

export interface Pong {
  readonly type: 'pong'
}

export type ToSignaller =
  | Join
  | Leave
  | SendSignal
  | Renew
  | RelayOpen
  | RelayClose
  | Watch
  | Ping
  | Pong

// What the server says ---------------------------------------------------------------------------

/** A member of the room to which a link is wanted. */
export interface Neighbour {
  readonly id: InstanceId
  readonly replica: ReplicaId
  readonly role: PeerRole
  /** What its token gives it, as the server checked it. A peer refuses writes of a `read` neighbour. */
  readonly access: Access
  /** Whether the hearer of this message calls; else it waits for the neighbour's call. */
  readonly call: boolean
  /**
   * The same at both ends of this link, and known to nobody else: both show it in the link's
   * `hello`, so that each knows that the one at the other end is the one who was announced.
   */
  readonly voucher: SignallingSecret
  readonly capabilities: readonly string[]
}

export interface Joined {
  readonly type: 'joined'
  readonly version: number
  readonly collection: CollectionName
  /** Confirmed: the instance id under which the others know this peer. */
  readonly id: InstanceId
  readonly access: Access
  /** Until the token ends, by the server's clock. Absent: it does not end. */
  readonly expiresInMs?: number
  /** Archives first. */
  readonly neighbours: readonly Neighbour[]
  readonly iceServers: readonly IceServer[]
  /** Until the credentials in `iceServers` end. Absent: they do not. */
  readonly iceExpiresInMs?: number
  readonly limits: SignallingLimits
  /** The secret to come back with: the one that the join brought, or a new one. */
  readonly resume: SignallingSecret
}

/** As RTCPeerConnection takes them. */
export interface IceServer {
  readonly urls: readonly string[]
  readonly username?: string
  readonly credential?: string
}

/** What the server will hold this socket to. */
export interface SignallingLimits {
  readonly maxMessageBytes: number
  readonly maxSignalUnits: number
  readonly messagesPerSecond: number
  /** How many messages may come at once after a pause. */
  readonly messageBurst: number
  readonly maxRooms: number
  /** Of silence, after which the socket is closed. The server asks with `ping` at half of it. */
  readonly idleMs: number
  /** Absent: this server relays nothing. */
  readonly relay?: RelayLimits
}

export interface RelayLimits {
  readonly maxFrameBytes: number
  /**
   * What frames that are on their way to the other peer may cost together, as `relayCost` counts;
   * `relay-credit` gives it back. A relay that exceeds it is closed.
   */
  readonly windowBytes: number
}

/** This peer is not in the room any more, and why. Its links may stay. */
export interface Left {
  readonly type: 'left'
  readonly collection: CollectionName
  readonly code: ErrorCode
}

/** Changes of what `joined` said. */
export interface Neighbours {
  readonly type: 'neighbours'
  readonly collection: CollectionName
  /** One who is a neighbour already is described anew (its access changed); the link stays. */
  readonly add: readonly Neighbour[]
  readonly remove: readonly RemovedNeighbour[]
}

/**
 * - `left`: it said that it goes. Its links are over.
 * - `lost`: the server lost its socket. A link that still answers stays.
 * - `moved`: the two are to be linked no more, because the room's links were laid anew.
 */
export type RemovalReason = 'left' | 'lost' | 'moved'

export interface RemovedNeighbour {
  readonly id: InstanceId
  readonly why: RemovalReason
}

/** From another member of the room. Sender and access are the server's word. */
export interface ReceivedSignal {
  readonly type: 'signal'
  readonly collection: CollectionName
  readonly from: InstanceId
  readonly access: Access
  readonly data: string
}

/** The answer to `renew`. */
export interface Renewed {
  readonly type: 'renewed'
  readonly collection: CollectionName
  readonly access: Access
  readonly expiresInMs?: number
  readonly iceServers: readonly IceServer[]
  readonly iceExpiresInMs?: number
}

/** The token ends soon: renew it, or hear `left` with `token-expired`. */
export interface Expiring {
  readonly type: 'expiring'
  readonly collection: CollectionName
  readonly expiresInMs: number
}

/** A member asks for a relay; `relay-open` to it agrees. */
export interface RelayWanted {
  readonly type: 'relay-wanted'
  readonly collection: CollectionName
  readonly from: InstanceId
}

/** Both have asked: frames on this channel go to `with` and come from it. */
export interface RelayOpened {
  readonly type: 'relay-opened'
  readonly collection: CollectionName
  readonly with: InstanceId
  /** Names the relay in binary messages on this socket. Never used twice on one socket. */
  readonly channel: number
  readonly maxFrameBytes: number
  readonly windowBytes: number
}

/** Frames of so much `relayCost` have left the server: as much more may be sent. */
export interface RelayCredit {
  readonly type: 'relay-credit'
  readonly channel: number
  readonly bytes: number
}

export interface RelayClosed {
  readonly type: 'relay-closed'
  readonly collection: CollectionName
  readonly with: InstanceId
  /** Absent: the other peer closed it. */
  readonly code?: ErrorCode
}

/** The answer to `watch`. `rooms` follow. */
export interface Watching {
  readonly type: 'watching'
  readonly version: number
  /** Until the token ends. Absent: it does not end. */
  readonly expiresInMs?: number
  readonly limits: SignallingLimits
}

/**
 * Rooms that somebody has come into, and rooms that the last one has left: archives do not count.
 * Those of the first answer to `watch` are all that there are.
 */
export interface RoomsNamed {
  readonly type: 'rooms'
  readonly add: readonly CollectionName[]
  readonly remove: readonly CollectionName[]
  /** Whether another such message follows at once: without it everything has been said. */
  readonly more: boolean
}

/** This socket is told of no rooms (any more), and why. */
export interface Unwatched {
  readonly type: 'unwatched'
  readonly code: ErrorCode
}

/** Something was refused. When the whole socket is, a close with 4000 + the code's number follows. */
export interface SignallingError {
  readonly type: 'error'
  readonly code: ErrorCode
  /** The room and the recipient of the message that was refused, where it named them. */
  readonly collection?: CollectionName
  readonly to?: InstanceId
  readonly retryAfterMs?: number
}

/** The server is about to stop. Each peer is told its own moment to come back. Links stay. */
export interface Drain {
  readonly type: 'drain'
  readonly retryAfterMs: number
}

export type FromSignaller =
  | Joined
  | Left
  | Neighbours
  | ReceivedSignal
  | Renewed
  | Expiring
  | RelayWanted
  | RelayOpened
  | RelayCredit
  | RelayClosed
  | Watching
  | RoomsNamed
  | Unwatched
  | SignallingError
  | Drain
  | Ping
  | Pong

// Ends of sockets --------------------------------------------------------------------------------

/** WebSocket close codes from 4000 on are the application's: 4000 + the error code's number. */
export const closeCodeBase = 4000
