import type { Link, Undo } from '../ports/index.js'
import type {
  Access,
  CollectionName,
  ErrorCode,
  IceServer,
  InstanceId,
  Neighbour,
} from '../protocol/index.js'
import type { NeighbourNews } from './neighbourhood.js'

export type RoomState =
  /** Not in the room: no connection, no token yet, or a pause. It goes on by itself. */
  | { readonly phase: 'offline'; readonly code?: ErrorCode }
  | { readonly phase: 'joining' }
  /**
   * In the room. `renewalRefused`: the server will not take the newer token; the membership ends
   * with the old one.
   */
  | {
      readonly phase: 'joined'
      readonly access: Access
      readonly renewalRefused?: ErrorCode
    }
  /** A fatal code. Nothing more until `retryNow`. */
  | { readonly phase: 'refused'; readonly code: ErrorCode }
  | { readonly phase: 'left' }

/**
 * One collection's room at the server, across all connections.
 *
 * Neighbours stay when the connection goes: they are added and removed on the server's word alone
 * (and when it does not name one for a while after a return). Listeners are called in turns of
 * their own, never from inside a call of this interface except `retryNow` of its owner, and not
 * after `leave`.
 */
export interface SignallingRoom {
  readonly collection: CollectionName
  readonly state: RoomState
  /** Archives first, as the server named them. */
  readonly neighbours: readonly Neighbour[]
  /** For the next handshake: the credentials in it change. Empty before the first join. */
  readonly iceServers: readonly IceServer[]
  onState(listener: (state: RoomState) => void): Undo
  onNeighbours(listener: (news: NeighbourNews) => void): Undo
  /** Sender and access are the server's word. The sender may be no neighbour (any more). */
  onSignal(listener: (from: InstanceId, access: Access, data: string) => void): Undo
  /** A signal was refused, mostly because its recipient is not in the room (any more). */
  onUndelivered(listener: (to: InstanceId, code: ErrorCode) => void): Undo
  /** A member asks for a relay: `openRelay` to it agrees, doing nothing declines. */
  onRelayWanted(listener: (from: InstanceId) => void): Undo
  /**
   * Sends a signal to a member. It waits, for a short while and with few others, when there is no
   * connection. False when it cannot be taken: it is too large, or the room is refused or left.
   */
  signal(to: InstanceId, data: string): boolean
  /**
   * A link through the server, usable at once; it stands when the other side has asked for it too.
   * The same link again while there is one. Where that is impossible the link has failed already.
   */
  openRelay(to: InstanceId): Link
  /** Leaves the room for good. Idempotent. */
  leave(): void
}

export interface RoomOptions {
  /** Free words that neighbours are told. */
  readonly capabilities?: readonly string[]
  /**
   * Instances to which a link stands, asked at each join: the server lays the room out around
   * them. Default: the neighbours as known.
   */
  readonly standing?: () => readonly InstanceId[]
}
