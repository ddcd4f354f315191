import { syncBounds, type Position } from '@holdfast/peer'
import type { ArchiveId, Cursor, DocumentId, TermId } from '@holdfast/peer/protocol'
import { expect, test } from 'vitest'
import { GivenMesh, line, note } from './sync/given-mesh.js'
import { tokensOf } from './sync/mesh-peer.js'

test('[L44] [SYNC-3] both directions are exchanged, whoever has more, and again after a reconnect', async () => {
  const mesh = new GivenMesh({ seed: 'both', dials: line(2) })
  mesh.peer(0).edit(note, 'a')
  mesh.peer(1).edit(note, 'b')
  await mesh.synced()
  for (const { documents } of mesh.peers) {
    const doc = documents.docOf(note)
    expect(doc === undefined ? [] : tokensOf(doc).toSorted()).toEqual(['a', 'b'])
  }
  mesh.world.network.cut('p0', 'p1')
  mesh.peer(0).edit(note, 'c')
  mesh.peer(1).edit(note, 'd')
  await mesh.world.run(12_000)
  expect(mesh.contents().size).toBe(2)
  mesh.world.network.healAll()
  await mesh.world.run(3_000)
  await mesh.synced()
  expect(mesh.contents().size).toBe(1)
  await mesh.close()
})

test('[SYNC-22] what a state brings goes on along a line of peers at once', async () => {
  const mesh = new GivenMesh({ seed: 'line', dials: line(6) })
  for (const [at, peer] of mesh.peers.entries()) peer.edit(note, `from ${at}`)
  await mesh.world.run(2_500)
  expect(mesh.contents().size).toBe(1)
  const doc = mesh.peer(5).documents.docOf(note)
  expect(doc && tokensOf(doc)).toHaveLength(6)
  // Told once and done: nothing goes round.
  await mesh.world.run(1_000)
  const told = mesh.tap.count('summary')
  await mesh.world.run(5_000)
  expect(mesh.tap.count('summary')).toBe(told)
  await mesh.close()
})

test('[L45] [SYNC-3] synced is not said while an answer is on its way, nor after one got lost', async () => {
  const mesh = new GivenMesh({ seed: 'early', dials: line(2), path: { delayMs: 100 } })
  mesh.peer(0).edit(note, 'a')
  mesh.peer(1).edit(note, 'b')
  // No update arrives: the link is cut before the first one does.
  const undo = mesh.world.network.intercept(() =>
    mesh.tap.count('update') > 0 && mesh.world.clock.monotonic() > 290 ? 'drop' : 'pass',
  )
  await mesh.world.run(20_000)
  expect(mesh.tap.count('update')).toBeGreaterThan(0)
  for (const { sync } of mesh.peers) expect(sync.stats().synced).toBe(0)
  undo()
  await mesh.world.run(10_000)
  await mesh.synced()
  expect(mesh.contents().size).toBe(1)
  await mesh.close()
})

test('[SYNC-3] a document that the other side does not want keeps nobody from being synced', async () => {
  const mesh = new GivenMesh({ seed: 'declined', dials: line(2), opensUnknown: false })
  mesh.peer(0).edit(note, 'shared')
  mesh.peer(1).edit(note, 'shared too')
  mesh.peer(0).edit('private' as DocumentId, 'mine')
  await mesh.synced()
  expect(mesh.contents().size).toBe(1)
  expect(mesh.peer(1).documents.docOf('private' as DocumentId)).toBeUndefined()
  // Until it opens it, after all.
  mesh.peer(1).open('private' as DocumentId)
  await mesh.world.run(35_000)
  expect(mesh.contents('private' as DocumentId).size).toBe(1)
  await mesh.close()
})

test('[SYNC-3] a document that is closed here while it differs keeps nobody from being synced', async () => {
  const mesh = new GivenMesh({ seed: 'closed', dials: line(2), opensUnknown: false })
  const other = 'other' as DocumentId
  for (const [index, peer] of mesh.peers.entries()) {
    peer.edit(note, `of ${index}`)
    peer.edit(other, `of ${index}`)
  }
  await mesh.world.until(() => mesh.peer(0).sync.sessions[0]?.differing.length === 2)
  expect(mesh.peer(0).sync.isSynced({ id: note, generation: 0 })).toBe(false)
  mesh.peer(0).documents.close(other)
  await mesh.world.run(40_000)
  await mesh.synced()
  expect(mesh.contents().size).toBe(1)
  expect(mesh.peer(0).sync.isSynced({ id: note, generation: 0 })).toBe(true)
  await mesh.close()
})

