import { openMemoryDriver, type CollectionReplica, type TakenPage } from '@holdfast/client/testing'
import type { Entry } from '@holdfast/peer/protocol'
import {
  parseArchiveId,
  parseTermId,
  readUpdate,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
  type OpHash,
  type OpId,
} from '@holdfast/peer/protocol'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { durableDriver, replicaWorld, taken } from './replica-world.js'

const id = 'note' as DocumentId
const note: DocumentRef = { id, generation: 0 }
const archive = must(parseArchiveId('a'.repeat(32)))
const otherArchive = must(parseArchiveId('b'.repeat(32)))
const term = must(parseTermId('1'.repeat(32)))
const laterTerm = must(parseTermId('2'.repeat(32)))

test('[L14] [L33] [REPLICA-3] a page and its cursor are one transaction, and show in memory only after it', async () => {
  const world = replicaWorld('page')
  const inner = await durableDriver()
  let isFailing = false
  const driver = taken(inner, {
    transact: (statements, durability) =>
      isFailing ? Promise.reject(new Error('as ordered')) : inner.transact(statements, durability),
  })
  const replica = await world.open(driver)
  const open = await replica.open('note')
  isFailing = true
  const author = written('typed elsewhere')
  await expect(replica.ledger.take(page({ entries: [row(1, author)] }))).rejects.toThrow(
    'as ordered',
  )
  expect(replica.ledger.position(archive)).toBeUndefined()
  expect(open.ydoc.getText('text').toJSON()).toBe('')
  isFailing = false
  expect(await replica.ledger.take(page({ entries: [row(1, author)] }))).toMatchObject({
    kind: 'taken',
    position: { cursor: { archive, term, seq: 1 }, isWhole: true, isCompared: true },
  })
  expect(open.ydoc.getText('text').toJSON()).toBe('typed elsewhere')
  await replica.close()
  const again = await world.open(inner)
  expect(again.ledger.position(archive)?.cursor).toEqual({ archive, term, seq: 1 })
  expect((await again.open('note')).ydoc.getText('text').toJSON()).toBe('typed elsewhere')
})

test('[L30] [L55] [REPLICA-4] what comes over the mesh moves no cursor, and stays dirty until the cursor has passed it', async () => {
  const { replica, world } = await opened('mesh')
  await replica.ledger.take(page({ entries: [row(1, written('first'))] }))
  const cursor = replica.ledger.position(archive)?.cursor
  const bytes = written('over the mesh')
  const op: OpId = { instance: 'c'.repeat(32) as InstanceId, n: 1 }
  expect(await replica.documents.receive([{ ...received(bytes), op }])).toEqual([{ kind: 'whole' }])
  expect(replica.ledger.position(archive)?.cursor).toEqual(cursor)
  expect(dirty(replica)).toEqual([id])
  // Its author has time to push it; then it is carried.
  expect((await replica.ledger.owed(archive, 0, 10, 1_000)).ops).toEqual([])
  await world.clock.run(7_000)
  expect((await replica.ledger.owed(archive, 0, 10, 1_000)).ops).toMatchObject([
    { kind: 'live', op, isOwn: false },
  ])
  await replica.ledger.committed(archive, term, [{ op, seq: 2, gapped: false }])
  expect(dirty(replica)).toEqual([id])
  await replica.ledger.take(page({ after: 1, entries: [row(2, bytes, op)] }))
  expect(dirty(replica)).toEqual([])
})

test('[L29] [REPLICA-5] an edit whose author is gone is carried, and not when the stream brings it in time', async () => {
  const { replica, world } = await opened('carry')
  const gone = received(written('the author is gone'))
  await replica.documents.receive([gone])
  await world.clock.run(1_000)
  const streamed = received(written('the archive knows'))
  await replica.documents.receive([streamed])
  await replica.ledger.take(page({ entries: [row(1, streamed.bytes)] }))
  await world.clock.run(7_000)
  const { ops } = await replica.ledger.owed(archive, 0, 10, 1_000)
  expect(ops).toMatchObject([{ kind: 'upload', bytes: gone.bytes }])
})

