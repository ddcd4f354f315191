/** M7: typing while a large document goes the same way, over a line of 20 Mbit/s. */
import { windowBounds } from '@holdfast/peer'
import { frameBounds } from '@holdfast/peer/protocol'
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile, type Figure } from '../report.js'
import { milliseconds, mustSee, seconds, type Extent } from './crowd.js'
import { sharedNowMs } from './peer-commands.js'
import { withCrowd } from './peer-process.js'
import { SlowWay } from './slow-way.js'

const MiB = 1_024 * 1_024
/** As a home's uplink: 20 Mbit/s, 10 ms each way, and a queue that can hold 400 ms. */
const line = { delayMs: 10, bytesPerSecond: 2_500_000, queueBytes: MiB, lossRate: 0 }

export async function typingBesideBulk({ quick }: Extent): Promise<readonly Figure[]> {
  const letters = (quick ? 10 : 50) * MiB
  const way = await SlowWay.open(line)
  try {
    return await withCrowd('holdfast', 2, async ({ peers, server, freshRoom }) => {
      const [a, b] = peers
      if (a === undefined || b === undefined) throw new Error('two were asked for')
      const room = freshRoom()
      for (const [at, peer] of peers.entries()) {
        await peer.call('join', [{ server, room, wayPort: way.ports[at] ?? 0 }])
      }
      await mustSee(peers, { links: 1, present: 2 }, 30_000)
      await b.call('echo', [])
      await sleep(2_000)
      await a.call('editOften', [0, 100, 30], 10_000)
      await sleep(500)
      const idle = await a.call('takeRoundTrips', [])
      await b.call('openBulk', [0])
      const startMs = sharedNowMs()
      await a.call('openBulk', [letters])
      const lineMs = (letters / line.bytesPerSecond) * 1_000
      const bulk = mustSee([b], { bulkLetters: letters }, 4 * lineMs)
      const beside: number[] = []
      const typing = (async () => {
        for (let at = 0; at < lineMs / 1_000; at++) {
          await a.call('editOften', [0, 100, 10], 10_000)
        }
      })()
      const tookMs = (await bulk) - startMs
      await typing
      await sleep(1_000)
      beside.push(...(await a.call('takeRoundTrips', [])))
      const { mostUnacknowledgedBytes } = await a.call('report', [])
      const p99 = quantile(beside, 0.99)
      return [
        {
          id: 'M7',
          what: `a keystroke there and its answer back while ${letters / MiB} MiB go the same way, real WebRTC through a UDP relay of 20 Mbit/s: median, p99, longest of ${beside.length}`,
          figure: [quantile(beside, 0.5), p99, Math.max(...beside)].map(milliseconds).join(', '),
          beside: `idle ${milliseconds(quantile(idle, 0.5))}; bulk at ${((letters * 8) / tookMs / 1_000).toFixed(1)} Mbit/s (${seconds(tookMs)}); y-webrtc cannot send it`,
          goal: '≤ 150 ms',
          met: Math.max(...beside) <= 150,
        },
        {
          id: 'M7-window',
          what: 'the same: most unacknowledged bytes',
          figure: `${(mostUnacknowledgedBytes / 1_024).toFixed(0)} KiB`,
          goal: `≤ ${windowBounds.maxBytes / 1_024} KiB and a frame, the largest window`,
          met: mostUnacknowledgedBytes <= windowBounds.maxBytes + frameBounds.maxBytes,
        },
      ]
    })
  } finally {
    way.close()
  }
}