test('[SYNC-20] two links to one neighbour carry an op once, and either of them may end', async () => {
  const mesh = new GivenMesh({ seed: 'paths', dials: [[1, 1], []] })
  mesh.peer(0).edit(note, 'first')
  await mesh.synced()
  expect(mesh.peer(0).sync.sessions).toHaveLength(2)
  for (const end of [0, 1]) {
    mesh.peer(0).edit(note, `over either ${end}`)
    await mesh.world.run(100)
    expect(mesh.contents().size).toBe(1)
    for (const { sync } of mesh.peers) expect(sync.stats().duplicates).toBe(0)
    // In the middle of more edits one link ends; nothing is lost.
    mesh.peer(1).edit(note, `before ${end}`)
    mesh.peer(0).sync.sessions[end]?.close()
    mesh.peer(0).edit(note, `after ${end}`)
    await mesh.world.run(2_500)
    expect(mesh.contents().size).toBe(1)
    await mesh.synced()
  }
  expect(mesh.peers.some(({ sync }) => sync.stats().resentOps > 0)).toBe(true)
  await mesh.close()
})

test('[SYNC-4] comparing what is equal costs little, and above a thousand documents what changed', async () => {
  const count = 1_500
  const mesh = new GivenMesh({ seed: 'many', dials: line(2) })
  for (let at = 0; at < count; at++) mesh.peer(0).edit(`d${at}` as DocumentId, 't')
  await mesh.synced()
  expect([...mesh.peer(1).documents.list()]).toHaveLength(count)

  // Equal, on a new link: a digest, its answer, two hellos, and the neighbours.
  breakLinks(mesh)
  await mesh.world.run(10)
  mesh.tap.clear()
  await mesh.world.run(1_400)
  await mesh.synced()
  expect(mesh.tap.count('summary')).toBeGreaterThan(0)
  expect(mesh.tap.count('state')).toBe(0)
  expect(mesh.tap.bytes).toBeLessThan(1_000)

  // One changed while there was no link: its way down the tree, and its page.
  mesh.world.network.cut('p0', 'p1')
  breakLinks(mesh)
  await mesh.world.run(10)
  mesh.peer(0).edit('d77' as DocumentId, 'changed')
  await mesh.world.run(2_000)
  mesh.tap.clear()
  mesh.world.network.healAll()
  await mesh.world.run(15_000)
  await mesh.synced()
  expect(mesh.contents('d77' as DocumentId).size).toBe(1)
  expect(mesh.tap.count('state')).toBe(2)
  expect(mesh.tap.bytes).toBeLessThan(10_000)
  await mesh.close()
}, 120_000)

test('[L55] [L30] [SYNC-5] by number: what the archive does not say reaches the neighbour, and moves no cursor', async () => {
  const cursors = [cursorAt(10), cursorAt(10)]
  const dirtyIds = [new Set<DocumentId>(), new Set<DocumentId>()]
  const mesh = new GivenMesh({
    seed: 'number',
    dials: line(2),
    path: { delayMs: 5 },
    position: (index) => positionOf(() => cursors[index], dirtyIds[index] ?? new Set()),
  })
  // 200 documents that both have from the archive, and one that only p0 has: it is committed, and
  // p0's own cursor has not passed it.
  for (let at = 0; at < 200; at++) {
    for (const peer of mesh.peers) peer.open(`d${at}` as DocumentId)
  }
  dirtyIds[0]?.add(note)
  mesh.peer(0).edit(note, 'committed, not passed')
  await mesh.synced()
  expect(mesh.contents().size).toBe(1)
  const kinds = mesh.tap.heard.flatMap(({ message }) =>
    message.type === 'summary' ? [message.by.kind] : [],
  )
  expect(kinds).toContain('cursor')
  expect(kinds).not.toContain('tree')
  // Nothing that came over the mesh is a place in the log.
  expect(cursors).toEqual([cursorAt(10), cursorAt(10)])
  await mesh.close()
})

