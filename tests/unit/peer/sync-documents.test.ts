import { mergeUpdates, syncBounds, YDocuments, type LocalOp, type Received } from '@holdfast/peer'
import { silentLogger } from '@holdfast/peer/ports'
import {
  readUpdate,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
} from '@holdfast/peer/protocol'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'
import { expect, test } from 'vitest'
import * as Y from 'yjs'

const id = 'note' as DocumentId
const note: DocumentRef = { id, generation: 0 }

test('[SYNC-15] what neighbours sent is applied once, as one, with an origin of its own', async () => {
  const { documents, doc, ops } = open()
  const author = new Y.Doc()
  const updates = recorded(author)
  for (let key = 0; key < 500; key++) author.getText('text').insert(key, 'x')
  const origins: unknown[] = []
  doc.on('update', (_update: Uint8Array, origin: unknown) => origins.push(origin))
  const outcomes = await documents.receive(updates.map(received))
  expect(outcomes).toEqual(updates.map(() => ({ kind: 'whole' })))
  expect(origins).toEqual([documents.origin])
  expect(doc.getText('text').toJSON()).toBe('x'.repeat(500))
  expect(ops).toEqual([])
})

test('[SYNC-15] [L19] in whatever order and grouping a history comes, nothing stays pending', async () => {
  const random = new SeededRandom('orders')
  const author = new Y.Doc()
  author.clientID = 1
  const other = new Y.Doc()
  other.clientID = 2
  const updates = recorded(author)
  other.on('update', (update: Uint8Array) => updates.push(update))
  for (let edit = 0; edit < 60; edit++) {
    const text = random.pick([author, other]).getText('text')
    const at = random.below(text.length + 1)
    if (text.length > 3 && random.chance(0.3)) text.delete(Math.min(at, text.length - 2), 2)
    else text.insert(at, `e${edit}`)
    if (random.chance(0.3)) {
      Y.applyUpdate(author, Y.encodeStateAsUpdate(other))
      Y.applyUpdate(other, Y.encodeStateAsUpdate(author))
    }
  }
  Y.applyUpdate(author, Y.encodeStateAsUpdate(other))
  let gapped = 0
  for (let order = 0; order < 100; order++) {
    const { documents, doc } = open()
    const shuffled = random.shuffled(updates)
    while (shuffled.length > 0) {
      const batch = shuffled.splice(0, 1 + random.below(8)).map(received)
      for (const { kind } of await documents.receive(batch)) if (kind === 'gapped') gapped++
    }
    expect(documents.holding(id)?.digest).toBeDefined()
    expect(doc.getText('text').toJSON()).toBe(author.getText('text').toJSON())
  }
  expect(gapped).toBeGreaterThan(0)
})

test('[SYNC-15] merging many updates gives what merging them flat gives', () => {
  const author = new Y.Doc()
  const updates = recorded(author)
  for (let key = 0; key < 300; key++) author.getText('text').insert(0, 'x')
  const [first, ...more] = updates
  if (first === undefined) throw new Error('no updates')
  expect(mergeUpdates([first, ...more])).toEqual(Y.mergeUpdates(updates))
  expect(mergeUpdates([first])).toEqual(first)
})

test('[L17] [SYNC-15] the digest changes with a deletion, and is equal for equal documents', async () => {
  const first = open()
  const second = open()
  first.doc.getText('text').insert(0, 'abc')
  await second.documents.receive([received(Y.encodeStateAsUpdate(first.doc))])
  const before = first.documents.holding(id)?.digest
  expect(before).toBeDefined()
  expect(second.documents.holding(id)?.digest).toBe(before)
  first.doc.getText('text').delete(0, 1)
  expect(first.documents.holding(id)?.digest).not.toBe(before)
})

