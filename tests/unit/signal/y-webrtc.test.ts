import { describe, expect, test } from 'vitest'
import type { Grant, SocketListener, SwitchboardOptions } from '@holdfast/signal'
import { plainTokens, taken, TestSignaller } from './switchboard.js'

describe('a y-webrtc client', () => {
  test('[SIG-24] publishes to everybody who has subscribed, itself too, with how many they are', () => {
    const signaller = new TestSignaller()
    const [a, b, c] = [client(signaller), client(signaller), client(signaller)]
    a.say({ type: 'subscribe', topics: ['room', 'other'] })
    b.say({ type: 'subscribe', topics: ['room'] })
    c.say({ type: 'subscribe', topics: ['elsewhere'] })
    a.say({ type: 'publish', topic: 'room', data: { type: 'announce', from: 'a' }, more: 1 })
    const published = {
      type: 'publish',
      topic: 'room',
      data: { type: 'announce', from: 'a' },
      clients: 2,
    }
    expect(a.heard).toEqual([published])
    expect(b.heard).toEqual([published])
    expect(c.heard).toEqual([])
    b.say({ type: 'publish', topic: 'room', data: 'base64 of a room with a password' })
    expect(a.heard[1]).toMatchObject({ data: 'base64 of a room with a password' })
    b.say({ type: 'unsubscribe', topics: ['room'] })
    a.say({ type: 'publish', topic: 'room', data: 1 })
    expect(b.heard).toHaveLength(2)
    expect(a.heard[2]).toMatchObject({ clients: 1 })
  })

  test('[SIG-24] is answered when it pings, and closed when it is silent', async () => {
    const signaller = new TestSignaller()
    const peer = client(signaller)
    peer.say({ type: 'subscribe', topics: ['room'] })
    for (let count = 0; count < 5; count++) {
      await signaller.clock.run(30_000)
      peer.say({ type: 'ping' })
    }
    expect(peer.heard).toEqual(Array.from({ length: 5 }, () => ({ type: 'pong' })))
    await signaller.clock.run(60_000)
    expect(peer.closed?.reason).toBe('timeout')
  })

  test('[SIG-24] has to subscribe within the time for the proof', async () => {
    const signaller = new TestSignaller()
    const peer = client(signaller)
    peer.say({ type: 'subscribe', topics: [] })
    await signaller.clock.run(10_000)
    expect(peer.closed?.reason).toBe('timeout')
  })

  test('[SIG-24] is held to limits: topics, their names, subscribers, deliveries', () => {
    const limits = {
      maxRoomsPerSocket: 2,
      maxTopicUnits: 5,
      maxSubscribersPerTopic: 2,
      fanOutBurst: 5,
    }
    const signaller = new TestSignaller({ limits })
    const [a, b, c] = [client(signaller), client(signaller), client(signaller)]
    a.say({ type: 'subscribe', topics: ['1', '2', '3'] })
    a.say({ type: 'subscribe', topics: ['1', '2'] })
    a.say({ type: 'subscribe', topics: ['3'] })
    a.say({ type: 'subscribe', topics: ['123456'] })
    expect(a.codes()).toEqual(['too-many', 'too-many', 'too-large'])
    b.say({ type: 'subscribe', topics: ['1'] })
    c.say({ type: 'subscribe', topics: ['1'] })
    expect(c.codes()).toEqual(['too-many'])
    for (let count = 0; count < 3; count++) b.say({ type: 'publish', topic: '1', data: count })
    expect(a.heard.filter(({ type }) => type === 'publish')).toHaveLength(2)
    expect(b.codes()).toEqual(['rate-limited'])
  })

  test('[SIG-24] cannot publish where it has not subscribed', () => {
    const signaller = new TestSignaller()
    const [a, b] = [client(signaller), client(signaller)]
    a.say({ type: 'subscribe', topics: ['room'] })
    b.say({ type: 'publish', topic: 'room', data: 'spam' })
    b.say({ type: 'publish', topic: '__proto__', data: 'spam' })
    b.say({ type: 'publish' })
    expect(a.heard).toEqual([])
    expect(b.codes()).toEqual(['unknown-recipient', 'unknown-recipient', 'unknown-recipient'])
  })

  test('[SIG-24] that sends what is no message is closed with a code, as everybody', () => {
    const cases = ['{', '[]', '"x"', '{"type":"subscribe","topics":"room"}', '['.repeat(1_000)]
    for (const text of cases) {
      const peer = client(new TestSignaller())
      peer.sayText(text)
      expect({ text, ...peer.closed }).toEqual({ text, code: 4001, reason: 'malformed' })
    }
    const odd = client(new TestSignaller())
    odd.say({ type: 'subscribe', topics: [1, null, {}, ['x'], ''] })
    expect(odd.codes()).toEqual(Array.from({ length: 5 }, () => 'malformed'))
    odd.say({ type: 'hello' })
    expect(odd.codes()).toContain('unexpected-message')
    expect(odd.closed).toBeUndefined()
  })

  test('[SIG-24] needs the right to write, and leaves when its token ends', async () => {
    const signaller: TestSignaller = new TestSignaller({
      tokens: { verify: (token) => plainTokens(signaller.clock).verify(token) },
    })
    const until = signaller.clock.now() + 50_000
    const peer = await clientWith(signaller, `room=write&notes=read&until=${until}`)
    peer.say({ type: 'subscribe', topics: ['room'] })
    peer.say({ type: 'subscribe', topics: ['notes'] })
    peer.say({ type: 'subscribe', topics: ['elsewhere'] })
    expect(peer.codes()).toEqual(['forbidden', 'forbidden'])
    await signaller.clock.run(40_000)
    peer.say({ type: 'ping' })
    await signaller.clock.run(9_999)
    expect(peer.closed).toBeUndefined()
    await signaller.clock.run(2)
    expect(peer.closed).toEqual({ code: 4021, reason: 'token-expired' })
  })

  test('[K11] leaves no topic behind', () => {
    const signaller = new TestSignaller()
    const peer = client(signaller)
    peer.say({ type: 'subscribe', topics: Array.from({ length: 32 }, (_, at) => `topic ${at}`) })
    expect(signaller.counters.topics).toBe(32)
    peer.drop()
    expect(signaller.counters).toMatchObject({ topics: 0, sockets: 0 })
    expect(signaller.clock.pendingTasks).toBe(0)
  })
})

