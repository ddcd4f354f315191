/**
 * The archive on real sockets and a real disk: opens the log, keeps it compact, and serves peers,
 * y-websocket clients and operators on one HTTP server.
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
import {
  consoleLogger,
  systemClock,
  systemRandom,
  type Clock,
  type Logger,
} from '@holdfast/peer/ports'
import { frameBounds } from '@holdfast/peer/protocol'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { createCompactor, type Compactor } from '../compaction/compactor.js'
import type { SnapshotBuilder } from '../compaction/builder-port.js'
import { createWorkerBuilder } from '../compaction/worker-builder.adapter.js'
import type { FollowedCollection } from '../follow/follower.js'
import type { Log } from '../log/port.js'
import { openSqliteLog } from '../log/sqlite/sqlite-log.js'
import { ArchiveNode } from '../node/archive-node.js'
import type { RoomsStatistics } from '../rooms/rooms.js'
import { createYWebsocketBridge, type YWebsocketBridge } from '../y-websocket/bridge.js'
import { isAskedAsLocal } from './admin-access.js'
import { AdminApi } from './admin.adapter.js'
import { ServerCounters } from './counters.js'
import { freeBytesAt, makeFolder, probeDisk } from './disk.adapter.js'
import { ArchiveError } from './errors.js'
import { serverLimits, type ServerLimits } from './limits.js'
import { createMetrics, type Metrics } from './metrics.adapter.js'
import { Outreach } from './outreach.adapter.js'
import {
  defaultHost,
  defaultPath,
  defaultPort,
  defaultYWebsocketPath,
  fromOptions,
  refuseOpenByAccident,
  type Archive,
  type ArchiveOptions,
} from './options.js'
import { ReadinessCheck, type Readiness } from './readiness.js'
import { timedLog } from './timed-log.js'
import { DirectWebSocket } from './direct-web-socket.adapter.js'
import { socketOptions } from './socket-options.js'
import { YWebsocketUpgrades } from './y-websocket-upgrades.adapter.js'

/**
 * Rejects with an ArchiveError when the options cannot hold or the address cannot be listened on,
 * with a LogError when the log cannot be opened.
 */
export async function createArchive(options: ArchiveOptions): Promise<Archive> {
  refuseOpenByAccident(options)
  const limits = fromOptions(() => serverLimits(options.limits?.server))
  const { clock = systemClock, random = systemRandom, logger = consoleLogger } = options
  await makeFolder(options.folder).catch((error: unknown) => {
    const message = `${options.folder} cannot be the folder of the log, take another: ${String(error)}`
    throw new ArchiveError('bad-option', message, { cause: error })
  })
  const file = join(options.folder, 'archive.db')
  const counters = new ServerCounters()
  const metrics = createMetrics(options.processMetrics ?? false)
  const { policy = {} } = options
  const log = await openSqliteLog({ file, clock, random, logger, policy })
  try {
    const timed = timedLog(log, clock, {
      onAppended: (tookMs) => metrics.observeCommit(tookMs),
      onFailed: () => counters.logFailures++,
    })
    const archive = new HttpArchive(options, {
      file,
      limits,
      clock,
      logger,
      log: timed,
      metrics,
      counters,
    })
    await archive.start()
    return archive
  } catch (error) {
    await log.close()
    throw error
  }
}

interface Parts {
  readonly file: string
  readonly limits: ServerLimits
  readonly clock: Clock
  readonly logger: Logger
  readonly log: Log
  readonly metrics: Metrics
  readonly counters: ServerCounters
}

class HttpArchive implements Archive {
  readonly node: ArchiveNode
  readonly compactor: Compactor
  readonly yWebsocket: YWebsocketBridge
  readonly #options: ArchiveOptions
  readonly #parts: Parts
  /** Digests for resyncs are made beside snapshots, in a thread of their own while there are any. */
  readonly #digester: SnapshotBuilder
  readonly #door: Door
  readonly #readiness: ReadinessCheck
  readonly #admin: AdminApi
  readonly #peers: ReturnType<typeof peerSocketServer>
  readonly #yWebsockets: YWebsocketUpgrades
  readonly #http: Server
  readonly #path: string
  #outreach: Outreach | undefined
  #closed: Promise<void> | undefined

