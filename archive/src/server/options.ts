import { isOpenByAccident, type TokenVerifier } from '@holdfast/access'
import type { TokenProvider } from '@holdfast/peer'
import type { Access, CollectionName } from '@holdfast/peer/protocol'
import type { Clock, Logger, Random, Rtc } from '@holdfast/peer/ports'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Compactor } from '../compaction/compactor.js'
import type { CompactorPolicy } from '../compaction/compact-document.js'
import type { FollowedCollection } from '../follow/follower.js'
import type { LogPolicy } from '../log/options.js'
import type { Log } from '../log/port.js'
import type { ArchiveNode } from '../node/archive-node.js'
import type { NodeLimits } from '../node/limits.js'
import type { RoomsStatistics } from '../rooms/rooms.js'
import type { YWebsocketLimits } from '../y-websocket/limits.js'
import type { YWebsocketBridge } from '../y-websocket/bridge.js'
import { ArchiveError } from './errors.js'
import type { ServerCounters } from './counters.js'
import type { ServerLimits } from './limits.js'
import type { Readiness } from './readiness.js'

export interface ArchiveOptions {
  /** Where everything is kept: `archive.db` and what SQLite puts beside it. Made if it is not there. */
  readonly folder: string
  /**
   * The HTTP server to take upgrades from, on `path` and below `yWebsocketPath` alone. It stays its
   * owner's. Absent: the archive listens by itself, on `host` and `port`.
   */
  readonly server?: Server
  /** Default: 127.0.0.1. */
  readonly host?: string
  /** Default: 4441. 0 takes any that is free. */
  readonly port?: number
  /** Where peers connect. Default: `/archive`. */
  readonly path?: string
  /** Below which y-websocket clients connect. Default: `/yjs`; false: nowhere. */
  readonly yWebsocketPath?: string | false
  /** Checks tokens (`createTokenVerifier`). Absent: nobody needs one, and only loopback is served. */
  readonly tokens?: TokenVerifier
  /** Without tokens: serves strangers too. Everybody who reaches it may then read and write. */
  readonly open?: boolean
  /** Without tokens: what everybody may do. Default: `write`. */
  readonly openAccess?: Access
  /** Origins of web pages, with `*` as wildcard. Default: any; on loopback without tokens, loopback. */
  readonly origins?: readonly string[]
  /** Proxies of our own in front, each of which adds to `X-Forwarded-For`. Default: 0. */
  readonly trustedProxies?: number
  /** Where the admin API puts backups. Default: `backups` in the folder. */
  readonly backupFolder?: string
  /** Another archive, of which this one becomes a peer: each gets all that the other one holds. */
  readonly follow?: FollowOptions
  /** Signallers in whose rooms it is as an archive, for peers that do not reach its port. */
  readonly signal?: SignalOptions
  /** Collections that are seen to before anybody has written in them here: followed, and joined. */
  readonly collections?: readonly CollectionName[]
  readonly policy?: Partial<LogPolicy>
  readonly compaction?: Partial<CompactorPolicy>
  readonly limits?: {
    readonly server?: Partial<ServerLimits>
    readonly node?: Partial<NodeLimits>
    readonly yWebsocket?: Partial<YWebsocketLimits>
  }
  /** Also metrics of the process, the delay of its event loop among them. Default: false. */
  readonly processMetrics?: boolean
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
}

export interface FollowOptions {
  /** Where it serves peers: `ws:` or `wss:`, with its path. */
  readonly url: string
  /** Asked for each connection. It has to give `admin` in every collection, to learn of new ones. */
  readonly token?: TokenProvider
}

export interface SignalOptions {
  /** `ws:` or `wss:`, with the path. */
  readonly urls: readonly string[]
  /** Asked for each connection. It has to give `admin` in the collections. */
  readonly token?: TokenProvider
  /** Default: `@roamhq/wrtc`, if it is installed; without one no room is joined, and it says so. */
  readonly rtc?: Rtc
}

export interface Archive {
  /** Of the own listener, or of the given one once it listens. */
  readonly port: number
  readonly counters: ServerCounters
  /** The log behind it, for whoever embeds the archive. It closes with the archive. */
  readonly log: Log
  readonly node: ArchiveNode
  readonly compactor: Compactor
  readonly yWebsocket: YWebsocketBridge
  /** How it stands with the archive that it follows, collection by collection. */
  readonly followed: readonly FollowedCollection[]
  /** Its rooms; undefined: there are no signallers, or no WebRTC. */
  readonly rooms: RoomsStatistics | undefined
  /** What `/readyz` says, for a host that answers it for several. */
  readiness(): Promise<Readiness>
  /** What `/metrics` says, in Prometheus' format. All names begin with `holdfast_archive_`. */
  metrics(): Promise<string>
  /**
   * Answers `/healthz`, `/readyz`, `/metrics` and `/admin/…`, below the archive's path too, for
   * servers that have their own; on a host's server `/admin/…` only there. False for any other path,
   * which is the caller's.
   */
  handleRequest(request: IncomingMessage, response: ServerResponse): boolean
  /**
   * Drains: takes nobody in any more, answers what was pushed, tells everybody to come back, closes
   * all sockets, then the log, then the own listener. Resolves when all of it is gone. Idempotent.
   */
  close(): Promise<void>
}

/** What `make` gives. Its complaint about an option becomes an ArchiveError. */
export function fromOptions<T>(make: () => T): T {
  try {
    return make()
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new ArchiveError('bad-option', cause.message, { cause })
  }
}

/** Throws an ArchiveError when the archive would serve strangers and nobody has asked for it. */
export function refuseOpenByAccident(options: ArchiveOptions): void {
  const host = options.host ?? defaultHost
  // On a host's server it is the host that decides who gets here.
  if (options.server === undefined && isOpenByAccident({ ...options, host })) {
    throw new ArchiveError(
      'open-refused',
      `host ${host} can be reached by others: give a secret or keys for tokens, or ask for an open archive`,
    )
  }
}

export const defaultHost = '127.0.0.1'
/** Beside the signaller's 4440. */
export const defaultPort = 4441
export const defaultPath = '/archive'
export const defaultYWebsocketPath = '/yjs'
