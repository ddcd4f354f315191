import type { Figure } from '../report.js'
import { withClients } from './client-process.js'
import type { Extent } from './extent.js'
import { withServer } from './server-process.js'

/** A5: all lose their connections at once, and come back with cursors at the head. */
export async function reconnecting({ quick }: Extent): Promise<readonly Figure[]> {
  const count = quick ? 200 : 1_000
  return withServer('holdfast', ({ url, process }) =>
    withClients(async (clients) => {
      await clients.call('join', ['holdfast', url, count, 'note'], 60_000)
      await clients.call('spread', [5, 20])
      const beforeMs = await process.call('cpuMs', [])
      const { tookMs, atHead, sentBytes, receivedBytes } = await clients.call('reconnect', [url])
      const cpuMs = (await process.call('cpuMs', [])) - beforeMs
      return [
        {
          id: 'A5',
          what: `${count} clients at the head come back at once: until the last one is subscribed`,
          figure: `${(tookMs / 1_000).toFixed(2)} s, ${atHead} told that they are at the head`,
          beside: `server CPU ${(cpuMs / 1_000).toFixed(2)} s; all clients in one process beside it`,
          goal: '≤ 3 s',
          met: tookMs <= 3_000 && atHead === count,
        },
        {
          id: 'A5-bytes',
          what: 'the same: bytes a client sends and receives after the upgrade',
          figure: `${sentBytes.toFixed(0)} B, ${receivedBytes.toFixed(0)} B`,
          goal: '≤ 300 B each way',
          met: sentBytes <= 300 && receivedBytes <= 300,
        },
      ]
    }),
  )
}
