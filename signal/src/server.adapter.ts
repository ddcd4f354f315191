/**
 * The signalling server on real sockets: HTTP upgrades in, sessions of the switchboard behind them.
 *
 * Before anything is upgraded it is checked in this order, cheapest first: path, draining, loopback
 * where no token is asked for, origin, places left. A refusal there is an HTTP answer with the code
 * in its body.
 */
import {
  Addresses,
  answer,
  clientAddress,
  isLoopback,
  isOriginAllowed,
  pathOf,
  refuseUpgrade,
  type OriginPolicy,
} from '@holdfast/access'
import { relayHeaderBytes, type ErrorCode } from '@holdfast/peer/protocol'
import { systemClock, systemRandom } from '@holdfast/peer/ports'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { grantOf } from './access/granted.js'
import type { SignalContext } from './context.js'
import type { Counters } from './counters.js'
import { SignalError } from './errors.js'
import type { SignalLimits } from './limits.js'
import { createMetrics } from './operations/metrics.adapter.js'
import {
  defaultHost,
  defaultPort,
  fromOptions,
  refuseOpenByAccident,
  type SignalServer,
  type SignalServerOptions,
} from './options.js'
import { wrapWebSocket } from './sockets/ws-socket.adapter.js'
import { createSwitchboard, type Switchboard } from './switchboard.js'

/** Throws a SignalError when the options cannot hold or the address cannot be listened on. */
export async function createSignalServer(options: SignalServerOptions = {}): Promise<SignalServer> {
  const signal = new HttpSignalServer(options)
  await signal.start()
  return signal
}

class HttpSignalServer implements SignalServer {
  readonly #options: SignalServerOptions
  readonly #context: SignalContext
  readonly #switchboard: Switchboard
  readonly #addresses: Addresses
  readonly #metrics
  readonly #webSockets: WebSocketServer
  readonly #http: Server
  readonly #path: string
  readonly #yWebrtcPath: string | false
  readonly #origins: OriginPolicy
  readonly #upgraded = new Set<Duplex>()
  #closed: Promise<void> | undefined

