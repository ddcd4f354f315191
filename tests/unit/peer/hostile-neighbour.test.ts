/** Neighbours that lie, flood, keep silent, or meet an application that throws. */
import { syncBounds, type Received } from '@holdfast/peer'
import {
  lastGeneration,
  readUpdate,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
  type Message,
} from '@holdfast/peer/protocol'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { hello, meet, note } from './links-by-hand.js'

const [author, liar, honest] = ['b2', 'b3', 'b4'].map((pair) => pair.repeat(16)) as [
  InstanceId,
  InstanceId,
  InstanceId,
]

test('[SYNC-19] what a listener throws ends the link that it was told of, and reaches nobody else', async () => {
  const { world, sync, errors, session, say, heard, newcomer } = await meet()
  say(hello)
  const other = await newcomer(honest)
  sync.onMessage(throwing)
  say({ type: 'viewing', opened: [note], closed: [] })
  await world.run(200)
  expect(heard.at(-1)).toEqual({ type: 'bye', code: 'internal' })
  expect(session.state).toBe('closed')
  expect(errors).toEqual(['a session failed'])
  expect(other.session.isOpen).toBe(true)
})

test('[SYNC-19] a createDoc that throws costs that document alone', async () => {
  const { world, documents, doc, errors, session, say } = await meet({}, 'write', {
    createDoc: throwing,
  })
  say(hello)
  await world.run(50)
  const unknown = { id: 'unknown' as DocumentId, generation: 0 }
  const theirs = new Y.Doc()
  theirs.getText('title').insert(0, 'theirs')
  const bytes = Y.encodeStateAsUpdate(theirs)
  for (const [n, document] of [unknown, note].entries()) {
    say({ type: 'update', document, cause: { kind: 'op', op: { instance: author, n } }, bytes })
  }
  await world.run(100)
  expect(doc.getText('title').toJSON()).toBe('theirs')
  expect(documents.holding(unknown.id)).toBeUndefined()
  expect(errors).toEqual(['createDoc threw'])
  expect(session.isOpen).toBe(true)
})

test('[SYNC-10] who announces an op over and over and keeps it to itself does not stand in the way of others', async () => {
  const { world, newcomer } = await meet()
  const [first, second] = [await newcomer(liar), await newcomer(honest)]
  const op = { instance: author, n: 1 }
  for (let at = 0; at < 2 * syncBounds.maxAnnouncers; at++)
    first.say({ type: 'announce', ops: [op] })
  await world.run(20)
  second.say({ type: 'announce', ops: [op] })
  await world.run(syncBounds.wantAfterMs + 50)
  expect(first.heard).toContainEqual({ type: 'want', ops: [op] })
  expect(second.heard).not.toContainEqual({ type: 'want', ops: [op] })
  await world.run(syncBounds.wantAgainAfterMs + 50)
  expect(second.heard).toContainEqual({ type: 'want', ops: [op] })
})

test('[SYNC-11] what somebody gave out under another’s op id does not stand in the way of the author’s', async () => {
  const { world, sync, doc, newcomer } = await meet()
  const [false_, true_] = [await newcomer(liar), await newcomer(author)]
  const opOf = (word: string): Message => {
    const theirs = new Y.Doc()
    theirs.getText('title').insert(0, word)
    const bytes = Y.encodeStateAsUpdate(theirs)
    const cause = { kind: 'op', op: { instance: author, n: 1 } } as const
    return { type: 'update', document: note, cause, bytes }
  }
  false_.say(opOf('forged'))
  await world.run(50)
  true_.say(opOf('true'))
  true_.say(opOf('true'))
  await world.run(50)
  expect(doc.getText('title').toJSON()).toContain('true')
  expect(sync.stats()).toMatchObject({ forged: 1, duplicates: 1 })
})

test('[SYNC-13] the last generation cannot be ended, so that what follows can always be said', async () => {
  const { world, documents, session, say, newcomer } = await meet()
  say(hello)
  await world.run(50)
  const last: DocumentRef = { id: 'other' as DocumentId, generation: lastGeneration }
  say({ type: 'tombstone', op: { instance: author, n: 1 }, document: last })
  say({ type: 'tombstone', op: { instance: author, n: 2 }, document: { ...last, id: note.id } })
  await world.run(1_000)
  expect(documents.end(last)).toBe(false)
  expect(documents.holding(note.id)?.document).toEqual(note)
  const other = await newcomer(honest)
  await world.run(3_000)
  expect(other.heard.some(({ type }) => type === 'summary')).toBe(true)
  expect(session.isOpen).toBe(true)
})

