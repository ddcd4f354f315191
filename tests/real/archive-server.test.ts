import { once } from 'node:events'
import { readdir, rename } from 'node:fs/promises'
import {
  createServer,
  request,
  type IncomingMessage,
  type ServerResponse,
  type OutgoingHttpHeaders,
  type Server,
} from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { createArchive } from '@holdfast/archive'
import { silentLogger, systemClock } from '@holdfast/peer/ports'
import type { Access, DocumentId } from '@holdfast/peer/protocol'
import { SeededRandom } from '@holdfast/peer/testing'
import { createSignalServer, createTokenVerifier, mintToken } from '@holdfast/signal'
import { seedsFromEnvironment } from '../sim/seeds.js'
import { ArchivePeer } from './archive-peer.js'
import { ArchiveServer, until } from './archive-server.js'

const secret = 'a secret of thirty-two bytes or more'
const first = { id: 'first' as DocumentId, generation: 0 }
const toClose: (() => unknown)[] = []

afterEach(async () => {
  for (const close of toClose.splice(0).toReversed()) await close()
})

describe('peers', () => {
  test('[SRV-3] push, are answered, and are streamed what others push, y-websocket clients too', async () => {
    const server = await started({ tokens: await verifier() })
    const writer = ArchivePeer.connect(server.port, await tokenFor({ notes: 'write' }))
    await writer.hears('hello')
    const reader = ArchivePeer.connect(server.port, await tokenFor({ notes: 'read' }))
    await reader.hears('hello')
    reader.subscribe()
    await reader.hears('subscribed')
    const doc = new Y.Doc()
    writer.push(doc, first, (body) => body.insert(0, 'from the mesh'))
    expect((await writer.hears('committed')).results).toHaveLength(1)

    const y = await server
      .client('notes/first', { token: await tokenFor({ notes: 'write' }) })
      .synced()
    expect(y.words).toBe('from the mesh')
    y.text.insert(0, 'and y-websocket, ')
    const copy = new Y.Doc()
    await until(() => reader.rows.length === 2)
    for (const bytes of reader.rows) Y.applyUpdate(copy, bytes)
    expect(copy.getText('body').toJSON()).toBe('and y-websocket, from the mesh')
  })

  test('[SRV-3] without a token, or with a wrong one, nobody gets past the hello', async () => {
    const server = await started({ tokens: await verifier() })
    const none = ArchivePeer.connect(server.port)
    const wrong = ArchivePeer.connect(server.port, await tokenFor({ drafts: 'write' }))
    await until(() => none.closed !== undefined && wrong.closed !== undefined)
    expect([none.closed?.code, wrong.closed?.code]).toEqual(['unauthenticated', 'forbidden'])
  })
})

describe('who is let in', () => {
  test('[SRV-1] a public address without keys is refused, unless asked for by name', async () => {
    const server = await started()
    const options = { folder: join(server.folder, 'other'), host: '0.0.0.0', port: 0 }
    await expect(createArchive(options)).rejects.toMatchObject({ code: 'open-refused' })
    expect(await readdir(server.folder)).not.toContain('other')
  })

  test('[SRV-1] without keys pages of elsewhere stay out; with an allow-list all that are not on it', async () => {
    const open = await started()
    expect(await upgrade(open, '/archive', { Origin: 'https://evil.example' })).toBe(403)
    expect(await upgrade(open, '/yjs/notes/first', { Origin: 'https://evil.example' })).toBe(403)
    expect(await upgrade(open, '/archive', { Origin: 'http://localhost:5173' })).toBe(101)
    expect(await upgrade(open, '/archive')).toBe(101)
    const listed = await started({ origins: ['https://*.example.org'] })
    expect(await upgrade(listed, '/archive', { Origin: 'https://app.example.org' })).toBe(101)
    expect(await upgrade(listed, '/archive', { Origin: 'http://localhost:5173' })).toBe(403)
    expect(listed.archive.counters.refusals.get('origin-not-allowed')).toBe(1)
  })

  test('[SRV-1] on a public server without keys only this machine is served', async () => {
    const server = await started()
    const http = createServer()
    await listening(http, '0.0.0.0')
    const folder = join(server.folder, 'public')
    const archive = await createArchive({ server: http, folder, logger: silentLogger })
    toClose.push(() => archive.close())
    const { port } = archive
    expect(await upgrade({ port }, '/archive')).toBe(101)
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((known) => known?.internal === false && known.family === 'IPv4')?.address
    // A machine with nothing but loopback has no other address to come by.
    const host = outside ?? '127.0.0.1'
    const expected = outside === undefined ? 101 : 403
    expect(await upgrade({ port, host }, '/archive')).toBe(expected)
    expect(await upgrade({ port, host }, '/yjs/notes/first')).toBe(expected)
  })

  test('[SRV-2] sockets in all and from one address are limited, and their places given back', async () => {
    const server = await started({
      trustedProxies: 1,
      limits: { server: { maxSockets: 3, maxSocketsPerAddress: 2 } },
    })
    const from = (address: string): Promise<number> =>
      upgrade(server, '/archive', { 'X-Forwarded-For': `1.1.1.1, ${address}` }, 'keep')
    expect(await from('10.0.0.1')).toBe(101)
    expect(await from('10.0.0.1')).toBe(101)
    expect(await from('10.0.0.1')).toBe(503)
    expect(await from('10.0.0.2')).toBe(101)
    expect(await from('10.0.0.3')).toBe(503)
    expect(server.archive.counters.sockets).toBe(3)
    for (const socket of kept.splice(0)) socket.destroy()
    await until(() => server.archive.counters.sockets === 0)
    expect(await from('10.0.0.1')).toBe(101)
  })
})

