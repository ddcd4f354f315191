import { describe, expect, test } from 'vitest'
import {
  drafts,
  joinedTo,
  neighbour,
  notes,
  ScriptedServer,
  SignallingWorld,
  TestServer,
} from './signalling-world.js'

describe('neighbours', () => {
  test('[SIGC-4] are told as they come, change and go', async () => {
    const world = new SignallingWorld()
    const [a, b, c] = [world.freshInstance(), world.freshInstance(), world.freshInstance()]
    const server = new ScriptedServer(world).admitAll({ neighbours: [neighbour(a)] })
    const client = world.client(server.dial)
    const room = client.join()
    await world.run(1_000)
    const say = (add: ReturnType<typeof neighbour>[], remove: { id: typeof a; why: 'left' }[]) =>
      server.last.say({ type: 'neighbours', collection: notes, add, remove })
    say([neighbour(b), neighbour(c)], [])
    say([neighbour(b, { access: 'read' }), neighbour(c)], [])
    say([], [{ id: a, why: 'left' }])
    say([], [{ id: a, why: 'left' }])
    await world.run(1_000)
    expect(room.news).toEqual([
      { added: [neighbour(a)], updated: [], removed: [] },
      { added: [neighbour(b), neighbour(c)], updated: [], removed: [] },
      { added: [], updated: [neighbour(b, { access: 'read' })], removed: [] },
      { added: [], updated: [], removed: [{ id: a, why: 'left' }] },
    ])
    expect(room.neighbourIds).toEqual([b, c])
    client.close()
  })

  test('[SIGC-3] [SIGC-4] stay when the connection goes, and the return tells the difference', async () => {
    const world = new SignallingWorld()
    const [stays, changes, lost, late, newer] = Array.from({ length: 5 }, () =>
      world.freshInstance(),
    ) as [never, never, never, never, never]
    const server = new ScriptedServer(world).admitAll({
      neighbours: [neighbour(stays), neighbour(changes), neighbour(lost), neighbour(late)],
      resume: '12'.repeat(16),
    })
    const client = world.client(server.dial)
    const room = client.join()
    await world.run(11_000)
    server.isUp = false
    server.last.close(1012)
    await world.run(20_000)
    expect(room.phase).toBe('offline')
    expect(room.neighbourIds).toEqual([stays, changes, lost, late])
    expect(room.news).toHaveLength(1)

    server.isUp = true
    server.admitAll({
      neighbours: [
        neighbour(newer),
        neighbour(stays),
        neighbour(changes, { capabilities: ['newer'] }),
      ],
    })
    await world.clock.runUntil(() => room.phase === 'joined')
    const returnedAtMs = world.clock.monotonic()
    expect(server.last.ofType('join')[0]).toMatchObject({
      standing: [stays, changes, lost, late],
      resume: '12'.repeat(16),
    })
    expect(room.news.at(-1)).toEqual({
      added: [{ ...neighbour(newer), call: client.instance < (newer as string) }],
      updated: [neighbour(changes, { capabilities: ['newer'] })],
      removed: [],
    })
    await world.run(5_000)
    server.last.say({ type: 'neighbours', collection: notes, add: [neighbour(late)], remove: [] })
    await world.clock.runUntil(() => room.removedIds().length > 0)
    expect(world.clock.monotonic() - returnedAtMs).toBeCloseTo(10_000, 0)
    expect(room.news).toHaveLength(3)
    expect(room.news.at(-1)?.removed).toEqual([{ id: lost, why: 'unconfirmed' }])
    expect(room.neighbourIds).toEqual([stays, changes, late, newer])
    client.close()
  })

  test('[TOPO-5] who calls is worked out from the ids, whatever the server says', async () => {
    const world = new SignallingWorld('who calls')
    const [first, last] = ['00', 'ff'].map((pair) => pair.repeat(16)) as [never, never]
    const server = new ScriptedServer(world).admitAll({
      neighbours: [neighbour(first, { call: true }), neighbour(last, { call: false })],
    })
    const client = world.client(server.dial)
    const room = client.join()
    await world.run(1_000)
    const calls = room.news.at(-1)?.added.map(({ id, call }) => [id, call])
    expect(calls).toEqual([
      [first, false],
      [last, true],
    ])
    client.close()
  })

  test('[SIGC-3] every collection comes back, each naming the links that really stand', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const standing = world.freshInstance()
    const client = world.client(server.dial)
    client.join(notes, { standing: () => [standing] })
    client.join(drafts)
    await world.run(1_000)
    server.last.close(1006)
    await world.run(2_000)
    expect(server.last.ofType('join')).toMatchObject([
      { collection: notes, standing: [standing] },
      { collection: drafts, standing: [] },
    ])
    client.close()
  })

  test('[SIGC-4] a return that fails again before it is confirmed removes nobody', async () => {
    const world = new SignallingWorld()
    const one = world.freshInstance()
    const server = new ScriptedServer(world).admitAll({ neighbours: [neighbour(one)] })
    const client = world.client(server.dial)
    const room = client.join()
    await world.run(1_000)
    server.admitAll()
    for (let flap = 0; flap < 10; flap++) {
      server.last.close(1006)
      await world.clock.runUntil(() => room.phase === 'joined')
      await world.run(5_000)
    }
    expect(room.neighbourIds).toEqual([one])
    expect(room.removedIds()).toEqual([])
    client.close()
  })

  test('[K11] a server cannot name more of them than the limit', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const client = world.client(server.dial, { limits: { maxNeighbours: 100 } })
    const room = client.join()
    await world.run(1_000)
    for (let page = 0; page < 10; page++) {
      const add = Array.from({ length: 60 }, () => neighbour(world.freshInstance()))
      server.last.say({ type: 'neighbours', collection: notes, add, remove: [] })
    }
    await world.run(1_000)
    expect(room.neighbourIds).toHaveLength(100)
    expect(client.signalling.counters.neighboursIgnored).toBe(500)
    client.close()
  })
})

