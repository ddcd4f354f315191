import type { Figure } from '../report.js'
import { withClients } from './client-process.js'
import { withServer } from './server-process.js'

/** A12: what a reader is sent of an edit that its author's links have delivered to it already. */
export async function egress(): Promise<readonly Figure[]> {
  return withServer('holdfast', ({ url }) =>
    withClients(async (clients) => {
      const edits = 100
      await clients.call('join', ['holdfast', url, 9, 'note'])
      const whole = await clients.call('egress', [edits, false])
      const placed = await clients.call('egress', [edits, true])
      return [
        {
          id: 'A12',
          what: 'bytes to a reader for an edit of 100 B that the mesh has delivered, WebSocket header included',
          figure: `${placed.toFixed(1)} B`,
          beside: `not delivered ${whole.toFixed(1)} B`,
          goal: '≤ 32 B',
          met: placed <= 32,
        },
      ]
    }),
  )
}
