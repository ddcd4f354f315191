import { expect, test } from 'vitest'
import { encodeMessage, type CollectionName, type InstanceId } from '@holdfast/peer/protocol'
import { accept, refuse } from '@holdfast/peer/protocol'
import type { AccessVerifier } from '@holdfast/archive'
import type { Access } from '@holdfast/peer/protocol'
import { givenNode, notes } from './given-node.js'
import { document, idOf } from './scripted-client.js'
import { Writing } from './edits.js'

const note = document('note-1')

test('[NODE-1] the archive says hello only to whom it believes, with what it may do', async () => {
  const given = await givenNode({ openAccess: 'read' })
  const client = given.client()
  await given.world.clock.run(1_000)
  expect(client.heard).toEqual([])
  client.hello()
  const hello = await client.hears('hello')
  expect(hello.sender).toEqual({
    role: 'archive',
    archive: given.log.archive,
    term: given.log.term,
    grant: { access: 'read' },
  })
  await given.close()
})

test('[NODE-1] whoever shows no token, or one that is not believed, is told why and closed', async () => {
  const given = await givenNode({ verifier: verifierOf({ good: 'write' }) })
  const answers = []
  for (const token of [undefined, 'bad', 'good']) {
    const client = given.client({
      credential: token === undefined ? { kind: 'none' } : { kind: 'token', token },
    })
    client.hello()
    await given.until(() => client.closed !== undefined || client.heard.length > 0)
    answers.push(client.closed?.code ?? client.heard[0]?.type)
  }
  expect(answers).toEqual(['unauthenticated', 'unauthenticated', 'hello'])
  await given.close()
})

test('[NODE-1] a token for another collection is forbidden here', async () => {
  const given = await givenNode({ verifier: verifierOf({ good: 'write' }) })
  const client = given.client({
    collection: 'secrets' as CollectionName,
    credential: { kind: 'token', token: 'good' },
  })
  client.hello()
  expect((await client.isClosed()).code).toBe('forbidden')
  await given.close()
})

test('[NODE-1] a voucher counts only for the one and on the link that the signaller announced', async () => {
  const given = await givenNode({ verifier: verifierOf({}) })
  const instance = idOf('announced') as InstanceId
  const caller = { announced: { instance, access: 'read' as const, voucher: idOf('secret') } }
  const credential = { kind: 'voucher' as const, voucher: idOf('secret') }
  const answers = []
  for (const [who, what] of [
    [{ caller, instance }, credential],
    [{ caller, instance: idOf('other') as InstanceId }, credential],
    [
      { caller, instance },
      { kind: 'voucher' as const, voucher: idOf('guess') },
    ],
    [{ instance }, credential],
  ] as const) {
    const client = given.client({ ...who, credential: what })
    client.hello()
    await given.until(() => client.closed !== undefined || client.heard.length > 0)
    answers.push(client.closed?.code ?? client.heard[0]?.type)
  }
  expect(answers).toEqual(['hello', 'unauthenticated', 'unauthenticated', 'unauthenticated'])
  await given.close()
})

test('[NODE-2] a stranger has ten seconds', async () => {
  const given = await givenNode()
  const client = given.client()
  await given.world.clock.run(9_900)
  expect(client.closed).toBeUndefined()
  await given.world.clock.run(600)
  expect(client.closed?.code).toBe('timeout')
  expect(given.node.stats()).toMatchObject({ sessions: 0, strangers: 0 })
  await given.close()
})

test('[NODE-2] a stranger has 64 KiB, in whatever pieces', async () => {
  const given = await givenNode()
  const client = given.client()
  for (let at = 0; at < 9; at++) {
    // Pieces of a message that is said to be as large as a hello may be, and pings between them.
    client.say({ type: 'hint', document: note, seq: 1, snapshot: new Uint8Array(8_000) })
  }
  expect((await client.isClosed()).code).toMatch(/too-large|unexpected-message/)
  const flood = given.client()
  const nonce = 2 ** 50
  for (let at = 0; at < 6_000; at++) flood.say({ type: 'ping', nonce, nextWithinMs: 2_000 })
  expect((await flood.isClosed()).code).toBe('too-large')
  await given.close()
})

test('[NODE-3] what a stranger says besides hello closes the link, and nothing is done for it', async () => {
  const given = await givenNode()
  const client = given.client()
  client.push(note, new Writing(1).insert('h'))
  expect((await client.isClosed()).code).toBe('unexpected-message')
  expect(await given.log.head(notes)).toBe(0)
  await given.close()
})