describe('tokens', () => {
  const ice = { iceServers: [{ urls: ['turn:example.org'], username: 'u', credential: 'c' }] }

  test('[SIGC-5] are renewed in place before they end, again and again', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll({ expiresInMs: 100_000 })
    const admit = server.onMessage
    const renewedAtMs: number[] = []
    server.onMessage = (peer, message) => {
      admit(peer, message)
      if (message.type !== 'renew') return
      renewedAtMs.push(world.clock.monotonic())
      const terms = { access: 'write', expiresInMs: 100_000, ...ice } as const
      peer.say({ type: 'renewed', collection: message.collection, ...terms })
    }
    const { token } = numbered()
    const client = world.client(server.dial, { token })
    const room = client.join()
    await world.run(350_000)
    expect(room.phases).toEqual(['joining', 'joined', 'joined', 'joined', 'joined', 'joined'])
    expect(server.last.ofType('renew').map((message) => message.token)).toEqual([
      'token-2',
      'token-3',
      'token-4',
      'token-5',
    ])
    const gaps = [20, ...renewedAtMs].map((atMs, at) => (renewedAtMs[at] ?? Infinity) - atMs)
    for (const gapMs of gaps.slice(0, -1)) {
      expect(gapMs).toBeGreaterThan(69_000)
      expect(gapMs).toBeLessThan(81_000)
    }
    expect(room.room.iceServers).toEqual(ice.iceServers)
    expect(client.signalling.counters.renewals).toBe(4)
    client.close()
  })

  test('[SIGC-5] are renewed at once when the server warns', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll({ expiresInMs: 3_600_000 })
    const client = world.client(server.dial, numbered())
    client.join()
    await world.run(10_000)
    server.last.say({ type: 'expiring', collection: notes, expiresInMs: 30_000 })
    await world.run(100)
    expect(server.last.ofType('renew')).toEqual([
      { type: 'renew', collection: notes, token: 'token-2' },
    ])
    client.close()
  })

  test('[SIGC-5] ICE credentials alone are renewed without a token', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll({ ...ice, iceExpiresInMs: 60_000 })
    const client = world.client(server.dial)
    const { room } = client.join()
    await world.run(50_000)
    expect(server.last.ofType('renew')).toEqual([{ type: 'renew', collection: notes }])
    const fresh = [{ urls: ['turn:other.example.org'] }]
    server.last.say({ type: 'renewed', collection: notes, access: 'write', iceServers: fresh })
    await world.run(100)
    expect(room.iceServers).toEqual(fresh)
    client.close()
  })

  test('[SIGC-6] [SIGC-20] a renewal that is not answered, or put off, is asked again', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll({ expiresInMs: 100_000 })
    const client = world.client(server.dial, numbered())
    client.join()
    await world.run(82_000)
    expect(server.last.ofType('renew')).toHaveLength(1)
    await world.run(15_000)
    expect(server.last.ofType('renew')).toHaveLength(2)
    server.last.say({ type: 'error', code: 'unavailable', collection: notes })
    await world.run(2_000)
    expect(server.last.ofType('renew')).toHaveLength(3)
    client.close()
  })

  test('[SIGC-6] a refused one is reported; with its end the room is entered anew', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll({ expiresInMs: 100_000 })
    const admit = server.onMessage
    server.onMessage = (peer, message) => {
      admit(peer, message)
      if (message.type === 'renew') {
        peer.say({ type: 'error', code: 'unauthenticated', collection: notes })
      }
    }
    const client = world.client(server.dial, numbered())
    const room = client.join()
    await world.run(99_000)
    expect(server.last.ofType('renew')).toHaveLength(1)
    expect(room.room.state).toEqual({
      phase: 'joined',
      access: 'write',
      renewalRefused: 'unauthenticated',
    })
    server.last.say({ type: 'left', collection: notes, code: 'token-expired' })
    await world.run(1_500)
    expect(room.room.state).toEqual({ phase: 'joined', access: 'write' })
    expect(server.last.ofType('join').at(-1)?.token).toBe('token-3')
    client.close()
  })

  test('[SIGC-7] one that ended while offline is not used: every connection asks anew', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll({ expiresInMs: 60_000 })
    const { given, token } = numbered()
    const client = world.client(server.dial, { token })
    const room = client.join()
    client.join(drafts)
    await world.run(11_000)
    expect(given.count).toBe(1)
    server.isUp = false
    server.last.close(1006)
    await world.run(3_600_000)
    const asked = given.count
    server.isUp = true
    await world.clock.runUntil(() => client.rooms.every(({ phase }) => phase === 'joined'))
    expect(given.count).toBe(asked + 1)
    expect(server.last.ofType('join').map((join) => join.token)).toEqual([
      `token-${asked + 1}`,
      `token-${asked + 1}`,
    ])
    expect(room.states.filter(({ phase }) => phase === 'refused')).toEqual([])
    client.close()
  })

  test('[SIGC-7] an expired one at the join costs a pause and a fresh token', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world)
    server.onMessage = (peer, message) => {
      if (message.type !== 'join') return
      if (message.token === 'token-1') {
        peer.say({ type: 'error', code: 'token-expired', collection: notes })
      } else peer.say(joinedTo(message))
    }
    const client = world.client(server.dial, numbered())
    const room = client.join()
    await world.run(2_000)
    expect(room.phases).toEqual(['joining', 'offline', 'joining', 'joined'])
    client.close()
  })

  test('[SIGC-8] a provider that fails in any way costs a pause each time', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const answers: (() => unknown)[] = [
      () => {
        throw new Error('synchronously')
      },
      () => Promise.reject(new Error('later')),
      () => new Promise(() => {}),
      () => 42,
      () => 'x'.repeat(10_000),
      () => 'good',
    ]
    const errors: string[] = []
    const client = world.client(server.dial, {
      token: () => answers.shift()?.() as string,
      logger: {
        error: (message, fields) => errors.push(`${message} ${JSON.stringify(fields)}`),
        info: () => {},
        debug: () => {},
      },
    })
    const room = client.join()
    await world.run(60_000)
    expect(room.phase).toBe('joined')
    expect(server.last.ofType('join')[0]?.token).toBe('good')
    // What the errors said may quote a token: the log has their kind alone.
    expect(errors.join('\n')).not.toMatch(/synchronously|later/)
    client.close()
  })

  test('[SIGC-8] a token that takes long is used by the connection that is there when it comes', async () => {
    const world = new SignallingWorld()
    const server = new TestServer(world)
    const client = world.client(server.dial, {
      token: () => new Promise((resolve) => world.clock.after(25_000, () => resolve('slow'))),
    })
    const room = client.join()
    await world.run(40_000)
    // The server hangs up on those who prove nothing within 10 s.
    expect(server.connectedAtMs.length).toBeGreaterThan(1)
    expect(room.phase).toBe('joined')
    client.close()
  })

  test('[SIGC-1] an archive says that it is one, and is offered first', async () => {
    const world = new SignallingWorld()
    const server = new TestServer(world)
    const peers = Array.from({ length: 3 }, () => world.client(server.dial))
    const rooms = peers.map((peer) => peer.join())
    const archive = world.client(server.dial, { role: 'archive' })
    archive.join()
    await world.run(1_000)
    const late = world.client(server.dial).join()
    await world.run(1_000)
    expect(late.room.neighbours[0]).toMatchObject({ id: archive.instance, role: 'archive' })
    expect(rooms.every(({ neighbourIds }) => neighbourIds.includes(archive.instance))).toBe(true)
  })
})

