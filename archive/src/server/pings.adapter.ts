import type { WebSocket } from 'ws'

/** Answers pings as long as the answers are read: whoever does not read them gets no more of them. */
export function answerPings(ws: WebSocket): void {
  ws.on('ping', answer)
}

/** One for all sockets: `ws` calls it on the one that heard the ping. */
function answer(this: WebSocket, data: Buffer): void {
  if (this.readyState === this.OPEN && this.bufferedAmount < maxBufferedBytes) this.pong(data)
}

/** What a socket that is read at all takes within a moment. */
const maxBufferedBytes = 65_536
