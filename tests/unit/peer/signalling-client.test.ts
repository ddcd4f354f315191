import { describe, expect, test } from 'vitest'
import { drafts, notes, ScriptedServer, SignallingWorld, TestServer } from './signalling-world.js'

describe('joining', () => {
  test('[SIGC-1] the first join dials, all collections share the connection', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const client = world.client(server.dial)
    await world.run(1_000)
    expect(server.dialledAtMs).toEqual([])
    expect(client.signalling.state.phase).toBe('idle')

    const room = client.join(notes, { capabilities: ['relay'] })
    await world.run(1_000)
    client.join(drafts)
    await world.run(1_000)
    expect(server.dialledAtMs).toHaveLength(1)
    expect(client.states).toEqual(['dialing', 'open'])
    expect(room.phases).toEqual(['joining', 'joined'])
    expect(server.last.ofType('join')).toMatchObject([
      { collection: notes, instance: client.instance, role: 'peer', capabilities: ['relay'] },
      { collection: drafts, instance: client.instance, standing: [] },
    ])
    client.close()
  })

  test('[SIGC-1] the last leave says so and hangs up, and a later join dials again', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const client = world.client(server.dial)
    const first = client.join(notes)
    const second = client.join(drafts)
    await world.run(1_000)
    first.room.leave()
    await world.run(1_000)
    expect(server.last.isEnded).toBe(false)
    second.room.leave()
    second.room.leave()
    await world.run(1_000)
    expect(server.last.ofType('leave').map(({ collection }) => collection)).toEqual([notes, drafts])
    expect(server.last.isEnded).toBe(true)
    expect(client.signalling.state.phase).toBe('idle')

    const again = client.join(notes)
    await world.run(1_000)
    expect(again.phase).toBe('joined')
    expect(server.peers).toHaveLength(2)
    client.close()
  })

  test('[SIGC-1] one collection cannot be joined twice, nor any after close', () => {
    const world = new SignallingWorld()
    const client = world.client(new ScriptedServer(world).dial)
    client.join(notes)
    expect(() => client.signalling.join(notes)).toThrow(/notes/)
    client.close()
    expect(() => client.signalling.join(drafts)).toThrow(/closed/)
  })

  test('[SIGC-1] two clients of the real server hear of each other, and signals arrive', async () => {
    const world = new SignallingWorld()
    const server = new TestServer(world)
    const [a, b] = [world.client(server.dial), world.client(server.dial)]
    const atA = a.join()
    const atB = b.join()
    await world.run(1_000)
    expect(atA.neighbourIds).toEqual([b.instance])
    expect(atB.neighbourIds).toEqual([a.instance])
    expect(atA.room.neighbours[0]?.call).toBe(a.instance < b.instance)
    expect(atB.room.neighbours[0]?.voucher).toBe(atA.room.neighbours[0]?.voucher)

    atA.room.signal(b.instance, 'offer')
    await world.run(1_000)
    expect(atB.signals).toEqual(['offer'])
    a.close()
    await world.run(1_000)
    expect(atB.news.at(-1)?.removed).toEqual([{ id: a.instance, why: 'left' }])
    b.close()
  })
})

describe('pauses', () => {
  test('[SIGC-2] grow by half up to 30 s, each drawn between a tenth and the whole', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world)
    server.isUp = false
    const client = world.client(server.dial)
    client.join()
    await world.run(400_000)
    const pauses = server.dialledAtMs
      .slice(1)
      .map((atMs, index) => atMs - (server.dialledAtMs[index] ?? 0) - 20)
    expect(pauses.length).toBeGreaterThan(15)
    const ceilings = pauses.map((_, index) => Math.min(30_000, 1_000 * 1.5 ** index))
    expect(pauses.filter((ms, at) => ms < (ceilings[at] ?? 0) / 10 - 1)).toEqual([])
    expect(pauses.filter((ms, at) => ms > (ceilings[at] ?? 0) + 1)).toEqual([])
    expect(Math.max(...pauses)).toBeGreaterThan(15_000)
    client.close()
  })

  test('[SIGC-2] start anew only after a connection that held', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const client = world.client(server.dial)
    client.join()
    // Flapping: the server lets in and hangs up at once, twenty times.
    for (let flap = 0; flap < 20; flap++) {
      const before = server.peers.length
      await world.clock.runUntil(() => server.peers.length > before)
      await world.run(500)
      server.last.close('internal')
    }
    const flappingMs = world.clock.monotonic()
    expect(flappingMs / 20).toBeGreaterThan(5_000)

    const before = server.peers.length
    await world.clock.runUntil(() => server.peers.length > before)
    await world.run(11_000)
    server.last.close('internal')
    const lostAtMs = world.clock.monotonic()
    await world.clock.runUntil(() => server.peers.length > before + 1)
    expect(world.clock.monotonic() - lostAtMs).toBeLessThan(1_100)
    client.close()
  })

  test('[SIGC-2] end at once when the owner knows better', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    server.isUp = false
    const client = world.client(server.dial)
    const room = client.join()
    await world.run(300_000)
    server.isUp = true
    client.signalling.retryNow()
    await world.run(100)
    expect(room.phase).toBe('joined')
    client.close()
  })
})

