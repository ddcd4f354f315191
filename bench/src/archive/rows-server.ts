import Database from 'better-sqlite3'
import type { WebSocket, WebSocketServer } from 'ws'
import { missedRows, rowBytes } from './names.js'

/** The floor of catching up: whoever connects is sent so many rows of a table, as they are. */
export function serveRows(server: WebSocketServer, folder: string): void {
  const database = new Database(`${folder}/rows.db`)
  database.pragma('journal_mode = WAL')
  database.exec('CREATE TABLE entries (seq INTEGER PRIMARY KEY, document, producer, n, bytes)')
  const insert = database.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?)')
  const bytes = Buffer.alloc(rowBytes, 'x')
  database.transaction(() => {
    for (let seq = 1; seq <= missedRows; seq++) insert.run(seq, seq % 100, 1, seq, bytes)
  })()
  const read = database
    .prepare('SELECT seq, document, producer, n, bytes FROM entries WHERE seq > ? LIMIT ?')
    .raw()
  server.on('connection', (socket, { url = '' }) => {
    sendRows(socket, read, Number(url.slice(url.lastIndexOf('/') + 1)))
  })
}

/** A page a turn, the next when the last has left: nothing piles up in memory. */
function sendRows(socket: WebSocket, read: Database.Statement, upTo: number): void {
  let at = 0
  const next = (): void => {
    if (at >= upTo) {
      socket.close()
      return
    }
    const page = read.all(at, Math.min(pageRows, upTo - at)) as Row[]
    at = page.at(-1)?.[0] ?? upTo
    socket.send(Buffer.concat(page.map((row) => row[4])), next)
  }
  next()
}

type Row = readonly [seq: number, document: number, producer: number, n: number, bytes: Buffer]

const pageRows = 4_096
