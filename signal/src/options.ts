import { isOpenByAccident, type TokenVerifier } from '@holdfast/access'
import type { Access } from '@holdfast/peer/protocol'
import type { Clock, Logger, Random } from '@holdfast/peer/ports'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Counters } from './counters.js'
import { SignalError } from './errors.js'
import type { IceOptions } from './ice.js'
import type { SignalLimits } from './limits.js'

export interface SignalServerOptions {
  /**
   * The HTTP server to take upgrades from, on `path` and `yWebrtcPath` alone. It stays its owner's.
   * Absent: the server listens by itself, on `host` and `port`.
   */
  readonly server?: Server
  /** Default: 127.0.0.1. */
  readonly host?: string
  /** Default: 4440. 0 takes any that is free. */
  readonly port?: number
  /** Default: `/signal`. */
  readonly path?: string
  /** Where y-webrtc clients connect. Default: `/y-webrtc`; false: nowhere. */
  readonly yWebrtcPath?: string | false
  /** Checks tokens (`createTokenVerifier`). Absent: nobody needs one, and only loopback is served. */
  readonly tokens?: TokenVerifier
  /** Without tokens: serves strangers too. Everybody who reaches it then has every right. */
  readonly open?: boolean
  /** Without tokens: what everybody may do. Default: `admin`. */
  readonly openAccess?: Access
  /** Origins of web pages, with `*` as wildcard. Default: any; on loopback without tokens, loopback. */
  readonly origins?: readonly string[]
  /** Proxies of our own in front, each of which adds to `X-Forwarded-For`. Default: 0. */
  readonly trustedProxies?: number
  readonly ice?: IceOptions
  /** Default: true. */
  readonly relay?: boolean
  readonly limits?: Partial<SignalLimits>
  /** Also metrics of the process. Default: false. */
  readonly processMetrics?: boolean
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
}

export interface SignalServer {
  /** Of the own listener, or of the given one once it listens. */
  readonly port: number
  readonly counters: Counters
  /** What `/readyz` says, for a host that answers it for several. */
  readiness(): 'ok' | 'going-away'
  /** What `/metrics` says, in Prometheus' format. All names begin with `holdfast_signal_`. */
  metrics(): Promise<string>
  /** Answers `/healthz`, `/readyz` and `/metrics`; false for any other path, which is the caller's. */
  handleRequest(request: IncomingMessage, response: ServerResponse): boolean
  /**
   * Drains: takes nobody in any more, tells every peer its own moment to come back, closes all
   * sockets, then the own listener. Resolves when all of it is gone. Idempotent.
   */
  close(): Promise<void>
}

/** What `make` gives. Its complaint about an option becomes a SignalError. */
export function fromOptions<T>(make: () => T): T {
  try {
    return make()
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new SignalError('bad-option', cause.message, { cause })
  }
}

/** Throws a SignalError when the server would serve strangers and nobody has asked for it. */
export function refuseOpenByAccident(options: SignalServerOptions): void {
  const host = options.host ?? defaultHost
  // On a host's server it is the host that decides who gets here.
  if (options.server === undefined && isOpenByAccident({ ...options, host })) {
    throw new SignalError(
      'open-refused',
      `host ${host} can be reached by others: give a secret or keys for tokens, or ask for an open server`,
    )
  }
}

export const defaultHost = '127.0.0.1'
export const defaultPort = 4440
