import { describe, expect, test } from 'vitest'
import { encodeRelayFrame, parseRelayFrame, type InstanceId } from '@holdfast/peer/protocol'
import { notes, taken, TestSignaller, type TestPeer } from './switchboard.js'

const KiB = 1024

describe('a relay', () => {
  test('[SIG-22] stands when both have asked for it, and passes frames on both ways', async () => {
    const signaller = new TestSignaller()
    const [a, b] = await signaller.two()
    ask(a, b.id)
    expect(b.of('relay-wanted')).toEqual([{ type: 'relay-wanted', collection: notes, from: a.id }])
    expect(a.of('relay-opened')).toEqual([])
    ask(b, a.id)
    expect(b.of('relay-opened')).toMatchObject([{ with: a.id, windowBytes: 128 * KiB }])
    expect(a.of('relay-opened')).toMatchObject([{ with: b.id, maxFrameBytes: 64 * KiB }])

    a.sayBytes(encodeRelayFrame(channelOf(a), Uint8Array.of(1, 2, 3)))
    b.sayBytes(encodeRelayFrame(channelOf(b), Uint8Array.of()))
    expect(framesOf(b)).toEqual([{ channel: channelOf(b), frame: [1, 2, 3] }])
    expect(framesOf(a)).toEqual([{ channel: channelOf(a), frame: [] }])
    expect(signaller.counters).toMatchObject({ relays: 1, relayedFrames: 2, relayedBytes: 3 })
  })

  test('[SIG-22] takes a window of frames, gives credit for what has left, and ends at an overrun', async () => {
    const signaller = new TestSignaller()
    const [a, b] = await opened(signaller)
    b.holdsFrames = true
    const frame = encodeRelayFrame(channelOf(a), new Uint8Array(16 * KiB))
    for (let count = 0; count < 8; count++) a.sayBytes(frame.slice())
    expect(b.frames).toHaveLength(8)
    expect(a.of('relay-credit')).toEqual([])
    b.flushFrames()
    expect(a.of('relay-credit').map(({ bytes }) => bytes)).toEqual(
      Array.from({ length: 4 }, () => 32 * KiB),
    )

    for (let count = 0; count < 9; count++) a.sayBytes(frame.slice())
    expect(b.frames).toHaveLength(16)
    expect(a.of('relay-closed')).toMatchObject([{ with: b.id, code: 'rate-limited' }])
    expect(b.of('relay-closed')).toMatchObject([{ with: a.id, code: 'rate-limited' }])
    expect(signaller.counters.relays).toBe(0)
    expect(a.closed).toBeUndefined()
    b.flushFrames()
    expect(a.of('relay-credit')).toHaveLength(4)
  })

  test('[SIG-22] counts the smallest frames for 256 bytes each', async () => {
    const signaller = new TestSignaller()
    const [a, b] = await opened(signaller)
    b.holdsFrames = true
    for (let count = 0; count < 512; count++)
      a.sayBytes(encodeRelayFrame(channelOf(a), Uint8Array.of(1)))
    expect(a.of('relay-closed')).toEqual([])
    a.sayBytes(encodeRelayFrame(channelOf(a), Uint8Array.of(1)))
    expect(a.of('relay-closed')).toMatchObject([{ code: 'rate-limited' }])
  })

  test('[SIG-23] gives credit no faster than its rate', async () => {
    const signaller = new TestSignaller({ limits: { relayBytesPerSecond: 64 * KiB } })
    const [a] = await opened(signaller)
    // The burst of a second is free; what is beyond comes as the second allows.
    const sentBytes = await pump(signaller, a, 10_000)
    expect(sentBytes).toBeGreaterThan(9 * 64 * KiB)
    expect(sentBytes).toBeLessThanOrEqual(11 * 64 * KiB + 128 * KiB)
  })

  test('[SIG-23] shares the rate of all relays', async () => {
    const limits = { relayTotalBytesPerSecond: 64 * KiB }
    const signaller = new TestSignaller({ limits })
    const [a] = await opened(signaller)
    const [c] = await opened(signaller)
    const sent = [pumpQuietly(a), pumpQuietly(c)]
    await signaller.clock.run(10_000)
    const sentBytes = sent.reduce((sum, bytes) => sum + bytes(), 0)
    expect(sentBytes).toBeGreaterThan(9 * 64 * KiB)
    expect(sentBytes).toBeLessThanOrEqual(11 * 64 * KiB + 2 * 128 * KiB)
  })

  test('[SIG-22] that is not agreed to in time, is declined or left behind is closed', async () => {
    const signaller = new TestSignaller()
    const [a, b, c] = await signaller.three()
    ask(a, b.id)
    await signaller.clock.run(29_999)
    expect(a.of('relay-closed')).toEqual([])
    await signaller.clock.run(1)
    expect(a.of('relay-closed')).toEqual([
      { type: 'relay-closed', collection: notes, with: b.id, code: 'timeout' },
    ])
    for (const peer of [a, b, c]) peer.say({ type: 'pong' })
    ask(a, b.id)
    b.say({ type: 'relay-close', collection: notes, to: a.id })
    expect(a.of('relay-closed').at(-1)).toEqual({
      type: 'relay-closed',
      collection: notes,
      with: b.id,
    })
    ask(a, c.id)
    ask(c, a.id)
    c.drop()
    expect(a.of('relay-closed').at(-1)).toMatchObject({ with: c.id })
    expect(signaller.counters.relays).toBe(0)
  })

  test('[SIG-22] is not opened by asking twice, nor to oneself, nor to a stranger', async () => {
    const signaller = new TestSignaller()
    const [a, b] = await signaller.two()
    ask(a, b.id)
    ask(a, b.id)
    expect(a.of('relay-opened')).toEqual([])
    expect(b.of('relay-wanted')).toHaveLength(1)
    ask(a, a.id)
    ask(a, signaller.connect().id)
    expect(a.errors()).toEqual(['unknown-recipient', 'unknown-recipient'])
  })

  test('[SIG-22] is refused where the server relays nothing, and not announced', async () => {
    const signaller = new TestSignaller({ relay: false })
    const [a, b] = await signaller.two()
    expect(a.joinedAs()?.limits).not.toHaveProperty('relay')
    ask(a, b.id)
    expect(a.errors()).toEqual(['forbidden'])
    expect(b.of('relay-wanted')).toEqual([])
  })

  test('[SIG-18] counts against what one socket and the whole server may have', async () => {
    const signaller = new TestSignaller({ limits: { maxRelaysPerSocket: 2, maxRelays: 3 } })
    const peers = await signaller.filled(5)
    const [a, b, c, d, e] = peers as [TestPeer, TestPeer, TestPeer, TestPeer, TestPeer]
    for (const to of [b, c, d]) ask(a, to.id)
    expect(a.errors()).toEqual(['too-many'])
    ask(e, b.id)
    ask(e, c.id)
    expect(e.errors()).toEqual(['too-many'])
    expect(signaller.counters.relays).toBe(3)
  })

  test('[SIG-22] too large a frame closes it, a stray frame is counted, a flood of them closes the socket', async () => {
    const signaller = new TestSignaller({
      limits: { maxRelayFrameBytes: KiB, strayFrameBurst: 10 },
    })
    const [a] = await opened(signaller)
    const channel = channelOf(a)
    a.sayBytes(encodeRelayFrame(channel, new Uint8Array(KiB + 1)))
    expect(a.of('relay-closed')).toMatchObject([{ code: 'too-large' }])
    for (let count = 0; count < 10; count++) a.sayBytes(encodeRelayFrame(channel, Uint8Array.of(1)))
    expect(a.closed).toBeUndefined()
    expect(signaller.counters.refusals.get('unknown-recipient')).toBe(10)
    a.sayBytes(encodeRelayFrame(channel, Uint8Array.of(1)))
    expect(a.closed).toEqual({ code: 4005, reason: 'rate-limited' })
  })

  test('[K15] frames that wait for a slow reader do not make it one who is too slow', async () => {
    const signaller = new TestSignaller({ limits: { maxBufferedBytes: 64 * KiB } })
    const [a, b] = await opened(signaller)
    b.holdsFrames = true
    for (let count = 0; count < 8; count++) {
      a.sayBytes(encodeRelayFrame(channelOf(a), new Uint8Array(16 * KiB)))
    }
    b.bufferedBytes = 128 * KiB
    a.signal(b.id, 'x')
    await signaller.clock.settle()
    expect(b.closed).toBeUndefined()
    expect(b.of('signal')).toHaveLength(1)
  })
})