describe('operations', () => {
  test('[SRV-4] readiness follows the disk and the log', async () => {
    let aheadMs = 0
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs }
    const server = await started({ clock })
    expect(await answerTo(server, '/healthz')).toEqual([200, 'ok\n'])
    expect(await answerTo(server, '/readyz')).toEqual([200, 'ok\n'])
    await rename(server.folder, `${server.folder}-gone`)
    // The disk is not asked at every question.
    expect(await answerTo(server, '/readyz')).toEqual([200, 'ok\n'])
    aheadMs += 6_000
    expect(await answerTo(server, '/readyz')).toEqual([503, 'disk-not-writable\n'])
    expect(await answerTo(server, '/healthz')).toEqual([200, 'ok\n'])
    await rename(`${server.folder}-gone`, server.folder)
    aheadMs += 6_000
    expect(await answerTo(server, '/archive/readyz')).toEqual([200, 'ok\n'])
    await server.archive.log.close()
    aheadMs += 6_000
    expect(await answerTo(server, '/readyz')).toEqual([503, 'log-closed\n'])
  })

  test('[SRV-5] metrics tell of appends, commits, readers, refusals and the disk', async () => {
    const server = await started({ processMetrics: true })
    const peer = ArchivePeer.connect(server.port)
    await peer.hears('hello')
    peer.subscribe()
    await peer.hears('subscribed')
    peer.push(new Y.Doc(), first, (body) => body.insert(0, 'counted'))
    await peer.hears('committed')
    peer.channel.send({
      type: 'push',
      ops: [
        {
          kind: 'live',
          op: { instance: peer.instance, n: 9 },
          document: first,
          bytes: Uint8Array.of(1, 2, 3),
        },
      ],
    })
    await peer.hears('refused')
    const metric = async (name: string): Promise<number | undefined> =>
      server.metric(`holdfast_archive_${name}`)
    expect(await metric('appended_total')).toBe(1)
    expect(await metric('commit_seconds_count')).toBe(2)
    expect(await metric('readers')).toBe(1)
    expect(await metric('sockets')).toBe(1)
    expect(await metric('ready')).toBe(1)
    expect(await metric('refusals_total{at="op",code="malformed-update"}')).toBe(1)
    expect(await metric('disk_free_bytes')).toBeGreaterThan(0)
    for (const name of ['groups_total', 'wal_bytes', 'file_bytes', 'documents', 'last_group_ops']) {
      expect([name, ((await metric(name)) ?? 0) > 0]).toEqual([name, true])
    }
    for (const name of [
      'readers_paused',
      'reader_lag_entries',
      'quarantined',
      'compactions_total',
      'freed_rows_total',
      'freed_bytes_total',
    ]) {
      expect([name, await metric(name)]).toEqual([name, expect.any(Number)])
    }
    expect(await server.metric('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0)
  })
})

test('[SRV-5] an archive for this machine alone tells its metrics to nobody who was led here by another name', async () => {
  const server = await started()
  expect(await metricsStatus(server, 'localhost:1')).toBe(200)
  expect(await metricsStatus(server, '[::1]:1')).toBe(200)
  expect(await metricsStatus(server, 'rebound.example')).toBe(403)
  expect(await metricsStatus(server, 'localhost.rebound.example')).toBe(403)
  const guarded = await started({ tokens: await verifier() })
  expect(await metricsStatus(guarded, 'archive.example')).toBe(200)
})

describe('the admin API', () => {
  test('[SRV-6] answers this machine, and neither pages, nor names that lead here, nor proxies', async () => {
    const server = await started()
    const status = async (headers: OutgoingHttpHeaders): Promise<number> =>
      (await ask(server, 'GET', '/admin/leases?collection=notes', headers)).status
    expect(await status({})).toBe(200)
    expect(await status({ Host: 'localhost:1' })).toBe(200)
    expect(await status({ Origin: 'http://localhost:5173' })).toBe(403)
    expect(await status({ 'Sec-Fetch-Site': 'cross-site' })).toBe(403)
    expect(await status({ 'Sec-Fetch-Site': 'same-origin' })).toBe(403)
    expect(await status({ 'Sec-Fetch-Site': 'none' })).toBe(200)
    expect(await status({ Host: 'rebound.example' })).toBe(401)
    expect(await status({ 'X-Forwarded-For': '127.0.0.1' })).toBe(401)
    expect(await status({ Via: '1.1 proxy' })).toBe(401)
    expect((await ask(server, 'GET', '/admin/compact')).status).toBe(405)
    expect((await ask(server, 'POST', '/admin/inspect')).status).toBe(405)
    expect((await ask(server, 'GET', '/admin/__proto__')).status).toBe(404)
    expect((await ask(server, 'GET', '/admin/leases?collection=%01')).status).toBe(400)
    expect((await ask(server, 'GET', '/admin/leases?what=ever')).status).toBe(400)
  })

  test('[SRV-6] behind proxies answers to tokens alone, as a proxy may look like this machine', async () => {
    const server = await started({ tokens: await verifier(), trustedProxies: 1 })
    const leases = '/admin/leases?collection=notes'
    expect((await ask(server, 'GET', leases)).status).toBe(401)
    const headers = { Authorization: `Bearer ${await tokenFor({ notes: 'admin' })}` }
    expect((await ask(server, 'GET', leases, headers)).status).toBe(200)
  })

  test('[SRV-6] takes the admin scope, of one collection for what concerns it, of all for the rest', async () => {
    const server = await started({ tokens: await verifier() })
    const status = async (
      method: string,
      path: string,
      access: Record<string, Access>,
    ): Promise<number> => {
      const headers = {
        Host: 'archive.example',
        Authorization: `Bearer ${await tokenFor(access)}`,
      }
      return (await ask(server, method, path, headers)).status
    }
    const leases = '/admin/leases?collection=notes'
    expect(await status('GET', leases, { notes: 'write' })).toBe(403)
    expect(await status('GET', leases, { notes: 'admin' })).toBe(200)
    expect(await status('GET', leases, { drafts: 'admin' })).toBe(403)
    expect(await status('POST', '/admin/compact', { notes: 'admin' })).toBe(403)
    expect(await status('POST', '/admin/compact', { '*': 'admin' })).toBe(200)
    const wrong = { Authorization: 'Bearer wrong', Host: 'archive.example' }
    expect((await ask(server, 'GET', leases, wrong)).status).toBe(401)
    // A token is held to what it says, also on this machine.
    expect((await ask(server, 'GET', leases, { Authorization: 'Bearer wrong' })).status).toBe(401)
  })

  test('[SRV-7] inspects, compacts, verifies and backs up a log that is being served', async () => {
    const server = await started()
    const peer = ArchivePeer.connect(server.port)
    await peer.hears('hello')
    const doc = new Y.Doc()
    for (let at = 0; at < 20; at++) peer.push(doc, first, (body) => body.insert(0, `${at} `))
    await until(() => peer.all('committed').flatMap(({ results }) => results).length === 20)

    const inspected = await ask(server, 'GET', '/admin/inspect?limit=5')
    expect(inspected).toMatchObject({
      status: 200,
      body: {
        log: { collections: [{ name: 'notes', head: 20, rows: 20 }] },
        archive: { node: { sessions: 1 }, statistics: { appended: 20 } },
      },
    })
    const many = await Promise.all(
      Array.from({ length: 5 }, () => ask(server, 'GET', '/admin/inspect')),
    )
    expect(many.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200, 200, 200, 200, 409,
    ])
    const compacted = await ask(server, 'POST', '/admin/compact?collection=notes&document=first')
    expect(compacted).toMatchObject({
      status: 200,
      body: { reports: [{ status: 'compacted', through: 20, removed: 20 }] },
    })
    const verified = await ask(server, 'POST', '/admin/verify')
    expect(verified).toMatchObject({
      status: 200,
      body: { isWhole: true, checked: { documents: 1 } },
    })
    const backedUp = await ask(server, 'POST', '/admin/backup?name=monday.db')
    expect(backedUp).toMatchObject({ status: 200, body: { verified: { isWhole: true } } })
    expect(await readdir(join(server.folder, 'backups'))).toEqual(['monday.db'])
    expect((await ask(server, 'POST', '/admin/backup?name=monday.db')).status).toBe(400)
    for (const name of ['..%2Fmonday.db', '.hidden', '', '%2Ftmp%2Fx']) {
      const { status } = await ask(server, 'POST', `/admin/backup?name=${name}`)
      expect([name, status]).toEqual([name, 400])
    }
    expect(await server.metric('holdfast_archive_compactions_total')).toBe(1)
    expect(peer.closed).toBeUndefined()
  })

  test('[SRV-7] what a reader offers is listed, and taken on an administrator’s word', async () => {
    const server = await started({ tokens: await verifier() })
    const reader = ArchivePeer.connect(server.port, await tokenFor({ notes: 'read' }))
    await reader.hears('hello')
    reader.subscribe()
    await reader.hears('subscribed')
    reader.channel.send({ type: 'offer', documents: [{ document: first, bytes: 900 }] })
    const offers = async (): Promise<unknown> =>
      (await ask(server, 'GET', '/admin/offers?collection=notes')).body
    await until(async () => JSON.stringify(await offers()).includes('first'))
    expect(await offers()).toMatchObject({
      offers: [{ document: first, bytes: 900, instance: reader.instance }],
    })
    const accept = '/admin/accept?collection=notes&document=first&instance='
    expect((await ask(server, 'POST', `${accept}${'ab'.repeat(16)}`)).status).toBe(404)
    expect((await ask(server, 'POST', `${accept}${reader.instance}`)).status).toBe(200)
    expect(await reader.hears('state')).toMatchObject({ document: first })
  })

  test('[SRV-5] the compactor asks a peer first, goes on without an answer, and is counted', async () => {
    const server = await started({
      policy: { ripeRows: 20, ripeBytes: 100 },
      compaction: { wakeAfterCommitMs: 10, wakeEveryMs: 100 },
      limits: { node: { hintWithinMs: 200 } },
    })
    const peer = ArchivePeer.connect(server.port)
    await peer.hears('hello')
    peer.subscribe()
    await peer.hears('subscribed')
    const doc = new Y.Doc()
    for (let at = 0; at < 40; at++) peer.push(doc, first, (body) => body.insert(0, 'word '))
    await until(() => peer.all('committed').flatMap(({ results }) => results).length === 40)
    peer.channel.send({ type: 'ack', subscription: 1, seq: 40 })
    await until(async () => (await server.metric('holdfast_archive_compactions_total')) === 1)
    expect(await server.metric('holdfast_archive_freed_rows_total')).toBeGreaterThan(0)
    expect(server.archive.node.stats().hintsAsked).toBe(1)
  })
})

