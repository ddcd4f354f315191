import { syncBounds } from '@holdfast/peer'
import type { Access } from '@holdfast/peer/protocol'
import { SeededRandom } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import { fullMesh, GivenMesh, line, note } from './sync/given-mesh.js'
import { dialsOf } from './sync/topology.js'

test('[M1] [K12] [SYNC-8] one edit in a full mesh of 8 costs 7 messages and one hop', async () => {
  const mesh = new GivenMesh({ seed: 'm1', dials: fullMesh(8) })
  for (const [index, peer] of mesh.peers.entries()) peer.edit(note, `first${index}`)
  await mesh.synced()
  await mesh.world.run(1_000)
  for (const [index, peer] of mesh.peers.entries()) {
    expect(peer.sync.stats().isFullMesh).toBe(true)
    mesh.tap.clear()
    peer.edit(note, `second${index}`)
    // One hop: 20 ms each way, and no more.
    await mesh.world.run(21)
    expect(mesh.contents().size).toBe(1)
    await mesh.world.run(2_000)
    expect(mesh.tap.count('update')).toBe(7)
    expect(mesh.tap.heard.filter(({ message }) => message.type === 'update')).toSatisfy(
      (updates: { from: string }[]) => updates.every(({ from }) => from === `p${index}`),
    )
    expect(mesh.tap.count('announce')).toBe(0)
  }
  await mesh.close()
})

test('[M2] [SYNC-9] 48 peers at degree 6: one edit costs at most 1.3 (N - 1) payload messages', async () => {
  const size = 48
  const mesh = new GivenMesh({
    seed: 'm2',
    dials: dialsOf(size, new SeededRandom('m2')),
    path: { delayMs: 20, jitterMs: 10 },
  })
  mesh.peer(0).edit(note, 'first')
  await mesh.synced()
  // The tree grows out of the first edits.
  for (let warm = 0; warm < 40; warm++) {
    mesh.peer((warm * 7) % size).edit(note, `warm${warm}`)
    await mesh.world.run(250)
  }
  await mesh.world.run(3_000)
  mesh.tap.clear()
  const edits = 48
  for (let edit = 0; edit < edits; edit++) {
    mesh.peer(edit).edit(note, `steady${edit}`)
    await mesh.world.run(400)
  }
  await mesh.world.run(5_000)
  expect(mesh.contents().size).toBe(1)
  const perEdit =
    mesh.tap.heard.filter(({ message }) => message.type === 'update' && message.cause.kind === 'op')
      .length / edits
  expect(perEdit).toBeGreaterThanOrEqual(size - 1)
  expect(perEdit).toBeLessThanOrEqual(1.3 * (size - 1))
  await mesh.close()
})

test('[SYNC-10] where a branch of the tree breaks, what was announced is wanted', async () => {
  const mesh = new GivenMesh({ seed: 'branch', dials: dialsOf(16, new SeededRandom('branch'), 4) })
  mesh.peer(0).edit(note, 'first')
  await mesh.synced()
  for (let warm = 0; warm < 20; warm++) {
    mesh.peer(warm % 16).edit(note, `warm${warm}`)
    await mesh.world.run(200)
  }
  await mesh.world.run(2_000)
  mesh.tap.clear()
  // Half of all links break at once, and are dialled again some hundred milliseconds later.
  for (const [index, pipe] of mesh.world.network.pipes.entries()) if (index % 2 === 0) pipe.break()
  mesh.peer(5).edit(note, 'after the break')
  await mesh.world.run(4_000)
  expect(mesh.contents().size).toBe(1)
  await mesh.close()
})

test('[L28] [SYNC-11] an op is passed on once, never back, and never to its author', async () => {
  const mesh = new GivenMesh({ seed: 'echo', dials: dialsOf(12, new SeededRandom('echo'), 4) })
  mesh.peer(0).edit(note, 'first')
  await mesh.synced()
  mesh.tap.clear()
  for (let edit = 0; edit < 24; edit++) {
    mesh.peer(edit % 12).edit(note, `edit${edit}`)
    await mesh.world.run(60)
  }
  await mesh.world.run(3_000)
  const seen = new Map<string, string[]>()
  for (const { from, to, message } of mesh.tap.heard) {
    if (message.type !== 'update' || message.cause.kind !== 'op') continue
    const { instance, n } = message.cause.op
    expect(mesh.peer(Number(to.slice(1))).instance).not.toBe(instance)
    const way = `${n} ${instance} ${from}>${to}`
    seen.set(way, [...(seen.get(way) ?? []), way])
  }
  expect(seen.size).toBeGreaterThan(24 * 11)
  for (const ways of seen.values()) expect(ways).toHaveLength(1)
  await mesh.close()
})

