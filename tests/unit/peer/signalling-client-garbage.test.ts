import { encodeSignalling, type FromSignaller } from '@holdfast/peer/protocol'
import { describe, expect, test } from 'vitest'
import { joinedTo, neighbour, notes, ScriptedServer, SignallingWorld } from './signalling-world.js'

describe('what a server may say', () => {
  test('[SIGC-12] what cannot be read ends the connection, and is counted', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const client = world.client(server.dial)
    const room = client.join()
    const garbage = ['', '{', 'null', '[]', '{"type":1}', '{"type":"joined"}', 'x'.repeat(70_000)]
    for (const text of garbage) {
      await world.clock.runUntil(() => room.phase === 'joined')
      await world.run(10_000)
      server.last.sayText(text)
      await world.run(100)
      expect(room.phase).toBe('offline')
    }
    await world.clock.runUntil(() => room.phase === 'joined')
    server.last.sayBytes(Uint8Array.of(9, 9, 9, 9, 9, 9))
    await world.run(100)
    expect(client.signalling.counters.garbage).toBe(garbage.length + 1)
    await world.run(60_000)
    expect(room.phase).toBe('joined')
    client.close()
  })

  test('[SIGC-12] what a newer server says more, or says at the wrong time, is only counted', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world)
    const client = world.client(server.dial)
    const room = client.join()
    await world.run(1_000)
    const [join] = server.last.ofType('join')
    if (join === undefined) throw new Error('no join was heard')
    const from = world.freshInstance()
    // Before the room is joined, about rooms that nobody joined, answers to nothing.
    const early: FromSignaller[] = [
      { type: 'signal', collection: notes, from, access: 'write', data: 'early' },
      { type: 'neighbours', collection: notes, add: [neighbour(from)], remove: [] },
      { type: 'expiring', collection: notes, expiresInMs: 1 },
      { type: 'left', collection: notes, code: 'forbidden' },
      {
        type: 'relay-opened',
        collection: notes,
        with: from,
        channel: 1,
        maxFrameBytes: 9,
        windowBytes: 9,
      },
    ]
    for (const message of early) server.last.say(message)
    await world.run(100)
    expect(client.signalling.counters.unexpected).toBe(5)
    expect(room.phase).toBe('joining')

    server.last.say(joinedTo(join))
    await world.run(100)
    server.last.sayText('{"type":"weather","sunny":true}')
    server.last.say(joinedTo(join, { access: 'admin' }))
    server.last.say(joinedTo({ ...join, collection: 'elsewhere' as typeof notes }))
    server.last.say({ type: 'error', code: 'forbidden', collection: notes })
    server.last.say({ type: 'relay-credit', channel: 77, bytes: 1e9 })
    server.last.sayBytes(Uint8Array.of(1, 0, 0, 0, 77, 1, 2, 3))
    await world.run(100)
    expect(client.signalling.counters.unexpected).toBe(9)
    expect(room.room.state).toEqual({ phase: 'joined', access: 'write' })
    expect(room.signals).toEqual([])
    expect(client.signalling.counters.garbage).toBe(0)
    client.close()
  })

  test('[SIGC-12] [K13] 20,000 mangled messages: nothing throws, nothing piles up', async () => {
    const { RUNS, SEED } = process.env
    const world = new SignallingWorld(SEED ?? 'mangled')
    const { random } = world
    const server = new ScriptedServer(world).admitAll()
    const errors: string[] = []
    const client = world.client(server.dial, {
      logger: { error: (message) => errors.push(message), info: () => {}, debug: () => {} },
    })
    const room = client.join()
    const ids = Array.from({ length: 10 }, () => world.freshInstance())
    const id = (): (typeof ids)[number] => random.pick(ids)
    const speech: (() => FromSignaller)[] = [
      () => ({
        type: 'neighbours',
        collection: notes,
        add: [neighbour(id())],
        remove: [{ id: id(), why: 'lost' }],
      }),
      () => ({
        type: 'signal',
        collection: notes,
        from: id(),
        access: 'read',
        data: 'x'.repeat(random.below(50)),
      }),
      () => ({ type: 'error', code: 'unknown-recipient', collection: notes, to: id() }),
      () => ({
        type: 'relay-opened',
        collection: notes,
        with: id(),
        channel: random.below(5),
        maxFrameBytes: 100,
        windowBytes: 100,
      }),
      () => ({ type: 'relay-closed', collection: notes, with: id(), code: 'timeout' }),
      () => ({ type: 'relay-wanted', collection: notes, from: id() }),
      () => ({ type: 'relay-credit', channel: random.below(5), bytes: random.below(1_000) }),
      () => ({
        type: 'renewed',
        collection: notes,
        access: 'read',
        expiresInMs: random.below(100_000),
        iceServers: [],
      }),
      () => ({ type: 'expiring', collection: notes, expiresInMs: random.below(1_000) }),
      () => ({ type: 'error', code: 'rate-limited', retryAfterMs: random.below(1_000) }),
      () => ({ type: 'ping' }),
    ]
    const mangled = (text: string): string => {
      const at = random.below(text.length + 1)
      const kept = text.slice(at + random.below(4))
      return `${text.slice(0, at)}${random.chance(0.5) ? String.fromCodePoint(random.below(0x300)) : ''}${kept}`
    }
    const messages = RUNS === undefined ? 20_000 : Number(RUNS)
    for (let said = 0; said < messages; said++) {
      if (room.phase !== 'joined') {
        client.signalling.retryNow()
        await world.clock.runUntil(() => room.phase === 'joined')
      }
      const text = encodeSignalling(random.pick(speech)())
      if (random.chance(0.05)) server.last.sayBytes(random.bytes(random.below(12)))
      else server.last.sayText(random.chance(0.3) ? mangled(text) : text)
      if (random.chance(0.05)) room.room.signal(id(), 'hello')
      if (random.chance(0.02)) room.room.openRelay(id()).send(Uint8Array.of(1))
      if (random.chance(0.2)) await world.run(random.below(30))
    }
    expect(errors, `SEED=${random.seed}`).toEqual([])
    expect(client.signalling.counters.garbage).toBeGreaterThan(messages / 100)
    expect(client.signalling.counters.signalsReceived).toBeGreaterThan(messages / 100)
    expect(room.room.neighbours.length).toBeLessThanOrEqual(ids.length)
    expect(client.pendingTasks).toBeLessThan(30)
    client.close()
    await world.run(0)
    expect(client.pendingTasks).toBe(0)
  })
})