describe('closing', () => {
  test('[SRV-8] answers what was pushed, tells everybody to come back, and frees the log', async () => {
    const server = await started()
    const peer = ArchivePeer.connect(server.port)
    await peer.hears('hello')
    const y = await server.client('notes/first').synced()
    y.provider.shouldConnect = true
    peer.push(new Y.Doc(), { id: 'second' as DocumentId, generation: 0 }, (body) =>
      body.insert(0, 'just in time'),
    )
    await peer.hears('committed')
    const closing = server.archive.close()
    expect(await upgrade(server, '/archive')).not.toBe(101)
    await closing
    await until(() => peer.closed !== undefined)
    expect(peer.closed).toMatchObject({ by: 'remote', code: 'going-away' })
    expect(peer.closed?.retryAfterMs).toBeGreaterThan(0)
    await until(() => y.closed.length > 0)
    expect(y.closed[0]).toBe(4509)
    await server.stop()
    await server.open()
    await y.synced()
  })

  test('[SRV-8] tells whoever waits for a tool that it is over', async () => {
    for (;;) {
      const server = await started()
      // One is under way when the other is refused.
      const verifying = [1, 2].map(() => ask(server, 'POST', '/admin/verify'))
      expect((await Promise.race(verifying)).status).toBe(409)
      await server.stop()
      const [last] = (await Promise.all(verifying)).toSorted((a, b) => b.status - a.status)
      // On a busy machine it may have come to its end: then once more.
      if (last?.status === 409) continue
      expect(last).toEqual({ status: 503, body: { code: 'going-away' } })
      return
    }
  })

  test('[SRV-8] does not wait for those who do not answer', async () => {
    const server = await started({ limits: { server: { closeMs: 300 } } })
    await upgrade(server, '/yjs/notes/first', {}, 'keep')
    await upgrade(server, '/archive', {}, 'keep')
    const beganMs = performance.now()
    await server.stop()
    // Strangers have ten seconds; the node gives up on them when it closes.
    expect(performance.now() - beganMs).toBeLessThan(15_000)
  })
})