test('[SYNC-19] of a future without a past little is parked, and it comes with what closes the gap', async () => {
  const { documents, doc, errors } = await meet()
  const theirs = new Y.Doc()
  const ops: Uint8Array[] = []
  theirs.on('update', (bytes: Uint8Array) => ops.push(bytes))
  // At the start, so that no two of them are one item.
  for (let at = 0; at < 1_500; at++) theirs.getText('title').insert(0, 'x')
  const outcomes = new Set<string>()
  const take = async (n: number): Promise<void> => {
    const op = { instance: author, n }
    const [outcome] = await documents.receive([{ ...received(ops[n] ?? new Uint8Array()), op }])
    outcomes.add(outcome?.kind ?? '')
  }
  for (let n = 1; n < ops.length; n++) await take(n)
  expect([...outcomes]).toEqual(['gapped'])
  expect(doc.store.pendingStructs).not.toBeNull()
  // With its past the part that was parked is integrated: that is not all.
  await take(0)
  expect(doc.store.pendingStructs).toBeNull()
  expect(doc.getText('title').length).toBe(1 + syncBounds.maxParkedOps)
  expect([...outcomes]).toEqual(['gapped'])
  expect(documents.holding(note.id)?.digest).toBeUndefined()
  const lacking = Y.encodeStateAsUpdate(theirs, Y.encodeStateVector(doc))
  expect(await documents.receive([received(lacking)])).toEqual([{ kind: 'whole' }])
  expect(doc.getText('title').length).toBe(1_500)
  expect(errors).toEqual([])
})

test('[SYNC-19] who asks the same over and over is answered for half a minute, and a quarter of the time then', async () => {
  const { world, session, say, heard } = await meet({}, 'write', { takesMs: 5_000 })
  say(hello)
  await world.run(50)
  let request = 0
  const ask = async (times: number): Promise<{ answers: number; refusals: number }> => {
    const from = heard.length
    for (let at = 0; at < times; at++) {
      const stateVector = Uint8Array.of(0)
      request++
      say({ type: 'state', request, document: note, stateVector, inReturn: false })
    }
    await world.run(60_000)
    const told = heard.slice(from)
    const refusals = told.filter((one) => one.type === 'error' && one.code === 'rate-limited')
    const answers = told.filter((one) => one.type === 'update' && one.cause.kind === 'state')
    return { answers: answers.length, refusals: refusals.length }
  }
  const first = await ask(20)
  // The first is not counted; eight more take the half minute and the quarter of it that passes.
  expect(first.answers).toBeGreaterThanOrEqual(7)
  expect(first.answers).toBeLessThanOrEqual(11)
  expect(first.answers + first.refusals).toBe(20)
  const second = await ask(20)
  expect(second.answers).toBeGreaterThanOrEqual(1)
  expect(second.answers).toBeLessThanOrEqual(4)
  expect(session.isOpen).toBe(true)
})

test('[SYNC-19] what was handled is not counted as waiting, however long more keeps coming', async () => {
  const docs = new Map<string, Y.Doc>()
  const createDoc = ({ id }: DocumentRef): Y.Doc => {
    const made = new Y.Doc()
    docs.set(id, made)
    return made
  }
  const { world, session, say, heard } = await meet({}, 'write', { createDoc, takesMs: 20 })
  say(hello)
  await world.run(50)
  const theirs = new Y.Doc()
  theirs.getText('title').insert(0, 'x'.repeat(20_000))
  const bytes = Y.encodeStateAsUpdate(theirs)
  const documents = Array.from({ length: 60 }, (_, at) => ({
    document: { id: `many ${at}` as DocumentId, generation: 0 },
    digest: 'f0'.repeat(32) as never,
  }))
  say({ type: 'summary', request: 1, by: { kind: 'page', under: '', documents } })
  await world.run(100)
  const asked = heard.filter((one) => one.type === 'state' && one.document.id.startsWith('many'))
  expect(asked.length).toBe(60)
  let mostBytes = 0
  for (const one of asked) {
    if (one.type !== 'state') continue
    const cause = { kind: 'state', request: one.request } as const
    say({ type: 'update', document: one.document, cause, bytes })
    await world.run(5)
    mostBytes = Math.max(mostBytes, session.waiting.inboxBytes)
  }
  await world.run(500)
  expect(docs.size).toBe(60)
  // Some nine come in the time that two batches take; all sixty are 1.2 MB.
  expect(mostBytes).toBeGreaterThan(0)
  expect(mostBytes).toBeLessThan(400_000)
})

function throwing(): never {
  throw new Error('an application')
}

function received(bytes: Uint8Array): Received {
  const read = readUpdate(bytes)
  if (!read.ok) throw new Error(read.refusal.detail)
  return { document: note, bytes, coverage: read.value }
}
