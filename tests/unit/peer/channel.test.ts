import { Channel, type ChannelClosed, channelBounds, windowBounds } from '@holdfast/peer'
import type { Message } from '@holdfast/peer/protocol'
import { createWorld, type PathConditions, type World } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'

test('[CHANNEL-1] messages of a lane arrive in order, whole, whatever their size', async () => {
  const { world, a, b } = open({ delayMs: 20 })
  const sizes = [1, 100, 20_000, 3, 200_000, 7]
  for (const size of sizes) expect(a.channel.send(presence(size % 30_000))).toBe(true)
  await world.run(2_000)
  expect(b.heard.map(lengthOf)).toEqual(sizes.map((size) => size % 30_000))
  close(world, a, b)
})

test('[CHANNEL-2] [L43] no more than the window is ever under way, and a large transfer arrives', async () => {
  const { world, a, b } = open({ delayMs: 10, bytesPerSecond: 2_500_000 })
  const chunks = 60
  let sent = 0
  const refill = (): void => {
    while (sent < chunks && a.channel.send(bulk(500_000))) sent++
  }
  a.channel.onRoom(refill)
  refill()
  let most = 0
  while (b.heard.length < chunks) {
    await world.run(50)
    most = Math.max(most, a.channel.stats().unacknowledgedBytes)
    expect(a.channel.stats().unacknowledgedBytes).toBeLessThanOrEqual(
      a.channel.stats().windowBytes + 16 * 1_024,
    )
    expect(world.clock.monotonic()).toBeLessThan(60_000)
  }
  expect(most).toBeGreaterThan(windowBounds.minBytes)
  expect(most).toBeLessThanOrEqual(windowBounds.maxBytes + 16 * 1_024)
  close(world, a, b)
})

test('[CHANNEL-3] [M7] a keystroke passes a transfer: its round trip stays below 150 ms at 20 Mbit/s', async () => {
  const { world, a, b } = open({ delayMs: 10, bytesPerSecond: 2_500_000 })
  const refill = (): void => {
    while (a.channel.send(bulk(500_000)));
  }
  a.channel.onRoom(refill)
  refill()
  const roundTrips: number[] = []
  b.channel.onMessage((message) => {
    if (message.type === 'announce') b.channel.send(message)
  })
  await world.run(2_000)
  for (let at = 0; at < 50; at++) {
    const sentAt = world.clock.monotonic()
    let done = false
    const undo = a.channel.onMessage((message) => {
      if (message.type !== 'announce') return
      roundTrips.push(world.clock.monotonic() - sentAt)
      done = true
    })
    a.channel.send({ type: 'announce', ops: [] })
    await world.until(() => done)
    undo()
    await world.run(100)
  }
  expect(Math.max(...roundTrips)).toBeLessThanOrEqual(150)
  expect(b.heard.length).toBeGreaterThan(20)
  close(world, a, b)
})

test('[CHANNEL-4] [K19] [M6] silence counts as death within six seconds, a lossy slow path does not', async () => {
  const dead = open({ delayMs: 20 })
  await dead.world.run(10_000)
  dead.world.network.cut('a', 'b')
  const cutAt = dead.world.clock.monotonic()
  await dead.world.until(() => dead.a.closed !== undefined && dead.b.closed !== undefined)
  expect(dead.world.clock.monotonic() - cutAt).toBeLessThanOrEqual(6_000)
  expect(dead.a.closed).toMatchObject({ by: 'dead', code: 'timeout' })

  const slow = open({ delayMs: 150, jitterMs: 100 })
  await slow.world.run(120_000)
  expect(slow.a.closed).toBeUndefined()
  close(slow.world, slow.a, slow.b)
})

test('[CHANNEL-4] a participant that is away is waited for as long as it asked', async () => {
  const { world, a, b } = open({ delayMs: 20 })
  a.channel.setAway(true)
  await world.run(120_000)
  expect(b.closed).toBeUndefined()
  world.network.cut('a', 'b')
  await world.run(10_000)
  expect(b.closed).toBeUndefined()
  await world.until(() => b.closed !== undefined)
  close(world, a, b)
})

test('[CHANNEL-5] [L43] a channel that lost a frame in silence is torn down at the next one', async () => {
  const { world, a, b } = open({ delayMs: 20 })
  await world.run(100)
  const undo = world.network.intercept((_frame, from) => (from === 'a' ? 'drop' : 'pass'))
  a.channel.send(presence(10))
  await world.run(100)
  undo()
  a.channel.send(presence(11))
  await world.until(() => b.closed !== undefined)
  expect(b.closed).toMatchObject({ by: 'failed', code: 'frame-lost' })
  expect(b.heard).toEqual([])
  await world.until(() => a.closed !== undefined)
})