test('[SYNC-5] numbers are believed, and audited by digests now and then', async () => {
  const mesh = new GivenMesh({
    seed: 'passed',
    dials: line(2),
    position: () => positionOf(() => cursorAt(10), new Set()),
  })
  mesh.peer(0).edit(note, 'passed')
  mesh.peer(1).edit(note, 'passed')
  await mesh.synced()
  expect(mesh.tap.count('state')).toBe(0)
  // Numbers are believed, digests are seen: an audit finds what the numbers do not tell.
  await mesh.world.run((syncBounds.comparisonsByNumber + 3) * syncBounds.compareEveryMaxMs)
  await mesh.synced()
  expect(mesh.contents().size).toBe(1)
  await mesh.close()
})

test('[K8] [SYNC-6] a document that never comes to be the same is not resynced without end', async () => {
  const mesh = new GivenMesh({ seed: 'never', dials: line(2) })
  mesh.peer(0).edit(note, 'a')
  await mesh.synced()
  // What p1 says of it is never true again: no exchange will make the two equal.
  const { documents } = mesh.peer(1)
  let lie = 0
  const holding = documents.holding.bind(documents)
  documents.holding = (id) => {
    const held = holding(id)
    const digest = (++lie).toString(16).padStart(64, '0')
    return held === undefined ? undefined : { ...held, digest: digest as never }
  }
  const list = documents.list.bind(documents)
  documents.list = function* lies() {
    for (const { document } of list())
      yield documents.holding(document.id) ?? { document, hasContent: false }
  }
  mesh.peer(0).edit(note, 'b')
  mesh.tap.clear()
  const minutes = 10
  await mesh.world.run(minutes * 60_000)
  // Pings and pongs aside; every 10 to 30 s one exchange from each side, and a few more looks.
  const said = mesh.tap.heard.filter(({ message }) => !isBeat(message.type)).length
  expect(said).toBeGreaterThan(minutes)
  expect(said / minutes).toBeLessThan(120)
  await mesh.close()
})

test('[SYNC-7] [L19] a gap is asked for, with pauses that grow, until it closes', async () => {
  const mesh = new GivenMesh({ seed: 'gap', dials: line(3) })
  mesh.peer(0).edit(note, 'first')
  await mesh.synced()
  // p1's documents lose one op, and get the next one, which builds upon it.
  const origin = mesh.peer(1).documents
  const whole = origin.receive.bind(origin)
  let swallowed = 0
  origin.receive = (batch) => {
    const [first] = batch
    if (swallowed > 0 || first === undefined) return whole(batch)
    swallowed++
    return Promise.resolve(batch.map(() => ({ kind: 'whole' as const })))
  }
  mesh.peer(0).edit(note, 'swallowed')
  await mesh.world.run(100)
  mesh.peer(0).edit(note, 'second')
  await mesh.world.run(25)
  expect(swallowed).toBe(1)
  expect(mesh.peer(1).documents.holding(note)?.digest).toBeUndefined()
  expect(mesh.peer(1).sync.isSynced({ id: note, generation: 0 })).toBe(false)
  await mesh.world.run(500)
  expect(mesh.peer(1).documents.holding(note)?.digest).toBeDefined()
  expect(mesh.contents().size).toBe(1)
  await mesh.world.run(60_000)
  expect(mesh.peer(1).sync.stats().gaps).toBe(0)
  await mesh.close()
})

test('[SYNC-18] [K20] closing says bye, and leaves no timer behind', async () => {
  const mesh = new GivenMesh({ seed: 'close', dials: line(4) })
  mesh.peer(0).edit(note, 'a')
  await mesh.synced()
  mesh.peer(1).edit(note, 'b')
  for (const peer of mesh.peers) {
    peer.close()
    peer.close()
  }
  await mesh.world.run(6_000)
  expect(mesh.tap.count('bye')).toBeGreaterThan(0)
  expect(mesh.world.clock.describePending()).toEqual([])
})

function breakLinks(mesh: GivenMesh): void {
  for (const pipe of mesh.world.network.pipes) pipe.break()
}

function isBeat(type: string): boolean {
  return type === 'ping' || type === 'pong'
}

function cursorAt(seq: number): Cursor {
  return {
    archive: 'c1'.repeat(16) as ArchiveId,
    term: 'd1'.repeat(16) as TermId,
    seq,
  }
}

function positionOf(cursor: () => Cursor | undefined, dirty: ReadonlySet<DocumentId>): Position {
  return {
    cursor: cursor() ?? cursorAt(0),
    dirty: () => dirty,
    after: () => [],
  }
}