  constructor(options: SignalServerOptions) {
    refuseOpenByAccident(options)
    this.#options = options
    this.#switchboard = fromOptions(() =>
      createSwitchboard({
        ...options,
        clock: options.clock ?? systemClock,
        random: options.random ?? systemRandom,
      }),
    )
    this.#context = this.#switchboard.context
    const { limits } = this.#context
    this.#addresses = new Addresses(limits.maxSockets, limits.maxSocketsPerAddress)
    this.#metrics = createMetrics(this.counters, options.processMetrics ?? false)
    this.#path = options.path ?? '/signal'
    this.#yWebrtcPath = options.yWebrtcPath ?? '/y-webrtc'
    this.#origins = {
      ...(options.origins === undefined ? {} : { allowed: options.origins }),
      isLoopbackOnly: this.#isLoopbackOnly,
    }
    this.#webSockets = webSocketServer(limits)
    this.#http = options.server ?? httpServer(limits)
  }

  get counters(): Counters {
    return this.#context.counters
  }

  get port(): number {
    return (this.#http.address() as AddressInfo | null)?.port ?? 0
  }

  async start(): Promise<void> {
    this.#http.on('upgrade', this.#onUpgrade)
    if (this.#options.server !== undefined) return
    this.#http.on('request', this.#onRequest)
    await listen(this.#http, this.#options.port ?? defaultPort, this.#host)
    this.#context.logger.info('listening', { host: this.#host, port: this.port })
  }

  readiness(): 'ok' | 'going-away' {
    return this.#isDraining ? 'going-away' : 'ok'
  }

  metrics(): Promise<string> {
    return this.#metrics.text()
  }

  handleRequest(request: IncomingMessage, response: ServerResponse): boolean {
    switch (pathOf(request)) {
      case '/healthz':
        answer(response, 200, 'ok')
        return true
      case '/readyz': {
        const readiness = this.readiness()
        answer(response, readiness === 'ok' ? 200 : 503, readiness)
        return true
      }
      case '/metrics':
        this.#answerMetrics(response)
        return true
      default:
        return false
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#drain()
    return this.#closed
  }

  get #host(): string {
    return this.#options.host ?? defaultHost
  }

  get #isDraining(): boolean {
    return this.#closed !== undefined
  }

  get #isLoopbackOnly(): boolean {
    return this.#options.tokens === undefined && this.#options.open !== true
  }

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (this.handleRequest(request, response)) return
    const isSocketPath = this.#isSocketPath(pathOf(request))
    answer(response, isSocketPath ? 426 : 404, isSocketPath ? 'a WebSocket' : 'not here')
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const path = pathOf(request)
    if (!this.#isSocketPath(path)) {
      // On a host's server the other paths are somebody else's.
      if (this.#options.server === undefined) refuseUpgrade(socket, 404, 'unexpected-message')
      return
    }
    const refused = this.#refusalOf(request)
    const release = refused === undefined ? this.#acquirePlace(request) : undefined
    if (release === undefined) {
      const code = refused ?? 'too-many'
      this.counters.refused(code)
      refuseUpgrade(
        socket,
        refused === 'origin-not-allowed' || refused === 'forbidden' ? 403 : 503,
        code,
      )
      return
    }
    this.#upgraded.add(socket)
    socket.once('close', () => {
      this.#upgraded.delete(socket)
      release()
    })
    if (path !== this.#yWebrtcPath) {
      this.#upgrade(request, socket, head)
      return
    }
    this.#upgradeYWebrtc(request, socket, head).catch((cause: unknown) => {
      this.#context.logger.error('an upgrade failed', { reason: String(cause) })
      socket.destroy()
    })
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#webSockets.handleUpgrade(request, socket, head, (ws) => {
      const { socket, listen } = wrapWebSocket(ws)
      listen(this.#switchboard.connect(socket))
    })
  }

  /** y-webrtc clients bring their token in the URL, the only place that is theirs to set. */
  async #upgradeYWebrtc(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const onError = (): void => void socket.destroy()
    socket.on('error', onError)
    const token = new URLSearchParams(request.url?.split('?')[1]).get('token')
    const grant = await grantOf(this.#context, token ?? undefined)
    socket.off('error', onError)
    if (socket.destroyed) return
    if (!grant.ok || this.#isDraining) {
      const code = grant.ok ? 'going-away' : grant.refusal.code
      this.counters.refused(code)
      refuseUpgrade(socket, code === 'going-away' || code === 'unavailable' ? 503 : 401, code)
      return
    }
    this.#webSockets.handleUpgrade(request, socket, head, (ws) => {
      const { socket, listen } = wrapWebSocket(ws)
      listen(this.#switchboard.connectYWebrtc(socket, grant.value))
    })
  }

  #refusalOf(request: IncomingMessage): ErrorCode | undefined {
    if (this.#isDraining) return 'going-away'
    const tcp = request.socket
    if (this.#isLoopbackOnly && !isLoopback(tcp.localAddress ?? '')) return 'forbidden'
    if (!isOriginAllowed(request.headers.origin, this.#origins)) return 'origin-not-allowed'
    return undefined
  }

  #acquirePlace(request: IncomingMessage): (() => void) | undefined {
    const forwardedFor = request.headers['x-forwarded-for']
    const address = clientAddress(
      request.socket.remoteAddress ?? '',
      typeof forwardedFor === 'string' ? forwardedFor : undefined,
      this.#options.trustedProxies ?? 0,
    )
    return this.#addresses.acquire(address)
  }

  #isSocketPath(path: string): boolean {
    return path === this.#path || path === this.#yWebrtcPath
  }

  #answerMetrics(response: ServerResponse): void {
    this.metrics().then(
      (text) => answer(response, 200, text, this.#metrics.contentType),
      (cause: unknown) => {
        this.#context.logger.error('metrics failed', { reason: String(cause) })
        answer(response, 500, 'internal')
      },
    )
  }

  async #drain(): Promise<void> {
    const { clock, limits, logger } = this.#context
    logger.info('draining', { sockets: this.counters.sockets })
    this.#switchboard.drain()
    // Those who do not answer the close by then are cut off.
    const undo = clock.after(limits.closeMs, () => {
      for (const socket of this.#upgraded) socket.destroy()
    })
    await Promise.all([...this.#upgraded].map(closedOf))
    undo()
    this.#http.off('upgrade', this.#onUpgrade)
    if (this.#options.server === undefined) await closeListener(this.#http)
    logger.info('closed')
  }
}

function webSocketServer(limits: SignalLimits): WebSocketServer {
  const options = {
    noServer: true,
    clientTracking: false,
    // Pings are held to the rate of messages first, then answered by the socket.
    autoPong: false,
    // A compressor a socket costs more memory than all else together, and the messages are small.
    perMessageDeflate: false,
    maxPayload: Math.max(limits.maxMessageBytes, limits.maxRelayFrameBytes + relayHeaderBytes),
    // Browsers and `ws` send a message in one fragment, and thousands of tiny ones cost memory.
    maxFragments: 64,
    maxBufferedChunks: 1_024,
    closeTimeout: limits.closeMs,
  }
  return new WebSocketServer(options)
}

function httpServer(limits: SignalLimits): Server {
  const http = createServer({
    // Who has not finished asking by then is one who never speaks.
    headersTimeout: limits.proofMs,
    requestTimeout: limits.proofMs,
    connectionsCheckingInterval: 2_000,
    keepAliveTimeout: 5_000,
  })
  // Beyond the sockets themselves, some for those being upgraded and for the metrics.
  http.maxConnections = limits.maxSockets + 256
  return http
}

function listen(http: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error): void => {
      reject(new SignalError('cannot-listen', `cannot listen on ${host}:${port}`, { cause }))
    }
    http.once('error', onError)
    http.listen(port, host, () => {
      http.off('error', onError)
      resolve()
    })
  })
}

function closeListener(http: Server): Promise<void> {
  return new Promise((resolve) => {
    http.close(() => resolve())
    http.closeAllConnections()
  })
}

function closedOf(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}
