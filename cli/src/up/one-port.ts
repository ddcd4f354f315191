/**
 * The signaller, the archive and a web page on one HTTP server.
 *
 *     /signal  /y-webrtc                  the signaller's sockets
 *     /archive  /yjs/…                    the archive's sockets; below /archive its API for operators
 *     /healthz  /readyz  /metrics         answered here, once, for both
 *     /demo/archive                       stops and starts the archive: for the page, on this machine
 *     everything else                     files of the page
 *
 * Each part is mounted on a server of its own that never listens, and gets the upgrades of its paths
 * from here: so a part that is stopped is refused in its name, and no socket waits for an answer that
 * nobody gives.
 */
import {
  answer,
  isLoopback,
  isOpenByAccident,
  pathOf,
  refuseUpgrade,
  type TokenVerifier,
} from '@holdfast/access'
import { createArchive, type Archive, type ArchiveOptions } from '@holdfast/archive'
import type { Clock, Logger, Random } from '@holdfast/peer/ports'
import { createSignalServer, type SignalServer, type SignalServerOptions } from '@holdfast/signal'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { HoldfastError } from '../errors.js'
import { ArchiveSwitch, type LastCompaction } from './archive-switch.js'
import { Page } from './page.js'

export interface OnePortOptions {
  /** Where the archive keeps everything. Made if it is not there. */
  readonly folder: string
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
  /** Folder of a web page; none, if absent or not there. */
  readonly page?: string
  /** One verifier for both. Absent: nobody needs a token, and only loopback is served. */
  readonly tokens?: TokenVerifier
  /** Without tokens: serves strangers too. */
  readonly open?: boolean
  readonly origins?: readonly string[]
  readonly trustedProxies?: number
  readonly signal?: Pick<SignalServerOptions, 'ice' | 'relay' | 'limits'>
  readonly archive?: Pick<
    ArchiveOptions,
    'backupFolder' | 'policy' | 'compaction' | 'limits' | 'follow' | 'signal' | 'collections'
  >
  readonly clock: Clock
  readonly random: Random
  readonly loggers: { readonly signal: Logger; readonly archive: Logger }
}

export class OnePort {
  readonly #options: OnePortOptions
  readonly #http: Server
  readonly #signalMount: Server
  readonly #archiveMount = createServer()
  readonly #signal: SignalServer
  readonly #page: Page | undefined
  readonly #switch: ArchiveSwitch | undefined
  #archive: Archive | undefined
  #lastCompaction: LastCompaction | undefined
  /** Stopping and starting, one after the other. */
  #turn: Promise<void> = Promise.resolve()
  #closed: Promise<void> | undefined

  /**
   * Rejects with a HoldfastError when the address cannot be listened on or would be open to strangers
   * by accident, with a LogError when the log cannot be opened; then nothing of it is left.
   */
  static async start(options: OnePortOptions): Promise<OnePort> {
    refuseOpenByAccident(options)
    const page = options.page === undefined ? undefined : await Page.open(options.page)
    const mount = createServer()
    const signal = await createSignalServer({
      ...sharedOptions(options),
      ...options.signal,
      server: mount,
      processMetrics: true,
      logger: options.loggers.signal,
    })
    const one = new OnePort(options, mount, signal, page)
    try {
      await one.setArchive(true)
      await one.#listen()
      return one
    } catch (error) {
      await one.close()
      throw error
    }
  }

  private constructor(
    options: OnePortOptions,
    signalMount: Server,
    signal: SignalServer,
    page: Page | undefined,
  ) {
    this.#options = options
    this.#signalMount = signalMount
    this.#signal = signal
    this.#page = page
    this.#switch = isForThisMachine(options) ? new ArchiveSwitch(this) : undefined
    this.#http = httpServer()
    this.#http.on('request', (request, response) => this.#onRequest(request, response))
    this.#http.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head))
  }

  get port(): number {
    return (this.#http.address() as AddressInfo | null)?.port ?? 0
  }

  get hasPage(): boolean {
    return this.#page !== undefined
  }

  get lastCompaction(): LastCompaction | undefined {
    return this.#lastCompaction
  }

  get isArchiveRunning(): boolean {
    return this.#archive !== undefined
  }

  /** Stops the archive as for good, or opens its log again. Resolves when that is done. */
  setArchive(isRunning: boolean): Promise<void> {
    const turn = this.#turn.then(() => this.#setArchive(isRunning))
    // Whoever comes next begins anew; the failure is this caller's.
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** Drains both, then closes the port. Resolves when all of it is gone. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #setArchive(isRunning: boolean): Promise<void> {
    if (isRunning === this.isArchiveRunning || (isRunning && this.#closed !== undefined)) return
    if (!isRunning) {
      const archive = this.#archive
      this.#archive = undefined
      await archive?.close()
      return
    }
    const { archive, folder, loggers } = this.#options
    const isDemo = this.#switch !== undefined && this.#page !== undefined
    this.#archive = await createArchive({
      ...sharedOptions(this.#options),
      ...archive,
      policy: { ...(isDemo ? demoPolicy : {}), ...archive?.policy },
      folder,
      server: this.#archiveMount,
      logger: loggers.archive,
    })
    this.#archive.compactor.onReport((report) => {
      if (report.status !== 'compacted' || report.removed === 0) return
      const { collection, document, removed, through } = report
      this.#lastCompaction = { collection, document: document.id, removed, through }
    })
  }