test('[SYNC-11] [K11] [I15] of ops that have been seen only so many, so old and so large are remembered', async () => {
  const mesh = new GivenMesh({ seed: 'memory', dials: line(2) })
  mesh.peer(0).edit(note, 'first')
  await mesh.synced()
  const text = mesh.peer(0).open(note).getText('large')
  for (let edit = 0; edit < 100; edit++) {
    text.insert(0, 'x'.repeat(100_000))
    await mesh.world.run(25)
    for (const { sync } of mesh.peers) {
      expect(sync.stats().rememberedBytes).toBeLessThanOrEqual(syncBounds.maxRememberedBytes)
    }
  }
  const [first, second] = mesh.peers.map(({ sync }) => sync.stats())
  expect(first?.rememberedBytes).toBeGreaterThan(syncBounds.maxRememberedBytes / 2)
  expect(second?.rememberedOps).toBeGreaterThan(90)
  await mesh.world.run(syncBounds.rememberOpsMs + 1)
  mesh.peer(0).edit(note, 'later')
  await mesh.world.run(1_000)
  for (const { sync } of mesh.peers) expect(sync.stats().rememberedOps).toBe(1)
  await mesh.close()
})

test('[SYNC-12] readers get everything, pass nothing on, and what they write is refused', async () => {
  const mesh = new GivenMesh({ seed: 'reader', dials: line(3), access: readerIsSecond })
  mesh.peer(0).edit(note, 'from p0')
  mesh.peer(2).edit(note, 'from p2')
  await mesh.world.run(40_000)
  expect(tokens(mesh, 1)).toEqual(['from p0', 'from p2'])
  expect(tokens(mesh, 0)).toEqual(['from p0'])
  mesh.peer(0).edit(note, 'live')
  mesh.peer(1).edit(note, 'forbidden')
  await mesh.world.run(40_000)
  expect(tokens(mesh, 1)).toContain('live')
  expect(tokens(mesh, 2)).toEqual(['from p2'])
  expect(tokens(mesh, 0)).toEqual(['from p0', 'live'])
  await mesh.close()
})

test('[SYNC-12] an op of one who may only read is answered with forbidden, and changes nothing', async () => {
  // p1 believes that it may write; the signaller has told p0 that it may not.
  const mesh = new GivenMesh({
    seed: 'forbidden',
    dials: line(2),
    accessTold: readerIsSecond,
  })
  mesh.peer(0).edit(note, 'first')
  await mesh.world.run(3_000)
  mesh.peer(1).edit(note, 'forbidden')
  await mesh.world.run(3_000)
  expect(tokens(mesh, 0)).toEqual(['first'])
  const refusals = mesh.tap.heard.filter(
    ({ from, message }) =>
      from === 'p0' && message.type === 'error' && message.code === 'forbidden',
  )
  expect(refusals.length).toBeGreaterThan(0)
  expect(mesh.peer(0).sync.stats().refused).toBeGreaterThan(0)
  await mesh.close()
})

test('[L35] [SYNC-13] a deletion spreads like an op, and late edits do not bring the document back', async () => {
  const mesh = new GivenMesh({ seed: 'deleted', dials: line(4) })
  mesh.peer(0).edit(note, 'first')
  await mesh.synced()
  // The last one is cut off, and edits what the first one deletes.
  mesh.world.network.cut('p2', 'p3')
  mesh.peer(3).edit(note, 'late')
  mesh.peer(0).documents.delete(note)
  await mesh.world.run(1_000)
  for (const index of [0, 1, 2]) expect(held(mesh, index)).toEqual([1, false])
  mesh.world.network.healAll()
  await mesh.world.run(60_000)
  for (const index of [0, 1, 2, 3]) expect(held(mesh, index)).toEqual([1, false])
  // Its next life has nothing of the one before.
  mesh.peer(3).edit(note, 'second life')
  await mesh.world.run(2_000)
  for (const index of [0, 1, 2, 3]) expect(tokens(mesh, index)).toEqual(['second life'])
  await mesh.close()
})

test('[SYNC-14] typing leaves at once, and then as one op in 20 ms', async () => {
  const mesh = new GivenMesh({ seed: 'typing', dials: line(2) })
  mesh.peer(0).edit(note, 'first')
  await mesh.synced()
  mesh.tap.clear()
  const text = mesh.peer(0).open(note).getText('text')
  text.insert(0, 'a')
  await mesh.world.run(1)
  expect(mesh.tap.count('update')).toBe(1)
  for (let key = 0; key < 200; key++) {
    text.insert(0, 'b')
    await mesh.world.run(1)
  }
  expect(mesh.tap.count('update')).toBeLessThanOrEqual(2 + 200 / syncBounds.gatherMs)
  await mesh.world.run(100)
  expect(mesh.contents().size).toBe(1)
  await mesh.close()
})

function tokens(mesh: GivenMesh, index: number): readonly string[] {
  const doc = mesh.peer(index).documents.docOf(note)
  return doc === undefined ? [] : [...doc.getMap('tokens').keys()].toSorted()
}

function held(mesh: GivenMesh, index: number): readonly [number | undefined, boolean | undefined] {
  const holding = mesh.peer(index).documents.holding(note)
  return [holding?.document.generation, holding?.hasContent]
}

function readerIsSecond(index: number): Access {
  return index === 1 ? 'read' : 'write'
}
