import { createServer, get, type IncomingMessage, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { generateKeyPairSync, sign } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { systemClock } from '@holdfast/peer/ports'
import { encodeRelayFrame } from '@holdfast/peer/protocol'
import {
  createSignalServer,
  createTokenVerifier,
  mintToken,
  type SignalServer,
  type SignalServerOptions,
} from '@holdfast/signal'
import { notes, SignalPeer } from './signal-peer.js'

const secret = 'a secret of thirty-two bytes or more'
const toClose: (() => unknown)[] = []

afterEach(async () => {
  for (const close of toClose.splice(0).toReversed()) await close()
})

describe('on real sockets', () => {
  test('[SIG-6] peers join, signal and are told of who is lost', async () => {
    const server = await signalServer()
    const a = await joined(server)
    const b = await joined(server)
    await a.until(() => a.of('neighbours').length > 0)
    a.say({ type: 'signal', collection: notes, to: b.id, data: 'offer' })
    await b.until(() => b.of('signal').length > 0)
    expect(b.of('signal')[0]).toMatchObject({ from: a.id, access: 'admin', data: 'offer' })
    b.close()
    await a.until(() => a.of('neighbours').length > 1)
    expect(a.of('neighbours')[1]?.remove).toEqual([{ id: b.id, why: 'lost' }])
  })

  test('[SIG-22] frames are relayed unchanged, many windows of them', async () => {
    const server = await signalServer({
      limits: { relayBytesPerSecond: 1e9, relayTotalBytesPerSecond: 1e9 },
    })
    const [a, b] = [await joined(server), await joined(server)]
    a.say({ type: 'relay-open', collection: notes, to: b.id })
    await b.until(() => b.of('relay-wanted').length > 0)
    b.say({ type: 'relay-open', collection: notes, to: a.id })
    await a.until(() => a.of('relay-opened').length > 0)
    const { channel = 0, windowBytes = 0 } = a.of('relay-opened')[0] ?? {}
    let creditBytes = windowBytes
    for (let number = 0; number < 100; number++) {
      const frame = new Uint8Array(16_384).fill(number)
      let credits = a.of('relay-credit').length
      while (creditBytes < frame.length) {
        await a.until(() => a.of('relay-credit').length > credits)
        creditBytes += a.of('relay-credit')[credits++]?.bytes ?? 0
      }
      creditBytes -= frame.length
      a.socket.send(encodeRelayFrame(channel, frame))
    }
    await b.until(() => b.frames.length === 100)
    for (const [number, frame] of b.frames.entries()) {
      expect(frame.subarray(5).every((byte) => byte === number)).toBe(true)
      expect(frame.length).toBe(16_389)
    }
  })

  test('[SIG-3] what WebSocket itself forbids is closed, counted, and harms nobody', async () => {
    const server = await signalServer()
    const peer = await joined(server)
    const large = new SignalPeer(server.port)
    toClose.push(() => large.close())
    await large.opened()
    large.socket.send('x'.repeat(200_000))
    expect((await large.whenClosed()).code).toBe(1009)

    const raw = await rawSocket(server)
    raw.socket.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff))
    await raw.closed
    expect([...server.counters.refusals]).toEqual([
      ['too-large', 1],
      ['malformed', 1],
    ])
    peer.say({ type: 'ping' })
    await peer.until(() => peer.of('pong').length > 0)
  })

  test('[SIG-17] a flood of WebSocket pings is closed', async () => {
    const server = await signalServer()
    const peer = await joined(server)
    for (let count = 0; count < 2_000; count++) peer.socket.ping()
    expect(await peer.whenClosed()).toEqual({ code: 4005, reason: 'rate-limited' })
  })

  test('[K15] a socket that never reads is cut off, and the memory comes back', async () => {
    const server = await signalServer({ limits: { messageBurst: 1e6, byteBurst: 1e9 } })
    const [a, b] = [await joined(server), await joined(server)]
    // The kernel keeps some megabytes for the one who does not read; then the server has to.
    b.socket.pause()
    const data = 'x'.repeat(16_384)
    while (server.counters.closes.get('slow-reader') === undefined) {
      for (let count = 0; count < 64; count++) {
        a.say({ type: 'signal', collection: notes, to: b.id, data })
      }
      a.say({ type: 'ping' })
      const pongs = a.of('pong').length
      await a.until(() => a.of('pong').length > pongs)
    }
    await a.until(() => a.of('neighbours').some(({ remove }) => remove.length > 0))
    expect(server.counters).toMatchObject({ members: 1, sockets: 1 })
  })
})