describe('beside others', () => {
  test('[SRV-9] on a host’s server it takes its paths alone, beside a signaller', async () => {
    const server = await started()
    const handlers: ((...given: Parameters<typeof answerAsHost>) => boolean)[] = []
    const http = createServer((asked, response) => {
      if (!handlers.some((handle) => handle(asked, response))) answerAsHost(asked, response)
    })
    await listening(http)
    const signal = await createSignalServer({ server: http, logger: silentLogger })
    const archive = await createArchive({
      folder: join(server.folder, 'mounted'),
      server: http,
      logger: silentLogger,
    })
    handlers.push((asked, response) => signal.handleRequest(asked, response))
    handlers.push((asked, response) => archive.handleRequest(asked, response))
    const { port } = http.address() as AddressInfo
    expect(archive.port).toBe(port)
    const bodyOf = async (path: string): Promise<string> =>
      (await fetch(`http://127.0.0.1:${port}${path}`)).text()
    expect(await bodyOf('/')).toBe('the host')
    expect(await bodyOf('/metrics')).toContain('holdfast_signal_sockets')
    expect(await bodyOf('/archive/metrics')).toContain('holdfast_archive_sockets')
    expect(await bodyOf('/admin/leases?collection=notes')).toBe('the host')
    expect(await bodyOf('/archive/admin/leases?collection=notes')).toContain('leases')
    const peer = ArchivePeer.connect(port)
    await peer.hears('hello')
    const signalling = new WebSocket(`ws://127.0.0.1:${port}/signal`)
    await once(signalling, 'open')
    await archive.close()
    expect(await bodyOf('/')).toBe('the host')
    expect(signalling.readyState).toBe(WebSocket.OPEN)
    await signal.close()
  })
})