test('[L9] every push is held against the access: a reader is refused with a code', async () => {
  const given = await givenNode({ openAccess: 'read' })
  const client = await given.proven()
  const [op] = client.push(note, new Writing(1).insert('h'))
  const tombstone = client.op()
  client.say({ type: 'push', ops: [{ kind: 'tombstone', op: tombstone, document: note }] })
  expect((await client.hears('refused')).results).toEqual([
    { op, code: 'forbidden' },
    { op: tombstone, code: 'forbidden' },
  ])
  expect(await given.log.head(notes)).toBe(0)
  await given.close()
})

test('[NODE-4] access that ends is told, pauses everything, and is renewed on the standing link', async () => {
  const given = await givenNode({ verifier: verifierOf({ short: 'write', more: 'write' }, 60_000) })
  const writer = await given.proven({ credential: { kind: 'token', token: 'short' } })
  const reader = await given.proven({ credential: { kind: 'token', token: 'short' } })
  reader.subscribe(1)
  await reader.hears('subscribed')
  await reader.hears('error').then(({ code }) => expect(code).toBe('token-expired'))
  const writing = new Writing(1)
  const [op] = writer.push(note, writing.insert('a'))
  expect(await writer.hears('refused')).toMatchObject({ results: [{ op, code: 'token-expired' }] })
  writer.say({ type: 'renew', credential: { kind: 'token', token: 'more' } })
  expect(await writer.hears('granted')).toMatchObject({ grant: { access: 'write' } })
  writer.push(note, writing.insert('b'), writing.insert('c'))
  await writer.hears('committed')
  expect(reader.entries()).toEqual([])
  reader.say({ type: 'renew', credential: { kind: 'token', token: 'more' } })
  await given.until(() => reader.entries().length === 2)
  await given.close()
})

test('[NODE-4] whoever does not renew is closed', async () => {
  const given = await givenNode({ verifier: verifierOf({ short: 'write' }, 60_000) })
  const client = await given.proven({ credential: { kind: 'token', token: 'short' } })
  client.say({ type: 'renew', credential: { kind: 'token', token: 'bad' } })
  expect(await client.hears('error')).toMatchObject({ code: 'unauthenticated' })
  expect((await client.isClosed()).code).toBe('token-expired')
  expect(given.world.clock.monotonic()).toBeGreaterThan(69_000)
  await given.close()
})

test('[NODE-4] access for hours ends when it should, and not when the deadlines are looked through', async () => {
  const hours = 3 * 3_600_000
  const given = await givenNode({ verifier: verifierOf({ long: 'write' }, hours) })
  const client = await given.proven({ credential: { kind: 'token', token: 'long' } })
  await given.world.clock.run(hours - 5_000)
  expect(client.heard.map(({ type }) => type)).toEqual(['hello'])
  await given.world.clock.run(10_000)
  expect(client.all('error')).toMatchObject([{ code: 'token-expired' }])
  await given.close()
})

test('[NODE-5] what makes no sense is answered with a code, a few times; then the link is closed', async () => {
  const given = await givenNode({ limits: { maxFaults: 3 } })
  const client = await given.proven()
  for (let at = 0; at < 3; at++) client.say({ type: 'saved', ops: [] })
  await client.isClosed()
  expect(client.all('error').map(({ code, message }) => [code, message])).toEqual([
    ['unexpected-message', 0x1b],
    ['unexpected-message', 0x1b],
    ['unexpected-message', 0x1b],
  ])
  expect(client.closed?.code).toBe('unexpected-message')
  await given.close()
})

test('[K13] bytes that are no message close their own link, with a code, and no other', async () => {
  const given = await givenNode()
  const good = await given.proven()
  const bad = await given.proven()
  bad.channel.sendEncoded(Uint8Array.of(0xff, 1, 2, 3), 'live')
  expect((await bad.isClosed()).code).toBe('unexpected-message')
  good.push(note, new Writing(1).insert('h'))
  await good.hears('committed')
  await given.close()
})

test('[K14] a flood of messages ends its link', async () => {
  const given = await givenNode({ limits: { messagesPerSecond: 10, messageBurst: 100 } })
  const client = await given.proven()
  const ack = encodeMessage({ type: 'neighbours', list: 1, instances: [] })
  for (let at = 0; at < 200; at++) client.channel.sendEncoded(ack, 'live')
  expect((await client.isClosed()).code).toBe('rate-limited')
  await given.close()
})

test('[NODE-6] above its limits a node turns away, and says when to come back', async () => {
  const given = await givenNode({ limits: { maxSessions: 2 } })
  await given.proven()
  await given.proven()
  const third = given.client()
  const closed = await third.isClosed()
  expect(closed.code).toBe('too-many')
  expect(closed.retryAfterMs).toBeGreaterThan(0)
  await given.close()
})