test('[SYNC-14] the first edit leaves at once; what follows within 20 ms leaves as one op', () => {
  const { clock, doc, ops } = open()
  for (let key = 0; key < 10; key++) doc.getText('text').insert(key, 'x')
  expect(ops).toHaveLength(1)
  clock.advance(syncBounds.gatherMs)
  expect(ops).toHaveLength(2)
  clock.advance(10 * syncBounds.gatherMs)
  expect(ops).toHaveLength(2)
  expect(clock.pendingTasks).toBe(0)
  expect(ops.map(({ op }) => op.n)).toEqual([1, 2])
  const copy = new Y.Doc()
  for (const op of ops) if (op.kind === 'update') Y.applyUpdate(copy, op.bytes)
  expect(copy.getText('text').toJSON()).toBe('x'.repeat(10))
})

test('[SYNC-14] closing lets what was gathered leave first', () => {
  const { clock, documents, doc, ops } = open()
  doc.getText('text').insert(0, 'a')
  doc.getText('text').insert(1, 'b')
  documents.close(id)
  expect(ops).toHaveLength(2)
  doc.getText('text').insert(2, 'c')
  expect(ops).toHaveLength(2)
  expect(clock.pendingTasks).toBe(0)
})

test('[SYNC-15] what an observer writes in answer to a neighbour is a local edit, and what came is none', async () => {
  const { documents, doc, ops } = open()
  doc.getText('text').observe((_event, { local }) => {
    if (!local) doc.getArray('answers').push(['seen'])
  })
  const author = new Y.Doc()
  const updates = recorded(author)
  for (const letter of 'abc') {
    author.getText('text').insert(0, letter)
    await documents.receive([received(updates.at(-1) ?? new Uint8Array())])
  }
  documents.close(id)
  const replica = new Y.Doc()
  for (const op of ops) if (op.kind === 'update') Y.applyUpdate(replica, op.bytes)
  expect(replica.getArray('answers').toJSON()).toEqual(['seen', 'seen', 'seen'])
  expect(replica.getText('text').toJSON()).toBe('')
  expect(replica.store.pendingStructs).toBeNull()
})

test('[SYNC-16] an observer of the application that throws does not damage the document', async () => {
  const { documents, doc } = open()
  const damaged: DocumentRef[] = []
  documents.onDamaged((document) => damaged.push(document))
  doc.getText('text').observe(() => {
    throw new Error('of the application')
  })
  const author = new Y.Doc()
  author.getText('text').insert(0, 'abc')
  const outcomes = await documents.receive([received(Y.encodeStateAsUpdate(author))])
  expect(outcomes).toEqual([{ kind: 'whole' }])
  expect(doc.getText('text').toJSON()).toBe('abc')
  expect(damaged).toEqual([])
})

test('[SYNC-16] applying that throws half-way makes a document damaged, until it is opened anew', async () => {
  const { documents, doc } = open()
  const damaged: DocumentRef[] = []
  documents.onDamaged((document) => damaged.push(document))
  const author = new Y.Doc()
  author.getText('text').insert(0, 'abc')
  const update = received(Y.encodeStateAsUpdate(author))
  // As if Yjs threw before anything was integrated.
  const undo = throwing(doc)
  expect(await documents.receive([update])).toEqual([{ kind: 'refused', code: 'unavailable' }])
  undo()
  expect(damaged).toEqual([note])
  expect(documents.holding(id)?.digest).toBeUndefined()
  expect(await documents.difference(note, Uint8Array.of(0))).toBeUndefined()
  expect(await documents.receive([update])).toEqual([{ kind: 'refused', code: 'unavailable' }])

  const rebuilt = new Y.Doc()
  documents.open(id, rebuilt)
  expect(await documents.receive([update])).toEqual([{ kind: 'whole' }])
  expect(rebuilt.getText('text').toJSON()).toBe('abc')
})

test('[K17] [SYNC-17] deletions of what nobody has written yet do not wait inside the document', async () => {
  const { clock, documents, doc } = open()
  const victim = new Y.Doc()
  victim.clientID = 7
  // Deletes clocks 0 to 99 of client 7, of which nothing exists.
  const weapon = received(Uint8Array.of(0, 1, 7, 1, 0, 100))
  expect(await documents.receive([weapon])).toEqual([{ kind: 'gapped' }])
  expect(documents.holding(id)?.digest).toBeUndefined()
  expect(doc.store.pendingDs).toBeNull()
  clock.advance(syncBounds.holdBackMs + 1)
  victim.getText('text').insert(0, 'typed later')
  const typed = received(Y.encodeStateAsUpdate(victim))
  expect(await documents.receive([typed])).toEqual([{ kind: 'whole' }])
  expect(doc.getText('text').toJSON()).toBe('typed later')
  expect(documents.holding(id)?.digest).toBeDefined()
})

