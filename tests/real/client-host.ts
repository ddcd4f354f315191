/** Signaller and archive on one HTTP server, and Node clients with files of their own. */
import { createArchive, type Archive } from '@holdfast/archive'
import { createClient, type Client, type ClientError, type ClientOptions } from '@holdfast/client'
import { nodeStore } from '@holdfast/client/node'
import { silentLogger } from '@holdfast/peer/ports'
import { createSignalServer, type SignalServer } from '@holdfast/signal'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class ClientHost {
  readonly folder = mkdtempSync(join(tmpdir(), 'holdfast-client-'))
  readonly #clients: Client[] = []
  readonly errors: ClientError[] = []
  #port = 0
  #http: Server | undefined
  #signal: SignalServer | undefined
  #archive: Archive | undefined

  static async start(): Promise<ClientHost> {
    const host = new ClientHost()
    await host.startServers()
    return host
  }

  get server(): string {
    return `ws://127.0.0.1:${this.#port}`
  }

  async startServers(): Promise<void> {
    const http = createServer()
    this.#http = http
    this.#signal = await createSignalServer({ server: http, logger: silentLogger })
    await this.startArchive()
    http.listen(this.#port, '127.0.0.1')
    await once(http, 'listening')
    this.#port = (http.address() as AddressInfo).port
  }

  async stopServers(): Promise<void> {
    await this.stopArchive()
    await this.#signal?.close()
    const http = this.#http
    if (http === undefined) return
    http.closeAllConnections()
    await new Promise((resolve) => http.close(resolve))
  }

  async startArchive(): Promise<void> {
    if (this.#http === undefined) throw new Error('the servers are down')
    const folder = join(this.folder, 'archive')
    this.#archive = await createArchive({ folder, server: this.#http, logger: silentLogger })
  }

  async stopArchive(): Promise<void> {
    await this.#archive?.close()
    this.#archive = undefined
  }

  async client(name: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    const store = nodeStore(this.file(name))
    const client = await createClient({ store, server: this.server, ...options })
    client.onError((error) => this.errors.push(error))
    this.#clients.push(client)
    return client
  }

  file(name: string): string {
    return join(this.folder, `${name}.db`)
  }

  async remove(): Promise<void> {
    for (const client of this.#clients) await client.close()
    await this.stopServers()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