test('[NODE-7] draining answers what was pushed, then tells everybody to come back, spread out', async () => {
  const given = await givenNode()
  const clients = []
  for (let at = 0; at < 8; at++) clients.push(await given.proven())
  const stranger = given.client()
  const writings = clients.map((_, at) => new Writing(at + 1))
  clients.forEach((client, at) => client.push(note, writings[at]?.insert('x') ?? new Uint8Array()))
  await given.world.clock.run(1)
  let isDrained = false
  void given.node.drain().then(() => (isDrained = true))
  const late = given.client()
  await given.until(() => isDrained)
  for (const client of clients) {
    expect(client.all('committed').flatMap(({ results }) => results)).toHaveLength(1)
    expect(client.closed?.code).toBe('going-away')
  }
  expect(new Set(clients.map(({ closed }) => closed?.retryAfterMs)).size).toBeGreaterThan(4)
  expect((await late.isClosed()).code).toBe('going-away')
  expect((await stranger.isClosed()).code).toBe('going-away')
  await given.close()
})

test('[NODE-8] a closed node leaves no timer behind', async () => {
  const given = await givenNode()
  const client = await given.proven()
  client.subscribe(1)
  await client.hears('subscribed')
  await given.close()
  client.channel.abort()
  await given.world.clock.run(60_000)
  expect(given.world.clock.describePending()).toEqual([])
})

function verifierOf(
  accessByToken: Readonly<Record<string, Access>>,
  validForMs = Infinity,
): AccessVerifier {
  const startMs = 1_750_000_000_000
  return {
    verify: async (token) => {
      const access = accessByToken[token]
      if (access === undefined) return refuse('unauthenticated', 'not that one')
      const expiresAtMs = token === 'more' ? Infinity : startMs + validForMs
      return accept({ expiresAtMs, accessTo: (name) => (name === notes ? access : undefined) })
    },
  }
}

test('[NODE-1] whoever may do less than an instance that is there does not take its place', async () => {
  const given = await givenNode({
    verifier: verifierOf({ writing: 'write', reading: 'read' }, 3_600_000),
  })
  const writer = await given.proven({ credential: { kind: 'token', token: 'writing' } })
  const { instance, replica } = writer
  const reader = given.client({
    instance,
    replica,
    credential: { kind: 'token', token: 'reading' },
  })
  reader.hello()
  expect((await reader.isClosed()).code).toBe('unavailable')
  writer.push(note, new Writing(1).insert('a'))
  await writer.hears('committed')
  // Who may do as much is that one, come back.
  const back = await given.proven({
    instance,
    replica,
    credential: { kind: 'token', token: 'writing' },
  })
  expect((await writer.isClosed()).code).toBe('going-away')
  expect(back.closed).toBeUndefined()
  await given.close()
})

test('[NODE-4] whose access has ended is shown no presence until it is renewed', async () => {
  const given = await givenNode({ verifier: verifierOf({ short: 'read', more: 'read' }, 60_000) })
  const long = await given.proven({ credential: { kind: 'token', token: 'more' } })
  const viewer = await given.proven({ credential: { kind: 'token', token: 'short' } })
  viewer.say({ type: 'viewing', opened: [note], closed: [] })
  await viewer.hears('error').then(({ code }) => expect(code).toBe('token-expired'))
  long.say({ type: 'renew', credential: { kind: 'token', token: 'more' } })
  await long.hears('granted')
  long.say({ type: 'presence', document: note, bytes: Uint8Array.of(1) })
  viewer.say({ type: 'viewing', opened: [], closed: [note] })
  viewer.say({ type: 'viewing', opened: [note], closed: [] })
  await given.world.clock.run(1_000)
  expect(viewer.all('presence')).toEqual([])
  viewer.say({ type: 'renew', credential: { kind: 'token', token: 'more' } })
  await viewer.hears('granted')
  long.say({ type: 'presence', document: note, bytes: Uint8Array.of(2) })
  expect(await viewer.hears('presence')).toMatchObject({ bytes: Uint8Array.of(2) })
  await given.close()
})

test('[K14] summaries that wait are bounded by their size, too', async () => {
  const given = await givenNode({ limits: { maxQuestionBytes: 2_000 } })
  const client = await given.proven()
  const documents = Array.from({ length: 16 }, (_, at) => ({ document: document(`note-${at}`) }))
  for (let request = 1; request <= 3; request++) {
    client.say({ type: 'summary', request, by: { kind: 'page', under: '', documents } })
  }
  expect(await client.hears('error')).toMatchObject({ code: 'too-many', request: 2 })
  await given.until(() => client.all('compared').length > 0)
  client.say({ type: 'summary', request: 4, by: { kind: 'page', under: '', documents } })
  await given.until(() => client.all('compared').some(({ request }) => request === 4))
  await given.close()
})
