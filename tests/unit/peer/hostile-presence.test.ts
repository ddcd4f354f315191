/** Presence from neighbours that lie and flood, and listeners of an application that throw. */
import { encodeAwareness, presenceBounds, readAwareness } from '@holdfast/peer'
import { hexOf, type InstanceId, type Message } from '@holdfast/peer/protocol'
import * as encoding from 'lib0/encoding'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { note, PresenceWorld, type PresencePeer } from './presence-world.js'

test('[PRES-11] those who name authors without end find that nothing of them is kept', async () => {
  const { world, b, hear } = linked()
  await world.run(200)
  const before = b.presence.stats().rememberedWays
  const nothing = encodeAwareness([])
  for (let at = 0; at < 2_000; at++) {
    hear({ type: 'presence', from: anybody(world), bytes: nothing })
  }
  expect(b.presence.stats().rememberedWays).toBe(before)
  // Shown and withdrawn at once, under ever new names.
  const count = presenceBounds.maxInformed + 1_000
  for (let client = 1; client <= count; client++) {
    const from = anybody(world)
    hear({ type: 'presence', from, bytes: encodeAwareness([{ client, clock: 0, state: {} }]) })
    hear({ type: 'presence', from, bytes: encodeAwareness([{ client, clock: 1, state: null }]) })
  }
  const { clients, rememberedWays } = b.presence.stats()
  expect(rememberedWays).toBeGreaterThan(before)
  expect(rememberedWays).toBeLessThanOrEqual(2 * presenceBounds.maxInformed)
  expect(clients).toBeLessThan(10)
  expect(b.presence.collection.meta.size).toBeLessThan(presenceBounds.maxClients + 10)
})

test('[PRES-11] a clock of 2^53 − 1 is taken and passed on, a larger one is refused', async () => {
  const world = new PresenceWorld()
  const [a, b, c] = [world.peer(), world.peer(), world.peer()]
  a.link(b)
  b.link(c)
  await world.run(200)
  const client = 77
  const last = { client, clock: Number.MAX_SAFE_INTEGER, state: { name: 'late' } }
  b.presence.heard(b.linkTo(a), { type: 'presence', bytes: encodeAwareness([last]) })
  await world.run(200)
  expect(c.presence.collection.getStates().get(client)).toEqual({ name: 'late' })

  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, 1)
  encoding.writeVarUint(encoder, client)
  encoding.writeUint8Array(encoder, Uint8Array.of(128, 128, 128, 128, 128, 128, 128, 16))
  encoding.writeVarString(encoder, '{}')
  const beyond = encoding.toUint8Array(encoder)
  expect(readAwareness(beyond)).toMatchObject({ ok: false, refusal: { code: 'malformed' } })
  b.presence.heard(b.linkTo(a), { type: 'presence', bytes: beyond })
  expect(b.presence.stats().refused).toBe(1)
})

test('[PRES-11] whoever says again and again that it has a document open is shown it once', async () => {
  const { world, a, b, hear } = linked()
  b.presence.open(note, new Y.Doc())
  await world.run(200)
  const before = b.linkTo(a).sent.length
  for (let at = 0; at < 100; at++) hear({ type: 'viewing', opened: [note], closed: [] })
  await world.run(200)
  expect(
    b
      .linkTo(a)
      .sent.slice(before)
      .filter(({ type }) => type === 'presence'),
  ).toHaveLength(1)
})

test('[PRES-11] a flood of rumours reaches whom it is about twice a second at most', async () => {
  const world = new PresenceWorld()
  const [a, b, c] = [world.peer(), world.peer(), world.peer()]
  a.link(b)
  b.link(c)
  await world.run(200)
  const before = b.linkTo(c).sent.length
  const rumour = { type: 'presence', from: c.instance, bytes: new Uint8Array(0) } as const
  for (let at = 0; at < 1_000; at++) {
    b.presence.heard(b.linkTo(a), rumour)
    await world.run(1)
  }
  const passed = b.linkTo(c).sent.slice(before).filter(isRumour)
  expect(passed.length).toBeGreaterThanOrEqual(1)
  expect(passed.length).toBeLessThanOrEqual(3)
  expect(b.sees).toContain(c.client)
})

test('[PRES-2] a listener that throws keeps no other from being told, no link from being heard and nothing from closing', async () => {
  const { world, a, b } = linked()
  const seenByB = b.presence.open(note, new Y.Doc())
  const told: string[] = []
  for (const name of ['change', 'update', 'destroy']) {
    seenByB.on(name, () => {
      throw new Error('an editor')
    })
    seenByB.on(name, () => told.push(name))
  }
  const seenByA = a.presence.open(note, new Y.Doc())
  await world.run(200)
  expect(told).toEqual(['change', 'update'])
  expect(seenByB.getStates().get(seenByA.clientID)).toEqual({})
  expect(b.errors).toEqual(['a listener of presence threw'])

  // What this side shows itself throws where it is shown, once everybody knows.
  expect(() => seenByB.setLocalState({ name: 'Bea' })).toThrow('an editor')
  await world.run(200)
  expect(seenByA.getStates().get(seenByB.clientID)).toEqual({ name: 'Bea' })

  // Renewal, and the others' end, by nobody's call.
  await world.run(presenceBounds.renewEveryMs)
  a.presence.closeAll()
  b.presence.closeAll()
  expect(told).toContain('destroy')
  await world.run(1_000)
  expect(world.clock.pendingTasks).toBe(0)
})

function linked(): {
  world: PresenceWorld
  a: PresencePeer
  b: PresencePeer
  /** What `a` says to `b`, at once. */
  hear: (message: Parameters<PresencePeer['presence']['heard']>[1]) => void
} {
  const world = new PresenceWorld()
  const [a, b] = [world.peer(), world.peer()]
  a.link(b)
  return { world, a, b, hear: (message) => b.presence.heard(b.linkTo(a), message) }
}

function isRumour(one: Message): boolean {
  return one.type === 'presence' && one.bytes.length === 0
}

function anybody(world: PresenceWorld): InstanceId {
  return hexOf(world.random.bytes(16)) as InstanceId
}
