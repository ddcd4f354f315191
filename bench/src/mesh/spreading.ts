/** M1 and M5: what one edit costs in a full mesh of eight, and how soon it is seen. */
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile, type Figure } from '../report.js'
import {
  allSee,
  joinAll,
  leaveAll,
  milliseconds,
  mustSee,
  takeTraffic,
  type Extent,
} from './crowd.js'
import type { PeerKind } from './peer-commands.js'
import { withCrowd, type Crowd } from './peer-process.js'

const size = 8

export async function messagesOfOneEdit(): Promise<readonly Figure[]> {
  const ours = await countMessages('holdfast')
  const theirs = await countMessages('y-webrtc')
  return [
    {
      id: 'M1',
      what: `messages on the wire for one edit, full mesh of ${size}, real WebRTC`,
      figure: `${ours.perEdit}${ours.oneHop ? ', all by its author' : ', some passed on'}`,
      beside: `y-webrtc ${theirs.perEdit}`,
      goal: '7, one hop',
      met: ours.perEdit === size - 1 && ours.oneHop,
    },
    {
      id: 'M1-sends',
      what: 'the same with all that goes with it (acknowledgements, beats in 500 ms): sends, bytes',
      figure: `${ours.sends.toFixed(1)}, ${ours.bytes.toFixed(0)} B`,
      beside: `y-webrtc ${theirs.sends.toFixed(1)}, ${theirs.bytes.toFixed(0)} B`,
    },
  ]
}

async function countMessages(kind: PeerKind) {
  return withCrowd(
    kind,
    size,
    async (crowd) => {
      await standing(crowd)
      // Until each has told the others whom it is linked with.
      await sleep(2_000)
      await takeTraffic(crowd)
      for (const [at, peer] of crowd.peers.entries()) {
        await peer.call('edit', [])
        await mustSee(crowd.peers, { edits: at + 1 }, 10_000)
        // Whatever is passed on comes now.
        await sleep(500)
      }
      const { each, sum } = await takeTraffic(crowd)
      return {
        perEdit: sum('edits') / size,
        oneHop: each.every(({ edits }) => edits === size - 1),
        sends: sum('sends') / size,
        bytes: sum('sentBytes') / size,
      }
    },
    { counting: true },
  )
}

/** Two loads: one types and the others read, as mostly; and all type at once. */
const loads = [
  { id: 'M5', who: 'one types', typists: 1, everyMs: 100, edits: 150 },
  { id: 'M5-all', who: `all ${size} type`, typists: size, everyMs: 200, edits: 75 },
] as const

export async function agesOfEdits({ quick }: Extent): Promise<readonly Figure[]> {
  const rounds = quick ? 1 : 2
  const ours = loads.map((): number[] => [])
  const theirs = loads.map((): number[] => [])
  // In turn, so that what the machine does besides is the same for both.
  for (let round = 0; round < rounds; round++) {
    for (const [kind, all] of [
      ['holdfast', ours],
      ['y-webrtc', theirs],
    ] as const) {
      await withCrowd(kind, size, async (crowd) => {
        await standing(crowd)
        await sleep(3_000)
        let due = 0
        for (const [at, load] of loads.entries()) {
          const { typists, everyMs, edits } = load
          due += typists * edits
          await Promise.all(
            crowd.peers.slice(0, typists).map((peer, typist) => {
              const afterMs = (typist * everyMs) / typists
              return peer.call('editOften', [afterMs, everyMs, edits], 2 * edits * everyMs)
            }),
          )
          await mustSee(crowd.peers, { edits: due }, 20_000)
          for (const peer of crowd.peers) all[at]?.push(...(await peer.call('takeAges', [])))
        }
      })
    }
  }
  return loads.map(({ id, who, everyMs }, at) => {
    const [a, b] = [ours[at] ?? [], theirs[at] ?? []]
    const [median, p99] = [quantile(a, 0.5), quantile(a, 0.99)]
    const [theirMedian, theirP99] = [quantile(b, 0.5), quantile(b, 0.99)]
    return {
      id,
      what: `edit → applied at the others, full mesh of ${size}, ${who}, each every ${everyMs} ms: median, p99 (${a.length} arrivals)`,
      figure: `${milliseconds(median)}, ${milliseconds(p99)}`,
      beside: `y-webrtc ${milliseconds(theirMedian)}, ${milliseconds(theirP99)}`,
      goal: 'median ≤ y-webrtc’s, p99 ≤ half of it',
      met: median <= theirMedian && p99 <= theirP99 / 2,
    }
  })
}

/** Joins until everyone is linked with everyone: y-webrtc now and then never gets there. */
async function standing(crowd: Crowd): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await joinAll(crowd)
    const atMs = await allSee(crowd.peers, { links: size - 1 }, 20_000)
    if (atMs !== undefined) return
    if (attempt === 4) throw new Error(`${crowd.kind}: no full mesh in four attempts`)
    await leaveAll(crowd)
  }
}
