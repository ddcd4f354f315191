import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { errorCodes, hexOf, type InstanceId } from '@holdfast/peer/protocol'
import { SeededRandom } from '@holdfast/peer/testing'
import { seedsFromEnvironment } from '../sim/seeds.js'
import { hostileFrame } from '../unit/signal/hostile-frames.js'
import { notes, SignalPeer } from './signal-peer.js'
import { SignalProcess } from './signal-process.js'

const { runs, seed } = seedsFromEnvironment({ runs: 20_000, seed: 'strangers' })
// The other nine in ten are said without sockets: `tests/unit/signal/hostile.test.ts`.
const frames = Math.max(1, Math.round(runs / 10))

let server: SignalProcess
let a: SignalPeer
let b: SignalPeer

beforeAll(async () => {
  const limits = ['maxSocketsPerAddress=2000', 'proofMs=2000', 'closeMs=500']
  server = await SignalProcess.start(limits.flatMap((limit) => ['--limit', limit]))
  a = await SignalPeer.joined(server.port)
  b = await SignalPeer.joined(server.port)
})

afterAll(async () => {
  await server.kill()
})

/** Close codes of the application, and those by which `ws` answers what is no WebSocket message. */
const closeCodes = new Set(Object.values(errorCodes).map(({ number }) => 4000 + number))
for (const code of [1002, 1007, 1009]) closeCodes.add(code)

test(`[R9] ${frames} hostile frames over real sockets: alive, coded, no larger than before`, async () => {
  const random = new SeededRandom(seed)
  const known: readonly InstanceId[] = [a.id, b.id]
  // These stay: one never speaks after its upgrade, one never reads what it asks for.
  const silent = await Promise.all(Array.from({ length: 20 }, () => rawSocket(server.port)))
  const deaf = await deafPeers(5)
  let said = 0
  let residentAtStart = 0
  const uncoded: number[] = []

  try {
    while (said < frames) {
      const strangers = Array.from({ length: 20 }, (_, at) => random.fork(`${said}.${at}`))
      const ends = await Promise.all(strangers.map((random) => stranger(random, known)))
      for (const end of ends) {
        said += end.said
        if (end.code !== undefined && !closeCodes.has(end.code)) uncoded.push(end.code)
      }
      for (const peer of deaf) peer.join()
      if (residentAtStart === 0 && said > frames / 4) residentAtStart = await server.residentBytes()
      await expectUnharmed(said)
    }
    expect(uncoded).toEqual([])
    expect(server.isAlive).toBe(true)
    expect(await server.metric('holdfast_signal_refusals_total{code="malformed"}')).toBeGreaterThan(
      0,
    )
    // V8 takes and gives back in steps of some megabytes.
    expect((await server.residentBytes()) - residentAtStart).toBeLessThan(48 * 1024 * 1024)
    for (const socket of silent) expect((await socket.closed).length).toBeGreaterThan(0)
  } catch (cause) {
    throw new Error(`SEED=${seed} RUNS=${runs}`, { cause })
  } finally {
    for (const { socket } of silent) socket.destroy()
    for (const peer of deaf) peer.close()
  }
}, 3_600_000)

test('[K13] garbage instead of HTTP, of an upgrade and of WebSocket frames ends nothing but itself', async () => {
  const random = new SeededRandom(`${seed} bytes`)
  const openings = [
    '',
    'GET',
    'GET /signal HTTP/1.1\r\n',
    'GET //// HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /signal?%zz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'GET /y-webrtc?token=%ff HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    'GET /signal HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`,
    'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(200),
    upgrade,
  ]
  const count = Math.min(300, Math.max(30, frames / 10))
  for (let at = 0; at < count; at++) {
    const socket = connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    const closed = once(socket.resume(), 'close')
    socket.write(random.pick(openings))
    for (let more = random.below(5); more > 0; more--) socket.write(random.bytes(random.below(500)))
    if (random.chance(0.3)) socket.destroy()
    else socket.end()
    await closed
  }
  expect(server.isAlive).toBe(true)
  await expectUnharmed(count)
})

