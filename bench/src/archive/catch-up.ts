import { growth } from '../log/growth.js'
import type { Figure } from '../report.js'
import { withClients } from './client-process.js'
import type { Extent } from './extent.js'
import { missedRows } from './names.js'
import { withServer, type ServerKind } from './server-process.js'

/**
 * A6: somebody comes back to what it has missed, over its socket; and A7 with A6 in the log itself,
 * where what stands before the cursor, and before the next row, can be many times as much.
 */
export async function catchingUp({ quick }: Extent): Promise<readonly Figure[]> {
  const rows = quick ? missedRows / 10 : missedRows
  const before = await measure('rows', rows)
  const ours = await measure('holdfast', rows)
  const after = await measure('rows', rows)
  const floor = {
    tookMs: (before.tookMs + after.tookMs) / 2,
    cpuMs: (before.cpuMs + after.cpuMs) / 2,
  }
  const share = floor.tookMs / ours.tookMs
  const rate = ({ tookMs }: Taken): string =>
    `${Math.round((rows / tookMs) * 1_000).toLocaleString('en')}/s`
  const cpu = ({ cpuMs }: Taken): string => `${((cpuMs * 1_000) / rows).toFixed(1)} µs`
  return [
    {
      id: 'A6-socket',
      what: `catch-up of ${rows.toLocaleString('en')} missed entries of 100 documents, from connecting to the head: entries a second, server CPU each`,
      figure: `${rate(ours)} = ${(share * 100).toFixed(0)} % of the floor, ${cpu(ours)}`,
      beside: `rows read by better-sqlite3 and sent by ws, nothing read of them: ${rate(floor)}, ${cpu(floor)}; clients take ${each(ours.clientMs, rows)} and ${each(before.clientMs, rows)}`,
      goal: '≥ 50 %',
      met: share >= 0.5,
    },
    ...(await growth(quick ? 0.1 : 1)),
  ]
}

interface Taken {
  readonly tookMs: number
  readonly cpuMs: number
}

function measure(kind: ServerKind, rows: number): Promise<Taken & { readonly clientMs: number }> {
  return withServer(kind, ({ url, process }) =>
    withClients(async (clients) => {
      if (kind === 'holdfast') await clients.call('fill', [url, rows, 100], 120_000)
      // Compiled before it counts.
      await clients.call('catchUp', [kind, url, rows, 3], 60_000)
      const beforeMs = await process.call('cpuMs', [])
      const clientsBeforeMs = await clients.call('cpuMs', [])
      const rounds = 5
      const tookMs = await clients.call('catchUp', [kind, url, rows, rounds], 60_000)
      return {
        tookMs,
        cpuMs: ((await process.call('cpuMs', [])) - beforeMs) / rounds,
        clientMs: ((await clients.call('cpuMs', [])) - clientsBeforeMs) / rounds,
      }
    }),
  )
}

function each(ms: number, rows: number): string {
  return `${((ms * 1_000) / rows).toFixed(1)} µs`
}
