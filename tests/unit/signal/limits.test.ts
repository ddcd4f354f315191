import { describe, expect, test } from 'vitest'
import { parseCollectionName } from '@holdfast/peer/protocol'
import { createSwitchboard, defaultSignalLimits, type IceOptions } from '@holdfast/signal'
import { notes, taken, TestSignaller } from './switchboard.js'

describe('before the proof', () => {
  test('[SIG-16] a socket that never speaks is closed after ten seconds', async () => {
    const signaller = new TestSignaller()
    const peer = signaller.connect()
    await signaller.clock.run(9_999)
    expect(peer.closed).toBeUndefined()
    await signaller.clock.run(1)
    expect(peer.closed).toEqual({ code: 4007, reason: 'timeout' })
    expect(signaller.counters.refusals.get('timeout')).toBe(1)
  })

  test('[SIG-16] a socket that speaks without joining is closed after ten seconds', async () => {
    const signaller = new TestSignaller()
    const peer = signaller.connect()
    for (let second = 0; second < 10; second++) {
      peer.say({ type: 'ping' })
      await signaller.clock.run(1_000)
    }
    expect(peer.closed?.reason).toBe('timeout')
  })

  test('[SIG-16] 64 KiB are enough', () => {
    const signaller = new TestSignaller()
    const peer = signaller.connect()
    const padding = JSON.stringify({ type: 'ping', padding: 'x'.repeat(16_000) })
    for (let count = 0; count < 4; count++) peer.sayText(padding)
    expect(peer.closed).toBeUndefined()
    peer.sayText(padding)
    expect(peer.closed).toEqual({ code: 4004, reason: 'too-large' })
  })

  test('[SIG-16] relayed frames are not listened to', () => {
    const peer = new TestSignaller().connect()
    peer.sayBytes(Uint8Array.of(1, 0, 0, 0, 1))
    expect(peer.closed).toEqual({ code: 4003, reason: 'unexpected-message' })
  })

  test('[SIG-16] after the last room was left the time for the proof starts anew', async () => {
    const signaller = new TestSignaller()
    const peer = await signaller.joined()
    await signaller.clock.run(25_000)
    expect(peer.closed).toBeUndefined()
    peer.say({ type: 'leave', collection: notes })
    await signaller.clock.run(9_999)
    expect(peer.closed).toBeUndefined()
    await signaller.clock.run(1)
    expect(peer.closed?.reason).toBe('timeout')
  })
})

describe('the rate', () => {
  test('[SIG-17] above it messages are dropped and answered once a second, and a flood is closed', async () => {
    const signaller = new TestSignaller()
    const peer = await signaller.joined()
    const { messageBurst, maxOverruns } = defaultSignalLimits
    for (let count = 1; count < messageBurst; count++) peer.say({ type: 'ping' })
    expect(peer.errors()).toEqual([])
    for (let count = 0; count < maxOverruns; count++) peer.say({ type: 'ping' })
    expect(peer.errors()).toEqual(['rate-limited'])
    expect(peer.of('error')[0]?.retryAfterMs).toBe(20)
    expect(peer.of('pong')).toHaveLength(messageBurst - 1)
    expect(signaller.counters.refusals.get('rate-limited')).toBe(maxOverruns)
    peer.say({ type: 'ping' })
    expect(peer.closed).toEqual({ code: 4005, reason: 'rate-limited' })
  })

  test('[SIG-17] who slows down is forgiven', async () => {
    const signaller = new TestSignaller({ limits: { messageBurst: 10, maxOverruns: 5 } })
    const peer = await signaller.joined()
    for (let round = 0; round < 5; round++) {
      await signaller.clock.run(1_000)
      for (let count = 0; count < 14; count++) peer.say({ type: 'ping' })
    }
    expect(peer.closed).toBeUndefined()
    expect(peer.of('pong')).toHaveLength(50)
  })

  test('[SIG-17] large messages have a rate of their own', async () => {
    const signaller = new TestSignaller({ limits: { bytesPerSecond: 1_000, byteBurst: 5_000 } })
    const [a, b] = await signaller.two()
    await signaller.clock.run(5_000)
    for (let count = 0; count < 5; count++) a.signal(b.id, 'x'.repeat(1_500))
    expect(b.of('signal')).toHaveLength(3)
    expect(a.errors()).toEqual(['rate-limited'])
  })
})

