import type { RoomNews, RoomWatch } from '@holdfast/peer'
import { signallingBounds, type CollectionName, type FromSignaller } from '@holdfast/peer/protocol'
import { describe, expect, test } from 'vitest'
import {
  drafts,
  joinedTo,
  notes,
  ScriptedServer,
  SignallingWorld,
  TestServer,
} from './signalling-world.js'

const limits = joinedTo({
  type: 'join',
  version: 1,
  collection: notes,
  replica: '0'.repeat(32) as never,
  instance: '1'.repeat(32) as never,
  role: 'archive',
  capabilities: [],
  standing: [],
}).limits

const watchingNow: FromSignaller = { type: 'watching', version: 1, limits }

function rooms(
  add: readonly CollectionName[],
  remove: readonly CollectionName[] = [],
  more = false,
): FromSignaller {
  return { type: 'rooms', add, remove, more }
}

function heardOf(watch: RoomWatch): RoomNews[] {
  const heard: RoomNews[] = []
  watch.onRooms((news) => heard.push(news))
  return heard
}

describe('a watch', () => {
  test('[SIGC-22] dials by itself, hears of rooms as they come and go, and hangs up at its end', async () => {
    const world = new SignallingWorld()
    const server = new TestServer(world)
    const archive = world.client(server.dial, { role: 'archive' })
    const watch = archive.signalling.watch()
    const heard = heardOf(watch)
    await world.clock.runUntil(() => watch.state.phase === 'watching')
    const peer = world.client(server.dial)
    const room = peer.join(notes)
    await world.clock.runUntil(() => watch.rooms.has(notes))
    room.room.leave()
    await world.clock.runUntil(() => !watch.rooms.has(notes))
    expect(heard).toEqual([
      { added: [notes], removed: [] },
      { added: [], removed: [notes] },
    ])
    watch.end()
    watch.end()
    expect(archive.signalling.state.phase).toBe('idle')
    expect(archive.pendingTasks).toBe(0)
    expect(watch.rooms.size).toBe(0)
    peer.close()
    archive.close()
  })

  test('[SIGC-22] keeps its rooms when the connection goes, and drops those that the return does not name', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world)
    server.onMessage = (peer, { type }) => {
      if (type === 'watch') peer.say(watchingNow)
    }
    const archive = world.client(server.dial, { role: 'archive' })
    const watch = archive.signalling.watch()
    const heard = heardOf(watch)
    await world.clock.runUntil(() => watch.state.phase === 'watching')
    server.last.say(rooms([notes, drafts]))
    await world.run(11_000)
    server.last.close(1012)
    await world.clock.runUntil(() => server.peers.length === 2 && watch.state.phase === 'watching')
    expect([...watch.rooms]).toEqual([notes, drafts])
    server.last.say(rooms([drafts], [], true))
    await world.run(100)
    expect([...watch.rooms]).toEqual([notes, drafts])
    server.last.say(rooms([]))
    await world.run(100)
    expect([...watch.rooms]).toEqual([drafts])
    // Later pages add to it: nobody is unnamed any more.
    server.last.say(rooms([notes]))
    await world.run(100)
    expect(heard).toEqual([
      { added: [notes, drafts], removed: [] },
      { added: [], removed: [notes] },
      { added: [notes], removed: [] },
    ])
    archive.close()
    expect(archive.pendingTasks).toBe(0)
  })

  test('[SIGC-22] brings a fresh token in time, and asks again where one ended', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world)
    const said: (string | undefined)[] = []
    server.onMessage = (peer, message) => {
      if (message.type === 'ping') peer.say({ type: 'pong' })
      if (message.type !== 'watch') return
      said.push(message.token)
      peer.say({ type: 'watching', version: 1, expiresInMs: 60_000, limits })
    }
    let tokens = 0
    const archive = world.client(server.dial, {
      role: 'archive',
      token: () => `token ${++tokens}`,
    })
    const watch = archive.signalling.watch()
    await world.clock.runUntil(() => said.length === 2)
    expect(watch.state.phase).toBe('watching')
    server.last.say({ type: 'unwatched', code: 'token-expired' })
    await world.clock.runUntil(() => said.length === 3)
    expect(said).toEqual(['token 1', 'token 2', 'token 3'])
    expect(server.peers).toHaveLength(1)
    archive.close()
    expect(archive.pendingTasks).toBe(0)
  })

  test('[SIGC-22] that is refused for good says so, to a server that knows none too, until it is asked again', async () => {
    for (const refusal of [
      { type: 'unwatched', code: 'forbidden' },
      { type: 'error', code: 'unexpected-message' },
    ] as const) {
      const world = new SignallingWorld()
      const server = new ScriptedServer(world)
      server.onMessage = (peer, { type }) => {
        if (type === 'watch') peer.say(refusal)
        if (type === 'ping') peer.say({ type: 'pong' })
      }
      const archive = world.client(server.dial, { role: 'archive' })
      const watch = archive.signalling.watch()
      await world.run(120_000)
      expect(watch.state).toEqual({ phase: 'refused', code: refusal.code })
      expect(server.peers.flatMap((peer) => peer.ofType('watch'))).toHaveLength(1)
      server.onMessage = (peer, { type }) => {
        if (type === 'watch') peer.say(watchingNow)
      }
      archive.signalling.retryNow()
      await world.clock.runUntil(() => watch.state.phase === 'watching')
      archive.close()
    }
  })

  test('[SIGC-22] takes a bounded number of rooms, and nothing that it did not ask for', async () => {
    const world = new SignallingWorld()
    const server = new ScriptedServer(world)
    server.onMessage = (peer, { type }) => {
      if (type === 'watch') peer.say(watchingNow)
    }
    const archive = world.client(server.dial, {
      role: 'archive',
      limits: { maxWatchedRooms: 200 },
    })
    const watch = archive.signalling.watch()
    await world.clock.runUntil(() => watch.state.phase === 'watching')
    for (let page = 0; page < 3; page++) {
      const names = Array.from(
        { length: signallingBounds.maxRoomsNamed },
        (_, at) => `room ${page} ${at}` as CollectionName,
      )
      server.last.say(rooms(names))
    }
    await world.run(100)
    expect(watch.rooms.size).toBe(200)
    expect(archive.signalling.counters.roomsIgnored).toBe(184)
    archive.join(notes)
    watch.end()
    server.last.say(rooms([notes]))
    await world.run(100)
    expect(archive.signalling.counters.unexpected).toBe(1)
    expect(() => [archive.signalling.watch(), archive.signalling.watch()]).toThrow(RangeError)
    archive.close()
  })
})
