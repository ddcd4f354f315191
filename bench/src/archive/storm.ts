import type { Figure } from '../report.js'
import { withClients, type Storm } from './client-process.js'
import type { Extent } from './extent.js'
import { withServer, type ServerKind } from './server-process.js'

const MiB = 1_024 * 1_024

interface Measured extends Storm {
  readonly cpuMs: number
  /** The most that the server had, above what it had before. */
  readonly grewBytes: number
}

/** A4: many open one large document at once. */
export async function joinStorm({ quick }: Extent): Promise<readonly Figure[]> {
  const count = quick ? 20 : 60
  const ours = await measure('holdfast', count, 10)
  const beside: string[] = []
  for (const kind of ['y-websocket', 'hocuspocus'] as const) {
    beside.push(`${kind} ${said(await measure(kind, count, 10), count)}`)
  }
  const figures: Figure[] = [
    {
      id: 'A4',
      what: `${count} clients open one document of 10 MB: server CPU, memory above start at its peak`,
      figure: said(ours, count),
      beside: beside.join('; '),
      goal: '≤ 1.5 s, ≤ 100 MiB',
      met: ours.arrived === count && ours.cpuMs <= 1_500 && ours.grewBytes <= 100 * MiB,
    },
  ]
  if (quick) return figures
  const large = await measure('holdfast', 150, 20)
  figures.push({
    id: 'A4-large',
    what: '150 clients open one document of 20 MB: the same',
    figure: said(large, 150),
    goal: '≤ 12 s, ≤ 800 MB',
    met: large.arrived === 150 && large.cpuMs <= 12_000 && large.grewBytes <= 800e6,
  })
  return figures
}

function measure(kind: ServerKind, count: number, megabytes: number): Promise<Measured> {
  return withServer(kind, ({ url, process }) =>
    withClients(async (clients) => {
      await clients.call('upload', [kind, url, megabytes * 1e6, 'large'], 120_000)
      await process.call('compact', ['large'], 120_000)
      const { residentBytes } = await process.call('memory', [])
      const beforePeak = await process.call('peakBytes', [])
      const beforeMs = await process.call('cpuMs', [])
      const storm = await clients.call('storm', [kind, url, count, 'large'], 240_000)
      const cpuMs = (await process.call('cpuMs', [])) - beforeMs
      const peak = await process.call('peakBytes', [])
      // A peak that lies before the storm is no peak of it.
      const grewBytes = peak > beforePeak ? peak - residentBytes : 0
      return { ...storm, cpuMs, grewBytes }
    }),
  )
}

function said({ cpuMs, grewBytes, tookMs, arrived }: Measured, count: number): string {
  const missing = arrived < count ? `, ${arrived} of ${count} arrived` : ''
  const grew = grewBytes === 0 ? 'below the peak of before' : `${(grewBytes / MiB).toFixed(0)} MiB`
  return `${(cpuMs / 1_000).toFixed(1)} s CPU, ${grew}, in ${(tookMs / 1_000).toFixed(1)} s${missing}`
}
