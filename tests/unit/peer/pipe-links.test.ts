import { maxLinkBufferBytes, portLink, webSocketLink } from '@holdfast/peer'
import type { Link, LinkClosed, WebSocketLike } from '@holdfast/peer/ports'
import { MessageChannel } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { until } from '../../contract/real-subject.js'

test('[LINKS-9] frames sent before a socket is open wait for it, in order', async () => {
  const socket = new Socket()
  const link = webSocketLink(socket)
  link.send(Uint8Array.of(1))
  link.send(Uint8Array.of(2))
  expect(socket.sent).toEqual([])
  expect(link.bufferedBytes).toBe(2)
  socket.open()
  link.send(Uint8Array.of(3))
  expect(socket.sent).toEqual([[1], [2], [3]])
  expect(link.bufferedBytes).toBe(0)
})

test('[LINKS-9] [I15] what waits for a socket that does not open is bounded', async () => {
  const socket = new Socket()
  const link = webSocketLink(socket)
  const closes = closesOf(link)
  for (let bytes = 0; bytes <= maxLinkBufferBytes; bytes += link.maxFrameBytes) {
    link.send(new Uint8Array(link.maxFrameBytes))
  }
  await until(() => closes.length > 0)
  expect(closes).toMatchObject([{ by: 'failed' }])
  expect(socket.closedWith).toBe(4000)
  expect(link.bufferedBytes).toBe(0)
})

test('[LINKS-9] a closing handshake is the other side, a socket that breaks is a failure', async () => {
  for (const [wasClean, by] of [
    [true, 'remote'],
    [false, 'failed'],
  ] as const) {
    const socket = new Socket()
    const closes = closesOf(webSocketLink(socket))
    socket.open()
    socket.onclose?.({ wasClean, code: 1000 } as never)
    await until(() => closes.length > 0)
    expect(closes).toMatchObject([{ by }])
  }
  const dead = new Socket()
  dead.readyState = 3
  const closes = closesOf(webSocketLink(dead))
  await until(() => closes.length > 0)
  expect(closes).toMatchObject([{ by: 'failed' }])
})

test('[LINKS-10] [K13] what is not a frame ends the link as failed: text, objects, too much at once', async () => {
  for (const data of ['text', new ArrayBuffer(70_000)]) {
    const socket = new Socket()
    const closes = closesOf(webSocketLink(socket))
    socket.open()
    socket.onmessage?.({ data } as never)
    await until(() => closes.length > 0)
    expect(closes).toMatchObject([{ by: 'failed' }])
    expect(socket.closedWith).toBe(4000)
  }
  for (const message of ['text', { frame: 1 }, new ArrayBuffer(70_000)]) {
    const { port1, port2 } = new MessageChannel()
    const closes = closesOf(portLink(port1))
    port2.postMessage(message, [])
    await until(() => closes.length > 0)
    expect(closes).toMatchObject([{ by: 'failed' }])
  }
})

test('[LINKS-10] a send that throws ends the link as failed, and nothing is thrown', async () => {
  const socket = new Socket()
  const link = webSocketLink(socket)
  const closes = closesOf(link)
  socket.open()
  socket.send = () => {
    throw new Error('the platform had enough')
  }
  link.send(Uint8Array.of(1))
  await until(() => closes.length > 0)
  expect(closes).toMatchObject([{ by: 'failed' }])
})

test('[LINKS-9] a port whose other end vanishes without a word has failed', async () => {
  const { port1, port2 } = new MessageChannel()
  const closes = closesOf(portLink(port1))
  port2.close()
  await until(() => closes.length > 0)
  expect(closes).toMatchObject([{ by: 'failed' }])
})

/** A WebSocket that does what the test says. */
class Socket implements WebSocketLike {
  binaryType = ''
  readyState = 0
  readonly bufferedAmount = 0
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  onerror: ((event: never) => void) | null = null
  readonly sent: number[][] = []
  closedWith: number | undefined

  open(): void {
    this.readyState = 1
    this.onopen?.({} as never)
  }

  send(data: string | Uint8Array): void {
    this.sent.push([...(data as Uint8Array)])
  }

  close(code?: number): void {
    this.closedWith = code
  }
}

function closesOf(link: Link): LinkClosed[] {
  const closes: LinkClosed[] = []
  link.onClose((closed) => closes.push(closed))
  return closes
}
