import type { Figure } from '../report.js'
import { withClients } from './client-process.js'
import type { Extent } from './extent.js'
import { withServer } from './server-process.js'

/** A3: a long document with a few entries after its snapshot, by somebody who has nothing. */
export async function opening({ quick }: Extent): Promise<readonly Figure[]> {
  const keystrokes = quick ? 26_000 : 260_000
  return withServer('holdfast', ({ url, process }) =>
    withClients(async (clients) => {
      const floorMs = await clients.call('typeKeystrokes', [url, keystrokes, 'long'], 120_000)
      const status = await process.call('compact', ['long'], 120_000)
      await clients.call('typeKeystrokes', [url, 100, 'long'], 60_000)
      // The document is opened cold; the programs on both sides have run before.
      await clients.call('typeKeystrokes', [url, 200, 'other'], 60_000)
      await clients.call('open', [url, 50, 'other'], 60_000)
      const rounds = quick ? 5 : 20
      const beforeMs = await process.call('cpuMs', [])
      const openedMs = await clients.call('open', [url, rounds, 'long'], 60_000)
      const cpuMs = ((await process.call('cpuMs', [])) - beforeMs) / rounds
      return [
        {
          id: 'A3',
          what: `open ${keystrokes.toLocaleString('en')} keystrokes and 100 entries after the snapshot (${status}): server CPU`,
          figure: `${cpuMs.toFixed(1)} ms = ${((cpuMs / floorMs) * 100).toFixed(0)} % of the floor`,
          beside: `Y.applyUpdate of the state ${floorMs.toFixed(1)} ms`,
          goal: '≤ 10 %',
          met: cpuMs <= 0.1 * floorMs,
        },
        {
          id: 'A3-client',
          what: 'the same: from connecting until the document is there',
          figure: `${openedMs.toFixed(1)} ms = ${(openedMs / floorMs).toFixed(2)} × the floor`,
          goal: '≤ 1.3 ×',
          met: openedMs <= 1.3 * floorMs,
        },
      ]
    }),
  )
}
