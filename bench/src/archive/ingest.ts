import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure } from '../report.js'
import { withClients, type Ingest, type IngestOptions } from './client-process.js'
import type { Extent } from './extent.js'
import { spent, withServer, type ServerKind } from './server-process.js'

interface Measured extends Ingest {
  /** Of the server, for each op. */
  readonly micros: number
  readonly clientMicros: number
  /** An op. */
  readonly threads: string
}

/**
 * A1: sixteen write, each with up to 64 ops unanswered.
 *
 * The floor is the same clients (in one process, typing into Y.Docs, a message an edit) with a server
 * of bare `ws` in the archive's place that hands each message to the sockets of its document, the
 * author's included: that is its answer. Once with a document each, so that an edit is answered and
 * goes to nobody else, and once with one for all, where it goes to fifteen others. There no client
 * applies what the others type, or only that would be measured, and the peers, whose clients cannot
 * do otherwise, are left out.
 */
export async function durableIngest({ quick }: Extent): Promise<readonly Figure[]> {
  const forMs = quick ? 2_000 : 5_000
  const before = await measure('relay', forMs)
  const ours = await measure('holdfast', forMs)
  const after = await measure('relay', forMs)
  const hocuspocus = await measure('hocuspocus', forMs)
  const yWebsocket = await measure('y-websocket', forMs)
  const half = await measure('holdfast', forMs, { perSecond: ours.perSecond / 2 })
  const sharedRaw = await measure('relay', forMs, { isShared: true })
  const shared = await measure('holdfast', forMs, { isShared: true })
  const raw = (before.perSecond + after.perSecond) / 2
  return [
    {
      id: 'A1',
      what: 'ops a second, answered from the disk: 16 writers with a document each, 64 in flight each, 100 B',
      figure: `${rate(ours)} = ${(ours.perSecond / raw).toFixed(2)} × raw ws, ${ours.micros.toFixed(0)} µs an op`,
      beside: `raw ws relay ${rate(before)} and ${rate(after)}, ${before.micros.toFixed(0)} µs; its clients type and are answered just so`,
      goal: '≥ 0.7 × raw ws',
      met: ours.perSecond >= 0.7 * raw,
    },
    {
      id: 'A1-shared',
      what: 'the same with one document for all: each op answered, and sent to the 15 others',
      figure: `${rate(shared)} = ${(shared.perSecond / sharedRaw.perSecond).toFixed(2)} × raw ws, ${shared.micros.toFixed(0)} µs an op`,
      beside: `raw ws relay ${rate(sharedRaw)}, ${sharedRaw.micros.toFixed(0)} µs; came to clients, their own places included, ${Math.round(shared.arrivedPerSecond).toLocaleString('en')}/s and ${Math.round(sharedRaw.arrivedPerSecond).toLocaleString('en')}/s`,
      goal: '≥ 0.7 × raw ws',
      met: shared.perSecond >= 0.7 * sharedRaw.perSecond,
    },
    {
      id: 'A1-peers',
      what: 'as A1, beside those that answer from memory',
      figure: rate(ours),
      beside: `Hocuspocus ${rate(hocuspocus)}, ${hocuspocus.micros.toFixed(0)} µs; y-websocket ${rate(yWebsocket)} (until a second reader has it), ${yWebsocket.micros.toFixed(0)} µs`,
      goal: '≥ 1.0 × Hocuspocus',
      met: ours.perSecond >= hocuspocus.perSecond,
    },
    {
      id: 'A1-profile',
      what: 'where the time of an op goes',
      figure: ours.threads,
      beside: `clients ${ours.clientMicros.toFixed(0)} µs; raw ws ${before.micros.toFixed(0)} µs, its clients ${before.clientMicros.toFixed(0)} µs; a group waits for one fsync, here the median op ${ours.p50Ms.toFixed(0)} ms`,
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

function measure(
  kind: ServerKind,
  forMs: number,
  how: Pick<IngestOptions, 'perSecond' | 'isShared'> = {},
): Promise<Measured> {
  return withServer(kind, ({ url, process }) =>
    withClients(async (clients) => {
      await clients.call('startIngest', [{ kind, url, writers: 16, inFlight: 64, ...how }])
      // Until what runs all the time is compiled.
      await sleep(warmUpMs)
      const beforeMs = await process.call('cpuMs', [])
      const clientsBeforeMs = await clients.call('cpuMs', [])
      const threads = await process.call('threadsMs', [])
      const ingest = await clients.call('ingest', [forMs])
      const ops = (ingest.perSecond * forMs) / 1_000
      const cpuMs = (await process.call('cpuMs', [])) - beforeMs
      const clientsMs = (await clients.call('cpuMs', [])) - clientsBeforeMs
      const { loopMs, nextMs, restMs } = spent(threads, await process.call('threadsMs', []))
      const each = (ms: number): string => `${((ms * 1_000) / ops).toFixed(0)} µs`
      return {
        ...ingest,
        micros: (cpuMs * 1_000) / ops,
        clientMicros: (clientsMs * 1_000) / ops,
        threads: `event loop ${each(loopMs)}, writing thread ${each(nextMs)}, rest (V8's) ${each(restMs)}`,
      }
    }),
  )
}

const warmUpMs = 5_000

function rate({ perSecond }: Ingest): string {
  return `${Math.round(perSecond).toLocaleString('en')}/s`
}
