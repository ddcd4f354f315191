import type { Figure } from '../report.js'
import { withClients, type Spread } from './client-process.js'
import type { Extent } from './extent.js'
import { withServer } from './server-process.js'

/**
 * A9: one reads at 10 KB/s what a hundred others read as it comes. At 160 KB/s, so that it falls
 * behind by more than a reader may have in flight, and no faster, so that the clients' own process is
 * not what the others wait for.
 */
export async function slowReader({ quick }: Extent): Promise<readonly Figure[]> {
  const edits = quick ? 150 : 400
  const alone = await measure(edits, false)
  const beside = await measure(edits, true)
  const again = await measure(edits, false)
  const p99Ms = (alone.p99Ms + again.p99Ms) / 2
  return [
    {
      id: 'A9',
      what: `edits of 8 KB to 100 readers, one more at 10 KB/s: p99 of the others (${edits} edits at 20/s)`,
      figure: `${beside.p99Ms.toFixed(0)} ms = ${(beside.p99Ms / p99Ms).toFixed(2)} ×`,
      beside: `without it ${alone.p99Ms.toFixed(0)} and ${again.p99Ms.toFixed(0)} ms`,
      goal: 'within 10 %',
      met: beside.arrivals >= beside.expected && beside.p99Ms <= 1.1 * p99Ms,
    },
    {
      id: 'A9-held',
      what: 'the same: memory of the server, above the runs without it',
      figure: `${((beside.heapBytes - (alone.heapBytes + again.heapBytes) / 2) / 1_024).toFixed(0)} KiB`,
      goal: '≤ 1 MiB',
      met: beside.heapBytes - (alone.heapBytes + again.heapBytes) / 2 <= 1_024 * 1_024,
    },
  ]
}

function measure(edits: number, withSlow: boolean): Promise<Spread & { heapBytes: number }> {
  return withServer('holdfast', ({ url, process }) =>
    withClients(async (clients) => {
      await clients.call('join', ['holdfast', url, 101, 'note'], 60_000)
      if (withSlow) await clients.call('joinSlowly', [url, 10_000])
      await clients.call('spread', [100, 50, letters])
      const spread = await clients.call('spread', [edits, 50, letters], 120_000)
      const { heapBytes } = await process.call('memory', [])
      return { ...spread, heapBytes }
    }),
  )
}

const letters = 8_000
