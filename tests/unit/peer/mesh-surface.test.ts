import { createMesh, PeerError, type MeshOptions, type PeerErrorCode } from '@holdfast/peer'
import type { Access } from '@holdfast/peer/protocol'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { MeshWorld, newDoc, type MeshPeer } from '../../sim/mesh/mesh-world.js'

describe('createMesh', () => {
  test('[MESH-15] options that are missing or contradict each other are named', () => {
    const refused: [MeshOptions, RegExp][] = [
      [{}, /server or a signalling/],
      [{ server: 'https://example.org', WebSocket: FakeSocket }, /https:\/\/example.org/],
      [{ server: () => ({ send() {}, close() {} }), rtc: noRtc, dialer: noDialer }, /not both/],
      [{ signalling: {} as NonNullable<MeshOptions['signalling']> }, /identity/],
    ]
    for (const [options, message] of refused) {
      expect(codeOf(() => createMesh(options))).toBe('bad-option')
      expect(() => createMesh(options)).toThrow(message)
    }
  })

  test('[MESH-15] names, second joins and opens, and what comes after the end are refused by code', async () => {
    const world = MeshWorld.of('surface')
    const peer = world.start('p0')
    const { mesh, notes } = peer
    expect(codeOf(() => mesh.join('notes'))).toBe('already-open')
    expect(codeOf(() => mesh.join(''))).toBe('bad-name')
    expect(codeOf(() => notes.open('note', new Y.Doc()))).toBe('already-open')
    expect(codeOf(() => notes.open('a\nb', new Y.Doc()))).toBe('bad-name')
    notes.document('note')?.close()
    notes.open('note', peer.doc).close()
    const closed = mesh.close()
    expect(mesh.close()).toBe(closed)
    await world.run(100)
    await closed
    expect(codeOf(() => mesh.join('drafts'))).toBe('closed')
    expect(codeOf(() => notes.open('note', peer.doc))).toBe('closed')
    expect(codeOf(() => notes.delete('note'))).toBe('closed')
  })

  test('[MESH-15] a document that somebody deletes is told, closed and left as it is', async () => {
    const { world, a, b } = await twoPeers('delete')
    a.type('kept ')
    await world.until(() => b.text === 'kept ')
    a.notes.delete('note')
    await world.until(() => b.errors.length > 0)
    expect(b.errors.map(({ code }) => code)).toEqual(['document-deleted'])
    expect(b.notes.document('note')).toBeUndefined()
    expect(b.text).toBe('kept ')
    // A new generation under the same name.
    for (const { notes, host } of [a, b]) {
      const doc = newDoc(host.name === 'p0' ? 1 : 2)
      doc.getText('text').insert(0, host.name)
      notes.open('note', doc)
    }
    await world.until(() => a.isSynced && b.isSynced)
    expect(a.notes.document('note')?.ref.generation).toBe(1)
  })

  test('[MESH-15] a collection that the signaller refuses is told with its code', async () => {
    const world = MeshWorld.of('refused', {
      tokens: {
        verify: () => Promise.resolve({ ok: false, refusal: { code: 'forbidden', detail: '' } }),
      } as never,
    })
    const peer = world.start('p0')
    await world.until(() => peer.errors.length > 0)
    expect(peer.errors.map(({ code }) => code)).toEqual(['refused'])
    expect(peer.errors[0]?.wireCode).toBeDefined()
  })

  test('[MESH-16] peers and syncing are told as they change, and never early', async () => {
    const { world, a, b } = await twoPeers('events')
    const told: string[] = []
    a.notes.onPeers((peers) => {
      told.push(peers.map(({ path, isSynced }) => `${path} ${isSynced}`).join())
    })
    let early = 0
    a.notes.onSynced(({ id }) => {
      told.push(`synced ${id}`)
      if (a.text !== b.text) early++
    })
    world.world.network.cut('p0', 'p1')
    for (const pipe of world.world.network.pipes) pipe.break()
    await world.until(() => a.notes.peers.length === 0 || a.paths.join() === 'relay')
    a.type('a ')
    b.type('b ')
    world.world.network.healAll()
    await world.until(() => a.paths.join() === 'simulated' && a.isSynced && b.isSynced, 90_000)
    expect(early).toBe(0)
    expect(a.text).toBe(b.text)
    expect(told).toContain('synced note')
    expect(told.at(-1)).toMatch(/simulated true|synced note/)
    expect(new Set(told).size).toBeGreaterThan(2)
    const stats = a.mesh.stats()
    expect(stats.signalling).toBe('open')
    expect(stats.collections['notes']).toMatchObject({ room: 'joined', peers: 1, documents: 1 })
    expect(stats.collections['notes']?.neighbours[0]?.phase).toBe('open')
  })

  test('[MESH-20] the report of a neighbour says its path, round trip, bytes, what waits, and why its last link ended', async () => {
    const world = MeshWorld.of('reports')
    const [a, b] = world.startMany(2, { relay: false }) as [MeshPeer, MeshPeer]
    const report = () => {
      const [only, ...others] = a.notes.stats().neighbours
      if (only === undefined || others.length > 0) throw new Error('one neighbour was expected')
      return only
    }
    await world.until(() => a.notes.stats().neighbours.length === 1)
    expect(report()).toMatchObject({ instance: b.mesh.identity.instance, path: undefined })
    await world.until(() => a.paths.length === 1 && b.paths.length === 1)
    a.type('some letters ')
    await world.until(() => b.text === a.text)
    await world.run(3_000)
    const first = report()
    expect(first).toMatchObject({ phase: 'open', path: 'simulated', attempts: 1, links: 1 })
    expect(first).toMatchObject({ queuedBytes: 0, resentOps: 0, lastEnd: undefined })
    expect(first.sentBytes).toBeGreaterThan('some letters '.length)
    expect(first.receivedBytes).toBeGreaterThan(0)
    expect(first.roundTripMs).toBeGreaterThan(0)
    // Nothing passes any more, and no other link comes about: this one is given up for dead.
    world.rtc.weather.failRate = 1
    for (const pipe of world.world.network.pipes) {
      pipe.break({ aAfterMs: Infinity, bAfterMs: Infinity })
    }
    await world.until(() => report().phase !== 'open', 10_000)
    await world.until(() => report().lastEnd?.includes('dead') === true, 10_000)
    expect(report().path).toBeUndefined()
    world.rtc.weather.failRate = 0
    await world.until(() => report().phase === 'open', 60_000)
    expect(report().links).toBe(2)
    expect(report().failures).toBeGreaterThan(0)
  })

  test('[MESH-15] a presence state that fits no message is its caller’s mistake', () => {
    const { notes } = MeshWorld.of('presence').start('p0')
    const awareness = notes.document('note')?.awareness
    expect(codeOf(() => awareness?.setLocalState({ all: 'x'.repeat(1_000_000) }))).toBe(
      'presence-too-large',
    )
    expect(awareness?.getLocalState()).not.toHaveProperty('all')
  })

  test('[MESH-15] a document that throws while it takes something in is told as damaged', async () => {
    const { world, a, b } = await twoPeers('damaged')
    // As if Yjs threw before anything was integrated.
    b.doc.on('beforeTransaction', () => {
      throw new Error('half-way')
    })
    a.type('a letter')
    await world.until(() => b.errors.length > 0)
    expect(b.errors.map(({ code }) => code)).toEqual(['document-damaged'])
    // Its author has been told that it was not taken.
    expect(a.errors.map(({ code }) => code)).toEqual(['edit-refused'])
  })

  test('[MESH-15] an edit that the neighbour’s reader refuses is told with its code', async () => {
    const { world, a, b } = await twoPeers('refuses')
    let nested: unknown = 'deep'
    for (let depth = 0; depth < 2_000; depth++) nested = [nested]
    a.doc.getMap('map').set('nested', nested)
    await world.until(() => a.errors.length > 0)
    expect(a.errors[0]?.code).toBe('edit-refused' satisfies PeerErrorCode)
    expect(a.errors[0]?.wireCode).toBeDefined()
    expect(b.doc.getMap('map').size).toBe(0)
  })

  test('[MESH-16] documents that nobody opened here are taken in where the application gives a Y.Doc', async () => {
    const world = MeshWorld.of('created')
    const created = new Map<string, Y.Doc>()
    const a = world.start('p0')
    world.start('p1', {
      createDoc: (_collection, { id }) => {
        const doc = newDoc(7)
        created.set(id, doc)
        return doc
      },
    })
    const doc = newDoc(5)
    a.notes.open('other', doc)
    doc.getText('text').insert(0, 'unasked')
    await world.until(() => created.get('other')?.getText('text').toJSON() === 'unasked')
    expect([...created.keys()]).toEqual(['other'])
  })

  test('[MESH-16] who may only read is told so, and its edits reach nobody', async () => {
    const world = MeshWorld.of('reader', { openAccess: 'read' })
    const [a, b] = world.startMany(2)
    await world.until(() => a?.notes.access === ('read' satisfies Access))
    a?.type('nobody sees this ')
    await world.run(20_000)
    expect(b?.text).toBe('')
  })
})

async function twoPeers(seed: string): Promise<{ world: MeshWorld; a: MeshPeer; b: MeshPeer }> {
  const world = MeshWorld.of(seed)
  const [a, b] = world.startMany(2) as [MeshPeer, MeshPeer]
  await world.until(() => a.paths.join() === 'simulated' && a.isSynced && b.isSynced)
  return { world, a, b }
}

const noRtc = { RTCPeerConnection: 0, RTCSessionDescription: 0, RTCIceCandidate: 0 }
const noDialer = {
  attempt: () => {
    throw new Error('nobody dials here')
  },
}

const FakeSocket = function () {
  throw new Error('nobody connects here')
} as unknown as NonNullable<MeshOptions['WebSocket']>

function codeOf(call: () => unknown): PeerErrorCode | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    if (error instanceof PeerError) return error.code
    throw error
  }
}