interface Heard {
  readonly type: string
  readonly code?: string
}

interface Client {
  readonly heard: Heard[]
  closed: { code: number; reason: string } | undefined
  say(message: object): void
  sayText(text: string): void
  codes(): (string | undefined)[]
  drop(): void
}

const everything: Grant = { expiresAtMs: Number.POSITIVE_INFINITY, accessTo: () => 'write' }

async function clientWith(signaller: TestSignaller, token: string): Promise<Client> {
  const { tokens } = signaller.switchboard.context as Pick<SwitchboardOptions, 'tokens'>
  if (tokens === undefined) throw new Error('this signaller has no tokens')
  return client(signaller, taken(await tokens.verify(token)))
}

function client(signaller: TestSignaller, grant = everything): Client {
  const made: Client = {
    heard: [],
    closed: undefined,
    say: (message) => made.sayText(JSON.stringify(message)),
    sayText: (text) => listener.onText(text, Buffer.byteLength(text)),
    codes: () => made.heard.filter(({ type }) => type === 'error').map(({ code }) => code),
    drop: () => listener.onEnd(),
  }
  const socket = {
    bufferedBytes: 0,
    sendText: (text: string) => void made.heard.push(JSON.parse(text) as Heard),
    sendBinary: () => {},
    close: (code: number, reason: string) => {
      made.closed ??= { code, reason }
    },
  }
  const listener: SocketListener = signaller.switchboard.connectYWebrtc(socket, grant)
  return made
}
