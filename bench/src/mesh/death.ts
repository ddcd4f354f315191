/** M6: a peer that dies without a word, killed or frozen; and who is not dead though the way is bad. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure } from '../report.js'
import { allSee, joinAll, mustSee, seconds, type Extent } from './crowd.js'
import { sharedNowMs, type PeerKind } from './peer-commands.js'
import { withCrowd } from './peer-process.js'
import { SlowWay } from './slow-way.js'

const size = 4

export async function silentDeath({ quick }: Extent): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const how of ['freeze', 'kill'] as const) {
    const runs = quick ? 1 : 2
    const ours = await dieOften('holdfast', how, runs, 15_000)
    // Known for long, and slow: half a minute each.
    const theirs = quick ? undefined : await dieOften('y-webrtc', how, 1, 45_000)
    figures.push({
      id: 'M6',
      what: `a peer of ${size} is ${how === 'kill' ? 'killed' : 'frozen'}: link gone, presence gone, at all others (worst of ${runs})`,
      figure: `${seconds(ours.linkMs)}, ${seconds(ours.presenceMs)}`,
      beside:
        theirs === undefined
          ? 'y-webrtc 16.4 s, 29 s (before)'
          : `y-webrtc ${seconds(theirs.linkMs)}, ${seconds(theirs.presenceMs)}`,
      goal: '≤ 6 s',
      met: Math.max(ours.linkMs ?? Infinity, ours.presenceMs ?? Infinity) <= 6_000,
    })
  }
  return figures
}

interface Death {
  readonly linkMs: number | undefined
  readonly presenceMs: number | undefined
}

async function dieOften(
  kind: PeerKind,
  how: 'kill' | 'freeze',
  runs: number,
  withinMs: number,
): Promise<Death> {
  const deaths: Death[] = []
  for (let run = 0; run < runs; run++) {
    deaths.push(
      await withCrowd(kind, size, async (crowd) => {
        await joinAll(crowd)
        await mustSee(crowd.peers, { links: size - 1, present: size }, 30_000)
        // At no particular moment between two beats.
        await sleep(3_000 + 2_000 * Math.random())
        const [victim, ...others] = crowd.peers
        const startMs = sharedNowMs()
        victim?.[how]()
        const [linkAtMs, presenceAtMs] = await Promise.all([
          allSee(others, { peers: size - 2 }, withinMs),
          allSee(others, { present: size - 1 }, withinMs),
        ])
        return { linkMs: since(startMs, linkAtMs), presenceMs: since(startMs, presenceAtMs) }
      }),
    )
  }
  return {
    linkMs: worst(deaths.map(({ linkMs }) => linkMs)),
    presenceMs: worst(deaths.map(({ presenceMs }) => presenceMs)),
  }
}

/** Two peers on a way that loses packets, for real: SCTP and DTLS repeat what they can. */
export async function badWay({ quick }: Extent): Promise<readonly Figure[]> {
  const forMs = quick ? 30_000 : 90_000
  const way = await SlowWay.open({
    delayMs: 150,
    lossRate: 0.05,
    bytesPerSecond: 2_500_000,
    queueBytes: 1_048_576,
  })
  try {
    return await withCrowd('holdfast', 2, async ({ peers, server, freshRoom }) => {
      const room = freshRoom()
      for (const [at, peer] of peers.entries()) {
        await peer.call('join', [{ server, room, wayPort: way.ports[at] ?? 0 }])
      }
      await mustSee(peers, { links: 1, present: 2 }, 30_000)
      await Promise.all(
        peers.map((peer) => peer.call('editOften', [0, 1_000, forMs / 1_000], 2 * forMs)),
      )
      const agreed = await allSee(peers, { edits: (2 * forMs) / 1_000 }, 20_000)
      const [report] = await Promise.all(peers.map((peer) => peer.call('report', [])))
      const { attempts = 0, links = 0, lastEnds = [] } = report ?? {}
      return [
        {
          id: 'M6-way',
          what: `two peers for ${forMs / 1_000} s over 300 ms and 5 % loss, real WebRTC through a UDP relay that lost ${way.lost} packets`,
          figure: `${links - 1} links lost, ${attempts - 1} replaced in time${agreed === undefined ? ', edits missing' : ''}${lastEnds.length > 0 ? ` (${lastEnds.join('; ')})` : ''}`,
          goal: 'no false alarm',
          met: links === 1 && agreed !== undefined && way.lost > 0,
        },
      ]
    })
  } finally {
    way.close()
  }
}

function since(startMs: number, atMs: number | undefined): number | undefined {
  return atMs === undefined ? undefined : atMs - startMs
}

function worst(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce(
    (worst: number | undefined, ms) =>
      worst === undefined || ms === undefined ? undefined : Math.max(worst, ms),
    0,
  )
}