  constructor(options: ArchiveOptions, parts: Parts) {
    const { clock, limits, log, logger } = parts
    const { tokens, random = systemRandom } = options
    this.#options = options
    this.#parts = parts
    this.#digester = createWorkerBuilder({ clock })
    this.node = new ArchiveNode({
      log,
      builder: this.#digester,
      clock,
      random,
      logger,
      ...(tokens === undefined ? {} : { verifier: tokens }),
      ...(options.openAccess === undefined ? {} : { openAccess: options.openAccess }),
      ...(options.limits?.node === undefined ? {} : { limits: options.limits.node }),
    })
    this.yWebsocket = fromOptions(() =>
      createYWebsocketBridge({ log, clock, logger, limits: options.limits?.yWebsocket ?? {} }),
    )
    this.compactor = createCompactor({
      log,
      builder: createWorkerBuilder({ clock }),
      clock,
      logger,
      ask: (document) => this.node.ask(document),
      policy: options.compaction ?? {},
    })
    this.#door = new Door({
      asksForTokens: tokens !== undefined,
      isOpen: options.open ?? false,
      origins: options.origins,
      trustedProxies: options.trustedProxies ?? 0,
      maxSockets: limits.maxSockets,
      maxSocketsPerAddress: limits.maxSocketsPerAddress,
      onRefused: (code) => parts.counters.refused(code),
    })
    this.#readiness = new ReadinessCheck({
      log,
      clock,
      logger,
      probe: () => probeDisk(options.folder),
      diskMs: limits.diskMs,
    })
    this.#admin = new AdminApi({
      file: parts.file,
      backupFolder: options.backupFolder ?? join(options.folder, 'backups'),
      log,
      compactor: this.compactor,
      node: this.node,
      logger,
      tokens,
      trustedProxies: options.trustedProxies ?? 0,
      activity: () => this.#activity(),
    })
    this.#path = options.path ?? defaultPath
    this.#peers = peerSocketServer(limits)
    this.#yWebsockets = new YWebsocketUpgrades({
      bridge: this.yWebsocket,
      clock,
      limits,
      path: options.yWebsocketPath ?? defaultYWebsocketPath,
      ...(tokens === undefined ? {} : { tokens }),
      ...(options.openAccess === undefined ? {} : { openAccess: options.openAccess }),
    })
    this.#http = options.server ?? httpServer(limits)
  }

  get log(): Log {
    return this.#parts.log
  }

  get counters(): ServerCounters {
    return this.#parts.counters
  }

  get port(): number {
    return listeningPort(this.#http)
  }

  async start(): Promise<void> {
    const { counters, logger } = this.#parts
    this.compactor.onReport((report) => {
      this.node.reported(report)
      if (report.status !== 'compacted') return
      counters.compacted++
      counters.freedBytes += Math.max(0, report.bytesBefore - report.snapshotBytes)
    })
    if (this.#options.server === undefined) {
      this.#http.on('request', this.#onRequest)
      await this.#listen()
      logger.info('listening', { host: this.#host, port: this.port, file: this.#parts.file })
    }
    this.#http.on('upgrade', this.#onUpgrade)
    this.compactor.start()
    const { random = systemRandom } = this.#options
    this.#outreach = await Outreach.start(this.#options, {
      ...this.#parts,
      node: this.node,
      random,
    })
  }

  get followed(): readonly FollowedCollection[] {
    return this.#outreach?.followed ?? []
  }

  get rooms(): RoomsStatistics | undefined {
    return this.#outreach?.rooms
  }

  readiness(): Promise<Readiness> {
    return this.#readiness.ask()
  }

  async metrics(): Promise<string> {
    const { counters, log, metrics } = this.#parts
    return metrics.text({
      log: await log.statistics(),
      node: this.node.stats(),
      server: counters,
      yWebsocket: this.yWebsocket.counters,
      followed: this.followed,
      rooms: this.rooms,
      diskFreeBytes: await this.#diskFreeBytes(),
      isReady: (await this.readiness()) === 'ok',
    })
  }

  handleRequest(request: IncomingMessage, response: ServerResponse): boolean {
    const path = pathOf(request)
    const isBelow = path.startsWith(`${this.#path}/`)
    const own = isBelow ? path.slice(this.#path.length) : path
    // A host may have administrators of its own.
    if (AdminApi.owns(own) && (isBelow || this.#options.server === undefined)) {
      void this.#admin.handle(own, request, response)
      return true
    }
    switch (own) {
      case '/healthz':
        answer(response, 200, 'ok')
        return true
      case '/readyz':
        void this.#answerReadiness(response)
        return true
      case '/metrics':
        void this.#answerMetrics(request, response)
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

  async #listen(): Promise<void> {
    const { port = defaultPort } = this.#options
    try {
      await listen(this.#http, port, this.#host)
    } catch (cause) {
      const message = `cannot listen on ${this.#host}:${port}: ${String(cause)}`
      throw new ArchiveError('cannot-listen', message, { cause })
    }
  }

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (this.handleRequest(request, response)) return
    const isSocketPath = this.#kindOf(pathOf(request)) !== undefined
    answer(response, isSocketPath ? 426 : 404, isSocketPath ? 'a WebSocket' : 'not here')
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const { counters, logger } = this.#parts
    const kind = this.#kindOf(pathOf(request))
    if (kind === undefined) {
      // On a host's server the other paths are somebody else's.
      if (this.#options.server === undefined) refuseUpgrade(socket, 404, 'unexpected-message')
      return
    }
    const address = this.#door.admit(request, socket)
    if (address === undefined) return
    counters.sockets++
    socket.on('close', this.#onSocketClosed)
    if (kind === 'peer') {
      this.#peers.handleUpgrade(request, socket, head, (ws) => {
        this.node.accept(ws.link(socket), { address })
      })
      return
    }
    this.#yWebsockets.upgrade(request, socket, head).catch((cause: unknown) => {
      logger.error('an upgrade failed', { reason: String(cause) })
      socket.destroy()
    })
  }

  /** One for all sockets, each of which closes once. */
  readonly #onSocketClosed = (): void => void this.#parts.counters.sockets--

  #kindOf(path: string): 'peer' | 'y-websocket' | undefined {
    if (path === this.#path) return 'peer'
    return this.#yWebsockets.owns(path) ? 'y-websocket' : undefined
  }

  async #answerReadiness(response: ServerResponse): Promise<void> {
    const readiness = await this.readiness()
    answer(response, readiness === 'ok' ? 200 : 503, readiness)
  }

  async #answerMetrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { logger, metrics } = this.#parts
    const { server, tokens, open = false } = this.#options
    const isForThisMachine = server === undefined && tokens === undefined && !open
    if (isForThisMachine && !isAskedAsLocal(request.headers)) {
      answer(response, 403, 'metrics: for this machine alone, by its own name')
      return
    }
    try {
      answer(response, 200, await this.metrics(), metrics.contentType)
    } catch (error) {
      logger.error('metrics failed', { reason: String(error) })
      answer(response, 500, 'internal')
    }
  }

  async #diskFreeBytes(): Promise<number | undefined> {
    try {
      return await freeBytesAt(this.#options.folder)
    } catch (error) {
      this.#parts.logger.debug('the disk does not say what is free', { reason: String(error) })
      return undefined
    }
  }

  async #activity(): Promise<unknown> {
    const { sockets, documents, behind } = this.yWebsocket.counters
    return {
      statistics: await this.#parts.log.statistics(),
      compactor: this.compactor.state,
      node: this.node.stats(),
      yWebsocket: { sockets, documents, behind },
      followed: this.followed,
      ...(this.rooms === undefined ? {} : { rooms: this.rooms }),
    }
  }

  async #drain(): Promise<void> {
    const { clock, limits, log, logger } = this.#parts
    this.#door.shut()
    logger.info('draining', { sockets: this.#door.sockets })
    this.#readiness.drain()
    this.#admin.close()
    this.yWebsocket.close()
    await this.#outreach?.close()
    await this.node.close()
    await this.#door.emptied(clock, limits.closeMs)
    this.#http.off('upgrade', this.#onUpgrade)
    if (this.#options.server === undefined) await closeListener(this.#http)
    await this.compactor.close()
    await this.#digester.close()
    await log.close()
    logger.info('closed')
  }
}

function peerSocketServer(limits: ServerLimits) {
  const options = socketOptions(frameBounds.maxBytes, limits)
  return new WebSocketServer({ ...options, WebSocket: DirectWebSocket })
}
