/** Meshes that reach each other by way of a TURN server alone, as behind two strict NATs. */
import { createMesh, type Mesh } from '@holdfast/peer'
import { createSignalServer } from '@holdfast/signal'
import wrtc from '@roamhq/wrtc'
import { afterAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { until } from '../contract/real-subject.js'
import { TurnServer, whyNoTurnServer } from './turn-server.js'

const why = whyNoTurnServer()
if (why !== undefined) console.info(`links by way of TURN are not tested: ${why}`)

describe.skipIf(why !== undefined)('by way of a TURN server alone', async () => {
  const secret = 'shared by coturn and the signaller'
  const turn = why === undefined ? await TurnServer.start({ secret }) : undefined
  const opened: { close(): Promise<unknown> }[] = []
  afterAll(async () => {
    for (const one of opened.toReversed()) await one.close()
    await turn?.close()
  })

  for (const transport of ['udp', 'tcp'] as const) {
    test(`[MESH-18] meshes link over ${transport}, with credentials that the signaller made for each`, async () => {
      const url = turn?.url(transport) ?? ''
      const signal = await createSignalServer({ port: 0, ice: { turn: { urls: [url], secret } } })
      opened.push(signal)
      const server = `ws://127.0.0.1:${signal.port}/signal`
      const [a, b] = [open(server), open(server)]
      a.text.insert(0, 'by way of others')
      await until(() => isLinked(a) && isLinked(b))
      await until(() => b.text.toJSON() === 'by way of others')

      const names = turn?.users.map((user) => user.split(':')) ?? []
      for (const { mesh } of [a, b]) {
        const [endsAtS] = names.find(([, peer]) => peer === mesh.identity.instance) ?? []
        // Good for an hour.
        expect(Number(endsAtS)).toBeGreaterThan(Date.now() / 1_000 + 3_000)
        expect(Number(endsAtS)).toBeLessThan(Date.now() / 1_000 + 4_000)
      }
    })
  }

  interface Opened {
    readonly mesh: Mesh
    readonly text: Y.Text
  }

  function open(server: string): Opened {
    const mesh = createMesh({ server, WebSocket, rtc: wrtc, relayOnly: true, relay: false })
    opened.push(mesh)
    const doc = new Y.Doc()
    mesh.join('notes').open('note', doc)
    return { mesh, text: doc.getText('text') }
  }

  function isLinked({ mesh }: Opened): boolean {
    return mesh.collections[0]?.peers.map(({ path }) => path).join() === 'webrtc'
  }
})
