import type { Figure } from '../report.js'
import { withClients } from './client-process.js'
import type { Extent } from './extent.js'
import { withServer, type Memory, type ServerKind } from './server-process.js'

/** A10: clients that are there and do nothing. */
export async function idleClients({ quick }: Extent): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const count of quick ? [500] : [1_000, 10_000]) {
    const raw = await measure('relay', count)
    const ours = await measure('holdfast', count)
    const few = count <= 1_000
    const peers = few
      ? `; y-websocket ${kib(await measure('y-websocket', count))}, Hocuspocus ${kib(await measure('hocuspocus', count))}`
      : ''
    const ratio = ours.residentBytes / raw.residentBytes
    figures.push(
      {
        id: 'A10',
        what: `memory of the server for each of ${count.toLocaleString('en')} idle clients: resident, heap`,
        figure: `${kib(ours)} = ${ratio.toFixed(2)} × raw ws, heap ${(ours.heapBytes / raw.heapBytes).toFixed(2)} ×`,
        beside: `raw ws ${kib(raw)}${peers}`,
        goal: '≤ 1.5 × raw ws',
        met: ratio <= 1.5,
      },
      {
        id: 'A10-profile',
        what: `what is resident of each of ${count.toLocaleString('en')}: V8's room for the young, for the rest, outside of V8`,
        figure: `${parts(ours)}; without the young ${older(ours, raw).toFixed(2)} × raw ws`,
        beside: `raw ws ${parts(raw)}`,
      },
    )
  }
  return figures
}

function measure(kind: ServerKind, count: number): Promise<Memory> {
  return withServer(kind, ({ url, process }) =>
    withClients(async (clients) => {
      // What the first ones make grow is not an idle client's.
      await clients.call('join', [kind, url, 50, 'note'])
      const before = await process.call('memory', [])
      await clients.call('join', [kind, url, count, 'note'], 240_000)
      const after = await process.call('memory', [])
      const each = (of: keyof Memory): number => (after[of] - before[of]) / count
      return {
        residentBytes: each('residentBytes'),
        heapBytes: each('heapBytes'),
        youngBytes: each('youngBytes'),
        oldBytes: each('oldBytes'),
      }
    }),
  )
}

function parts({ residentBytes, youngBytes, oldBytes }: Memory): string {
  return [youngBytes, oldBytes, residentBytes - youngBytes - oldBytes]
    .map((bytes) => (bytes / 1_024).toFixed(1))
    .join(' + ')
    .concat(' KiB')
}

/** What stays of the one for each client, beside the other's. */
function older(one: Memory, other: Memory): number {
  return (one.residentBytes - one.youngBytes) / (other.residentBytes - other.youngBytes)
}

function kib({ residentBytes, heapBytes }: Memory): string {
  return `${(residentBytes / 1_024).toFixed(1)}, ${(heapBytes / 1_024).toFixed(1)} KiB`
}
