/** Plain HTTP: answers to requests, and to upgrades that are refused. */
import type { ErrorCode } from '@holdfast/peer/protocol'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket as TcpSocket } from 'node:net'
import type { Duplex } from 'node:stream'

/** An answer in place of the upgrade; the code is in its body. */
export function refuseUpgrade(socket: Duplex, status: number, code: ErrorCode): void {
  const body = JSON.stringify({ code })
  socket.on('error', () => void socket.destroy())
  socket.end(
    `HTTP/1.1 ${status} ${statusText[status] ?? ''}\r\nConnection: close\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  // The other side may keep its half open for ever: it is told, and that is that.
  ;(socket as TcpSocket).destroySoon()
}

const statusText: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  503: 'Service Unavailable',
}

/** A whole answer to a request. */
export function answer(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Cache-Control': 'no-store' })
  response.end(`${text.trimEnd()}\n`)
}

/** The path as it was sent. `new URL` would throw for some of what strangers send. */
export function pathOf(request: IncomingMessage): string {
  return request.url?.split('?')[0] ?? ''
}