describe('who is let in', () => {
  test('[SIG-25] no public address without tokens, unless it is asked for by name', async () => {
    await expect(createSignalServer({ host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
      code: 'open-refused',
    })
    const open = await signalServer({ host: '0.0.0.0', open: true })
    expect(open.port).toBeGreaterThan(0)
  })

  test('[SIG-25] mounted on a public server without tokens, only this machine is served', async () => {
    const address = Object.values(networkInterfaces())
      .flat()
      .find((known) => known?.internal === false && known.family === 'IPv4')?.address
    const http = createServer()
    toClose.push(() => http.close())
    await new Promise<void>((resolve) => void http.listen(0, '0.0.0.0', resolve))
    await signalServer({ server: http })
    const { port } = http.address() as AddressInfo
    const local = new SignalPeer(port)
    toClose.push(() => local.close())
    await local.opened()
    expect(local.closed).toBeUndefined()
    // A machine with nothing but loopback has no other address to come by.
    const remote =
      address === undefined
        ? [403, 'forbidden']
        : await upgradeStatus(`http://${address}:${port}/signal`)
    expect(remote).toEqual([403, 'forbidden'])
  })

  test('[SIG-25] web pages from elsewhere do not reach a server on loopback that asks no token', async () => {
    const server = await signalServer()
    const statusFrom = (Origin: string) => upgradeStatus(urlOf(server), { Origin })
    for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'null', 'x']) {
      expect([origin, await statusFrom(origin)]).toEqual([origin, [403, 'origin-not-allowed']])
    }
    for (const origin of ['http://localhost:5173', 'http://127.0.0.1', 'http://[::1]:80']) {
      expect([origin, await statusFrom(origin)]).toEqual([origin, [101, '']])
    }
    expect(server.counters.refusals.get('origin-not-allowed')).toBe(4)
  })

  test('[SIG-25] an allow-list of origins holds for browsers, with and without tokens', async () => {
    const server = await signalServer({ origins: ['https://*.example.org', 'https://a.test'] })
    const statusFrom = (Origin: string) => upgradeStatus(urlOf(server), { Origin })
    expect(await statusFrom('https://app.example.org')).toEqual([101, ''])
    expect(await statusFrom('https://a.test')).toEqual([101, ''])
    for (const origin of ['https://a.test:8443', 'http://a.test', 'https://example.org', 'null']) {
      expect([origin, await statusFrom(origin)]).toEqual([origin, [403, 'origin-not-allowed']])
    }
    expect(await upgradeStatus(urlOf(server))).toEqual([101, ''])
  })

  test('[SIG-26] so many sockets an address and in all, and places become free again', async () => {
    const server = await signalServer({
      limits: { maxSocketsPerAddress: 2, maxSockets: 4 },
      trustedProxies: 1,
    })
    const from = (address: string) =>
      upgradeStatus(urlOf(server), { 'X-Forwarded-For': `forged, ${address}` })
    const places = [await held(server, '10.0.0.1'), await held(server, '10.0.0.1')]
    expect(await from('10.0.0.1')).toEqual([503, 'too-many'])
    // Everybody in one IPv6 network of the smallest size counts as one.
    places.push(await held(server, '2001:db8::1'), await held(server, '2001:db8:0:0:9::'))
    expect(await from('2001:db8::2')).toEqual([503, 'too-many'])
    expect(await from('10.0.0.2')).toEqual([503, 'too-many'])
    expect(server.counters.refusals.get('too-many')).toBe(3)
    for (const place of places.splice(0, 1)) {
      place.terminate()
      await once(place, 'close')
    }
    while (server.counters.sockets > 3) await turn()
    expect(await from('::ffff:10.0.0.1')).toEqual([101, ''])
  })

  test('[K13] a verifier that fails costs the one who asked, on both paths', async () => {
    const server = await signalServer({
      tokens: { verify: () => Promise.reject(new Error('out of order')) },
    })
    const peer = new SignalPeer(server.port)
    toClose.push(() => peer.close())
    await peer.opened()
    peer.join({ token: 'x' })
    expect(await peer.whenClosed()).toEqual({ code: 4011, reason: 'internal' })
    const other = new SignalPeer(server.port, {}, '/y-webrtc?token=x')
    expect((await other.whenClosed()).code).toBe(1006)
    expect(await page(server, '/healthz')).toEqual([200, 'ok\n'])
  })

  test('[SIG-11] tokens of keys behind a URL are accepted, and its failure is not the bearer’s', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    let isUp = false
    const keys = createServer((_request, response) => {
      response.statusCode = isUp ? 200 : 500
      response.setHeader('Content-Type', 'application/json')
      response.end(
        JSON.stringify({
          keys: [{ ...publicKey.export({ format: 'jwk' }), alg: 'ES256', kid: '1' }],
        }),
      )
    })
    const port = await listening(keys)
    const verifier = await createTokenVerifier({ jwks: `http://127.0.0.1:${port}/` }, systemClock)
    const claims = { holdfast: { notes: 'read' }, exp: Math.floor(systemClock.now() / 1000) + 60 }
    const signed = `${encoded({ alg: 'ES256', kid: '1' })}.${encoded(claims)}`
    const key = { key: privateKey, dsaEncoding: 'ieee-p1363' as const }
    const token = `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`

    const server = await signalServer({ tokens: verifier })
    const peer = new SignalPeer(server.port)
    toClose.push(() => peer.close())
    await peer.opened()
    peer.join({ token })
    await peer.until(() => peer.of('error').length > 0)
    expect(peer.of('error')[0]?.code).toBe('unavailable')
    isUp = true
    peer.join({ token })
    await peer.until(() => peer.of('joined').length > 0)
    expect(peer.of('joined')[0]?.access).toBe('read')
  })
})