test('[SYNC-17] a deletion that came before what it deletes is applied with it', async () => {
  const { documents, doc } = open()
  const author = new Y.Doc()
  const updates = recorded(author)
  author.getText('text').insert(0, 'abc')
  author.getText('text').delete(0, 1)
  const [insertion, deletion] = updates.map(received)
  if (insertion === undefined || deletion === undefined) throw new Error('two updates')
  expect(await documents.receive([deletion])).toEqual([{ kind: 'gapped' }])
  // It may be the only copy: it goes along.
  const difference = (await documents.difference(note, Uint8Array.of(0))) ?? Uint8Array.of()
  expect(readUpdate(difference)).toMatchObject({ ok: true })
  expect(difference.length).toBeGreaterThan(2)
  expect(await documents.receive([insertion])).toEqual([{ kind: 'whole' }])
  expect(doc.getText('text').toJSON()).toBe('bc')
})

test('[L35] [SYNC-13] an ended generation takes nothing, and comes back under the next one', async () => {
  const { documents, doc, ops } = open()
  doc.getText('text').insert(0, 'first life')
  const late = received(Y.encodeStateAsUpdate(doc))
  documents.delete(id)
  expect(ops.at(-1)).toMatchObject({ kind: 'tombstone', document: note })
  expect(await documents.receive([late])).toEqual([{ kind: 'refused', code: 'document-deleted' }])
  expect(documents.end(note)).toBe(false)
  expect(documents.open(id, new Y.Doc())).toEqual({ id, generation: 1 })
  expect(await documents.receive([late])).not.toContainEqual({ kind: 'whole' })
})

test('[SYNC-15] what nobody has opened is left to the others, or opened on demand', async () => {
  const author = new Y.Doc()
  author.getText('text').insert(0, 'abc')
  const update = received(Y.encodeStateAsUpdate(author))
  const { documents } = open({ isOpen: false })
  expect(documents.accepts(note)).toBe(false)
  expect(await documents.receive([update])).toEqual([{ kind: 'elsewhere' }])
  const created = new Y.Doc()
  const willing = open({ isOpen: false, createDoc: () => created })
  expect(willing.documents.accepts(note)).toBe(true)
  expect(await willing.documents.receive([update])).toEqual([{ kind: 'whole' }])
  expect(created.getText('text').toJSON()).toBe('abc')
})

interface Given {
  readonly isOpen?: boolean
  readonly createDoc?: (document: DocumentRef) => Y.Doc
}

function open({ isOpen = true, createDoc }: Given = {}) {
  const clock = new VirtualClock()
  const documents = new YDocuments({
    instance: 'b1'.repeat(16) as InstanceId,
    clock,
    logger: silentLogger,
    ...(createDoc === undefined ? {} : { createDoc }),
  })
  const doc = new Y.Doc()
  if (isOpen) documents.open(id, doc)
  const ops: LocalOp[] = []
  documents.onOp((op) => ops.push(op))
  return { clock, documents, doc, ops }
}

function recorded(doc: Y.Doc): Uint8Array[] {
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => updates.push(update))
  return updates
}

function received(bytes: Uint8Array): Received {
  const coverage = readUpdate(bytes)
  if (!coverage.ok) throw new Error(coverage.refusal.detail)
  return { document: note, bytes, coverage: coverage.value }
}

/** Every transaction throws before it has done anything. */
function throwing(doc: Y.Doc): () => void {
  doc.on('beforeTransaction', throwHalfWay)
  return () => doc.off('beforeTransaction', throwHalfWay)
}

function throwHalfWay(): void {
  throw new Error('half-way')
}
