import { syncBounds, type Expected } from '@holdfast/peer'
import {
  messageKinds,
  type CollectionName,
  type DocumentId,
  type InstanceId,
  type Message,
  type MessageOf,
  type TermId,
} from '@holdfast/peer/protocol'
import { expect, test } from 'vitest'
import * as Y from 'yjs'
import { hello, meet, note } from './links-by-hand.js'

test('[SYNC-2] a link opens when both have said hello, and knows who is there', async () => {
  const { world, sync, heard, say } = await meet()
  expect(heard[0]).toMatchObject({ type: 'hello', instance: 'b1'.repeat(16), collection: 'notes' })
  expect(sync.sessions[0]?.state).toBe('hello')
  say(hello)
  await world.run(50)
  expect(sync.sessions[0]).toMatchObject({ state: 'comparing', instance: hello.instance })
  expect(sync.sessionWith(hello.instance)).toBe(sync.sessions[0])
})

test.each<[string, Partial<MessageOf<'hello'>>, Partial<Expected>, string]>([
  ['another collection', { collection: 'other' as CollectionName }, {}, 'forbidden'],
  ['an old version', { version: 0 }, {}, 'unsupported-version'],
  ['ourselves', { instance: 'b1'.repeat(16) as InstanceId }, {}, 'replica-in-use'],
  [
    'not the one who was announced',
    {},
    { instance: 'b3'.repeat(16) as InstanceId },
    'unauthenticated',
  ],
  ['no secret', {}, { voucher: 'e1'.repeat(16) }, 'unauthenticated'],
  [
    'another secret',
    { credential: { kind: 'voucher', voucher: 'e2'.repeat(16) } },
    { voucher: 'e1'.repeat(16) },
    'unauthenticated',
  ],
])('[SYNC-2] is turned away: %s', async (_what, said, expected, code) => {
  const { world, sync, heard, say } = await meet(expected)
  say({ ...hello, ...said })
  await world.run(200)
  expect(heard.at(-1)).toEqual({ type: 'bye', code })
  expect(sync.sessions).toEqual([])
})

test('[SYNC-2] the right secret opens the link', async () => {
  const voucher = 'e1'.repeat(16)
  const { world, sync, say, heard } = await meet({ voucher })
  expect(heard[0]).toMatchObject({ credential: { kind: 'voucher', voucher } })
  say({ ...hello, credential: { kind: 'voucher', voucher } })
  await world.run(50)
  expect(sync.sessions[0]?.isOpen).toBe(true)
})

test('[SYNC-2] [K18] who says nothing is not waited for longer than ten seconds', async () => {
  const { world, sync } = await meet()
  await world.run(syncBounds.helloWithinMs - 100)
  expect(sync.sessions).toHaveLength(1)
  await world.run(200)
  expect(sync.sessions).toEqual([])
})

test('[SYNC-2] nothing counts before hello', async () => {
  const { world, sync, heard, say } = await meet()
  say({ type: 'summary', request: 1, by: { kind: 'page', under: '', documents: [] } })
  await world.run(200)
  expect(heard.at(-1)).toEqual({ type: 'bye', code: 'unexpected-message' })
  expect(sync.sessions).toEqual([])
})

test.each<[string, Message]>([
  ['a second hello', hello],
  [
    'what only an archive says',
    { type: 'committed', term: 'd1'.repeat(16) as TermId, results: [] },
  ],
  ['an answer to no summary', { type: 'compared', request: 77, differing: 0 }],
  [
    'an answer to no state',
    {
      type: 'update',
      document: note,
      cause: { kind: 'state', request: 77 },
      bytes: Uint8Array.of(0, 0),
    },
  ],
  [
    'a state vector that is none',
    {
      type: 'state',
      request: 1,
      document: note,
      stateVector: Uint8Array.of(200, 1, 3),
      inReturn: false,
    },
  ],
])('[K13] [SYNC-19] ends the link, and nothing else: %s', async (_what, message) => {
  const { world, sync, heard, say } = await meet()
  say(hello)
  await world.run(50)
  say(message)
  await world.run(200)
  expect(heard.at(-1)).toMatchObject({ type: 'bye' })
  expect(sync.sessions).toEqual([])
})

