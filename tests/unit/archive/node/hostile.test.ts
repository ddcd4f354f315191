import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { silentLogger, type Link, type Logger } from '@holdfast/peer/ports'
import {
  accept,
  encodeMessage,
  messageKinds,
  type Cursor,
  type DocumentId,
  type InstanceId,
  type Message,
} from '@holdfast/peer/protocol'
import { SeededRandom } from '@holdfast/peer/testing'
import { seedsFromEnvironment } from '../../../sim/seeds.js'
import { Writing } from './edits.js'
import { givenNode, type GivenNode } from './given-node.js'
import { document, idOf, type ClientOptions, type ScriptedClient } from './scripted-client.js'

type State = 'hello' | 'proven' | 'subscribed' | 'resyncing' | 'expired'

/** Messages a turn: what closes a link spares the rest of its turn. */
const burst = 25
/** Of the usual run, with room for a busy machine; a campaign gets as much for each of its parts. */
const usualRuns = 20_000
const usualTimeoutMs = 600_000

describe('hostile frames', () => {
  for (const state of ['hello', 'proven', 'subscribed', 'resyncing', 'expired'] as const) {
    const { runs, seed } = seedsFromEnvironment({ runs: usualRuns, seed: `hostile ${state}` })
    const timeout = usualTimeoutMs * Math.max(1, runs / usualRuns)
    test(
      `[K13] [R4] in the state ${state}: every answer has a code, nothing throws or holds up the others, memory stays flat`,
      { timeout },
      async () => {
        const random = new SeededRandom(seed)
        const faults: string[] = []
        const logger: Logger = { ...silentLogger, error: (message) => faults.push(message) }
        const slowest = new Slowest()
        const verifier = state === 'expired' ? soonOver() : undefined
        const given = await givenNode({
          logger,
          seed,
          wrapLink: (link) => slowest.watch(link),
          ...(verifier === undefined ? {} : { verifier: verifier.verifier }),
        })
        if (verifier !== undefined) verifier.now = () => given.world.clock.now()
        const endings = new Map<string, number>()
        let sent = 0
        let before: number | undefined
        try {
          while (sent < runs) {
            const client = await clientIn(state, given, random, sent)
            for (let at = 0; at < burst && client.closed === undefined; at++, sent++) {
              say(client, random, given)
            }
            await given.world.clock.run(5)
            note(endings, client)
            client.channel.abort()
            client.link.close()
            await given.world.clock.run(5)
            // Caches are full by then.
            if (before === undefined && sent > runs / 2) before = heapBytes()
          }
          await given.world.clock.run(15_000)
          expect(faults.filter((fault) => fault.includes('threw'))).toEqual([])
          expect([...endings.keys()].filter((code) => code.includes('undefined'))).toEqual([])
          expect(given.node.stats()).toMatchObject({ sessions: 0, strangers: 0, collections: 0 })
          // What was pushed and let in is in the log, and counts; what came in vain does not.
          expect(heapBytes() - (before ?? 0)).toBeLessThan(48 * 1024 * 1024)
          expect(await slowest.leastMs(state)).toBeLessThan(50)
          if (verifier !== undefined) verifier.forMs = 3_600_000
          const honest = await given.proven(credentialFor(state))
          honest.push(document('honest'), new Writing(99).insert('still here'))
          await honest.hears('committed')
        } catch (error) {
          throw new Error(`SEED=${seed} after ${sent} messages: ${String(error)}`, { cause: error })
        }
        await given.close()
      },
    )
  }
})

async function clientIn(
  state: State,
  given: GivenNode,
  random: SeededRandom,
  number: number,
): Promise<ScriptedClient> {
  const instance = idOf(`h${number}`) as InstanceId
  const client = given.client({ instance, ...credentialFor(state) })
  if (state === 'hello') return client
  client.hello()
  await client.hears('hello')
  if (state === 'proven') return client
  if (state === 'expired') {
    await client.hears('error')
    return client
  }
  const cursor: Cursor = {
    archive: given.log.archive,
    term: idOf('nowhere') as Cursor['term'],
    seq: random.below(9),
  }
  client.subscribe(1, state === 'resyncing' ? cursor : undefined)
  await client.hears('subscribed')
  return client
}