describe('signals', () => {
  test('[SIGC-13] wait for the connection, in order, and no longer than 10 s', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const client = world.client(server.dial)
    const room = client.join()
    const to = world.freshInstance()
    await world.run(11_000)
    server.isUp = false
    server.last.close(1006)
    await world.run(1_000)
    expect(room.room.signal(to, 'old')).toBe(true)
    await world.run(9_000)
    room.room.signal(to, 'new 1')
    room.room.signal(to, 'new 2')
    await world.run(1_500)
    server.isUp = true
    client.signalling.retryNow()
    await world.run(1_000)
    expect(server.last.ofType('signal').map(({ data }) => data)).toEqual(['new 1', 'new 2'])
    expect(client.signalling.counters).toMatchObject({ signalsSent: 2, signalsDropped: 1 })
    client.close()
  })

  test('[K11] [SIGC-13] no more than 256 wait; the oldest are dropped and counted', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const client = world.client(server.dial)
    const room = client.join()
    const to = world.freshInstance()
    for (let at = 0; at < 1_000; at++) room.room.signal(to, `${at}`)
    await world.run(9_000)
    const data = server.last.ofType('signal').map((signal) => signal.data)
    expect(data).toHaveLength(256)
    expect(data[0]).toBe('744')
    expect(data.at(-1)).toBe('999')
    expect(client.signalling.counters.signalsDropped).toBe(744)
    client.close()
  })

  test('[SIGC-13] one that no server would take, or nobody is there to take, is refused', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const client = world.client(server.dial)
    const { room } = client.join()
    await world.run(1_000)
    expect(room.signal(world.freshInstance(), 'x'.repeat(16_385))).toBe(false)
    room.leave()
    expect(room.signal(world.freshInstance(), 'x')).toBe(false)
    expect(client.signalling.counters.signalsDropped).toBe(2)
  })

  test('[SIGC-14] keep below the rate that the server announces: none is refused', async () => {
    const world = new SignallingWorld()
    const server = new TestServer(world, {
      limits: { messagesPerSecond: 20, messageBurst: 40, maxOverruns: 1 },
    })
    const [a, b] = [world.client(server.dial), world.client(server.dial)]
    const atA = a.join()
    const atB = b.join()
    await world.run(1_000)
    for (let at = 0; at < 150; at++) atA.room.signal(b.instance, `${at}`)
    await world.run(9_500)
    expect(atB.signals).toEqual(Array.from({ length: 150 }, (_, at) => `${at}`))
    expect(server.switchboard.context.counters.refusals.get('rate-limited')).toBeUndefined()
    a.close()
    b.close()
  })

  test('[SIGC-14] stop for as long as the server asks', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const client = world.client(server.dial)
    const room = client.join()
    const to = world.freshInstance()
    await world.run(1_000)
    server.last.say({ type: 'error', code: 'rate-limited', retryAfterMs: 3_000 })
    await world.run(100)
    room.room.signal(to, 'patient')
    await world.run(2_800)
    expect(server.last.ofType('signal')).toEqual([])
    await world.run(300)
    expect(server.last.ofType('signal')).toHaveLength(1)
    client.close()
  })

  test('[SIGC-15] a refused one is told with its recipient', async () => {
    const world = new SignallingWorld()
    const server = new TestServer(world)
    const client = world.client(server.dial)
    const room = client.join()
    const nobody = world.freshInstance()
    await world.run(1_000)
    room.room.signal(nobody, 'hello?')
    await world.run(1_000)
    expect(room.undelivered).toEqual([[nobody, 'unknown-recipient']])
    client.close()
  })
})

/** Gives `token-1`, `token-2`, …, and says how many it gave. */
function numbered(): { given: { count: number }; token: () => Promise<string> } {
  const given = { count: 0 }
  return { given, token: () => Promise.resolve(`token-${++given.count}`) }
}
