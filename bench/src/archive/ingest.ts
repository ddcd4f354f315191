import type { Figure } from '../report.js'
import { withClients, type Ingest } from './client-process.js'
import type { Extent } from './extent.js'
import { spent, withServer, type ServerKind } from './server-process.js'

interface Measured extends Ingest {
  /** Of the server, for each op. */
  readonly micros: number
  /** An op. */
  readonly threads: string
}

/** A1: sixteen write, each with up to 64 ops unanswered. */
export async function durableIngest({ quick }: Extent): Promise<readonly Figure[]> {
  const forMs = quick ? 2_000 : 5_000
  const before = await measure('echo', forMs)
  const ours = await measure('holdfast', forMs)
  const after = await measure('echo', forMs)
  const hocuspocus = await measure('hocuspocus', forMs)
  const yWebsocket = await measure('y-websocket', forMs)
  const half = await measure('holdfast', forMs, ours.perSecond / 2)
  const raw = (before.perSecond + after.perSecond) / 2
  return [
    {
      id: 'A1',
      what: 'ops a second, answered from the disk: 16 writers, 64 in flight each, 100 B',
      figure: `${rate(ours)} = ${(ours.perSecond / raw).toFixed(2)} × raw ws, ${ours.micros.toFixed(0)} µs an op`,
      beside: `raw ws relay ${rate(before)} and ${rate(after)}, ${before.micros.toFixed(0)} µs`,
      goal: '≥ 0.7 × raw ws',
      met: ours.perSecond >= 0.7 * raw,
    },
    {
      id: 'A1-peers',
      what: 'the same, beside those that answer from memory',
      figure: rate(ours),
      beside: `Hocuspocus ${rate(hocuspocus)}, ${hocuspocus.micros.toFixed(0)} µs; y-websocket ${rate(yWebsocket)} (until a second reader has it), ${yWebsocket.micros.toFixed(0)} µs`,
      goal: '≥ 1.0 × Hocuspocus',
      met: ours.perSecond >= hocuspocus.perSecond,
    },
    {
      id: 'A1-profile',
      what: 'where the time of an op goes',
      figure: ours.threads,
      beside: `raw ws ${before.micros.toFixed(0)} µs; a group waits for one fsync, here the median op ${ours.p50Ms.toFixed(0)} ms`,
    },
    {
      id: 'A1-p99',
      what: `until committed, at ${Math.round(half.perSecond)} ops/s, half of that: median, p99`,
      figure: `${half.p50Ms.toFixed(1)}, ${half.p99Ms.toFixed(1)} ms`,
      beside: `at full load ${ours.p50Ms.toFixed(1)}, ${ours.p99Ms.toFixed(1)} ms`,
      goal: 'p99 ≤ 25 ms',
      met: half.p99Ms <= 25,
    },
  ]
}

function measure(kind: ServerKind, forMs: number, perSecond?: number): Promise<Measured> {
  return withServer(kind, ({ url, process }) =>
    withClients(async (clients) => {
      const warmUpMs = 2_000
      const beforeMs = await process.call('cpuMs', [])
      const threads = await process.call('threadsMs', [])
      const options = { kind, url, writers: 16, inFlight: 64, warmUpMs, forMs }
      const ingest = await clients.call('ingest', [
        { ...options, ...(perSecond === undefined ? {} : { perSecond }) },
      ])
      // With the warm-up, whose ops are not counted: as many a second as later, about.
      const cpuMs = (await process.call('cpuMs', [])) - beforeMs
      const ops = (ingest.perSecond * (warmUpMs + forMs)) / 1_000
      const { loopMs, nextMs, restMs } = spent(threads, await process.call('threadsMs', []))
      const each = (ms: number): string => `${((ms * 1_000) / ops).toFixed(0)} µs`
      return {
        ...ingest,
        micros: (cpuMs * 1_000) / ops,
        threads: `event loop ${each(loopMs)}, writing thread ${each(nextMs)}, rest (V8's) ${each(restMs)}`,
      }
    }),
  )
}

function rate({ perSecond }: Ingest): string {
  return `${Math.round(perSecond).toLocaleString('en')}/s`
}
