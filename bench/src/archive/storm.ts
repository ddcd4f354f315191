import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure } from '../report.js'
import { withClients, type Storm } from './client-process.js'
import type { Extent } from './extent.js'
import { rawStorm } from './raw-storm.js'
import { spent, withServer, type ServerKind } from './server-process.js'

const MiB = 1_024 * 1_024

interface Measured extends Storm {
  readonly cpuMs: number
  /** The most that the server had, above what it had before. */
  readonly grewBytes: number
  readonly threads: string
}

/** Where the archive has the document when they come. */
type Lies = 'snapshot' | 'rows'

/**
 * A4: many open one large document at once, as its snapshot, which each fetches, and as the rows that
 * it was uploaded in, as long as somebody who is there may still want these.
 */
export async function joinStorm({ quick }: Extent): Promise<readonly Figure[]> {
  const count = quick ? 20 : 60
  const ours = await measure('holdfast', count, 10, 'snapshot')
  const rows = await measure('holdfast', count, 10, 'rows')
  const floor = await rawStorm(count, 10)
  const beside: string[] = []
  for (const kind of ['y-websocket', 'hocuspocus'] as const) {
    beside.push(`${kind} ${said(await measure(kind, count, 10), count)}`)
  }
  const small = { goal: '≤ 1.5 s, ≤ 100 MiB', met: isBelow(count, 1_500, 100 * MiB) }
  const figures: Figure[] = [
    {
      id: 'A4',
      what: `${count} clients open one document of 10 MB: server CPU, memory above start at its peak`,
      figure: said(ours, count),
      beside: [...beside, floor].join('; '),
      goal: small.goal,
      met: small.met(ours),
    },
    {
      id: 'A4-rows',
      what: 'the same, when its rows of 256 KiB are still there',
      figure: said(rows, count),
      goal: small.goal,
      met: small.met(rows),
    },
    {
      id: 'A4-profile',
      what: 'where it goes',
      figure: `snapshot: ${ours.threads}`,
      beside: `rows: ${rows.threads}`,
    },
  ]
  if (quick) return figures
  const isLargeBelow = isBelow(150, 12_000, 800e6)
  for (const [id, lies] of [
    ['A4-large', 'snapshot'],
    ['A4-large-rows', 'rows'],
  ] as const) {
    const large = await measure('holdfast', 150, 20, lies)
    figures.push({
      id,
      what: `150 clients open one document of 20 MB${lies === 'rows' ? ' in rows' : ''}: the same`,
      figure: said(large, 150),
      beside: lies === 'snapshot' ? await rawStorm(150, 20) : large.threads,
      goal: '≤ 12 s, ≤ 800 MB',
      met: isLargeBelow(large),
    })
  }
  return figures
}

function isBelow(count: number, maxCpuMs: number, maxBytes: number): (one: Measured) => boolean {
  return ({ arrived, cpuMs, grewBytes }) =>
    arrived === count && cpuMs <= maxCpuMs && grewBytes <= maxBytes
}

function measure(
  kind: ServerKind,
  count: number,
  megabytes: number,
  lies: Lies = 'rows',
): Promise<Measured> {
  return withServer(kind, ({ url, process }) =>
    withClients(async (clients) => {
      await clients.call('upload', [kind, url, megabytes * 1e6, 'large'], 120_000)
      if (lies === 'snapshot') {
        // Who uploaded it has to have said that it holds it, or its rows stay.
        await sleep(ackedMs)
        await process.call('compact', ['large'], 120_000)
      }
      const { residentBytes } = await process.call('memory', [])
      const beforePeak = await process.call('peakBytes', [])
      const threads = await process.call('threadsMs', [])
      const beforeMs = await process.call('cpuMs', [])
      const storm = await clients.call('storm', [kind, url, count, 'large'], 240_000)
      const cpuMs = (await process.call('cpuMs', [])) - beforeMs
      const { loopMs, nextMs, restMs } = spent(threads, await process.call('threadsMs', []))
      const peak = await process.call('peakBytes', [])
      // A peak that lies before the storm is no peak of it.
      const grewBytes = peak > beforePeak ? peak - residentBytes : 0
      return {
        ...storm,
        cpuMs,
        grewBytes,
        threads: `event loop ${seconds(loopMs)}, busiest other thread ${seconds(nextMs)}, rest (V8's, the log's) ${seconds(restMs)}`,
      }
    }),
  )
}

/** An ack is said within a second, and written down within another. */
const ackedMs = 3_000

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`
}

function said({ cpuMs, grewBytes, tookMs, arrived }: Measured, count: number): string {
  const missing = arrived < count ? `, ${arrived} of ${count} arrived` : ''
  const grew = grewBytes === 0 ? 'below the peak of before' : `${(grewBytes / MiB).toFixed(0)} MiB`
  return `${(cpuMs / 1_000).toFixed(1)} s CPU, ${grew}, in ${(tookMs / 1_000).toFixed(1)} s${missing}`
}
