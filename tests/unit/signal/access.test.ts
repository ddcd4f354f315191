import { describe, expect, test } from 'vitest'
import { encodeRelayFrame } from '@holdfast/peer/protocol'
import { notes, withTokens } from './switchboard.js'

const hour = 3_600_000

describe('a token', () => {
  test('[SIG-11] that is missing, ended or for another collection is refused by its own code', async () => {
    const { signaller, token } = withTokens()
    const peer = signaller.connect()
    await peer.join()
    await peer.join({ token: 'nonsense' })
    await peer.join({ token: token('write', -1) })
    await peer.join({ token: token('write', hour, 'drawings') })
    expect(peer.errors()).toEqual([
      'unauthenticated',
      'unauthenticated',
      'token-expired',
      'forbidden',
    ])
    // The socket may try again until its time for the proof is over.
    expect(peer.closed).toBeUndefined()
    await peer.join({ token: token('write', hour) })
    expect(peer.joinedAs()).toMatchObject({ access: 'write', expiresInMs: hour })
  })

  test('[SIG-15] has to give admin to whoever joins as an archive', async () => {
    const { signaller, token } = withTokens()
    const peer = signaller.connect()
    await peer.join({ role: 'archive', token: token('write', hour) })
    expect(peer.errors()).toEqual(['forbidden'])
    await peer.join({ role: 'archive', token: token('admin', hour) })
    expect(peer.joinedAs()?.access).toBe('admin')
    peer.say({ type: 'renew', collection: notes, token: token('write', hour) })
    await signaller.clock.settle()
    expect(peer.errors()).toEqual(['forbidden', 'forbidden'])
  })

  test('[SIG-14] is announced to end half a minute before, and then ends the membership', async () => {
    const { signaller, token } = withTokens()
    const keeper = await signaller.joined({ token: token('write', hour) })
    const peer = await signaller.joined({ token: token('write', 100_000) })
    await keepAlive(signaller, [keeper, peer], 69_000)
    expect(peer.of('expiring')).toEqual([])
    await keepAlive(signaller, [keeper, peer], 2_000)
    expect(peer.of('expiring')).toHaveLength(1)
    expect(peer.of('expiring')[0]?.expiresInMs).toBeLessThanOrEqual(30_000)
    await keepAlive(signaller, [keeper, peer], 30_000)
    expect(peer.of('left')).toEqual([{ type: 'left', collection: notes, code: 'token-expired' }])
    expect(keeper.neighbours().size).toBe(0)
    expect(signaller.counters.refusals.get('token-expired')).toBe(1)
    // It is told, and has as long to come back with a better one as anybody who is new.
    expect(peer.closed).toBeUndefined()
    await keepAlive(signaller, [keeper, peer], 10_001)
    expect(peer.closed).toEqual({ code: 4007, reason: 'timeout' })
  })

  test('[SIG-14] takes its relays with it; frames that were on their way close nothing', async () => {
    const { signaller, token } = withTokens()
    const a = await signaller.joined({ token: token('write', 20_000) })
    const b = await signaller.joined({ token: token('write', hour) })
    a.say({ type: 'relay-open', collection: notes, to: b.id })
    b.say({ type: 'relay-open', collection: notes, to: a.id })
    const frame = encodeRelayFrame(a.of('relay-opened')[0]?.channel ?? 0, new Uint8Array(40_000))
    await signaller.clock.run(20_001)
    expect(a.of('left')).toHaveLength(1)
    expect(b.of('relay-closed')).toHaveLength(1)
    for (let count = 0; count < 3; count++) a.sayBytes(frame.slice())
    expect(a.closed).toBeUndefined()
    expect(b.frames).toEqual([])
  })

  test('[SIG-14] that ends later than numbers go does not end', async () => {
    const { signaller, token } = withTokens()
    const peer = await signaller.joined({ token: token('write', 1e20) })
    expect(peer.joinedAs()).not.toHaveProperty('expiresInMs')
    await signaller.clock.run(1_000)
    expect(peer.of('left')).toEqual([])
  })

  test('[SIG-14] ends by the monotonic clock, whatever the wall clock does', async () => {
    const { signaller, token } = withTokens()
    const peer = await signaller.joined({ token: token('write', 100_000) })
    signaller.clock.jump(-hour)
    await keepAlive(signaller, [peer], 101_000)
    expect(peer.of('left')).toHaveLength(1)
  })

  test('[SIG-13] is renewed in place: nothing changes for the others', async () => {
    const { signaller, token } = withTokens()
    const keeper = await signaller.joined({ token: token('write', hour) })
    const peer = await signaller.joined({ token: token('write', 40_000) })
    const heard = keeper.heard.length
    peer.say({ type: 'renew', collection: notes, token: token('write', 90_000) })
    await signaller.clock.settle()
    expect(peer.of('renewed')).toEqual([
      { type: 'renewed', collection: notes, access: 'write', expiresInMs: 90_000, iceServers: [] },
    ])
    await keepAlive(signaller, [keeper, peer], 50_000)
    expect(peer.of('left')).toEqual([])
    expect(keeper.heard.filter(({ type }) => type !== 'pong')).toHaveLength(heard)
  })

  test('[SIG-13] that gives another access is shown to the neighbours', async () => {
    const { signaller, token } = withTokens()
    const keeper = await signaller.joined({ token: token('write', hour) })
    const peer = await signaller.joined({ token: token('write', hour) })
    peer.say({ type: 'renew', collection: notes, token: token('admin', hour) })
    await signaller.clock.settle()
    expect(keeper.neighbours().get(peer.id)).toBe('admin')
    peer.say({ type: 'renew', collection: notes, token: token('read', hour) })
    await signaller.clock.settle()
    expect(keeper.neighbours().get(peer.id)).toBe('read')
    peer.signal(keeper.id, 'x')
    expect(keeper.of('signal').at(-1)?.access).toBe('read')
  })

  test('[SIG-13] that is no good leaves the old one in force until it ends', async () => {
    const { signaller, token } = withTokens()
    const peer = await signaller.joined({ token: token('write', 50_000) })
    peer.say({ type: 'renew', collection: notes, token: token('write', -1) })
    peer.say({ type: 'renew', collection: notes, token: token('write', hour) })
    await signaller.clock.settle()
    // One at a time: the second came while the first was being checked.
    expect(peer.errors().toSorted()).toEqual(['token-expired', 'too-many'])
    await keepAlive(signaller, [peer], 49_000)
    expect(peer.of('left')).toEqual([])
    await keepAlive(signaller, [peer], 2_000)
    expect(peer.of('left')).toHaveLength(1)
  })
})

