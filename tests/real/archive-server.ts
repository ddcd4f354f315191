/** An archive on a free port of loopback, in a folder of its own, and y-websocket clients for it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { createArchive, type Archive, type ArchiveOptions } from '@holdfast/archive'
import { silentLogger } from '@holdfast/peer/ports'

export class ArchiveServer {
  readonly folder: string
  readonly #options: Partial<ArchiveOptions>
  #archive: Archive | undefined
  #port = 0
  readonly #clients: YClient[] = []

  constructor(folder: string, options: Partial<ArchiveOptions>) {
    this.folder = folder
    this.#options = options
  }

  static async start(options: Partial<ArchiveOptions> = {}): Promise<ArchiveServer> {
    const server = new ArchiveServer(await mkdtemp(join(tmpdir(), 'holdfast-server-')), options)
    await server.open()
    return server
  }

  get archive(): Archive {
    if (this.#archive === undefined) throw new Error('the archive is closed')
    return this.#archive
  }

  get port(): number {
    return this.#port
  }

  /** Starts it, again on the same port. */
  async open(): Promise<void> {
    this.#archive = await createArchive({
      folder: this.folder,
      port: this.#port,
      logger: silentLogger,
      ...this.#options,
    })
    this.#port = this.#archive.port
  }

  async stop(): Promise<void> {
    await this.#archive?.close()
    this.#archive = undefined
  }

  client(room: string, options: YClientOptions = {}): YClient {
    const client = new YClient(`ws://127.0.0.1:${this.port}/yjs`, room, options)
    this.#clients.push(client)
    return client
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, init)
  }

  /** One of its metrics, by its whole name with labels; undefined for one that it has not. */
  async metric(name: string): Promise<number | undefined> {
    const text = await (await this.fetch('/metrics')).text()
    const line = text.split('\n').find((line) => line.startsWith(`${name} `))
    return line === undefined ? undefined : Number(line.slice(name.length + 1))
  }

  async remove(): Promise<void> {
    for (const client of this.#clients) client.destroy()
    await this.stop()
    await rm(this.folder, { recursive: true, force: true })
  }
}

export interface YClientOptions {
  readonly token?: string
  readonly doc?: Y.Doc
}

/** An unmodified y-websocket client with a document. */
export class YClient {
  readonly doc: Y.Doc
  readonly provider: WebsocketProvider
  /** Close codes in the order of their coming; the last, if it stays away for good. */
  readonly closed: number[] = []
  isGoneForGood = false

  constructor(url: string, room: string, { token, doc = new Y.Doc() }: YClientOptions) {
    this.doc = doc
    this.provider = new WebsocketProvider(url, room, doc, {
      WebSocketPolyfill: WebSocket as never,
      // In one process all clients would share one BroadcastChannel and never need the archive.
      disableBc: true,
      maxBackoffTime: 200,
      ...(token === undefined ? {} : { params: { token } }),
    })
    this.provider.on('connection-close', (event) => {
      if (event !== null) this.closed.push(event.code)
    })
    this.provider.on('closed', () => {
      this.isGoneForGood = true
    })
  }

  get text(): Y.Text {
    return this.doc.getText('body')
  }

  get words(): string {
    return this.text.toJSON()
  }

  /** Resolves once the client has compared with the archive. */
  async synced(): Promise<this> {
    await until(() => this.provider.synced)
    return this
  }

  destroy(): void {
    this.provider.destroy()
    this.provider.awareness.destroy()
    this.doc.destroy()
  }
}

/** Waits for a fact; gives up after long enough for any machine. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  withinMs = 50_000,
): Promise<void> {
  const endMs = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`waited ${withinMs} ms for ${holds.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
