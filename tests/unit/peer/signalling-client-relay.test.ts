import type { Link, LinkClosed } from '@holdfast/peer/ports'
import { encodeRelayFrame } from '@holdfast/peer/protocol'
import { describe, expect, test } from 'vitest'
import { describeLink } from '../../contract/describeLink.js'
import {
  joinedTo,
  notes,
  ScriptedServer,
  SignallingWorld,
  TestServer,
  type TestClient,
} from './signalling-world.js'

/** Two clients in one room of the real server, on virtual time. */
async function pair(
  options: ConstructorParameters<typeof TestServer>[1] = {},
): Promise<{ world: SignallingWorld; server: TestServer; a: TestClient; b: TestClient }> {
  const world = new SignallingWorld()
  const server = new TestServer(world, options)
  const [a, b] = [world.client(server.dial), world.client(server.dial)]
  a.join()
  b.join()
  await world.run(1_000)
  return { world, server, a, b }
}

function relay(from: TestClient, to: TestClient): Link {
  const [room] = from.rooms
  if (room === undefined) throw new Error('not in a room')
  return room.room.openRelay(to.instance)
}

describeLink(
  'relayed',
  async () => {
    const { world, server, a, b } = await pair()
    return {
      a: relay(a, b),
      b: relay(b, a),
      until: (condition) => world.clock.runUntil(condition),
      close: () => {
        a.close()
        b.close()
      },
      sever: () => server.crash(),
    }
  },
  { canSever: true },
)

