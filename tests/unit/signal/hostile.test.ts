import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { errorCodes } from '@holdfast/peer/protocol'
import { SeededRandom } from '@holdfast/peer/testing'
import type { Socket, SocketListener } from '@holdfast/signal'
import { seedsFromEnvironment } from '../../sim/seeds.js'
import { hostileFrame, kinds, type HostileFrame } from './hostile-frames.js'
import { notes, TestSignaller, type TestPeer } from './switchboard.js'

const { runs, seed } = seedsFromEnvironment({ runs: 20_000, seed: 'strangers' })
// One frame in ten goes over real sockets: `tests/real/signal-hostile.test.ts`.
const frames = Math.max(1, Math.round(runs * 0.9))

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test(`[R4] the signaller survives ${frames} hostile messages, answers each with a code and forgets them`, async () => {
  const random = new SeededRandom(seed)
  const signaller = new TestSignaller({}, random.fork('signaller').seed)
  const [a, b] = await signaller.two()
  for (const peer of [a, b]) {
    peer.onHeard = ({ type }) => {
      if (type === 'ping') peer.say({ type: 'pong' })
    }
  }
  const known = [a.id, b.id]
  const seen = new Map<string, number>()
  let stranger = new Stranger(signaller, random.chance(0.3))
  let slowest: { ms: number; frame: HostileFrame } = { ms: 0, frame: { kind: 'nested', data: '[' } }
  let heapAtStart = 0

  try {
    for (let count = 0; count < frames; count++) {
      const frame = hostileFrame(random, known)
      const startMs = performance.now()
      stranger.say(frame)
      const ms = performance.now() - startMs
      if (ms > slowest.ms) slowest = { ms, frame }
      seen.set(frame.kind, (seen.get(frame.kind) ?? 0) + 1)
      if (random.chance(0.1)) await signaller.clock.settle()
      if (random.chance(0.02)) await signaller.clock.run(random.below(5_000))
      if (stranger.isOver || random.chance(0.02)) {
        stranger.leave()
        stranger = new Stranger(signaller, random.chance(0.3))
      }
      if (count % 500 === 0) await expectUnharmed(signaller, a, b)
      if (count === Math.floor(frames / 4)) heapAtStart = heapBytes()
    }
    stranger.leave()
    await signaller.clock.settle()
    await expectUnharmed(signaller, a, b)
    // What is left is what was there before: nobody and nothing of the strangers.
    expect(signaller.counters).toMatchObject({
      sockets: 2,
      rooms: 1,
      members: 2,
      relays: 0,
      topics: 0,
    })
    for (const code of signaller.counters.refusals.keys()) expect(errorCodes).toHaveProperty(code)
    // A single frame replays a fault; only a crowd can be asked for variety.
    const least = frames > 5_000 ? 100 : 0
    expect([...kinds].filter((kind) => (seen.get(kind) ?? 0) < least)).toEqual([])
    expect(heapBytes() - heapAtStart).toBeLessThan(8 * 1024 * 1024)
    expect(leastMs(slowest.frame)).toBeLessThan(50)
  } catch (cause) {
    throw new Error(`SEED=${seed} RUNS=${runs}`, { cause })
  }
}, 600_000)

/** Two honest peers still hear each other, and nobody else. */
async function expectUnharmed(signaller: TestSignaller, a: TestPeer, b: TestPeer): Promise<void> {
  expect([a.closed, b.closed]).toEqual([undefined, undefined])
  a.say({ type: 'ping' }).signal(b.id, 'still here')
  b.say({ type: 'ping' })
  await signaller.clock.settle()
  expect(b.of('signal').at(-1)).toEqual({
    type: 'signal',
    collection: notes,
    from: a.id,
    access: 'admin',
    data: 'still here',
  })
  expect(a.of('pong')).toHaveLength(1)
  a.heard.length = 0
  b.heard.length = 0
}

const closeCodes = new Set(Object.values(errorCodes).map(({ number }) => 4000 + number))

class Stranger {
  closed: number | undefined
  answered = 0
  readonly #signaller: TestSignaller
  readonly #listener: SocketListener

  constructor(signaller: TestSignaller, isYWebrtc: boolean) {
    this.#signaller = signaller
    const socket: Socket = {
      bufferedBytes: 0,
      sendText: () => this.answered++,
      sendBinary: (_message, onFlushed) => onFlushed(),
      close: (code) => {
        this.closed ??= code
      },
    }
    this.#listener = isYWebrtc
      ? signaller.switchboard.connectYWebrtc(socket, {
          expiresAtMs: Number.POSITIVE_INFINITY,
          accessTo: () => 'write',
        })
      : signaller.switchboard.connect(socket)
  }

  get isOver(): boolean {
    return this.closed !== undefined
  }

  /** Whatever is refused is counted; whatever closes has a code of the list. */
  say({ data }: HostileFrame): void {
    const refusedBefore = this.#refusals()
    if (typeof data === 'string') this.#listener.onText(data, Buffer.byteLength(data))
    else this.#listener.onBinary(data)
    if (this.closed === undefined) return
    if (!closeCodes.has(this.closed)) throw new Error(`closed by ${this.closed}`)
    if (this.#refusals() === refusedBefore) throw new Error(`closed uncounted by ${this.closed}`)
  }

  leave(): void {
    this.#listener.onEnd()
  }

  #refusals(): number {
    let sum = 0
    for (const count of this.#signaller.counters.refusals.values()) sum += count
    return sum
  }
}

/** The shared machine stands still now and then: the frame itself takes what it takes at best. */
function leastMs(frame: HostileFrame): number {
  const times = Array.from({ length: 3 }, () => {
    const stranger = new Stranger(new TestSignaller(), false)
    const startMs = performance.now()
    stranger.say(frame)
    return performance.now() - startMs
  })
  return Math.min(...times)
}

function heapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}
