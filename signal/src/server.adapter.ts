/**
 * The signalling server on real sockets: HTTP upgrades in, sessions of the switchboard behind them.
 */
import {
  answer,
  closeListener,
  Door,
  httpServer,
  listen,
  listeningPort,
  pathOf,
  refuseUpgrade,
} from '@holdfast/access'
import { relayHeaderBytes } from '@holdfast/peer/protocol'
import { systemClock, systemRandom } from '@holdfast/peer/ports'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
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
  readonly #door: Door
  readonly #metrics
  readonly #webSockets: WebSocketServer
  readonly #http: Server
  readonly #path: string
  readonly #yWebrtcPath: string | false
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
    this.#door = new Door({
      asksForTokens: options.tokens !== undefined,
      isOpen: options.open ?? false,
      origins: options.origins,
      trustedProxies: options.trustedProxies ?? 0,
      maxSockets: limits.maxSockets,
      maxSocketsPerAddress: limits.maxSocketsPerAddress,
      onRefused: (code) => this.counters.refused(code),
    })
    this.#metrics = createMetrics(this.counters, options.processMetrics ?? false)
    this.#path = options.path ?? '/signal'
    this.#yWebrtcPath = options.yWebrtcPath ?? '/y-webrtc'
    this.#webSockets = webSocketServer(limits)
    const { proofMs: askMs, maxSockets } = limits
    this.#http = options.server ?? httpServer({ askMs, maxSockets })
  }

  get counters(): Counters {
    return this.#context.counters
  }

  get port(): number {
    return listeningPort(this.#http)
  }

  async start(): Promise<void> {
    this.#http.on('upgrade', this.#onUpgrade)
    if (this.#options.server !== undefined) return
    this.#http.on('request', this.#onRequest)
    await this.#listen()
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

  async #listen(): Promise<void> {
    const { port = defaultPort } = this.#options
    try {
      await listen(this.#http, port, this.#host)
    } catch (cause) {
      throw new SignalError('cannot-listen', `cannot listen on ${this.#host}:${port}`, { cause })
    }
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
    if (this.#door.admit(request, socket) === undefined) return
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
    this.#door.shut()
    logger.info('draining', { sockets: this.counters.sockets })
    this.#switchboard.drain()
    await this.#door.emptied(clock, limits.closeMs)
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