describe('deadlines', () => {
  test('[SIGC-20] a dial that nobody answers is given up after 10 s', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    server.isSilent = true
    const client = world.client(server.dial)
    const room = client.join()
    await world.run(10_001)
    expect(client.signalling.state).toMatchObject({ phase: 'waiting', code: 'timeout' })
    server.isSilent = false
    await world.run(2_000)
    expect(room.phase).toBe('joined')
    client.close()
  })

  test('[SIGC-20] a join that nobody answers costs the connection after 15 s', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world)
    const client = world.client(server.dial)
    const room = client.join()
    await world.run(14_000)
    expect(room.phase).toBe('joining')
    server.admitAll()
    await world.run(3_500)
    expect(server.peers).toHaveLength(2)
    expect(room.phases).toEqual(['joining', 'offline', 'joining', 'joined'])
    client.close()
  })

  test('[SIGC-10] silence is answered by a ping, and silence after it by a new connection', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const admit = server.onMessage
    server.onMessage = (peer, message) => {
      if (message.type !== 'ping') admit(peer, message)
    }
    const client = world.client(server.dial)
    client.join()
    await world.run(19_000)
    expect(server.last.ofType('ping')).toHaveLength(0)
    await world.run(11_500)
    expect(server.last.ofType('ping')).toHaveLength(1)
    expect(server.peers).toHaveLength(1)
    await world.run(11_000)
    expect(server.peers).toHaveLength(2)
    expect(server.peers[0]?.isEnded).toBe(true)
    client.close()
  })

  test('[SIGC-10] a server that answers keeps its connection for ever, pinging or pinged', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world)
    server.onMessage = (peer, message) => {
      if (message.type === 'ping') peer.say({ type: 'pong' })
    }
    const client = world.client(server.dial, { limits: { answerMs: 1e9 } })
    client.join()
    await world.run(300_000)
    expect(server.peers).toHaveLength(1)
    expect(server.last.ofType('ping').length).toBeGreaterThan(8)

    server.last.say({ type: 'ping' })
    await world.run(100)
    expect(server.last.ofType('pong')).toHaveLength(1)
    client.close()
  })

  test('[SIGC-10] a server that breaks silently is noticed, and everybody is back', async () => {
    const world = new SignallingWorld()
    const server = new TestServer(world)
    const clients = Array.from({ length: 5 }, () => world.client(server.dial))
    const rooms = clients.map((client) => client.join())
    await world.run(60_000)
    server.freeze()
    await world.run(45_000)
    expect(rooms.map(({ phase }) => phase)).toEqual(Array(5).fill('joined'))
    expect(rooms.map(({ room }) => room.neighbours.length)).toEqual(Array(5).fill(4))
    expect(rooms.flatMap((room) => room.removedIds())).toEqual([])
    for (const client of clients) client.close()
  })
})

