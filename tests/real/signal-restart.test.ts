import { availableParallelism, loadavg } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import {
  createSignalling,
  webSocketDial,
  type Signalling,
  type SignallingRoom,
} from '@holdfast/peer'
import { hexOf, parseInstanceId, parseReplicaId, type InstanceId } from '@holdfast/peer/protocol'
import { systemClock, systemRandom } from '@holdfast/peer/ports'
import { notes, taken } from './signal-peer.js'
import { SignalProcess } from './signal-process.js'

const clients = 100
const toClose: (() => unknown)[] = []

afterEach(async () => {
  for (const close of toClose.splice(0)) await close()
})

describe('a restart of the real server with a hundred clients', () => {
  test('[K16] after SIGTERM all are back within 5 s, spread, with the links that stood', async () => {
    await expectAllBack((server) => server.terminate())
  })

  test('[K16] after kill -9 all are back within 5 s, spread, with the links that stood', async () => {
    await expectAllBack((server) => server.kill())
  })
})

async function expectAllBack(end: (server: SignalProcess) => Promise<unknown>): Promise<void> {
  const before = await started()
  const peers = Array.from({ length: clients }, () => new Peer(before.port))
  await Promise.all(peers.map((peer) => peer.untilJoined()))
  // When both ends of every link know of it, all news has arrived.
  await expect.poll(() => areMutual(peers), { timeout: 50_000 }).toBe(true)
  const links = peers.map((peer) => peer.neighbourIds())
  const told = peers.map((peer) => peer.removed.length)

  await end(before)
  await Promise.all(peers.map((peer) => peer.until(() => peer.room.state.phase !== 'joined')))
  // Without the server the neighbours are what they were.
  expect(peers.map((peer) => peer.neighbourIds())).toEqual(links)

  const after = await started(['--port', String(before.port)])
  const upAtMs = systemClock.monotonic()
  await Promise.all(peers.map((peer) => peer.untilJoined()))
  const backAtMs = peers.map(({ joinedAtMs }) => joinedAtMs)
  // A machine that has ten times the work that it can do takes ten times as long.
  const busy = Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())
  expect((Math.max(...backAtMs) - upAtMs) / busy).toBeLessThan(5_000)
  // When they came, for a busy server takes in at once whoever came while it was not looking.
  const cameAtMs = peers.map(({ dialledAtMs }) => dialledAtMs)
  const crowds = cameAtMs.map(
    (from) => cameAtMs.filter((at) => at >= from && at < from + 100).length,
  )
  expect(Math.max(...crowds)).toBeLessThan((clients * 2) / 3)
  expect(await after.metric('holdfast_signal_members')).toBe(clients)
  expect(peers.map((peer) => peer.neighbourIds())).toEqual(links)
  expect(peers.map(({ removed }) => removed.length)).toEqual(told)
}

function areMutual(peers: readonly Peer[]): boolean {
  const links = new Set(
    peers.flatMap(({ id, room }) => room.neighbours.map((n) => `${id} ${n.id}`)),
  )
  return [...links].every((link) => links.has(link.split(' ').toReversed().join(' ')))
}

class Peer {
  readonly id: InstanceId = taken(parseInstanceId(hexOf(systemRandom.bytes(16))))
  readonly room: SignallingRoom
  readonly removed: InstanceId[] = []
  /** The last time. */
  dialledAtMs = 0
  joinedAtMs = 0
  readonly #signalling: Signalling
  #wake: () => void = () => {}

  constructor(port: number) {
    const dial = webSocketDial(WebSocket, `ws://127.0.0.1:${port}/signal`)
    this.#signalling = createSignalling({
      dial: (...listening) => {
        this.dialledAtMs = systemClock.monotonic()
        return dial(...listening)
      },
      clock: systemClock,
      random: systemRandom,
      identity: {
        replica: taken(parseReplicaId(hexOf(systemRandom.bytes(16)))),
        instance: this.id,
      },
    })
    toClose.push(() => this.#signalling.close())
    this.room = this.#signalling.join(notes)
    this.room.onState(({ phase }) => {
      if (phase === 'joined') this.joinedAtMs = systemClock.monotonic()
      this.#wake()
    })
    this.room.onNeighbours(({ removed }) => {
      this.removed.push(...removed.map(({ id }) => id))
      this.#wake()
    })
  }

  neighbourIds(): InstanceId[] {
    return this.room.neighbours.map(({ id }) => id).toSorted()
  }

  untilJoined(): Promise<void> {
    return this.until(() => this.room.state.phase === 'joined')
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

async function started(args: readonly string[] = []): Promise<SignalProcess> {
  const server = await SignalProcess.start(args)
  toClose.push(() => server.kill())
  return server
}
