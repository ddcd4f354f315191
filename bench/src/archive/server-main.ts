/*
 * One server in a process of its own, on loopback and a free port: the archive, the two that stand
 * beside it, or `ws` with nothing around it. Told what to do over IPC (`server-process.ts`).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { getHeapSpaceStatistics } from 'node:v8'
import { WebSocket, WebSocketServer } from 'ws'
import { collectionNamed, documentOf } from './names.js'
import { serveRows } from './rows-server.js'
import type { ServerCommands, ServerKind } from './server-process.js'
import { answerCommands } from './commands.js'

const [kind, folder] = process.argv.slice(2) as [ServerKind, string]

interface Started {
  readonly path: string
  readonly port: number
  readonly compact?: (document: string) => Promise<string>
}

const start: Readonly<Record<ServerKind, () => Promise<Started>>> = {
  async holdfast() {
    const { createArchive } = await import('@holdfast/archive')
    const { silentLogger } = await import('@holdfast/peer/ports')
    const many = { maxSockets: 20_000, maxSocketsPerAddress: 20_000 }
    const archive = await createArchive({
      folder,
      port: 0,
      logger: silentLogger,
      limits: { server: many, node: { maxStrangers: 20_000 } },
    })
    const compact = async (document: string): Promise<string> =>
      (await archive.compactor.compact(collectionNamed('bench'), documentOf(document))).status
    return { port: archive.port, path: '/archive', compact }
  },
  async hocuspocus() {
    const { Server } = await import('@hocuspocus/server')
    const { SQLite } = await import('@hocuspocus/extension-sqlite')
    const server = new Server({
      address: '127.0.0.1',
      quiet: true,
      stopOnSignals: false,
      extensions: [new SQLite({ database: `${folder}/hocuspocus.db` })],
    })
    // Its own `listen` takes no port 0.
    await new Promise<void>((resolve) => server.httpServer.listen(0, '127.0.0.1', resolve))
    await server.hocuspocus.hooks('onListen', {
      instance: server.hocuspocus,
      configuration: server.configuration,
      port: portOf(server.httpServer.address()),
    })
    return { port: portOf(server.httpServer.address()), path: '' }
  },
  async 'y-websocket'() {
    process.env['YPERSISTENCE'] = `${folder}/leveldb`
    // It says on stdout what it does.
    console.info = () => {}
    const { setupWSConnection } = await import('@y/websocket-server/utils')
    const sockets = await webSockets()
    sockets.server.on('connection', (socket, request) => setupWSConnection(socket, request))
    return sockets
  },
  /** Each message goes to all sockets of its document, its sender's included, and nothing else is done. */
  async relay() {
    const sockets = await webSockets()
    const socketsByPath = new Map<string, Set<WebSocket>>()
    sockets.server.on('connection', (socket, { url = '' }) => {
      const all = socketsByPath.get(url) ?? new Set()
      socketsByPath.set(url, all.add(socket))
      socket.on('close', () => all.delete(socket))
      socket.on('message', (data: Buffer) => {
        for (const other of all) if (other.readyState === WebSocket.OPEN) other.send(data)
      })
    })
    return sockets
  },
  async rows() {
    const sockets = await webSockets()
    serveRows(sockets.server, folder)
    return sockets
  },
}

async function webSockets(): Promise<Started & { readonly server: WebSocketServer }> {
  const http = createServer()
  const server = new WebSocketServer({ server: http, perMessageDeflate: false })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return { server, port: portOf(http.address()), path: '' }
}

function portOf(address: AddressInfo | string | null): number {
  if (typeof address !== 'object' || address === null) throw new Error('not listening')
  return address.port
}

const { port, path, compact } = await start[kind]()
const delay = monitorEventLoopDelay({ resolution: 1 })

const commands: ServerCommands = {
  cpuMs() {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1_000
  },
  threadsMs() {
    if (!existsSync('/proc/self/task')) return []
    const threads = readdirSync('/proc/self/task').map(Number)
    return threads
      .toSorted((a, b) => a - b)
      .map((thread) => {
        const [onCpuNs] = readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ')
        return [thread, Number(onCpuNs) / 1e6] as const
      })
  },
  async memory() {
    // The second collects what the first has let go of; in between buffers are given back.
    for (let round = 0; round < 3; round++) {
      globalThis.gc?.()
      await sleep(200)
    }
    const { rss, heapUsed, external } = process.memoryUsage()
    const spaces = getHeapSpaceStatistics()
    const bytesOf = (isYoung: boolean): number =>
      spaces
        .filter(({ space_name: name }) => name.startsWith('new_') === isYoung)
        .reduce((sum, space) => sum + space.physical_space_size, 0)
    return {
      residentBytes: rss,
      heapBytes: heapUsed + external,
      youngBytes: bytesOf(true),
      oldBytes: bytesOf(false),
    }
  },
  peakBytes: () => process.resourceUsage().maxRSS * 1_024,
  compact: async (document) => (await compact?.(document)) ?? 'not asked',
  watchDelay() {
    delay.reset()
    delay.enable()
  },
  delayP99Ms: () => delay.percentile(99) / 1e6,
}

answerCommands(commands, { url: `ws://127.0.0.1:${port}${path}` })