describe('codes', () => {
  test('[SIGC-11] a fatal refusal stops that collection alone, and retryNow tries it again', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const admit = server.onMessage
    let isForbidden = true
    server.onMessage = (peer, message) => {
      if (message.type === 'join' && message.collection === notes && isForbidden) {
        peer.say({ type: 'error', code: 'forbidden', collection: notes })
      } else admit(peer, message)
    }
    const client = world.client(server.dial)
    const refused = client.join(notes)
    const other = client.join(drafts)
    await world.run(600_000)
    expect(refused.room.state).toEqual({ phase: 'refused', code: 'forbidden' })
    expect(other.phase).toBe('joined')
    const joins = server.peers.flatMap((peer) => peer.ofType('join'))
    expect(joins.map(({ collection }) => collection)).toEqual([notes, drafts])

    isForbidden = false
    client.signalling.retryNow()
    await world.run(1_000)
    expect(refused.phase).toBe('joined')
    client.close()
  })

  test('[SIGC-11] any other refusal is tried again on the same connection, when it says', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world)
    const joinedAtMs: number[] = []
    server.onMessage = (peer, message) => {
      if (message.type !== 'join') return
      joinedAtMs.push(world.clock.monotonic())
      peer.say({ type: 'error', code: 'too-many', collection: notes, retryAfterMs: 5_000 })
    }
    const client = world.client(server.dial)
    const room = client.join()
    await world.run(18_000)
    expect(joinedAtMs).toHaveLength(4)
    const pauses = joinedAtMs.slice(1).map((atMs, at) => atMs - (joinedAtMs[at] ?? 0))
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(5_000)
    expect(server.peers).toHaveLength(1)
    expect(room.room.state).toEqual({ phase: 'offline', code: 'too-many' })
    client.close()
  })

  test('[SIGC-11] a connection closed with a fatal code is not dialled again', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world)
    server.onMessage = (peer) => peer.close('unsupported-version')
    const client = world.client(server.dial)
    const room = client.join()
    await world.run(600_000)
    expect(server.dialledAtMs).toHaveLength(1)
    expect(client.signalling.state).toEqual({ phase: 'failed', code: 'unsupported-version' })
    expect(room.room.state).toEqual({ phase: 'refused', code: 'unsupported-version' })
    expect(client.join(drafts).phase).toBe('refused')

    server.admitAll()
    client.signalling.retryNow()
    await world.run(1_000)
    expect(client.rooms.map(({ phase }) => phase)).toEqual(['joined', 'joined'])
    client.close()
  })

  test('[SIGC-11] a membership that the server ends is entered again, or not if that is fatal', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const client = world.client(server.dial)
    const room = client.join()
    await world.run(1_000)
    server.last.say({ type: 'left', collection: notes, code: 'internal' })
    await world.run(2_000)
    expect(room.phases).toEqual(['joining', 'joined', 'offline', 'joining', 'joined'])

    server.last.say({ type: 'left', collection: notes, code: 'replica-in-use' })
    await world.run(60_000)
    expect(room.room.state).toEqual({ phase: 'refused', code: 'replica-in-use' })
    client.close()
  })

  test('[SIGC-18] after a join whose answer was lost, replica-in-use is waited out', async () => {
    const world = new SignallingWorld()
    const server = new TestServer(world)
    const client = world.client(server.dial)
    const room = client.join()
    // The server has let it in; the answer and everything else is lost on the way.
    await world.clock.runUntil(() => server.switchboard.context.counters.joins === 1)
    server.freeze()
    await world.run(40_000)
    expect(room.states).toContainEqual({ phase: 'offline', code: 'replica-in-use' })
    expect(room.phase).not.toBe('refused')
    await world.run(60_000)
    expect(room.phase).toBe('joined')
    client.close()
  })

  test('[SIGC-18] so it is when the room was left and joined anew behind a dead connection', async () => {
    const world = new SignallingWorld()
    const server = new TestServer(world)
    const client = world.client(server.dial)
    const room = client.join()
    await world.run(10_000)
    server.freeze()
    room.room.leave()
    await world.run(5_000)
    const again = client.join()
    await world.run(1_000)
    expect(again.room.state).toEqual({ phase: 'offline', code: 'replica-in-use' })
    await world.run(90_000)
    expect(again.phase).toBe('joined')
    client.close()
  })

  test('[SIGC-18] beside an instance that is alive it is the end', async () => {
    const world = new SignallingWorld()
    const server = new TestServer(world)
    const first = world.client(server.dial)
    first.join()
    await world.run(1_000)
    const clone = world.client(server.dial, {
      identity: { replica: world.freshReplica(), instance: first.instance },
    })
    const room = clone.join()
    await world.run(1_000)
    expect(room.room.state).toEqual({ phase: 'refused', code: 'replica-in-use' })
    expect(first.rooms[0]?.phase).toBe('joined')
    first.close()
    clone.close()
  })
})