test('[K14] floods and a million joins from a few sockets are cut off early', async () => {
  const before = await server.metric('holdfast_signal_closes_total{code="rate-limited"}')
  const flooders: SignalPeer[] = []
  for (let count = 0; count < 5; count++) {
    const peer = await new SignalPeer(server.port).opened()
    for (let room = 0; room < 20_000; room++) peer.join({}, `room ${room}` as typeof notes)
    flooders.push(peer)
  }
  for (const peer of flooders) {
    // Whoever is still writing when it is closed may find the connection reset.
    expect([4005, 1006]).toContain((await peer.whenClosed()).code)
    expect(peer.of('joined').length).toBeLessThanOrEqual(32)
  }
  const after = await server.metric('holdfast_signal_closes_total{code="rate-limited"}')
  expect(after - before).toBe(flooders.length)
  expect(await server.metric('holdfast_signal_rooms')).toBe(1)
  await expectUnharmed(0)
})

test('[K13] thousands of tiny fragments and a message that never ends are closed', async () => {
  const fragments = await rawSocket(server.port)
  fragments.socket.write(Uint8Array.of(0x01, 0x80, 0, 0, 0, 0))
  const fragment = Uint8Array.of(0x00, 0x81, 0, 0, 0, 0, 0x20)
  for (let count = 0; count < 10_000; count++) fragments.socket.write(fragment)
  await fragments.closed
  const endless = await rawSocket(server.port)
  // 64 bits of length, 2^62 bytes to come.
  endless.socket.write(Uint8Array.of(0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
  await endless.closed
  await expectUnharmed(0)
})

/** One socket that says hostile frames until it is closed or has said enough. */
async function stranger(
  random: SeededRandom,
  known: readonly InstanceId[],
): Promise<{ said: number; code: number | undefined }> {
  const path = random.chance(0.3) ? '/y-webrtc' : '/signal'
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, { perMessageDeflate: false })
  socket.on('error', () => {})
  await once(socket, 'open')
  const closed = once(socket, 'close') as Promise<[number]>
  let said = 0
  const most = 1 + random.below(20)
  while (said < most && socket.readyState === WebSocket.OPEN) {
    const { data } = hostileFrame(random, known)
    said++
    if (typeof data === 'string')
      socket.send(random.chance(0.9) ? data : Buffer.from(data, 'latin1'), { binary: false })
    else socket.send(data)
    if (random.chance(0.3)) await new Promise((resolve) => void setImmediate(resolve))
  }
  // By the answer to the ping everything before it has been dealt with.
  socket.ping()
  const code = await Promise.race([
    closed.then(([code]) => code),
    once(socket, 'pong').then(() => undefined),
  ])
  socket.terminate()
  return { said, code }
}

/** Two honest peers still hear each other. */
async function expectUnharmed(number: number): Promise<void> {
  const data = `still here after ${number}`
  a.say({ type: 'signal', collection: notes, to: b.id, data })
  await b.until(() => b.of('signal').at(-1)?.data === data)
  expect(b.of('signal').at(-1)).toMatchObject({ from: a.id, access: 'admin' })
  a.heard.length = 0
  b.heard.length = 0
}

async function deafPeers(count: number): Promise<SignalPeer[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const peer = await SignalPeer.joined(server.port)
      peer.socket.pause()
      return peer
    }),
  )
}

const upgrade =
  `GET /signal HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.from(hexOf(new Uint8Array(8))).toString('base64')}\r\n\r\n`

/** A WebSocket after its upgrade, byte by byte. */
async function rawSocket(port: number): Promise<{ socket: Socket; closed: Promise<unknown[]> }> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const closed = once(socket, 'close')
  socket.write(upgrade)
  await once(socket, 'data')
  return { socket, closed }
}