test('[CHANNEL-6] what is delivered is told, in order, and only then', async () => {
  const { world, a, b } = open({ delayMs: 50 })
  const delivered: number[] = []
  for (const size of [10, 20_000, 30]) {
    a.channel.send(presence(size), () => {
      expect(b.heard.map(lengthOf)).toContain(size)
      delivered.push(size)
    })
  }
  await world.run(60)
  expect(delivered).toEqual([])
  await world.run(500)
  expect(delivered).toEqual([10, 20_000, 30])

  world.network.cut('a', 'b')
  a.channel.send(presence(40), () => delivered.push(40))
  await world.until(() => a.closed !== undefined)
  expect(delivered).not.toContain(40)
})

test('[CHANNEL-7] closing lets what is queued arrive first, and leaves nothing behind', async () => {
  const { world, a, b } = open({ delayMs: 20, bytesPerSecond: 2_500_000 })
  a.channel.send(bulk(900_000))
  a.channel.close('going-away', 700)
  expect(a.channel.send(presence(1))).toBe(false)
  await world.until(() => a.closed !== undefined && b.closed !== undefined)
  expect(b.heard.map(lengthOf)).toEqual([900_000])
  expect(b.closed).toMatchObject({ by: 'remote', code: 'going-away', retryAfterMs: 700 })
  expect(a.closed).toMatchObject({ by: 'local' })
  await world.run(10_000)
  expect(world.clock.pendingTasks).toBe(0)
})

test('[CHANNEL-7] [K20] closing a channel whose other side is gone ends by itself', async () => {
  const { world, a } = open({ delayMs: 20 })
  world.network.cut('a', 'b')
  a.channel.send(bulk(900_000))
  a.channel.close()
  await world.until(() => a.closed !== undefined)
  expect(world.clock.monotonic()).toBeLessThanOrEqual(channelBounds.flushWithinMs + 100)
})

test('[CHANNEL-8] [K13] garbage ends the channel with a code, told to both sides', async () => {
  const { world, b, links } = open({ delayMs: 20 })
  await world.run(100)
  links.a.send(new Uint8Array([0, 0, 0x55, 1, 2, 3]))
  await world.until(() => b.closed !== undefined)
  expect(b.closed).toMatchObject({ by: 'refused' })
  expect(b.closed?.code).toBeDefined()
})

test('[CHANNEL-8] [K15] [I15] a reader that acknowledges nothing costs bounded memory', async () => {
  const { world, a, b } = open({ delayMs: 20 })
  world.network.intercept((_frame, from) => (from === 'b' ? 'drop' : 'pass'))
  let refused = 0
  for (let at = 0; at < 400; at++) if (!a.channel.send(bulk(100_000))) refused++
  await world.run(1_000)
  const { queuedBytes, unacknowledgedBytes } = a.channel.stats()
  expect(refused).toBeGreaterThan(0)
  expect(queuedBytes + unacknowledgedBytes).toBeLessThan(3 * 1_024 * 1_024)
  close(world, a, b)
})

test('[CHANNEL-10] [CHANNEL-11] a client at rest costs an archive one ping and one answer in two seconds', async () => {
  const { world, a, b } = open({ delayMs: 20 }, ['caller', 'server'])
  const frames = countFrames(world)
  await world.run(60_000)
  expect([a.closed, b.closed]).toEqual([undefined, undefined])
  expect(frames.a).toBeGreaterThan(29)
  expect(frames.a).toBeLessThan(35)
  expect(frames.b).toBe(frames.a)
  expect(a.channel.stats().roundTripMs).toBe(40)
  close(world, a, b)
})

test('[CHANNEL-10] a client or an archive that falls silent is dead after 5 s', async () => {
  const { world, a, b } = open({ delayMs: 20 }, ['caller', 'server'])
  await world.run(10_000)
  const atMs = world.clock.monotonic()
  world.network.intercept(() => 'drop')
  await world.until(() => a.closed !== undefined && b.closed !== undefined)
  expect([a.closed?.by, b.closed?.by]).toEqual(['dead', 'dead'])
  expect(world.clock.monotonic() - atMs).toBeLessThan(6_000)
})