function ask(peer: TestPeer, to: InstanceId): void {
  peer.say({ type: 'relay-open', collection: notes, to })
}

async function opened(signaller: TestSignaller): Promise<[TestPeer, TestPeer]> {
  const [a, b] = await signaller.two()
  ask(a, b.id)
  ask(b, a.id)
  return [a, b]
}

function channelOf(peer: TestPeer): number {
  return peer.of('relay-opened').at(-1)?.channel ?? Number.NaN
}

function framesOf(peer: TestPeer): { channel: number; frame: number[] }[] {
  return peer.frames.map((message) => {
    const { channel, frame } = taken(parseRelayFrame(message))
    return { channel, frame: [...frame] }
  })
}

/** Sends as much as the credit allows, for so long; gives how much it was. */
async function pump(signaller: TestSignaller, peer: TestPeer, forMs: number): Promise<number> {
  const sentBytes = pumpQuietly(peer)
  await signaller.clock.run(forMs)
  return sentBytes()
}

function pumpQuietly(peer: TestPeer): () => number {
  let sentBytes = 0
  let creditBytes = 128 * KiB
  const send = (): void => {
    while (creditBytes >= 16 * KiB) {
      creditBytes -= 16 * KiB
      sentBytes += 16 * KiB
      peer.sayBytes(encodeRelayFrame(channelOf(peer), new Uint8Array(16 * KiB)))
    }
  }
  peer.onHeard = (message) => {
    if (message.type !== 'relay-credit') return
    creditBytes += message.bytes
    send()
  }
  send()
  return () => sentBytes
}
