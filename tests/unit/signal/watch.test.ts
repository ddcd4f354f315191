import { openGrant } from '@holdfast/access'
import { accept, signallingBounds, type CollectionName } from '@holdfast/peer/protocol'
import { describe, expect, test } from 'vitest'
import { notes, TestSignaller, withTokens, type TestPeer } from './switchboard.js'

const hour = 3_600_000
const drafts = 'drafts' as CollectionName

/** The rooms that it was told of and not told to be gone. */
function told(peer: TestPeer): Set<string> {
  const rooms = new Set<string>()
  for (const { add, remove } of peer.of('rooms')) {
    for (const room of remove) rooms.delete(room)
    for (const room of add) rooms.add(room)
  }
  return rooms
}

async function watching(signaller: TestSignaller, token?: string): Promise<TestPeer> {
  const peer = signaller.connect()
  peer.say({ type: 'watch', version: 1, ...(token === undefined ? {} : { token }) })
  await signaller.clock.settle()
  return peer
}

/** Longer than news wait. */
const aMomentMs = 500

describe('a watch', () => {
  test('[SIG-32] is told of all rooms with somebody in them, of those that come and of those that go', async () => {
    const signaller = new TestSignaller()
    const early = await signaller.joined()
    const archive = await watching(signaller)
    expect(archive.of('watching')).toMatchObject([{ version: 1, limits: { maxRooms: 32 } }])
    expect(archive.of('rooms')).toEqual([{ type: 'rooms', add: [notes], remove: [], more: false }])

    const late = await signaller.joined({ collection: drafts })
    await signaller.clock.run(aMomentMs)
    expect([...told(archive)]).toEqual([notes, drafts])
    early.drop()
    late.say({ type: 'leave', collection: drafts })
    await signaller.clock.run(aMomentMs)
    expect([...told(archive)]).toEqual([])
    expect(archive.of('rooms').at(-1)).toMatchObject({ add: [], more: false })
  })

  test('[SIG-32] in which only archives are is a room without anybody, and an empty server says so', async () => {
    const signaller = new TestSignaller()
    await signaller.joined({ role: 'archive' })
    const archive = await watching(signaller)
    expect(archive.of('rooms')).toEqual([{ type: 'rooms', add: [], remove: [], more: false }])
    const peer = await signaller.joined()
    await signaller.clock.run(aMomentMs)
    expect([...told(archive)]).toEqual([notes])
    peer.drop()
    await signaller.clock.run(aMomentMs)
    expect([...told(archive)]).toEqual([])
  })

  test('[SIG-32] hears nothing of a room that came and went in between', async () => {
    const signaller = new TestSignaller()
    const archive = await watching(signaller)
    const heard = archive.heard.length
    for (let count = 0; count < 50; count++) {
      const peer = await signaller.joined()
      peer.drop()
    }
    await signaller.clock.run(aMomentMs)
    expect(archive.heard).toHaveLength(heard)
  })

  test('[SIG-33] is told of the rooms in which its token gives admin, and of no others', async () => {
    const { signaller, token } = withTokens()
    await signaller.joined({ token: token('write', hour) })
    await signaller.joined({ collection: drafts, token: token('write', hour, 'drafts') })
    const archive = await watching(signaller, token('admin', hour, 'drafts'))
    await signaller.clock.run(aMomentMs)
    expect([...told(archive)]).toEqual([drafts])
    expect((await watching(signaller)).of('unwatched')).toEqual([
      { type: 'unwatched', code: 'unauthenticated' },
    ])
  })

  test('[SIG-33] is refused to a token that gives admin nowhere, and by a server that is open to strangers', async () => {
    const writer = new TestSignaller({
      tokens: { verify: () => Promise.resolve(accept(openGrant('write'))) },
    })
    const open = new TestSignaller({ open: true })
    for (const [signaller, token] of [[writer, 'a token'] as const, [open] as const]) {
      await signaller.joined(token === undefined ? {} : { token })
      const peer = await watching(signaller, token)
      expect(peer.of('unwatched')).toEqual([{ type: 'unwatched', code: 'forbidden' }])
      await signaller.joined({ collection: drafts, ...(token === undefined ? {} : { token }) })
      await signaller.clock.run(aMomentMs)
      expect(peer.of('rooms')).toEqual([])
      // Nothing was proved by asking.
      await signaller.clock.run(10_000)
      expect(peer.closed?.reason).toBe('timeout')
    }
  })

  test('[SIG-34] ends with its token, goes on with a newer one, and keeps its socket meanwhile', async () => {
    const { signaller, token } = withTokens()
    await signaller.joined({ token: token('write', hour) })
    const archive = await watching(signaller, token('admin', 20_000))
    expect(archive.of('watching')).toMatchObject([{ expiresInMs: 20_000 }])
    await signaller.clock.run(15_000)
    archive.say({ type: 'watch', version: 1, token: token('admin', 20_000) })
    await signaller.clock.run(10_000)
    expect(archive.of('watching')).toHaveLength(2)
    expect(archive.of('unwatched')).toEqual([])
    // What it knows is not told again.
    expect(archive.of('rooms').flatMap(({ add }) => add)).toEqual([notes])
    await signaller.clock.run(10_001)
    expect(archive.of('unwatched')).toEqual([{ type: 'unwatched', code: 'token-expired' }])
    await signaller.joined({ collection: drafts, token: token('write', hour, 'drafts') })
    await signaller.clock.run(aMomentMs)
    expect([...told(archive)]).toEqual([notes])
    archive.say({ type: 'watch', version: 1, token: token('admin', hour) })
    await signaller.clock.run(1_000)
    expect(archive.closed).toBeUndefined()
    expect(archive.of('watching')).toHaveLength(3)
  })

  test('[SIG-35] pages many rooms, and what waits is bounded whatever comes and goes', async () => {
    const limits = { maxRoomsPerSocket: 5_000, messageBurst: 10_000, byteBurst: 10_000_000 }
    const signaller = new TestSignaller({ limits })
    const names = Array.from({ length: 1_000 }, (_, at) => `room ${at}` as CollectionName)
    const peer = signaller.connect()
    for (const collection of names) await peer.join({ collection })
    const archive = await watching(signaller)
    const pages = () => archive.of('rooms')
    expect(pages()).toHaveLength(1)
    expect(pages()[0]).toMatchObject({ more: true })
    expect(pages()[0]?.add).toHaveLength(signallingBounds.maxRoomsNamed)
    await signaller.clock.run(5_000)
    expect(told(archive)).toEqual(new Set(names))
    expect(pages().map(({ more }) => more)).toEqual([
      ...Array.from({ length: 7 }, () => true),
      false,
    ])
    peer.drop()
    await signaller.clock.run(5_000)
    expect(told(archive).size).toBe(0)
  })

  test('[SIG-35] is for a few sockets, is free again when one goes, and is answered once', async () => {
    const signaller = new TestSignaller({ limits: { maxWatchers: 2 } })
    const [one, two] = [await watching(signaller), await watching(signaller)]
    const three = await watching(signaller)
    expect(three.of('unwatched')).toEqual([{ type: 'unwatched', code: 'too-many' }])
    one.drop()
    three.say({ type: 'watch', version: 1 })
    await signaller.clock.settle()
    expect(three.of('watching')).toHaveLength(1)
    expect(two.of('unwatched')).toEqual([])
    expect(signaller.counters.refusals.get('too-many')).toBe(1)
  })

  test('[SIG-3] in another version closes the socket', async () => {
    const peer = new TestSignaller().connect()
    peer.say({ type: 'watch', version: 2 })
    expect(peer.closed).toEqual({ code: 4002, reason: 'unsupported-version' })
  })
})
