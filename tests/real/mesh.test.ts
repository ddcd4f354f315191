import {
  createMesh,
  meshBounds,
  type Mesh,
  type MeshCollection,
  type MeshOptions,
} from '@holdfast/peer'
import type { Rtc } from '@holdfast/peer/ports'
import { createSignalServer } from '@holdfast/signal'
import wrtc from '@roamhq/wrtc'
import { afterAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { until } from '../contract/real-subject.js'

const opened: { close(): Promise<unknown> | void }[] = []

afterAll(async () => {
  for (const one of opened.toReversed()) await one.close()
})

test('[MESH-12] two meshes over real WebRTC and a real signaller edit one text', async () => {
  const server = await startServer()
  const [a, b] = [join(server), join(server)]
  const [docA, docB] = [new Y.Doc(), new Y.Doc()]
  docA.getText('text').insert(0, 'from the start. ')
  const noteA = a.notes.open('note', docA)
  const noteB = b.notes.open('note', docB)
  noteA.awareness.setLocalState({ name: 'Ada' })

  await until(() => pathsOf(a) === 'webrtc' && pathsOf(b) === 'webrtc')
  await until(() => textOf(docB) === 'from the start. ')
  await until(() => noteA.isSynced && noteB.isSynced)
  docB.getText('text').insert(0, 'Together ')
  await until(() => textOf(docA) === 'Together from the start. ')
  await until(() => noteB.awareness.getStates().size === 2)
  expect(noteB.awareness.getStates().get(noteA.awareness.clientID)).toEqual({ name: 'Ada' })

  await a.mesh.close()
  await until(() => noteB.awareness.getStates().size === 1)
  await until(() => b.notes.peers.length === 0)
})

test('[MESH-6] [MESH-12] without WebRTC they edit through the relay of a real signaller', async () => {
  const server = await startServer()
  const [a, b] = [join(server, {}), join(server, {})]
  const [docA, docB] = [new Y.Doc(), new Y.Doc()]
  const [noteA, noteB] = [a.notes.open('note', docA), b.notes.open('note', docB)]
  docA.getText('text').insert(0, 'x'.repeat(300_000))
  await until(() => textOf(docB).length === 300_000 && noteA.isSynced && noteB.isSynced)
  expect([pathsOf(a), pathsOf(b)]).toEqual(['relay', 'relay'])
  docB.getText('text').insert(0, 'y')
  await until(() => textOf(docA).startsWith('yx'))
})

test('[MESH-2] six meshes that know nothing of each other begin no more than four handshakes at a time', async () => {
  const server = await startServer()
  const { rtc, most } = countingRtc()
  const six = Array.from({ length: 6 }, () => join(server, { rtc: { ...rtc } }))
  await until(() => six.every((one) => pathsOf(one) === Array(5).fill('webrtc').join()))
  expect(most()).toBe(meshBounds.maxHandshakes)
})

/** Counts connections from their beginning until they stand or are closed. */
function countingRtc(): { rtc: Rtc; most: () => number } {
  let underWay = 0
  let most = 0
  class Counted extends wrtc.RTCPeerConnection {
    #isUnderWay = true

    constructor(config?: RTCConfiguration) {
      super(config)
      most = Math.max(most, ++underWay)
      this.addEventListener('connectionstatechange', () => {
        if (this.connectionState === 'connected') this.#settle()
      })
    }

    override close(): void {
      this.#settle()
      super.close()
    }

    #settle(): void {
      if (this.#isUnderWay) underWay--
      this.#isUnderWay = false
    }
  }
  return { rtc: { ...wrtc, RTCPeerConnection: Counted }, most: () => most }
}

interface Joined {
  readonly mesh: Mesh
  readonly notes: MeshCollection
}

function join(server: string, options: Partial<MeshOptions> = { rtc: wrtc }): Joined {
  const mesh = createMesh({ server, WebSocket, ...options })
  opened.push(mesh)
  return { mesh, notes: mesh.join('notes') }
}

async function startServer(): Promise<string> {
  const server = await createSignalServer({ port: 0 })
  opened.push(server)
  return `ws://127.0.0.1:${server.port}/signal`
}

function pathsOf({ notes }: Joined): string {
  return notes.peers.map(({ path }) => path).join()
}

function textOf(doc: Y.Doc): string {
  return doc.getText('text').toJSON()
}
