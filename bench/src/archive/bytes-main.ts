/*
 * Nothing but bytes over loopback, in a process of its own: what sending a document to a crowd costs
 * when nothing else is done for it. Told what to do over IPC (`raw-storm.ts`).
 */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import type { BytesCommands, RawKind } from './raw-storm.js'
import { answerCommands } from './commands.js'

const commands: BytesCommands = {
  cpuMs() {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1_000
  },
  async serve(kind, bytes, writeBytes) {
    const state = Buffer.alloc(bytes, 7)
    const server = kind === 'net' ? plainServer(state, writeBytes) : webSockets(state, writeBytes)
    await new Promise((resolve) => server.once('listening', resolve))
    return (server.address() as AddressInfo).port
  },
  async take(kind, port, count, bytes) {
    const startMs = performance.now()
    await Promise.all(Array.from({ length: count }, () => taken(kind, port, bytes)))
    return performance.now() - startMs
  },
}

function plainServer(state: Buffer, writeBytes: number): Server {
  const server = createServer((socket) => {
    socket.setNoDelay(true)
    socket.on('error', () => {})
    send(state, writeBytes, socket, (piece) => socket.write(piece))
  })
  return server.listen(0, '127.0.0.1')
}

function webSockets(state: Buffer, writeBytes: number): WebSocketServer {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  server.on('connection', (webSocket, { socket }) => {
    webSocket.on('error', () => {})
    send(state, writeBytes, socket, (piece) => webSocket.send(piece))
  })
  return server
}

/** As much as the socket takes, and on when it has room. */
function send(
  state: Buffer,
  writeBytes: number,
  socket: Socket,
  write: (piece: Buffer) => void,
): void {
  let at = 0
  const pump = (): void => {
    while (at < state.length && !socket.writableNeedDrain) {
      write(state.subarray(at, at + writeBytes))
      at += writeBytes
    }
    if (at < state.length) socket.once('drain', pump)
  }
  pump()
}

function taken(kind: RawKind, port: number, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing = bytes
    const socket =
      kind === 'net'
        ? connect(port, '127.0.0.1')
        : new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
    const arrived = (data: Buffer): void => {
      missing -= data.length
      if (missing > 0) return
      if (socket instanceof WebSocket) socket.terminate()
      else socket.destroy()
      resolve()
    }
    if (socket instanceof WebSocket) socket.on('message', arrived)
    else socket.on('data', arrived)
    socket.on('error', reject)
  })
}

answerCommands(commands, 'ready')