describe('closing', () => {
  test('[K20] [SIGC-17] leaves no timer and no connection, whatever it was doing: 1,000 cycles', async () => {
    const world = new SignallingWorld()
    const server = new TestServer(world)
    const phases = new Set<string>()
    for (let cycle = 0; cycle < 1_000; cycle++) {
      const client = world.client(server.dial, {
        ...(cycle % 3 === 0 ? { token: () => Promise.resolve('any') } : {}),
        ...(cycle % 11 === 0 ? { token: () => new Promise<string>(() => {}) } : {}),
      })
      const room = client.join()
      if (cycle % 5 === 0) client.join(drafts)
      room.room.signal(world.freshInstance(), 'hello')
      await world.run(cycle % 60)
      if (cycle % 7 === 0) room.room.openRelay(world.freshInstance())
      if (cycle % 50 === 0) server.crash()
      if (cycle % 50 === 2) server.start()
      await world.run(cycle % 40)
      phases.add(`${client.signalling.state.phase} ${room.phase}`)
      client.close()
      client.close()
      expect(client.signalling.state.phase).toBe('closed')
      // A relay that was open is told of its end in a turn of its own.
      await world.run(0)
      expect(client.pendingTasks).toBe(0)
    }
    expect([...phases].toSorted()).toEqual([
      'dialing offline',
      'open joined',
      'open joining',
      'open offline',
      'waiting offline',
    ])
    await world.run(1_000)
    expect(server.switchboard.context.counters).toMatchObject({ sockets: 0, rooms: 0, relays: 0 })
  })

  test('[SIGC-17] nothing is heard after close or leave', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const client = world.client(server.dial)
    const room = client.join()
    const other = client.join(drafts)
    await world.run(1_000)
    server.last.say({
      type: 'signal',
      collection: notes,
      from: client.instance,
      access: 'write',
      data: 'late',
    })
    room.room.leave()
    const heard = room.states.length
    await world.run(1_000)
    expect(room.signals).toEqual([])
    expect(room.states).toHaveLength(heard)

    server.last.say({
      type: 'signal',
      collection: drafts,
      from: client.instance,
      access: 'write',
      data: 'late',
    })
    client.close()
    const states = client.states.length
    await world.run(60_000)
    expect(other.signals).toEqual([])
    expect(client.states).toHaveLength(states)
    expect(client.signalling.counters.unexpected).toBe(1)
  })
})

describe('listeners', () => {
  test('[SIGC-19] one that throws harms nobody else', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const errors: string[] = []
    const client = world.client(server.dial, {
      logger: { error: (message) => errors.push(message), info: () => {}, debug: () => {} },
    })
    client.signalling.onState(careless)
    const { room } = client.join()
    room.onState(careless)
    const states: string[] = []
    room.onState(({ phase }) => states.push(phase))
    await world.run(1_000)
    expect(states).toEqual(['joining', 'joined'])
    expect(errors).toHaveLength(4)
    client.close()
  })

  test('[SIGC-19] they may leave, join and close from within', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll()
    const client = world.client(server.dial)
    const first = client.join(notes)
    const joined: string[] = []
    first.room.onState(({ phase }) => {
      if (phase !== 'joined') return
      first.room.leave()
      client.join(drafts).room.onState((state) => {
        joined.push(state.phase)
        if (state.phase === 'joined') client.close()
      })
    })
    await world.run(5_000)
    expect(joined).toEqual(['joining', 'joined'])
    expect(client.signalling.state.phase).toBe('closed')
    expect(world.clock.pendingTasks).toBe(0)
  })

  test('[SIGC-19] an undone one hears nothing more', async () => {
    const world = new SignallingWorld()
    const client = world.client(new ScriptedServer(world).admitAll().dial)
    const heard: string[] = []
    const undo = client.signalling.onState(({ phase }) => heard.push(phase))
    client.join()
    undo()
    await world.run(1_000)
    expect(heard).toEqual(['dialing'])
    client.close()
  })
})

function careless(): never {
  throw new Error('a careless listener')
}