describe('strangers', () => {
  const { runs, seed } = seedsFromEnvironment({ runs: 300, seed: 'at the port' })

  test(`[SRV-11] ${runs} connections of garbage leave the process and the log alone`, async () => {
    const server = await started()
    const random = new SeededRandom(seed)
    const y = await server.client('notes/first').synced()
    for (let at = 0; at < runs; at++) await hostileConnection(server.port, random)
    y.text.insert(0, 'as before')
    const other = await server.client('notes/first').synced()
    await until(() => other.words === 'as before')
    expect(await answerTo(server, '/healthz'), `SEED=${seed}`).toEqual([200, 'ok\n'])
    await until(() => server.archive.counters.sockets === 2)
    expect(y.closed, `SEED=${seed}`).toEqual([])
  })

  test('[SRV-12] who pings and does not read gets no more answers than a small buffer takes', async () => {
    const server = await started()
    await upgrade(server, '/yjs/notes/first', {}, 'keep')
    const socket = kept.at(-1)
    if (socket === undefined) throw new Error('no socket')
    socket.pause()
    const ping = frameOf(0x9, new Uint8Array(125))
    const many = Buffer.concat(Array.from({ length: 1_000 }, () => ping))
    const rounds = 250
    for (let at = 0; at < rounds; at++) {
      if (!socket.write(many)) await once(socket, 'drain')
    }
    let received = 0
    socket.on('data', (chunk: Buffer) => (received += chunk.length))
    socket.resume()
    // The close follows on everything that was sent before.
    socket.write(frameOf(0x8, Uint8Array.of(0x03, 0xe8)))
    await once(socket, 'close')
    // What the kernels of both ends hold comes on top.
    expect(received).toBeGreaterThan(0)
    expect(received).toBeLessThan(rounds * 1_000 * 127 * 0.8)
  })
})