test('[K17] [SYNC-19] an update that is none is refused with its code before a Y.Doc sees it', async () => {
  const { world, sync, doc, heard, say } = await meet()
  const updates: unknown[] = []
  doc.on('beforeTransaction', (transaction: unknown) => updates.push(transaction))
  say(hello)
  await world.run(50)
  const op = { instance: hello.instance, n: 1 }
  const bytes = Uint8Array.of(255, 255, 255, 255, 15, 1, 0)
  say({ type: 'update', document: note, cause: { kind: 'op', op }, bytes })
  await world.run(100)
  expect(heard).toContainEqual({
    type: 'error',
    code: 'malformed-update',
    message: 0x13,
    document: note,
  })
  expect(updates).toEqual([])
  expect(sync.sessions[0]?.isOpen).toBe(true)
  expect(sync.stats().refused).toBe(1)
})

test('[K15] [I15] [SYNC-19] who asks for more than is answered is closed', async () => {
  const { world, sync, say } = await meet()
  say(hello)
  await world.run(50)
  world.network.setConditions({ bytesPerSecond: 1_000_000 })
  // Some 24 MB of answers, if each were made: names wait, and not too many of them.
  const ask = (request: number): void => {
    const stateVector = Uint8Array.of(0)
    say({ type: 'state', request, document: note, stateVector, inReturn: false })
  }
  for (let request = 1; request <= 400; request++) ask(request)
  await world.run(100)
  const [session] = sync.sessions
  expect(session?.waiting.outgoing).toBeGreaterThan(300)
  expect(session?.channel.stats().queuedBytes).toBeLessThan(1_200_000)
  for (let request = 401; request <= 400 + syncBounds.maxOpenAnswers; request++) ask(request)
  await world.run(100)
  expect(sync.sessions).toEqual([])
})

test('[SYNC-21] [L45] an answer to what was told before a document was opened says nothing of it', async () => {
  const { world, sync, documents, heard, say } = await meet()
  say(hello)
  await world.run(50)
  const summary = heard.find(({ type }) => type === 'summary')
  const late = documents.open('late' as DocumentId, new Y.Doc())
  sync.documentOpened(late)
  // It wants nothing of what was told, and nothing was told of the one that it holds.
  say({ type: 'compared', request: requestOf(summary), differing: 0 })
  await world.run(50)
  expect(sync.isSynced(late)).toBe(false)
  expect(heard).toContainEqual(expect.objectContaining({ type: 'state', document: late }))
})

test('[SYNC-21] [L45] an answer to what was asked with another Y.Doc says nothing of the one that is open now', async () => {
  // A reader has nothing to give: with their answer everything is here.
  const { world, sync, documents, heard, say } = await meet({}, 'read')
  const id = 'again' as DocumentId
  const [first, second, theirs] = [new Y.Doc(), new Y.Doc(), new Y.Doc()]
  theirs.getText('text').insert(0, 'everything')
  Y.applyUpdate(first, Y.encodeStateAsUpdate(theirs))
  say(hello)
  say({ type: 'summary', request: 1, by: { kind: 'page', under: '', documents: [] } })
  await world.run(50)
  const lastState = (): MessageOf<'state'> => {
    const state = heard.findLast((message) => message.type === 'state')
    if (state?.type !== 'state') throw new Error('nothing was asked')
    return state
  }
  const { request } = lastState()
  say({
    type: 'error',
    code: 'unavailable',
    message: messageKinds.state.number,
    request,
    document: note,
  })
  const answerLast = (): void => {
    const state = lastState()
    const bytes = Y.encodeStateAsUpdate(theirs, state.stateVector)
    say({ type: 'update', document, cause: { kind: 'state', request: state.request }, bytes })
  }

  const document = documents.open(id, first)
  sync.documentOpened(document)
  await world.run(50)
  documents.close(id)
  documents.open(id, second)
  sync.documentOpened(document)
  answerLast()
  await world.run(50)
  expect(second.getText('text').toJSON()).toBe('')
  expect(sync.isSynced(document)).toBe(false)
  answerLast()
  await world.run(50)
  expect(second.getText('text').toJSON()).toBe('everything')
  expect(sync.isSynced(document)).toBe(true)
})

function requestOf(message: Message | undefined): number {
  if (message?.type !== 'summary') throw new Error('no summary')
  return message.request
}