test('[L52] [REPLICA-6] a place is believed only where the store holds the op that it names', async () => {
  const { replica } = await opened('place')
  const place: Entry = { kind: 'place', seq: 1, hash: 'f'.repeat(16) as OpHash }
  expect(await replica.ledger.take(page({ entries: [place] }))).toEqual({
    kind: 'needs',
    entries: [{ seq: 1 }],
  })
  expect(replica.ledger.position(archive)).toBeUndefined()
  const bytes = written('fetched')
  const fetched = new Map([[1, row(1, bytes)]])
  expect(await replica.ledger.take(page({ entries: [place], fetched }))).toMatchObject({
    kind: 'taken',
  })
  expect(replica.list()).toMatchObject([{ id }])
})

test('[L51] [REPLICA-7] a cursor takes the term of the opening that sent the page; one that is not whole is good at no other', async () => {
  const { replica } = await opened('terms')
  const edits = [written('one'), written('two'), written('three')]
  await replica.ledger.take(page({ entries: [row(1, edits[0])], head: 3 }))
  expect(replica.ledger.position(archive)).toMatchObject({ isWhole: false })
  const elsewhere = page({ after: 1, entries: [row(2, edits[1])], term: laterTerm })
  expect(await replica.ledger.take(elsewhere)).toEqual({ kind: 'needs', entries: [] })
  await replica.ledger.take(page({ after: 1, entries: [row(2, edits[1])] }))
  await replica.ledger.take(page({ after: 2, entries: [row(3, edits[2])], term: laterTerm }))
  expect(replica.ledger.position(archive)?.cursor).toEqual({ archive, term: laterTerm, seq: 3 })
})

test('[L51] [I13] [REPLICA-8] what one opening has committed is asked again of another, until its own stream has passed it', async () => {
  const { replica } = await opened('lost commit')
  await replica.ledger.take(page({ entries: [row(1, written('one'))] }))
  const open = await replica.open('note')
  open.ydoc.getText('mine').insert(0, 'x')
  await open.whenSaved()
  const [owed] = (await replica.ledger.owed(archive, 0, 10, 1_000)).ops
  if (owed === undefined) throw new Error('nothing is owed')
  await replica.ledger.committed(archive, term, [{ op: owed.op, seq: 2, gapped: false }])
  expect((await replica.ledger.owed(archive, 0, 10, 1_000)).ops).toEqual([])
  let told = 0
  replica.ledger.onOwed(() => told++)
  // A copy from before that commit was put back, and goes on.
  await replica.ledger.take(page({ after: 1, entries: [row(2, written('two'))], term: laterTerm }))
  expect(told).toBe(1)
  expect((await replica.ledger.owed(archive, 0, 10, 1_000)).ops).toMatchObject([{ op: owed.op }])
})

test('[L48] [L45] [REPLICA-9] [CLIENT-5] what is owed is owed to each archive, and nothing is called archived before what was held at the first contact has been compared', async () => {
  const { replica, world } = await opened('two archives')
  const open = await replica.open('note')
  open.ydoc.getText('mine').insert(0, 'x')
  await open.whenSaved()
  const ops = async (of: typeof archive): Promise<number> =>
    (await replica.ledger.owed(of, 0, 10, 1_000)).ops.length
  await replica.ledger.take(page({ entries: [] }))
  await replica.ledger.take(page({ entries: [], archive: otherArchive }))
  const [owed] = (await replica.ledger.owed(archive, 0, 10, 1_000)).ops
  if (owed === undefined) throw new Error('nothing is owed')
  await replica.ledger.committed(archive, term, [{ op: owed.op, seq: 1, gapped: false }])
  expect([await ops(archive), await ops(otherArchive)]).toEqual([0, 1])
  // What was held before the first contact is to be compared.
  expect(open.state.safety).toBe('saved')
  let isArchived = false
  const waiting = open.whenArchived().then(() => (isArchived = true))
  expect(replica.ledger.position(archive)?.isCompared).toBe(false)
  const cursor = { archive, term, seq: 1 }
  expect(isArchived).toBe(false)
  await replica.ledger.resynced({ cursor, isWhole: true, isCompared: true })
  expect(open.state.safety).toBe('archived')
  await world.clock.run(1)
  await waiting
  expect(replica.ledger.position(archive)).toEqual({ cursor, isWhole: true, isCompared: true })
})

