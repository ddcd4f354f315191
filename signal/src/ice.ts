/**
 * The STUN and TURN servers that peers are given. For TURN the credentials are coturn's
 * time-limited ones (`use-auth-secret`): the user name is the moment they end, the password its
 * HMAC-SHA1 under the secret that coturn shares. coturn asks for SHA-1 by that name; it signs no
 * message that anybody else could choose.
 */
import { signallingBounds, type IceServer, type InstanceId } from '@holdfast/peer/protocol'
import type { Clock } from '@holdfast/peer/ports'
import { createHmac } from 'node:crypto'

export interface IceOptions {
  /** Handed out as they are: STUN, or TURN with credentials of their own. */
  readonly servers?: readonly IceServer[]
  readonly turn?: TurnOptions
}

export interface TurnOptions {
  /** Such as `turn:turn.example.org:3478?transport=udp`. */
  readonly urls: readonly string[]
  /** coturn's `static-auth-secret`. */
  readonly secret: string
  /** How long handed-out credentials are good for. Default: one hour. */
  readonly ttlMs?: number
}

export interface IssuedIce {
  readonly iceServers: readonly IceServer[]
  /** Absent: nothing in it ends. */
  readonly iceExpiresInMs?: number
}

/** Throws a RangeError when peers would not take what the options come to. */
export function checkIce({ servers = [], turn }: IceOptions): void {
  const { maxIceFieldUnits, maxIceServers, maxIceUrls } = signallingBounds
  const all = turn === undefined ? servers : [...servers, turn]
  if (all.length > maxIceServers) throw new RangeError(`ice takes at most ${maxIceServers} servers`)
  for (const { urls } of all) {
    if (urls.length > maxIceUrls || urls.some((url) => url.length > maxIceFieldUnits)) {
      throw new RangeError(`ice takes at most ${maxIceUrls} URLs a server, of ${maxIceFieldUnits}`)
    }
  }
  if (turn?.ttlMs !== undefined && !(Number.isSafeInteger(turn.ttlMs) && turn.ttlMs > 0)) {
    throw new RangeError(`turn.ttlMs takes a whole number from 1, got ${turn.ttlMs}`)
  }
}

/** What one peer is given, now. */
export function issueIce(options: IceOptions, peer: InstanceId, clock: Clock): IssuedIce {
  const servers = options.servers ?? []
  const { turn } = options
  if (turn === undefined) return { iceServers: servers }
  const ttlMs = turn.ttlMs ?? defaultTtlMs
  const username = `${Math.floor((clock.now() + ttlMs) / 1000)}:${peer}`
  const credential = createHmac('sha1', turn.secret).update(username).digest('base64')
  return {
    iceServers: [...servers, { urls: turn.urls, username, credential }],
    iceExpiresInMs: ttlMs,
  }
}

/** A leaked credential is of use for as long; peers ask for new ones with `renew`. */
const defaultTtlMs = 60 * 60_000
