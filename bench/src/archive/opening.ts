import type { Figure } from '../report.js'
import { withClients } from './client-process.js'
import type { Extent } from './extent.js'
import { spent, withServer } from './server-process.js'

/** A3: a long document with a few entries after its snapshot, by somebody who has nothing. */
export async function opening({ quick }: Extent): Promise<readonly Figure[]> {
  const keystrokes = quick ? 26_000 : 260_000
  return withServer('holdfast', ({ url, process }) =>
    withClients(async (clients) => {
      const floorMs = await clients.call('typeKeystrokes', [url, keystrokes, 'long'], 120_000)
      const status = await process.call('compact', ['long'], 120_000)
      await clients.call('typeKeystrokes', [url, 100, 'long'], 60_000)
      // Whoever opens it has nothing, and of the last one who did the server keeps nothing; but the
      // programs on both sides have run before, until what runs all the time is compiled.
      const uncompiled = 50
      const startMs = await process.call('cpuMs', [])
      await clients.call('open', [url, uncompiled, 'long'], 60_000)
      const firstMs = ((await process.call('cpuMs', [])) - startMs) / uncompiled
      if (!quick) await clients.call('open', [url, 150, 'long'], 60_000)
      const rounds = quick ? 5 : 20
      const threads = await process.call('threadsMs', [])
      const beforeMs = await process.call('cpuMs', [])
      const openedMs = await clients.call('open', [url, rounds, 'long'], 60_000)
      const cpuMs = ((await process.call('cpuMs', [])) - beforeMs) / rounds
      const { loopMs, nextMs, restMs } = spent(threads, await process.call('threadsMs', []))
      const each = (ms: number): string => `${(ms / rounds).toFixed(1)} ms`
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
          id: 'A3-profile',
          what: 'where it goes',
          figure: `event loop (connecting, sending, acknowledgements) ${each(loopMs)}, reading thread ${each(nextMs)}, rest (V8's collectors and compilers, the writing thread) ${each(restMs)}`,
          beside: `while it was being compiled, the first ${uncompiled}: ${firstMs.toFixed(1)} ms each`,
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