test('[CHANNEL-10] a client that is away hears little, and counts nobody as dead for it', async () => {
  const { world, a, b } = open({ delayMs: 20 }, ['caller', 'server'])
  await world.run(5_000)
  a.channel.setAway(true)
  await world.run(300_000)
  a.channel.setAway(false)
  await world.run(20_000)
  expect([a.closed, b.closed]).toEqual([undefined, undefined])
  world.network.intercept(() => 'drop')
  await world.run(6_000)
  expect([a.closed?.by, b.closed?.by]).toEqual(['dead', 'dead'])
})

test('[CHANNEL-11] keystrokes to a client are acknowledged about once a second', async () => {
  const { world, a, b } = open({ delayMs: 20 }, ['caller', 'server'])
  const frames = countFrames(world)
  let arrived = 0
  for (let at = 0; at < 500; at++) {
    b.channel.send(presence(60), () => arrived++)
    await world.run(20)
  }
  // Ten seconds: five pings, and an acknowledgement each 1.25 s.
  expect(frames.a).toBeLessThan(16)
  await world.run(2_000)
  expect(arrived).toBe(500)
  expect(b.channel.stats().windowBytes).toBe(128 * 1_024)
  close(world, a, b)
})

test('[CHANNEL-11] [M7] a transfer to a client grows its window, and its end does not shrink it', async () => {
  const { world, a, b } = open({ delayMs: 50 }, ['caller', 'server'])
  let arrived = 0
  for (let at = 0; at < 40; at++) {
    await world.until(() => b.channel.send(bulk(100_000), () => arrived++))
  }
  await world.until(() => arrived === 40)
  expect(b.channel.stats().windowBytes).toBeGreaterThan(128 * 1_024)
  close(world, a, b)
})

test.for([
  { delayMs: 20, bytesPerSecond: Infinity, longest: 64 },
  { delayMs: 20, bytesPerSecond: 20_000, longest: 16 },
])('[CHANNEL-12] frames have $longest KiB at $bytesPerSecond bytes a second', async (path) => {
  const { delayMs, bytesPerSecond, longest } = path
  const conditions = bytesPerSecond === Infinity ? { delayMs } : { delayMs, bytesPerSecond }
  const { world, a, b } = open(conditions, ['caller', 'server'])
  b.channel.limitFastFrames(64 * 1_024)
  const lengths: number[] = []
  world.network.intercept((frame, from) => {
    if (from === 'b') lengths.push(frame.length)
    return 'pass'
  })
  let arrived = 0
  expect(b.channel.send(bulk(900_000), () => arrived++)).toBe(true)
  await world.until(() => arrived === 1)
  expect(lengths[0]).toBe(16 * 1_024)
  expect(Math.max(...lengths)).toBe(longest * 1_024)
  close(world, a, b)
})

/** Frames that each end sends from now on. */
function countFrames(world: World): { a: number; b: number } {
  const frames = { a: 0, b: 0 }
  world.network.intercept((_frame, from) => {
    frames[from === 'a' ? 'a' : 'b']++
    return 'pass'
  })
  return frames
}

function open(conditions: Partial<PathConditions>, sides: readonly ('caller' | 'server')[] = []) {
  const world = createWorld({ seed: 'channel' })
  world.network.setConditions(conditions)
  const links = world.network.connect('a', 'b')
  return {
    world,
    links,
    a: end(world, links.a, sides[0]),
    b: end(world, links.b, sides[1]),
  }
}

function end(
  world: World,
  link: ConstructorParameters<typeof Channel>[0]['link'],
  as?: 'caller' | 'server',
) {
  const { clock, random } = world
  const channel = new Channel({ link, clock, random, ...(as === undefined ? {} : { side: as }) })
  const side: { channel: Channel; heard: Message[]; closed: ChannelClosed | undefined } = {
    channel,
    heard: [],
    closed: undefined,
  }
  channel.onMessage((message) => {
    if (message.type !== 'announce') side.heard.push(message)
  })
  channel.onClose((closed) => {
    side.closed = closed
  })
  channel.start()
  return side
}

type Side = ReturnType<typeof end>

function close(world: World, ...sides: readonly Side[]): void {
  for (const { channel } of sides) channel.abort()
  world.network.healAll()
}

function presence(size: number): Message {
  return { type: 'presence', bytes: new Uint8Array(size) }
}

function bulk(size: number): Message {
  const document = { id: 'doc' as never, generation: 0 }
  return {
    type: 'update',
    document,
    cause: { kind: 'state', request: 1 },
    bytes: new Uint8Array(size),
  }
}

function lengthOf(message: Message): number {
  return 'bytes' in message ? message.bytes.length : -1
}