describe('sockets that never speak', () => {
  test('[SIG-16] are closed when the time for the proof is over, also before they are WebSockets', async () => {
    const server = await signalServer({ limits: { proofMs: 300, closeMs: 100 } })
    const silent = new SignalPeer(server.port)
    // An upgrade that never ends, and a WebSocket that stops in the middle of a message.
    const half = connect(server.port, '127.0.0.1')
    const halfClosed = once(half.resume(), 'close')
    half.write('GET /signal HTTP/1.1\r\nHost: x\r\n')
    const partial = await rawSocket(server)
    partial.socket.write(Uint8Array.of(0x81, 0xfe, 0xff))
    expect(await silent.whenClosed()).toEqual({ code: 4007, reason: 'timeout' })
    await Promise.all([partial.closed, halfClosed])
    expect(server.counters.sockets).toBe(0)
  })
})

describe('operations', () => {
  test('[SIG-29] health, readiness and metrics are answered, everything else is not here', async () => {
    const server = await signalServer({ processMetrics: true })
    await joined(server)
    const bad = new SignalPeer(server.port)
    await bad.opened()
    bad.socket.send('garbage')
    await bad.whenClosed()
    expect(await page(server, '/healthz')).toEqual([200, 'ok\n'])
    expect(await page(server, '/readyz')).toEqual([200, 'ok\n'])
    expect((await page(server, '/'))[0]).toBe(404)
    expect((await page(server, '/signal'))[0]).toBe(426)
    const [status, metrics] = await page(server, '/metrics?x')
    expect(status).toBe(200)
    for (const line of [
      'holdfast_signal_sockets 1',
      'holdfast_signal_rooms 1',
      'holdfast_signal_joins_total 1',
      'holdfast_signal_refusals_total{code="malformed"} 1',
      'holdfast_signal_closes_total{code="malformed"} 1',
    ]) {
      expect(metrics.split('\n')).toContain(line)
    }
    expect(metrics).toMatch(/^holdfast_signal_deliveries_total \d+$/m)
    expect(metrics).toMatch(/^process_resident_memory_bytes /m)
  })

  test('[SIG-28] closing drains: told, closed, not ready, gone; and again is nothing', async () => {
    const server = await signalServer()
    const peers = await Promise.all(Array.from({ length: 10 }, () => joined(server)))
    const closing = server.close()
    expect(server.close()).toBe(closing)
    for (const peer of peers) {
      expect(await peer.whenClosed()).toEqual({ code: 4009, reason: 'going-away' })
      expect(peer.of('drain')[0]?.retryAfterMs).toBeGreaterThanOrEqual(500)
    }
    await closing
    expect(server.counters.sockets).toBe(0)
    await expect(fetch(urlOf(server))).rejects.toThrow('fetch failed')
  })

  test('[SIG-28] closing does not wait for those who do not answer', async () => {
    const server = await signalServer({ limits: { closeMs: 200 } })
    const raw = await rawSocket(server)
    const peer = await joined(server)
    peer.socket.pause()
    await server.close()
    await raw.closed
    expect(server.counters.sockets).toBe(0)
  })

  test('[SIG-31] mounted on a host’s server it takes its own paths and leaves the rest alone', async () => {
    const http = createServer((request, response) => {
      if (!signal.handleRequest(request, response)) response.end('the host')
    })
    const other = new WebSocketServer({ noServer: true })
    http.on('upgrade', (request: IncomingMessage, socket, head) => {
      if (request.url === '/other')
        other.handleUpgrade(request, socket, head, (ws) => ws.send('other'))
    })
    const port = await listening(http)
    const signal = await createSignalServer({ server: http, path: '/sync/signal' })
    toClose.push(() => signal.close())
    expect(signal.port).toBe(port)

    const theirs = new WebSocket(`ws://127.0.0.1:${port}/other`)
    expect(String((await once(theirs, 'message'))[0])).toBe('other')
    const ours = new SignalPeer(port, {}, '/sync/signal')
    await ours.opened()
    ours.join()
    await ours.until(() => ours.of('joined').length > 0)
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('the host')
    expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text()).toBe('ok\n')

    await signal.close()
    expect((await ours.whenClosed()).code).toBe(4009)
    expect(theirs.readyState).toBe(WebSocket.OPEN)
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('the host')
    theirs.terminate()
  })

  test('[SIG-29] logs hold neither tokens nor payloads', async () => {
    const lines: string[] = []
    const write = (message: string, fields?: object): void => {
      lines.push(`${message} ${JSON.stringify(fields)}`)
    }
    const server = await signalServer({
      tokens: await createTokenVerifier({ secret }, systemClock),
      logger: { error: write, info: write, debug: write },
    })
    const token = await mintToken(
      { secret, access: { notes: 'write' }, expiresInMs: 60_000 },
      systemClock,
    )
    const a = await joined(server, { token })
    a.join({ token: `${token}x`, collection: 'elsewhere' as typeof notes })
    a.say({ type: 'signal', collection: notes, to: a.id, data: 'payload' })
    await a.until(() => a.of('error').length === 2)
    a.socket.send(`{"type":"join","token":"${token}"}payload`)
    await a.whenClosed()
    expect(lines.length).toBeGreaterThan(2)
    for (const line of lines) {
      expect(line).not.toContain(token.slice(-20))
      expect(line).not.toContain('payload')
    }
  })
})