// -------------------------------------------------------------------------------------------------

async function started(
  options: Parameters<typeof ArchiveServer.start>[0] = {},
): Promise<ArchiveServer> {
  const server = await ArchiveServer.start(options)
  toClose.push(async () => {
    for (const socket of kept.splice(0)) socket.destroy()
    await server.remove()
  })
  return server
}

function verifier(): ReturnType<typeof createTokenVerifier> {
  return createTokenVerifier({ secret }, systemClock)
}

function tokenFor(access: Record<string, Access>): Promise<string> {
  return mintToken({ secret, access, expiresInMs: 3_600_000 }, systemClock)
}

async function answerTo(server: ArchiveServer, path: string): Promise<[number, string]> {
  const response = await server.fetch(path)
  return [response.status, await response.text()]
}

async function ask(
  { port }: ArchiveServer,
  method: string,
  path: string,
  headers: OutgoingHttpHeaders = {},
): Promise<{ status: number; body: unknown }> {
  const asked = request({ host: '127.0.0.1', port, path, method, headers, agent: false })
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  return { status: response.statusCode ?? 0, body: JSON.parse(await text(response)) as unknown }
}

async function metricsStatus({ port }: ArchiveServer, host: string): Promise<number> {
  const headers = { Host: host }
  const asked = request({ host: '127.0.0.1', port, path: '/metrics', headers, agent: false })
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode ?? 0
}

/** Sockets that tests hold open. */
const kept: Socket[] = []

/** The status of an upgrade; the socket is closed, or kept as it is. */
async function upgrade(
  { port, host = '127.0.0.1' }: { readonly port: number; readonly host?: string },
  path: string,
  headers: OutgoingHttpHeaders = {},
  then: 'close' | 'keep' = 'close',
): Promise<number> {
  const asked = request({
    host,
    port,
    path,
    agent: false,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
      ...headers,
    },
  })
  asked.end()
  return new Promise((resolve) => {
    asked.on('error', () => resolve(0))
    asked.on('response', (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.on('upgrade', (_, socket) => {
      socket.on('error', () => {})
      if (then === 'keep') kept.push(socket)
      else socket.destroy()
      resolve(101)
    })
  })
}

function answerAsHost(_asked: IncomingMessage, response: ServerResponse): void {
  response.end('the host')
}

async function listening(http: Server, host = '127.0.0.1'): Promise<void> {
  http.listen(0, host)
  await once(http, 'listening')
  toClose.push(() => {
    http.closeAllConnections()
    http.close()
  })
}

/** A masked frame with its end in it. */
function frameOf(opcode: number, payload: Uint8Array): Buffer {
  const length =
    payload.length < 126
      ? [0x80 | payload.length]
      : [0x80 | 126, payload.length >> 8, payload.length & 255]
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length, 0, 0, 0, 0]), payload])
}

async function hostileConnection(port: number, random: SeededRandom): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  const path = random.pick([
    '/archive',
    '/yjs/notes/first',
    '/yjs/%ff',
    '/admin/verify',
    '/x',
    '/readyz',
  ])
  if (random.chance(0.2)) socket.write(random.bytes(random.below(400)))
  else {
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`,
    )
    for (let at = random.below(4); at >= 0; at--) {
      socket.write(
        random.chance(0.5)
          ? frameOf(random.below(16), random.bytes(random.below(300)))
          : Buffer.from(random.bytes(random.below(300))),
      )
    }
  }
  if (random.chance(0.5)) socket.end()
  else socket.destroy()
}