describe('a relay', () => {
  test('[SIGC-16] stands when both have asked: the other hears the wish and agrees', async () => {
    const { world, a, b } = await pair()
    const atB: string[] = []
    b.rooms[0]?.room.onRelayWanted((from) => {
      b.rooms[0]?.room.openRelay(from).onFrame((frame) => atB.push(frame.join()))
    })
    const link = relay(a, b)
    link.send(Uint8Array.of(1, 2))
    expect(link.kind).toBe('relay')
    expect(link.bufferedBytes).toBe(2)
    await world.clock.runUntil(() => atB.length > 0)
    expect(atB).toEqual(['1,2'])
    expect(relay(a, b)).toBe(link)
    a.close()
    b.close()
  })

  test('[SIGC-16] [SIGC-20] that nobody agrees to fails after 15 s, and may be asked for again', async () => {
    const { world, a, b } = await pair()
    const closes: LinkClosed[] = []
    relay(a, b).onClose((closed) => closes.push(closed))
    await world.run(15_001)
    expect(closes).toEqual([{ by: 'failed', reason: 'timeout' }])
    const again = relay(a, b)
    relay(b, a)
    let isHeard = false
    relay(b, a).onFrame(() => (isHeard = true))
    again.send(Uint8Array.of(1))
    await world.clock.runUntil(() => isHeard)
    a.close()
    b.close()
  })

  test('[SIGC-16] is refused where there is none: by the server, for strangers, outside a room', async () => {
    const without = await pair({ relay: false })
    expect(await failures(relay(without.a, without.b), without.world)).toEqual([
      'failed: there is no relay',
    ])
    const { world, a, server } = await pair()
    const stranger = a.rooms[0]?.room.openRelay(world.freshInstance()) as Link
    expect(await failures(stranger, world)).toEqual(['failed: unknown-recipient'])
    const outside = world.client(server.dial).join().room.openRelay(a.instance)
    expect(await failures(outside, world)).toEqual(['failed: there is no relay'])
  })

  test('[SIGC-16] ends with the connection, while neighbours and room go on', async () => {
    const { world, server, a, b } = await pair()
    const closes: string[] = []
    relay(a, b).onClose(({ by }) => closes.push(by))
    relay(b, a).onClose(({ by }) => closes.push(by))
    await world.run(1_000)
    server.crash()
    await world.run(1_000)
    expect(closes).toEqual(['failed', 'failed'])
    server.start()
    await world.run(4_000)
    expect(a.rooms[0]?.phase).toBe('joined')
    expect(a.rooms[0]?.neighbourIds).toEqual([b.instance])
    let isHeard = false
    relay(b, a).onFrame(() => (isHeard = true))
    relay(a, b).send(Uint8Array.of(1))
    await world.clock.runUntil(() => isHeard)
    a.close()
    b.close()
  })

  test('[SIGC-16] keeps within the window: a megabyte passes, and the server refuses nothing', async () => {
    const { world, server, a, b } = await pair()
    let bytes = 0
    relay(b, a).onFrame((frame) => (bytes += frame.byteLength))
    const link = relay(a, b)
    for (let at = 0; at < 64; at++) link.send(new Uint8Array(16_384).fill(at))
    expect(link.bufferedBytes).toBe(1_048_576)
    await world.clock.runUntil(() => bytes === 1_048_576)
    expect(link.bufferedBytes).toBe(0)
    expect([...server.switchboard.context.counters.refusals.keys()]).toEqual([])
    a.close()
    b.close()
  })

  test('[K11] [SIGC-16] holds no more than 8 MiB, and a client no more than 16 relays', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll({
      limits: {
        ...joinedTo(joinOf(world)).limits,
        relay: { maxFrameBytes: 65_536, windowBytes: 131_072 },
      },
    })
    const client = world.client(server.dial)
    const { room } = client.join()
    await world.run(1_000)
    const closes: string[] = []
    const link = room.openRelay(world.freshInstance())
    link.onClose(({ reason }) => closes.push(reason))
    for (let at = 0; at < 129; at++) link.send(new Uint8Array(65_536))
    expect(link.bufferedBytes).toBe(0)
    const links = Array.from({ length: 20 }, () => room.openRelay(world.freshInstance()))
    for (const one of links) one.onClose(({ reason }) => closes.push(reason))
    await world.run(1_000)
    expect(closes).toEqual([
      'too much waits for the relay',
      ...Array<string>(4).fill('too many relays'),
    ])
    expect(server.last.ofType('relay-open')).toHaveLength(17)
    expect(server.last.ofType('relay-close')).toHaveLength(1)
    client.close()
  })

  test('[SIGC-16] given up meanwhile, it is declined when it comes up after all', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll({
      limits: {
        ...joinedTo(joinOf(world)).limits,
        relay: { maxFrameBytes: 65_536, windowBytes: 131_072 },
      },
    })
    const client = world.client(server.dial)
    const { room } = client.join()
    const to = world.freshInstance()
    await world.run(1_000)
    room.openRelay(to).close()
    await world.run(100)
    server.last.say({
      type: 'relay-opened',
      collection: notes,
      with: to,
      channel: 1,
      maxFrameBytes: 65_536,
      windowBytes: 131_072,
    })
    await world.run(100)
    expect(server.last.ofType('relay-close')).toHaveLength(2)
    client.close()
  })

  test('[SIGC-16] one that is opened again and again has one number, the first', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world).admitAll({
      limits: {
        ...joinedTo(joinOf(world)).limits,
        relay: { maxFrameBytes: 65_536, windowBytes: 131_072 },
      },
    })
    const client = world.client(server.dial)
    const { room } = client.join()
    const to = world.freshInstance()
    await world.run(1_000)
    const heard: string[] = []
    room.openRelay(to).onFrame((frame) => heard.push(frame.join()))
    await world.run(100)
    for (const channel of [1, 2, 3]) {
      server.last.say({
        type: 'relay-opened',
        collection: notes,
        with: to,
        channel,
        maxFrameBytes: 65_536,
        windowBytes: 131_072,
      })
      server.last.sayBytes(encodeRelayFrame(channel, Uint8Array.of(channel)))
    }
    await world.run(100)
    expect(heard).toEqual(['1'])
    client.close()
  })
})

function joinOf(world: SignallingWorld): Parameters<typeof joinedTo>[0] {
  return {
    type: 'join',
    version: 1,
    collection: notes,
    instance: world.freshInstance(),
    replica: world.freshReplica(),
    role: 'peer',
    capabilities: [],
    standing: [],
  }
}

/** How a link ends within a second. */
async function failures(link: Link, world: SignallingWorld): Promise<string[]> {
  const heard: string[] = []
  link.onClose(({ by, reason }) => heard.push(`${by}: ${reason}`))
  await world.run(1_000)
  return heard
}