test('[L36] [REPLICA-10] an op keeps its id and its bytes until it is answered, over restarts, and an answer said twice changes nothing', async () => {
  const world = replicaWorld('answers')
  const driver = await durableDriver()
  const first = await world.open(driver)
  const open = await first.open('note')
  open.ydoc.getText('mine').insert(0, 'x')
  await open.whenSaved()
  const before = (await first.ledger.owed(archive, 0, 10, 1_000)).ops
  await first.ledger.compact(note)
  await first.close()
  const second = await world.open(driver)
  const after = (await second.ledger.owed(archive, 0, 10, 1_000)).ops
  expect(after).toEqual(before)
  for (const { op } of before) {
    await second.ledger.committed(archive, term, [{ op, gapped: false }])
    await second.ledger.committed(archive, term, [{ op, gapped: false }])
  }
  expect(second.pending()).toEqual({ local: 0, saved: 0, refused: 0 })
})

test('[L19] [REPLICA-11] a gapped op is stored there and not archived', async () => {
  const { replica } = await opened('gapped')
  const open = await replica.open('note')
  open.ydoc.getText('mine').insert(0, 'x')
  await open.whenSaved()
  const [owed] = (await replica.ledger.owed(archive, 0, 10, 1_000)).ops
  if (owed === undefined) throw new Error('nothing is owed')
  await replica.ledger.committed(archive, term, [{ op: owed.op, seq: 1, gapped: true }])
  expect(open.state.pending.saved).toBe(1)
  await replica.ledger.committed(archive, term, [{ op: owed.op, seq: 1, gapped: false }])
  expect(open.state.pending.saved).toBe(0)
})

test('[K21] [REPLICA-12] a refused op is kept aside and reported, and those behind it go on', async () => {
  const { replica, world } = await opened('refused')
  const told: string[] = []
  replica.onEvent((event) => told.push(event.kind))
  const open = await replica.open('note')
  open.ydoc.getText('mine').insert(0, 'refused')
  await open.whenSaved()
  open.ydoc.getText('mine').insert(0, 'taken ')
  await world.clock.run(30)
  await open.whenSaved()
  const [first, second] = (await replica.ledger.owed(archive, 0, 10, 1_000)).ops
  if (first?.kind !== 'live' || second === undefined) throw new Error('two are owed')
  const archived = open.whenArchived()
  await replica.ledger.refused(archive, [{ op: first.op, code: 'op-too-large' }])
  await expect(archived).rejects.toMatchObject({ code: 'refused', wireCode: 'op-too-large' })
  await replica.ledger.committed(archive, term, [{ op: second.op, seq: 1, gapped: false }])
  expect(open.state.pending).toEqual({ local: 0, saved: 0, refused: 1 })
  expect((await replica.ledger.owed(archive, 0, 10, 1_000)).ops).toEqual([])
  const kept = await replica.kept()
  expect(kept).toMatchObject([{ document: note, code: 'op-too-large', bytes: first.bytes }])
  expect(told).toEqual(['refused'])
  await replica.discard(kept)
  expect(open.state.pending.refused).toBe(0)
  expect(await replica.kept()).toEqual([])
})

test('[K22] [REPLICA-13] one poison entry is set aside under its place, the cursor moves on, and the rest is there', async () => {
  const { replica } = await opened('poison')
  const told: string[] = []
  replica.onEvent((event) => told.push(event.kind))
  const open = await replica.open('note')
  const poison = Uint8Array.of(9, 9, 9)
  const entries = [row(1, written('before')), row(2, poison), row(3, written('after'))]
  expect(await replica.ledger.take(page({ entries }))).toMatchObject({ kind: 'taken' })
  expect(replica.ledger.position(archive)?.cursor.seq).toBe(3)
  expect(open.ydoc.getText('text').toJSON()).toMatch(/before.*after|after.*before/)
  expect(open.state.isDamaged).toBe(true)
  expect(await replica.quarantined()).toMatchObject([{ archive, term, seq: 2, bytes: poison }])
  expect(told).toEqual(['damaged'])
})