  #listen(): Promise<void> {
    const { host, port } = this.#options
    return new Promise((resolve, reject) => {
      const onError = (cause: Error & { readonly code?: string }): void => {
        reject(new HoldfastError('cannot-listen', whyNot(cause.code, host, port), { cause }))
      }
      this.#http.once('error', onError)
      this.#http.listen(port, host, () => {
        this.#http.off('error', onError)
        resolve()
      })
    })
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const path = pathOf(request)
    switch (path) {
      case '/healthz':
        answer(response, 200, 'ok')
        return
      case '/readyz':
        this.#finish(response, this.#answerReadiness(response))
        return
      case '/metrics':
        this.#finish(response, this.#answerMetrics(response))
        return
      case '/demo/archive':
        if (this.#switch === undefined) answer(response, 404, 'not here')
        else this.#finish(response, this.#switch.handle(request, response))
        return
    }
    if (isArchives(path)) {
      if (this.#archive === undefined) answer(response, 503, 'the archive is stopped')
      else if (!this.#archive.handleRequest(request, response)) answer(response, 426, 'a WebSocket')
    } else if (isSignallers(path)) {
      answer(response, 426, 'a WebSocket')
    } else if (this.#page !== undefined) {
      this.#finish(response, this.#page.handle(request, response))
    } else {
      const isFront = path === '/'
      answer(response, isFront ? 200 : 404, isFront ? noPage : 'not here')
    }
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = pathOf(request)
    const mount = isArchives(path)
      ? this.#archiveMount
      : isSignallers(path)
        ? this.#signalMount
        : undefined
    if (mount === undefined) refuseUpgrade(socket, 404, 'unexpected-message')
    // A part that has gone listens no more.
    else if (!mount.emit('upgrade', request, socket, head))
      refuseUpgrade(socket, 503, 'unavailable')
  }

  async #answerReadiness(response: ServerResponse): Promise<void> {
    const archive = (await this.#archive?.readiness()) ?? 'stopped'
    const signal = this.#signal.readiness()
    const isReady = archive === 'ok' && signal === 'ok'
    answer(
      response,
      isReady ? 200 : 503,
      isReady ? 'ok' : `archive: ${archive}\nsignaller: ${signal}`,
    )
  }

  async #answerMetrics(response: ServerResponse): Promise<void> {
    const texts = [await this.#signal.metrics(), (await this.#archive?.metrics()) ?? stoppedMetrics]
    const text = texts.map((part) => part.trimEnd()).join('\n')
    answer(response, 200, text, 'text/plain; version=0.0.4; charset=utf-8')
  }

  /** Nothing that a request does may end the process. */
  #finish(response: ServerResponse, answering: Promise<void>): void {
    answering.catch((error: unknown) => {
      this.#options.loggers.archive.error('a request failed', { reason: String(error) })
      if (response.headersSent) response.destroy()
      else answer(response, 500, 'internal')
    })
  }

  async #close(): Promise<void> {
    await Promise.all([this.#signal.close(), this.setArchive(false)])
    await new Promise<void>((resolve) => {
      this.#http.close(() => resolve())
      this.#http.closeAllConnections()
    })
  }
}

/** What both parts are told alike, so that both let in the same. */
function sharedOptions(options: OnePortOptions) {
  const { tokens, origins, clock, random } = options
  return {
    ...(tokens === undefined ? {} : { tokens }),
    ...(origins === undefined ? {} : { origins }),
    open: options.open ?? false,
    trustedProxies: options.trustedProxies ?? 0,
    clock,
    random,
  }
}

function isForThisMachine({ host, tokens, open }: OnePortOptions): boolean {
  return isLoopback(host) && tokens === undefined && open !== true
}

function refuseOpenByAccident(options: OnePortOptions): void {
  if (!isOpenByAccident(options)) return
  const { host } = options
  throw new HoldfastError(
    'open-refused',
    `host ${host} can be reached by others: give a secret or keys for tokens, or ask for an open server`,
  )
}

function whyNot(code: string | undefined, host: string, port: number): string {
  if (code === 'EADDRINUSE') {
    return `port ${port} of ${host} is taken: stop what listens there, or take another: --port ${port === 65_535 ? 4440 : port + 1}`
  }
  if (code === 'EACCES')
    return `port ${port} is not for this user: take one above 1023: --port 4440`
  if (code === 'EADDRNOTAVAIL') return `${host} is no address of this machine: --host 127.0.0.1`
  return `cannot listen on ${host}:${port}${code === undefined ? '' : ` (${code})`}`
}

function isArchives(path: string): boolean {
  return ['/archive', '/yjs'].some((own) => path === own || path.startsWith(`${own}/`))
}

function isSignallers(path: string): boolean {
  return path === '/signal' || path === '/y-webrtc'
}

function httpServer(): Server {
  const http = createServer({
    // Who has not finished asking by then is one who never speaks.
    headersTimeout: askMs,
    requestTimeout: askMs,
    connectionsCheckingInterval: 2_000,
    keepAliveTimeout: 5_000,
  })
  // Above what both parts admit by default, so that it is they who say why not.
  http.maxConnections = 24_000
  return http
}

const askMs = 10_000

/**
 * Where people come to look at it, a thousand edits are enough to see a compaction, and nobody who
 * looked and left keeps it waiting: who comes back takes the snapshot.
 */
const demoPolicy = { ripeRows: 50, maxTailRows: 100 }

/** Alerts on it go on meaning something while the archive is stopped. */
const stoppedMetrics = `# HELP holdfast_archive_ready 1 while the log is open and the disk takes bytes
# TYPE holdfast_archive_ready gauge
holdfast_archive_ready 0
`

const noPage = `Holdfast is running. There is no page here: the demo is built by \`npm start\` in a checkout of it.`