describe('a read-only token', () => {
  test('[SIG-12] cannot speak as another, however it says it', async () => {
    const { signaller, token } = withTokens()
    const writer = await signaller.joined({ token: token('write', hour) })
    const victim = await signaller.joined({ token: token('write', hour) })
    const reader = await signaller.joined({ token: token('read', hour) })
    const forged = { type: 'signal', collection: notes, to: victim.id, data: 'write this' }
    reader.sayText(JSON.stringify({ ...forged, from: writer.id, access: 'write' }))
    reader.sayText(`{"from":"${writer.id}",${JSON.stringify(forged).slice(1)}`)
    reader.sayText(
      JSON.stringify({ ...forged, instance: writer.id, __proto__: { access: 'admin' } }),
    )
    expect(victim.of('signal')).toHaveLength(3)
    for (const { from, access } of victim.of('signal')) {
      expect({ from, access }).toEqual({ from: reader.id, access: 'read' })
    }
    const other = signaller.connect()
    await other.join({ ...writer.identity, token: token('read', hour) })
    expect(other.errors()).toEqual(['replica-in-use'])
  })

  test('[SIG-12] cannot raise its access', async () => {
    const { signaller, token } = withTokens()
    const writer = await signaller.joined({ token: token('write', hour) })
    const reader = await signaller.joined({ token: token('read', hour) })
    reader.sayText(JSON.stringify({ type: 'renew', collection: notes, access: 'admin' }))
    reader.sayText(
      `{"type":"renew","collection":"notes","__proto__":{"token":"${token('admin', hour)}"}}`,
    )
    await reader.join({ token: token('write', -1) })
    await reader.join({ token: token('admin', hour, 'drawings') })
    expect(reader.of('renewed').map(({ access }) => access)).toEqual(['read', 'read'])
    expect(writer.neighbours().get(reader.id)).toBe('read')
  })

  test('[SIG-7] hangs off writers and is linked to no other reader', async () => {
    const { signaller, token } = withTokens()
    const writers = await signaller.filled(3, { token: token('write', hour) })
    const readers = await signaller.filled(4, { token: token('read', hour) })
    for (const reader of readers) {
      expect(reader.neighbours().size).toBe(2)
      for (const id of reader.neighbours().keys()) {
        expect(writers.map((writer) => writer.id)).toContain(id)
      }
    }
  })
})

test('[SIG-27] renewing without a token gives fresh TURN credentials and no more', async () => {
  const turn = { urls: ['turn:turn.example.org'], secret: 'north', ttlMs: 600_000 }
  const { signaller, token } = withTokens({ ice: { turn } })
  const peer = await signaller.joined({ token: token('read', hour) })
  await keepAlive(signaller, [peer], 60_000)
  peer.say({ type: 'renew', collection: notes })
  await signaller.clock.settle()
  const [before, after] = [peer.joinedAs(), peer.of('renewed')[0]]
  expect(after).toMatchObject({
    access: 'read',
    iceExpiresInMs: 600_000,
    expiresInMs: hour - 60_000,
  })
  expect(endsAt(after?.iceServers[0]?.username)).toBe(endsAt(before?.iceServers[0]?.username) + 60)
})

/** Lets time pass while the peers answer the server's questions and ask it now and then. */
async function keepAlive(
  signaller: { readonly clock: { run(ms: number): Promise<void> } },
  peers: readonly { say(message: { type: 'ping' }): unknown }[],
  forMs: number,
): Promise<void> {
  for (let passedMs = 0; passedMs < forMs; passedMs += 20_000) {
    for (const peer of peers) peer.say({ type: 'ping' })
    await signaller.clock.run(Math.min(20_000, forMs - passedMs))
  }
}

/** The moment at which TURN credentials end, in seconds. */
function endsAt(username = ''): number {
  return Number(username.split(':')[0])
}