test('[K22] [REPLICA-13] an entry that throws only when it is applied is found, and set aside; what was typed meanwhile stays', async () => {
  const { replica } = await opened('throws')
  const open = await replica.open('note')
  await replica.ledger.take(page({ entries: [row(1, written('before'))] }))
  open.ydoc.getText('mine').insert(0, 'typed')
  const replaced: Y.Doc[] = []
  open.onReplaced((ydoc) => replaced.push(ydoc))
  const old = open.ydoc
  // As if Yjs threw half-way through what the reader has accepted.
  old.on('beforeTransaction', () => {
    throw new Error('half-way')
  })
  await replica.ledger.take(page({ after: 1, entries: [row(2, written('after'))] }))
  expect(replaced).toEqual([open.ydoc])
  expect(open.ydoc).not.toBe(old)
  expect(open.ydoc.getText('text').toJSON()).toMatch(/before.*after|after.*before/)
  expect(open.ydoc.getText('mine').toJSON()).toBe('typed')
})

test('[L35] [REPLICA-14] a deleted document comes back from no mix of old updates, and late edits are kept aside', async () => {
  const { replica } = await opened('deleted')
  const old = written('first life')
  await replica.ledger.take(page({ entries: [row(1, old)] }))
  const open = await replica.open('note')
  open.ydoc.getText('mine').insert(0, 'not archived')
  await open.whenSaved()
  await replica.ledger.take(
    page({ after: 1, entries: [{ kind: 'tombstone', seq: 2, document: note }] }),
  )
  expect(open.state.isDeleted).toBe(true)
  expect(replica.list()).toEqual([])
  expect(await replica.documents.receive([received(old)])).toEqual([
    { kind: 'refused', code: 'document-deleted' },
  ])
  await replica.ledger.take(page({ after: 2, entries: [row(3, old)] }))
  await replica.ledger.receive(note, [old])
  open.ydoc.getText('mine').insert(0, 'late ')
  await open.whenSaved()
  expect(replica.list()).toEqual([])
  expect((await replica.kept()).map(({ code }) => code)).toEqual([
    'document-deleted',
    'document-deleted',
  ])
  expect((await replica.ledger.owed(archive, 0, 10, 1_000)).ops).toEqual([])
  const again = await replica.open('note')
  expect(again.document).toEqual({ id, generation: 1 })
  expect(again.ydoc.getText('text').toJSON()).toBe('')
})

test('[L12] [REPLICA-15] ops under a name that another writes under are made again under one of their own', async () => {
  const { replica } = await opened('rekey')
  const open = await replica.open('note')
  const { clientID } = open.ydoc
  const mine = open.ydoc.getText('mine')
  mine.insert(0, 'mine')
  mine.delete(1, 1)
  await open.whenSaved()
  const before = (await replica.ledger.owed(archive, 0, 10, 1_000)).ops
  // The machine was cloned: the other one wrote other content under this clientID, and was first.
  const twin = new Y.Doc()
  twin.clientID = clientID
  twin.getText('theirs').insert(0, 'theirs')
  const theirs = Y.encodeStateAsUpdate(twin)
  await replica.ledger.take(page({ entries: [row(1, theirs)] }))
  await replica.ledger.refused(
    archive,
    before.map(({ op }) => ({ op, code: 'rekey' as const })),
  )
  const old = mine
  expect(open.ydoc.getText('mine').toJSON()).toBe('mne')
  expect(open.ydoc.clientID).not.toBe(clientID)
  const after = (await replica.ledger.owed(archive, 0, 10, 1_000)).ops
  expect(after.length).toBe(before.length)
  for (const { op } of after) {
    expect(before.some((one) => one.op.instance === op.instance)).toBe(false)
  }
  // The log is taken in again, for what stood under the same ids could not be integrated.
  expect(replica.ledger.position(archive)?.cursor.seq).toBe(0)
  await replica.ledger.take(page({ entries: [row(1, theirs)] }))
  expect(open.ydoc.getText('theirs').toJSON()).toBe('theirs')
  expect(open.ydoc.getText('mine').toJSON()).toBe('mne')
  // Who still edits the Y.Doc from before is heard.
  old.insert(3, '!')
  await open.whenSaved()
  expect(open.ydoc.getText('mine').toJSON()).toBe('mne!')
  const everything = new Y.Doc()
  Y.applyUpdate(everything, theirs)
  for (const one of (await replica.ledger.owed(archive, 0, 10, 1_000)).ops) {
    if (one.kind !== 'tombstone') Y.applyUpdate(everything, one.bytes)
  }
  expect(everything.getText('mine').toJSON()).toBe('mne!')
  expect(everything.getText('theirs').toJSON()).toBe('theirs')
})

