import { performance } from 'node:perf_hooks'
import * as encoding from 'lib0/encoding'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { SeededRandom } from '@holdfast/peer/testing'
import { seedsFromEnvironment } from '../../../sim/seeds.js'
import { GivenBridge, presenceOf, type TestSocket } from './given-bridge.js'

const { runs, seed } = seedsFromEnvironment({ runs: 20_000, seed: 'y-strangers' })
/** With room for a busy machine. */
const timeout = 60_000 * Math.max(1, runs / 20_000)

test(
  `[YWS-11] ${runs} hostile messages are answered with a code, end their own socket, and leave nothing`,
  { timeout },
  async () => {
    const random = new SeededRandom(seed)
    const given = await GivenBridge.create()
    const witness = given.client()
    const author = new Y.Doc()
    await given.write(author, (text) => text.insert(0, 'untouched'))
    await given.until(() => witness.words === 'untouched')

    const codes = new Map<number, number>()
    let stranger: TestSocket | undefined
    let longestMs = 0
    for (let at = 0; at < runs; at++) {
      if (stranger === undefined || stranger.closed !== undefined) {
        const code = stranger?.closed?.code
        if (code !== undefined) codes.set(code, (codes.get(code) ?? 0) + 1)
        stranger = given.socket({
          access: random.chance(0.3) ? 'read' : 'write',
          document: random.chance(0.5) ? 'first' : 'other',
        })
      }
      const message = hostileMessage(random)
      const beganMs = performance.now()
      try {
        stranger.say(message)
      } catch (error) {
        throw new Error(`SEED=${seed} message ${at} threw`, { cause: error })
      }
      longestMs = Math.max(longestMs, performance.now() - beganMs)
      if (at % 50 === 0) await given.clock.run(100)
      if (at % 500 === 0) witness.socket.listener?.onPong()
    }
    stranger?.hangUp()
    await given.clock.run(5_000)
    expect(witness.socket.closed, `SEED=${seed}`).toBeUndefined()
    await given.write(author, (text) => text.insert(0, 'still '))
    await given.until(() => witness.words.includes('still untouched'))
    expect(given.bridge.counters, `SEED=${seed}`).toMatchObject({ sockets: 1, documents: 1 })
    // It was hostile, in more ways than one, and every end had a code of the table.
    expect(codes.size, `SEED=${seed}`).toBeGreaterThanOrEqual(runs >= 1_000 ? 4 : 0)
    for (const code of codes.keys()) expect([4401, 4403, 4404, 4430, 4431, 4535]).toContain(code)
    expect(longestMs, `SEED=${seed}`).toBeLessThan(1_000)
    await given.close()
  },
)

function hostileMessage(random: SeededRandom): Uint8Array {
  switch (random.below(8)) {
    case 0:
      return random.bytes(random.below(64))
    case 1:
      return framed([random.below(5)], random.bytes(random.below(200)))
    case 2:
      return framed([0, random.below(4)], random.bytes(random.below(200)))
    case 3:
      return damaged(random, framed([0, 1 + random.below(2)], honestUpdate(random)))
    case 4:
      return framed([0, 1 + random.below(2)], damaged(random, honestUpdate(random)))
    case 5:
      return framed([0, 2], Y.convertUpdateFormatV1ToV2(honestUpdate(random)))
    case 6:
      return damaged(random, presenceOf([random.below(1_000), random.below(10), { a: [1] }]))
    default:
      // Lengths that promise more than there is.
      return framed([random.below(2)], Uint8Array.of(255, 255, 255, 255, 255, 255, 7))
  }
}

function honestUpdate(random: SeededRandom): Uint8Array {
  const doc = new Y.Doc()
  doc.clientID = random.uint32()
  doc.getMap('m').set('k', random.below(1_000))
  const update = Y.encodeStateAsUpdate(doc)
  doc.destroy()
  return update
}

function framed(head: readonly number[], body: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder()
  for (const part of head) encoding.writeVarUint(encoder, part)
  encoding.writeVarUint8Array(encoder, body)
  return encoding.toUint8Array(encoder)
}

function damaged(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes)
  for (let flips = 1 + random.below(3); flips > 0; flips--) {
    copy[random.below(copy.length)] = random.below(256)
  }
  return random.chance(0.3) ? copy.subarray(0, random.below(copy.length)) : copy
}