describe('how many', () => {
  test('[SIG-18] rooms a socket may be in is limited, those that it is joining count', async () => {
    const signaller = new TestSignaller({ limits: { maxRoomsPerSocket: 3 } })
    const peer = signaller.connect()
    await Promise.all(names(5).map((collection) => peer.join({ collection })))
    expect(peer.of('joined')).toHaveLength(3)
    expect(peer.errors()).toEqual(['too-many', 'too-many'])
    peer.say({ type: 'leave', collection: names(1)[0] ?? notes })
    await peer.join({ collection: names(5)[4] ?? notes })
    expect(peer.of('joined')).toHaveLength(4)
  })

  test('[SIG-18] peers a room, archives a room and rooms in all are limited', async () => {
    const limits = { maxPeersPerRoom: 3, maxArchivesPerRoom: 1, maxRooms: 2 }
    const signaller = new TestSignaller({ limits })
    await signaller.joined({ role: 'archive' })
    const second = signaller.connect()
    await second.join({ role: 'archive' })
    expect(second.errors()).toEqual(['too-many'])
    await signaller.filled(2)
    const fourth = signaller.connect()
    await fourth.join()
    expect(fourth.errors()).toEqual(['too-many'])
    const [first = notes, another = notes] = names(2)
    await fourth.join({ collection: first })
    await fourth.join({ collection: another })
    expect(fourth.errors()).toEqual(['too-many', 'too-many'])
    expect(signaller.counters).toMatchObject({ rooms: 2, members: 4 })
  })

  test('[K14] a million joins from one socket end after a few hundred messages', async () => {
    const signaller = new TestSignaller()
    const peer = signaller.connect()
    let said = 0
    while (peer.closed === undefined && said < 1_000_000) {
      const collection = taken(parseCollectionName(`room ${said++}`))
      await peer.join({ collection })
    }
    expect(peer.closed).toEqual({ code: 4005, reason: 'rate-limited' })
    expect(said).toBe(601)
    expect(peer.of('joined')).toHaveLength(32)
    expect(signaller.counters).toMatchObject({ rooms: 0, members: 0, sockets: 0 })
  })
})

describe('a reader that does not read', () => {
  test('[K15] is closed when a MiB waits for it, and nobody else notices', async () => {
    const signaller = new TestSignaller()
    const [a, slow, c] = await signaller.three()
    slow.bufferedBytes = defaultSignalLimits.maxBufferedBytes
    a.signal(slow.id, 'the last one that fits')
    expect(slow.of('signal')).toHaveLength(1)
    slow.bufferedBytes++
    a.signal(slow.id, 'one too many')
    await signaller.clock.settle()
    expect(slow.of('signal')).toHaveLength(1)
    expect(slow.closed).toEqual({ code: 4008, reason: 'slow-reader' })
    expect(signaller.counters.closes.get('slow-reader')).toBe(1)
    expect(a.neighbours().has(slow.id)).toBe(false)
    a.signal(c.id, 'still here')
    expect(c.of('signal')).toHaveLength(1)
  })

  test('[K15] a whole room of them ends in order: those who stay know only of each other', async () => {
    const signaller = new TestSignaller()
    const peers = await signaller.filled(60)
    const slow = new Set(peers.slice(0, 40))
    for (const peer of slow) peer.bufferedBytes = 2_000_000
    peers[50]?.drop()
    peers[51]?.drop()
    await signaller.clock.settle()
    // Who was told of something was found out; the rest has not been spoken to yet.
    const closed = [...slow].filter((peer) => peer.closed !== undefined)
    expect(closed.length).toBeGreaterThan(5)
    const gone = new Set([...closed.map(({ id }) => id), peers[50]?.id, peers[51]?.id])
    for (const peer of peers) {
      if (gone.has(peer.id) || slow.has(peer)) continue
      for (const id of peer.neighbours().keys()) expect(gone.has(id)).toBe(false)
    }
  })
})

describe('silence', () => {
  test('[SIG-20] is asked about after half a minute and ends the socket after a minute', async () => {
    const signaller = new TestSignaller()
    const [dead, alive] = await signaller.two()
    await signaller.clock.run(30_000)
    expect([dead, alive].map((peer) => peer.of('ping').length)).toEqual([1, 1])
    alive.say({ type: 'pong' })
    await signaller.clock.run(30_000)
    expect(dead.closed).toEqual({ code: 4007, reason: 'timeout' })
    expect(alive.closed).toBeUndefined()
    expect(alive.neighbours().size).toBe(0)
    expect(alive.of('ping')).toHaveLength(2)
  })

  test('[SIG-20] frames and WebSocket pings break it, unanswered questions do not', async () => {
    const signaller = new TestSignaller()
    const peer = await signaller.joined()
    for (let minute = 0; minute < 4; minute++) {
      await signaller.clock.run(50_000)
      peer.sayBytes(Uint8Array.of(1, 0, 0, 0, 9))
    }
    expect(peer.closed).toBeUndefined()
    await signaller.clock.run(60_000)
    expect(peer.closed?.reason).toBe('timeout')
  })
})