test('[L23] [REPLICA-16] views into larger buffers are taken as what they show, and may be used again at once', async () => {
  const { replica } = await opened('views')
  const bytes = written('a view')
  const pool = new Uint8Array(bytes.length + 20).fill(255)
  pool.set(bytes, 7)
  const view = pool.subarray(7, 7 + bytes.length)
  const taking = replica.ledger.take(page({ entries: [row(1, view)] }))
  pool.fill(0)
  await taking
  expect((await replica.open('note')).ydoc.getText('text').toJSON()).toBe('a view')
  expect(await replica.quarantined()).toEqual([])
})

test('[K7] [L28] [REPLICA-26] what is here already makes no row, also where it comes twice at once, or waits', async () => {
  const driver = await durableDriver()
  const replica = await replicaWorld('twice').open(driver)
  const rows = async (): Promise<number> =>
    Number((await driver.query('SELECT count(*) FROM updates'))[0]?.[0])
  const op: OpId = { instance: 'c'.repeat(32) as InstanceId, n: 1 }
  const once = { ...received(written('once')), op }
  await replica.documents.receive([once, once])
  expect(await rows()).toBe(1)
  await replica.documents.receive([once, received(once.bytes)])
  expect(await rows()).toBe(1)
  // Deletes what nobody has written yet.
  const early = received(Uint8Array.of(0, 1, 7, 1, 0, 100))
  expect(await replica.documents.receive([early])).toEqual([{ kind: 'gapped' }])
  expect(await replica.documents.receive([early])).toEqual([{ kind: 'gapped' }])
  expect(await rows()).toBe(2)
  // Builds upon what is not here.
  const author = new Y.Doc()
  author.getText('text').insert(0, 'first')
  const before = Y.encodeStateVector(author)
  author.getText('text').insert(5, ' second')
  const later = received(Y.encodeStateAsUpdate(author, before))
  expect(await replica.documents.receive([later])).toEqual([{ kind: 'gapped' }])
  expect(await replica.documents.receive([later])).toEqual([{ kind: 'gapped' }])
  expect(await rows()).toBe(3)
})

async function opened(
  seed: string,
): Promise<{ replica: CollectionReplica; world: ReturnType<typeof replicaWorld> }> {
  const world = replicaWorld(seed)
  return { world, replica: await world.open(taken(await openMemoryDriver())) }
}

interface PageOptions extends Partial<TakenPage> {
  readonly entries: TakenPage['entries']
}

function page(options: PageOptions): TakenPage {
  const through = options.entries.at(-1)?.seq ?? options.after ?? 0
  return { archive, term, after: 0, through, head: through, fetched: new Map(), ...options }
}

function row(seq: number, bytes: Uint8Array | undefined, op?: OpId): Entry & { kind: 'row' } {
  if (bytes === undefined) throw new Error('no bytes')
  return { kind: 'row', seq, document: note, bytes, ...(op === undefined ? {} : { op }) }
}

function written(text: string): Uint8Array {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, text)
  return Y.encodeStateAsUpdate(doc)
}

function received(bytes: Uint8Array): {
  document: DocumentRef
  bytes: Uint8Array
  coverage: ReturnType<typeof coverageOf>
} {
  return { document: note, bytes, coverage: coverageOf(bytes) }
}

function coverageOf(bytes: Uint8Array) {
  const coverage = readUpdate(bytes)
  if (!coverage.ok) throw new Error(coverage.refusal.detail)
  return coverage.value
}

function dirty(replica: CollectionReplica): readonly DocumentId[] {
  return [...(replica.documents.position()?.dirty() ?? [])]
}

function must<T>(parsed: { readonly ok: true; readonly value: T } | { readonly ok: false }): T {
  if (!parsed.ok) throw new Error('does not parse')
  return parsed.value
}