function credentialFor(state: State): ClientOptions {
  return state === 'expired' ? { credential: { kind: 'token', token: 'any' } } : {}
}

/** Gives everybody access that ends in a moment, and is told the time later. */
function soonOver() {
  const given = {
    forMs: 10,
    now: () => 0,
    verifier: {
      verify: () =>
        Promise.resolve(
          accept({ expiresAtMs: given.now() + given.forMs, accessTo: () => 'write' as const }),
        ),
    },
  }
  return given
}

/**
 * The frame that took the node longest. A machine that does something else in between makes any frame
 * look slow: so it is said again a few times, and the least counts.
 */
class Slowest {
  #ms = 0
  #frame: Uint8Array | undefined

  watch(link: Link): Link {
    return {
      kind: link.kind,
      maxFrameBytes: link.maxFrameBytes,
      get bufferedBytes() {
        return link.bufferedBytes
      },
      send: (frame) => link.send(frame),
      onFrame: (listener) =>
        link.onFrame((frame) => {
          const startMs = performance.now()
          const copy = frame.slice()
          listener(frame)
          const ms = performance.now() - startMs
          if (ms <= this.#ms) return
          this.#ms = ms
          this.#frame = copy
        }),
      onClose: (listener) => link.onClose(listener),
      close: (reason) => link.close(reason),
    }
  }

  async leastMs(state: State): Promise<number> {
    const frame = this.#frame
    let least = this.#ms
    if (frame === undefined || least < 50) return least
    for (let at = 0; at < 5; at++) {
      const again = new Slowest()
      const given = await givenNode({ wrapLink: (link) => again.watch(link) })
      const client = await clientIn(state === 'expired' ? 'proven' : state, given, random(at), at)
      again.#ms = 0
      client.link.send(frame.slice())
      await given.world.clock.run(100)
      least = Math.min(least, again.#ms)
      await given.close()
    }
    return least
  }
}

function random(at: number): SeededRandom {
  return new SeededRandom(`again ${at}`)
}

/** One message or frame that an enemy, or a program gone wrong, might send. */
function say(client: ScriptedClient, random: SeededRandom, given: GivenNode): void {
  const choice = random.below(20)
  if (choice === 0) {
    client.link.send(random.bytes(random.below(200)))
    return
  }
  const bytes = encodeMessage(anyMessage(random, given))
  const lane = random.below(2) === 0 ? 'live' : 'bulk'
  if (choice < 14) client.channel.sendEncoded(bytes, lane)
  else client.channel.sendEncoded(mutated(bytes, random), lane)
}

function mutated(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const changed = new Uint8Array(bytes)
  const at = random.below(changed.length)
  const choice = random.below(3)
  if (choice === 0) changed[at] = random.below(256)
  else if (choice === 1) return changed.subarray(0, Math.max(1, at))
  else changed.fill(255, at, at + 1 + random.below(8))
  return changed
}

/** Every message that there is, its fields by chance. */
function anyMessage(random: SeededRandom, given: GivenNode): Message {
  const seq = [0, 1, 2, 7, 1_000, 2 ** 50][random.below(6)] as number
  const ref = document(`d${random.below(4)}`, [0, 0, 0, 1, 2 ** 40][random.below(5)])
  const op = { instance: idOf(`h${random.below(9)}`) as InstanceId, n: random.below(50) }
  const digest = idOf('d').padStart(64, 'd') as never
  const request = random.below(5)
  const bytes =
    random.below(3) === 0
      ? new Writing(1 + random.below(9)).insert('x')
      : random.bytes(random.below(40))
  const cursor: Cursor = { archive: given.log.archive, term: given.log.term, seq }
  const kinds = Object.keys(messageKinds)
  switch (kinds[random.below(kinds.length)] as Message['type']) {
    case 'hello':
      return {
        type: 'hello',
        version: random.below(4),
        sender: { role: 'peer', replica: idOf(`r${random.below(5)}`) as never },
        instance: op.instance,
        collection: ['notes', 'other'][random.below(2)] as never,
        credential: [{ kind: 'none' as const }, { kind: 'token' as const, token: 't' }][
          random.below(2)
        ] ?? { kind: 'none' },
        maxFrameBytes: 16_384,
        maxMessageBytes: 65_536,
        cursors: [cursor],
      }
    case 'renew':
      return { type: 'renew', credential: { kind: 'token', token: 'x' } }
    case 'granted':
      return { type: 'granted', grant: { access: 'admin' } }
    case 'bye':
    case 'ping':
      return { type: 'ping', nonce: seq, nextWithinMs: 2 ** 31 - 1 }
    case 'pong':
      return { type: 'pong', nonce: seq }
    case 'error':
      return { type: 'error', code: 'internal', document: ref }
    case 'summary': {
      const held = { document: ref, ...(random.below(2) === 0 && { digest }) }
      const under = ['', 'a', 'ff'][random.below(3)] as string
      const by = [
        { kind: 'page' as const, under, documents: [held, held] },
        { kind: 'tree' as const, nodes: [{ under, digest }] },
        { kind: 'cursor' as const, cursor, dirty: [held], more: random.below(2) === 0 },
      ][random.below(3)]
      return { type: 'summary', request, by: by ?? { kind: 'tree', nodes: [] } }
    }
    case 'compared':
      return { type: 'compared', request, differing: seq }
    case 'state':
      return { type: 'state', request, document: ref, stateVector: bytes, digest, inReturn: false }
    case 'update':
      return { type: 'update', document: ref, cause: { kind: 'op', op }, bytes }
    case 'announce':
      return { type: 'announce', ops: [op] }
    case 'want':
      return { type: 'want', ops: [op] }
    case 'spread':
      return { type: 'spread', how: 'whole' }
    case 'tombstone':
      return { type: 'tombstone', op, document: ref }
    case 'presence':
      return {
        type: 'presence',
        bytes,
        ...(random.below(2) === 0 && { document: ref }),
        ...(random.below(4) === 0 && { from: op.instance }),
      }
    case 'viewing':
      return { type: 'viewing', opened: [ref], closed: [document(`d${random.below(4)}`)] }
    case 'neighbours':
      return { type: 'neighbours', list: request, instances: [op.instance] }
    case 'saved':
      return { type: 'saved', ops: [op] }
    case 'push': {
      const kind =
        (['live', 'upload', 'tombstone'] as const)[random.below(30) === 0 ? 2 : random.below(2)] ??
        'live'
      const one =
        kind === 'tombstone' ? { kind, op, document: ref } : { kind, op, document: ref, bytes }
      const reached = { list: request, neighbours: [0, 31] }
      return { type: 'push', ops: [one, one], ...(random.below(2) === 0 && { reached }) }
    }
    case 'committed':
      return {
        type: 'committed',
        term: given.log.term,
        results: [{ outcome: 'contained', op, gapped: false }],
      }
    case 'refused':
      return { type: 'refused', results: [{ op, code: 'rekey' }] }
    case 'subscribe':
      return { type: 'subscribe', subscription: seq, ...(random.below(2) === 0 && { cursor }) }
    case 'subscribed':
      return {
        type: 'subscribed',
        subscription: 1,
        outcome: 'head',
        ...cursor,
        head: seq,
        aboutBytes: 0,
      }
    case 'changes':
      return {
        type: 'changes',
        subscription: 1,
        page: { after: 0, entries: [], through: seq, head: seq },
      }
    case 'ack':
      return { type: 'ack', subscription: random.below(3), seq }
    case 'hint':
      return { type: 'hint', document: ref, seq, snapshot: bytes }
    case 'compacted':
      return { type: 'compacted', document: ref, through: seq, removed: 0, retained: 0 }
    case 'fetch':
      return random.below(2) === 0
        ? { type: 'fetch', request, what: { by: 'seq', seq } }
        : { type: 'fetch', request, what: { by: 'difference', document: ref, stateVector: bytes } }
    case 'fetched':
      return { type: 'fetched', request, seq, content: { kind: 'tombstone', document: ref } }
    case 'missing':
      return { type: 'missing', document: ref, ranges: [] }
    case 'resynced':
      return { type: 'resynced', subscription: random.below(3), seq }
    default:
      return {
        type: 'offer',
        documents: [{ document: { ...ref, id: `o${random.below(9)}` as DocumentId }, bytes: seq }],
      }
  }
}

function note(endings: Map<string, number>, { closed }: ScriptedClient): void {
  const key = closed === undefined ? 'open' : `${closed.by} ${closed.code}`
  endings.set(key, (endings.get(key) ?? 0) + 1)
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