describe('messages', () => {
  test('[SIG-3] that are no messages close the socket with a code', async () => {
    const cases: readonly (readonly [string, string])[] = [
      ['', 'malformed'],
      ['{', 'malformed'],
      ['null', 'malformed'],
      ['[]', 'malformed'],
      ['{"type":1}', 'malformed'],
      ['{"type":"join"}', 'malformed'],
      ['['.repeat(9), 'malformed'],
      [`{"type":"leave","collection":"${'x'.repeat(129)}"}`, 'malformed'],
      [`{"type":"ping","x":"${'x'.repeat(65_536)}"}`, 'too-large'],
    ]
    for (const [text, code] of cases) {
      const signaller = new TestSignaller()
      const peer = await signaller.joined()
      peer.sayText(text)
      expect({ text, reason: peer.closed?.reason }).toEqual({ text, reason: code })
      expect(peer.errors()).toEqual([code])
      expect(signaller.counters.refusals).toEqual(new Map([[code, 1]]))
      peer.say({ type: 'ping' })
      expect(peer.of('pong')).toEqual([])
    }
  })

  test('[SIG-3] of an unknown type are refused, and the socket stays', async () => {
    const peer = await new TestSignaller().joined()
    peer.sayText('{"type":"from the future","collection":"notes"}')
    peer.say({ type: 'ping' })
    expect(peer.errors()).toEqual(['unexpected-message'])
    expect(peer.of('pong')).toHaveLength(1)
  })
})

test('[SIG-28] draining tells everybody a moment of its own, spread over seconds, and closes', async () => {
  const signaller = new TestSignaller()
  const peers = await signaller.filled(100)
  signaller.switchboard.drain()
  const moments = peers.map((peer) => peer.of('drain')[0]?.retryAfterMs ?? Number.NaN)
  expect(Math.min(...moments)).toBeGreaterThanOrEqual(500)
  expect(Math.max(...moments)).toBeLessThanOrEqual(4_000)
  const perTenth = new Map<number, number>()
  for (const ms of moments) {
    perTenth.set(Math.floor(ms / 100), (perTenth.get(Math.floor(ms / 100)) ?? 0) + 1)
  }
  expect(Math.max(...perTenth.values())).toBeLessThan(15)
  for (const peer of peers) expect(peer.closed).toEqual({ code: 4009, reason: 'going-away' })
  // Nobody is told of the others' going: their links stay.
  expect(peers[99]?.of('neighbours').flatMap(({ remove }) => remove)).toEqual([])
  expect(signaller.counters).toMatchObject({ sockets: 0, rooms: 0 })
  expect(signaller.clock.pendingTasks).toBe(0)
})

test('[SIG-27] ICE servers that peers would not take are refused at the start', () => {
  const { clock, random } = new TestSignaller()
  const make = (ice: IceOptions) => () => createSwitchboard({ clock, random, ice })
  const server = { urls: ['stun:a'] }
  expect(make({ servers: Array.from({ length: 9 }, () => server) })).toThrow(/at most 8 servers/)
  expect(make({ servers: [{ urls: ['x'.repeat(513)] }] })).toThrow(/at most 8 URLs/)
  expect(make({ turn: { ...server, secret: 'x', ttlMs: 0 } })).toThrow(/ttlMs takes/)
})

test('[K13] a fault inside is answered, counted and logged, and costs one socket', async () => {
  const logged: string[] = []
  const write = (message: string): void => void logged.push(message)
  const signaller = new TestSignaller({
    tokens: { verify: (token) => Promise.reject(new Error(`no way: ${token}`)) },
    logger: { error: write, info: write, debug: () => {} },
  })
  const peer = signaller.connect()
  await peer.join({ token: 'x' })
  expect(peer.errors()).toEqual(['internal'])
  expect(peer.closed).toEqual({ code: 4011, reason: 'internal' })
  expect(signaller.counters.refusals.get('internal')).toBe(1)
  expect(logged).toHaveLength(1)
})

test('[SIG-1] limits that cannot hold are refused by name', () => {
  const { clock, random } = new TestSignaller()
  const make = (limits: object) => () => createSwitchboard({ clock, random, limits })
  expect(make({ maxRooms: 0 })).toThrow(/maxRooms takes a whole number from 1, got 0/)
  expect(make({ maxMessageBytes: 70_000 })).toThrow(/maxMessageBytes takes at most 65536/)
  expect(make({ relayWindowBytes: 1_000 })).toThrow(/relayWindowBytes/)
})

function names(count: number) {
  return Array.from({ length: count }, (_, at) => taken(parseCollectionName(`room ${at}`)))
}
