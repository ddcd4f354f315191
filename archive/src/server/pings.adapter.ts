import type { WebSocket } from 'ws'

/** Answers pings as long as the answers are read: whoever does not read them gets no more of them. */
export function answerPings(ws: WebSocket): void {
  ws.on('ping', (data) => answerPing(ws, data))
}

export function answerPing(ws: WebSocket, data: Buffer): void {
  if (ws.readyState === ws.OPEN && ws.bufferedAmount < maxBufferedBytes) ws.pong(data)
}

/** What a socket that is read at all takes within a moment. */
const maxBufferedBytes = 65_536