async function signalServer(options: SignalServerOptions = {}): Promise<SignalServer> {
  const server = await createSignalServer({ port: 0, ...options })
  toClose.push(() => server.close())
  return server
}

async function joined(server: SignalServer, extra = {}): Promise<SignalPeer> {
  const peer = await SignalPeer.joined(server.port, extra)
  toClose.push(() => peer.close())
  return peer
}

async function listening(http: Server): Promise<number> {
  await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve))
  toClose.push(() => {
    http.close()
    http.closeAllConnections()
  })
  return (http.address() as AddressInfo).port
}

function urlOf(server: SignalServer): string {
  return `http://127.0.0.1:${server.port}/signal`
}

async function page(server: SignalServer, path: string): Promise<[number, string]> {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`)
  return [response.status, await response.text()]
}

const upgradeHeaders = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'MDEyMzQ1Njc4OWFiY2RlZg==',
}

/** How an upgrade is answered: the status, and the code in the body of a refusal. */
async function upgradeStatus(
  url: string,
  headers: Record<string, string> = {},
): Promise<[number, string]> {
  const request = get(url, { headers: { ...upgradeHeaders, ...headers } })
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('upgrade', (_response, socket) => {
      socket.destroy()
      resolve([101, ''])
    })
    request.on('response', (response) => resolve(refusalIn(response)))
  })
}

async function refusalIn(response: IncomingMessage): Promise<[number, string]> {
  const { code } = JSON.parse(await text(response)) as { code: string }
  return [response.statusCode ?? 0, code]
}

async function held(server: SignalServer, address: string): Promise<WebSocket> {
  const headers = { 'X-Forwarded-For': `forged, ${address}` }
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/signal`, { headers })
  toClose.push(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

/** A WebSocket after its upgrade, byte by byte. */
async function rawSocket(
  server: SignalServer,
): Promise<{ socket: Socket; closed: Promise<unknown> }> {
  const socket = connect(server.port, '127.0.0.1')
  const closed = once(socket, 'close')
  toClose.push(() => socket.destroy())
  socket.on('error', () => {})
  const lines = Object.entries(upgradeHeaders).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET /signal HTTP/1.1\r\nHost: x\r\n${lines.join('')}\r\n`)
  await once(socket, 'data')
  return { socket, closed }
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
