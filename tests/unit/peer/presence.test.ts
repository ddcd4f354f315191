import { encodeAwareness, presenceBounds } from '@holdfast/peer'
import type { InstanceId } from '@holdfast/peer/protocol'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { note, PresenceWorld } from './presence-world.js'

describe('presence over links', () => {
  test('[PRES-4] everybody who is linked sees everybody, within one hop', async () => {
    const world = new PresenceWorld()
    const peers = [world.peer(), world.peer(), world.peer()]
    world.linkAll(peers)
    await world.run(100)
    for (const peer of peers) {
      const others = peers.filter((other) => other !== peer).map(({ client }) => client)
      expect(peer.sees).toEqual(others.toSorted((a, b) => a - b))
    }
    const [a, b] = peers
    a?.presence.collection.setLocalStateField('name', 'Ada')
    await world.run(70)
    expect(b?.presence.collection.getStates().get(a?.client ?? 0)).toEqual({ name: 'Ada' })
  })

  test('[PRES-5] a document’s presence goes to those who have it open, and to nobody else', async () => {
    const world = new PresenceWorld()
    const [a, b, c] = [world.peer(), world.peer(), world.peer()]
    world.linkAll([a, b, c])
    const seenByA = a.presence.open(note, new Y.Doc())
    const seenByB = b.presence.open(note, new Y.Doc())
    await world.run(100)
    seenByA.setLocalStateField('cursor', 4)
    await world.run(100)
    expect(seenByB.getStates().get(seenByA.clientID)).toEqual({ cursor: 4 })
    const told = a.linkTo(c).sent.filter((one) => one.type === 'presence' && one.document)
    expect(told).toEqual([])

    const seenByC = c.presence.open(note, new Y.Doc())
    await world.run(100)
    expect(seenByC.getStates().get(seenByA.clientID)).toEqual({ cursor: 4 })

    a.presence.close(note.id)
    await world.run(250)
    expect(seenByB.getStates().has(seenByA.clientID)).toBe(false)
    expect(seenByB.getStates().has(seenByC.clientID)).toBe(true)
  })

  test('[PRES-6] a hundred moves in a tenth of a second are told a few times, the last one too', async () => {
    const world = new PresenceWorld()
    const [a, b] = [world.peer(), world.peer()]
    a.link(b)
    await world.run(200)
    const before = a.sent
    for (let x = 0; x < 100; x++) {
      a.presence.collection.setLocalState({ x })
      await world.run(1)
    }
    await world.run(100)
    expect(a.sent - before).toBeLessThanOrEqual(4)
    expect(b.presence.collection.getStates().get(a.client)).toEqual({ x: 99 })
  })

  test('[PRES-7] [K19] goodbye and silence end it at once, a broken pipe after three seconds', async () => {
    const world = new PresenceWorld()
    for (const why of ['left', 'dead'] as const) {
      const [a, b] = [world.peer(), world.peer()]
      a.link(b)
      await world.run(100)
      expect(b.sees).toEqual([a.client])
      b.unlink(a, why)
      expect(b.sees).toEqual([])
    }
    const [a, b] = [world.peer(), world.peer()]
    a.link(b)
    await world.run(100)
    b.unlink(a, 'broken')
    await world.run(presenceBounds.brokenLinkMs - 10)
    expect(b.sees).toEqual([a.client])
    await world.run(20)
    expect(b.sees).toEqual([])
  })

  test('[PRES-7] a new link in time keeps it, and one that comes later brings it back', async () => {
    const world = new PresenceWorld()
    const [a, b] = [world.peer(), world.peer()]
    a.link(b)
    await world.run(100)
    const removals: unknown[] = []
    b.presence.collection.on('change', ({ removed }: { removed: number[] }) => {
      if (removed.length > 0) removals.push(removed)
    })
    b.unlink(a, 'broken')
    await world.run(1_000)
    a.link(b)
    await world.run(10_000)
    expect(removals).toEqual([])
    b.unlink(a, 'dead')
    expect(b.sees).toEqual([])
    a.link(b)
    await world.run(100)
    expect(b.sees).toEqual([a.client])
  })

  test('[PRES-8] nobody changes the state of another, and nobody ours', async () => {
    const world = new PresenceWorld()
    const [a, b, c] = [world.peer(), world.peer(), world.peer()]
    world.linkAll([a, b, c])
    a.presence.collection.setLocalState({ name: 'Ada' })
    await world.run(100)
    for (const client of [a.client, b.client]) {
      for (const state of [null, { name: 'Mallory' }]) {
        c.linkTo(b).send({
          type: 'presence',
          bytes: encodeAwareness([{ client, clock: 99, state }]),
        })
      }
    }
    // Nor in the name of one who is linked.
    c.linkTo(b).send({ type: 'presence', from: a.instance, bytes: new Uint8Array(0) })
    await world.run(1_000)
    expect(b.presence.collection.getStates().get(a.client)).toEqual({ name: 'Ada' })
    expect(b.presence.collection.getLocalState()).toEqual({})
    expect(b.presence.stats().foreign).toBe(4)
  })

  test('[PRES-9] who has no link to somebody gets its presence from those who have', async () => {
    const world = new PresenceWorld()
    const chain = [world.peer(), world.peer(), world.peer(), world.peer()]
    const [a, b, c, d] = chain as [
      (typeof chain)[0],
      (typeof chain)[0],
      (typeof chain)[0],
      (typeof chain)[0],
    ]
    a.link(b)
    b.link(c)
    c.link(d)
    await world.run(500)
    expect(d.sees).toEqual([a, b, c].map(({ client }) => client).toSorted((x, y) => x - y))
    a.presence.collection.setLocalState({ at: 1 })
    await world.run(300)
    expect(d.presence.collection.getStates().get(a.client)).toEqual({ at: 1 })

    // It goes: all hear of it.
    b.unlink(a, 'left')
    await world.run(100 + 2 * presenceBounds.rumourMs)
    expect(c.sees).not.toContain(a.client)
    expect(d.sees).not.toContain(a.client)
  })

  test('[PRES-9] passed on along a tree, once to each, also after links have changed', async () => {
    const world = new PresenceWorld()
    const peers = Array.from({ length: 16 }, () => world.peer())
    // A ring with chords: each has six links, and nobody is further than three away.
    const at = (index: number) => peers[index % 16] as (typeof peers)[0]
    for (let index = 0; index < 16; index++) {
      for (const step of [1, 3, 6]) at(index).link(at(index + step))
    }
    const seenByAll = (n: number): boolean =>
      peers.every((peer) => {
        const state = peer.presence.collection.getStates().get(at(0).client)
        return state?.['n'] === n
      })
    const costOf = async (n: number): Promise<number> => {
      const before = peers.reduce((sum, { sent }) => sum + sent, 0)
      at(0).presence.collection.setLocalState({ n })
      await world.run(400)
      expect(seenByAll(n)).toBe(true)
      return peers.reduce((sum, { sent }) => sum + sent, 0) - before
    }
    await world.run(1_000)
    for (let n = 0; n < 5; n++) await costOf(n)
    expect(await costOf(5)).toBeLessThanOrEqual(20)
    // The tree loses a branch: what it carried finds another way at once.
    at(0).unlink(at(1), 'broken')
    await world.run(20)
    for (let n = 6; n < 9; n++) await costOf(n)
    expect(await costOf(9)).toBeLessThanOrEqual(20)
  })

  test('[PRES-9] a rumour that somebody is gone is denied by it, and then nobody believes it', async () => {
    const world = new PresenceWorld()
    const [a, b, c, d] = [world.peer(), world.peer(), world.peer(), world.peer()]
    a.link(b)
    a.link(c)
    b.link(d)
    c.link(d)
    await world.run(500)
    expect(d.sees).toContain(a.client)
    // The link between a and b dies; a lives on with c.
    b.unlink(a, 'dead')
    await world.run(5_000)
    for (const peer of [b, c, d]) expect(peer.sees).toContain(a.client)
  })

  test('[PRES-10] [K11] what came by way of others expires when it is not renewed, and not while it is', async () => {
    const world = new PresenceWorld()
    const [a, b, c] = [world.peer(), world.peer(), world.peer()]
    a.link(b)
    b.link(c)
    await world.run(300_000)
    expect(c.sees).toContain(a.client)
    // b says nothing more of a: from then on c knows nothing.
    const silent = b.linkTo(c)
    silent.send = () => true
    await world.run(presenceBounds.expireAfterMs + presenceBounds.sweepEveryMs + 100)
    expect(c.sees).toEqual([b.client])
    expect(silent.isOpen).toBe(true)
  })

  test('[PRES-11] [K11] strangers’ presence is bounded in clients, bytes, depth and documents', async () => {
    const world = new PresenceWorld()
    const [a, b] = [world.peer(), world.peer()]
    a.link(b)
    await world.run(100)
    const deep = `${'['.repeat(100)}${']'.repeat(100)}`
    const refusedBefore = b.presence.stats().refused
    const entries = Array.from({ length: 17 }, (_, client) => ({ client, clock: 1, state: {} }))
    a.linkTo(b).send({ type: 'presence', bytes: encodeAwareness(entries) })
    a.linkTo(b).send({
      type: 'presence',
      bytes: encodeAwareness([
        { client: 5, clock: 1, state: { deep: JSON.parse(deep) as unknown } },
      ]),
    })
    a.linkTo(b).send({ type: 'presence', bytes: new Uint8Array([1, 2, 3]) })
    await world.run(20)
    expect(b.presence.stats().refused - refusedBefore).toBe(3)
    // One at a time: the seventeenth client of one author, and hearsay of a thousand.
    for (let client = 1; client <= 20; client++) {
      a.linkTo(b).send({
        type: 'presence',
        bytes: encodeAwareness([{ client, clock: 1, state: {} }]),
      })
    }
    for (let n = 0; n < 2_000; n++) {
      const from = n.toString(16).padStart(32, '0') as InstanceId
      const bytes = encodeAwareness([{ client: 1_000 + n, clock: 1, state: {} }])
      a.linkTo(b).send({ type: 'presence', from, bytes })
    }
    await world.run(20)
    expect(b.presence.stats().clients).toBe(presenceBounds.maxClients + 1)
    for (let page = 0; page < 100; page++) {
      const opened = Array.from({ length: 96 }, (_, n) => ({ ...note, generation: page * 96 + n }))
      a.linkTo(b).send({ type: 'viewing', opened, closed: [] })
    }
    await world.run(20)
    const before = b.sent
    b.presence.open({ ...note, generation: presenceBounds.maxViewed }, new Y.Doc())
    await world.run(100)
    // Only that it is open here; the page that named it came too late to be kept.
    expect(b.sent - before).toBe(1)
  })

  test('[PRES-12] what a full lane did not take is said when there is room', async () => {
    const world = new PresenceWorld()
    const [a, b] = [world.peer(), world.peer()]
    a.link(b)
    await world.run(100)
    a.linkTo(b).isFull = true
    a.presence.collection.setLocalState({ at: 2 })
    await world.run(100)
    a.linkTo(b).isFull = false
    a.presence.roomAgain(a.linkTo(b))
    await world.run(20)
    expect(b.presence.collection.getStates().get(a.client)).toEqual({ at: 2 })
  })

  test('[PRES-13] [K20] closing is seen by the others, and leaves no task and no listener', async () => {
    const world = new PresenceWorld()
    const [a, b] = [world.peer(), world.peer()]
    a.link(b)
    const seen = b.presence.open(note, new Y.Doc())
    a.presence.open(note, new Y.Doc())
    await world.run(1_000)
    expect(seen.getStates().size).toBe(2)
    a.presence.closeAll()
    await world.run(100)
    expect(b.sees).toEqual([])
    expect(seen.getStates().size).toBe(1)
    b.presence.closeAll()
    await world.run(20)
    expect(world.clock.pendingTasks).toBe(0)
  })
})
