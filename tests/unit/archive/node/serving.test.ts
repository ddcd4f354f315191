import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  buildSnapshot,
  createCompactor,
  type Compactor,
  type SnapshotBuilder,
} from '@holdfast/archive'
import { silentLogger } from '@holdfast/peer/ports'
import {
  hashedOfOp,
  hexOf,
  type DocumentRef,
  type InstanceId,
  type MessageOf,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import { Writing } from './edits.js'
import { givenNode, notes, type GivenNode } from './given-node.js'
import { document, idOf, type ScriptedClient } from './scripted-client.js'

const note = document('note-1')

describe('fetching', () => {
  test('[L52] the entry of a place is fetched by seq, from memory and from the log', async () => {
    const given = await givenNode()
    const [author, near] = [await given.proven(), await given.proven()]
    near.subscribe(1)
    await near.hears('subscribed')
    author.say({ type: 'neighbours', list: 1, instances: [near.instance] })
    const op = author.op()
    const bytes = new Writing(1).insert('a')
    author.say({
      type: 'push',
      reached: { list: 1, neighbours: [0] },
      ops: [{ kind: 'live', op, document: note, bytes }],
    })
    await near.hears('changes')
    const hash = createHash('sha256')
      .update(hashedOfOp(op, note, bytes))
      .digest()
      .subarray(0, 8)
    expect(near.entries()).toEqual([{ kind: 'place', seq: 1, hash: hexOf(hash) }])
    near.say({ type: 'fetch', request: 7, what: { by: 'seq', seq: 1 } })
    const content = { kind: 'row', document: note, op, bytes }
    expect(await near.hears('fetched')).toMatchObject({ request: 7, seq: 1, content })
    await given.restart()
    const later = await given.proven()
    later.say({ type: 'fetch', request: 8, what: { by: 'seq', seq: 1 } })
    expect(await later.hears('fetched')).toMatchObject({ request: 8, seq: 1, content })
    await given.close()
  })

  test('[NODE-41] a place whose row is gone is answered by what stands for it', async () => {
    const given = await givenNode({ limits: { recentBytes: 1 } })
    const author = await given.proven()
    author.subscribe(1)
    await author.hears('subscribed')
    const writing = new Writing(1)
    author.push(note, ...Array.from({ length: 5 }, () => writing.insert('a')))
    await given.until(() => author.entries().length === 5)
    author.ack(1, 5)
    await given.world.clock.run(2_000)
    const { compactor } = compactorOf(given)
    await compactor.compact(notes, note)
    author.say({ type: 'fetch', request: 1, what: { by: 'seq', seq: 2 } })
    const fetched = await author.hears('fetched')
    expect(fetched.content.kind).toBe('snapshot')
    expect(fetched.seq).toBeGreaterThanOrEqual(2)
    expect(textOf(fetched)).toBe('aaaaa')
    await compactor.close()
    await given.close()
  })

  test('[NODE-41] a large snapshot is announced, and its difference is fetched', async () => {
    const given = await givenNode({ limits: { maxSnapshotBytes: 1_000 } })
    const writer = await given.proven()
    const writing = new Writing(1)
    const first = writing.insert('x'.repeat(2_000))
    writer.push(note, first, writing.insert('y'))
    await writer.hears('committed')
    const { compactor } = compactorOf(given)
    await compactor.compact(notes, note)
    const reader = await given.proven()
    reader.subscribe(1)
    await reader.hears('changes')
    const [entry] = reader.entries()
    expect(entry).toMatchObject({ kind: 'large-snapshot', seq: 2, document: note })
    const stateVector = Y.encodeStateVectorFromUpdate(first)
    reader.say({
      type: 'fetch',
      request: 1,
      what: { by: 'difference', document: note, stateVector },
    })
    const { content, seq } = await reader.hears('fetched')
    expect(seq).toBe(2)
    expect(content.kind).toBe('difference')
    const bytes = 'bytes' in content ? content.bytes : new Uint8Array()
    expect(bytes.length).toBeLessThan(100)
    const doc = new Y.Doc()
    Y.applyUpdate(doc, first)
    Y.applyUpdate(doc, bytes)
    expect(doc.getText('body').toJSON()).toBe(`${'x'.repeat(2_000)}y`)
    await compactor.close()
    await given.close()
  })

  test('[NODE-42] what is not there is answered with a code; what was deleted, by its tombstone', async () => {
    const given = await givenNode()
    const client = await given.proven()
    client.push(note, new Writing(1).insert('secret'))
    client.say({ type: 'push', ops: [{ kind: 'tombstone', op: client.op(), document: note }] })
    await given.until(() => client.all('committed').flatMap(({ results }) => results).length === 2)
    const stateVector = Uint8Array.of(0)
    const asked = [
      { by: 'seq', seq: 99 },
      { by: 'seq', seq: 0 },
      { by: 'difference', document: document('nowhere'), stateVector },
      { by: 'difference', document: note, stateVector: Uint8Array.of(255, 255) },
    ] as const
    for (const [request, what] of asked.entries()) client.say({ type: 'fetch', request, what })
    for (const [request] of asked.entries()) {
      expect(await client.hears('error')).toMatchObject({ code: 'unavailable', request })
    }
    client.say({
      type: 'fetch',
      request: 9,
      what: { by: 'difference', document: note, stateVector },
    })
    expect((await client.hears('fetched')).content).toEqual({ kind: 'tombstone', document: note })
    await given.close()
  })

  test('[NODE-43] a crowd that opens one large document is served the same bytes', async () => {
    const given = await givenNode()
    const writer = await given.proven()
    writer.push(note, new Writing(1).insert('x'.repeat(400_000)))
    await writer.hears('committed')
    let reads = 0
    const state = given.log.state.bind(given.log)
    given.log.state = (...args) => {
      reads++
      return state(...args)
    }
    const readers = []
    for (let at = 0; at < 6; at++) readers.push(await given.proven())
    for (const reader of readers) {
      const what = { by: 'difference' as const, document: note, stateVector: Uint8Array.of(0) }
      reader.say({ type: 'fetch', request: 1, what })
    }
    for (const reader of readers) await reader.hears('fetched')
    expect(reads).toBe(1)
    await given.close()
  })

  test('[NODE-43] of several large states the last ones are kept, within a bound, and none once something was deleted', async () => {
    const given = await givenNode({ limits: { sharedBytes: 1_000_000 } })
    const writer = await given.proven()
    const documents = ['a', 'b', 'c'].map(document)
    for (const [at, one] of documents.entries()) {
      writer.push(one, new Writing(at + 1).insert('x'.repeat(400_000)))
      await writer.hears('committed')
    }
    const read: string[] = []
    const state = given.log.state.bind(given.log)
    given.log.state = (...args) => {
      read.push(args[1].id)
      return state(...args)
    }
    const reader = await given.proven()
    const fetch = async (one: DocumentRef): Promise<MessageOf<'fetched'>> => {
      const what = { by: 'difference' as const, document: one, stateVector: Uint8Array.of(0) }
      reader.say({ type: 'fetch', request: 1, what })
      return reader.hears('fetched')
    }
    const [a, b, c] = documents as [DocumentRef, DocumentRef, DocumentRef]
    for (const one of [a, b, b, c, c, b, a]) await fetch(one)
    expect(read).toEqual(['a', 'b', 'c', 'a'])
    writer.say({ type: 'push', ops: [{ kind: 'tombstone', op: writer.op(), document: a }] })
    await writer.hears('committed')
    expect((await fetch(a)).content.kind).toBe('tombstone')
    expect((await fetch(b)).content.kind).toBe('difference')
    expect(read).toEqual(['a', 'b', 'c', 'a', 'b'])
    await given.close()
  })

  test('[K14] questions that wait have a bound', async () => {
    const given = await givenNode({ limits: { maxQuestions: 4 } })
    const client = await given.proven()
    for (let request = 0; request < 20; request++) {
      client.say({ type: 'fetch', request, what: { by: 'seq', seq: 1 } })
    }
    expect(await client.hears('error')).toMatchObject({ code: 'too-many', request: 4 })
    await given.close()
  })
})

describe('gaps', () => {
  test('[NODE-50] who holds what is missing is asked, one after the other; then the op is archived', async () => {
    const given = await givenNode()
    const [author, silent, holder] = [
      await given.proven(),
      await given.proven(),
      await given.proven(),
    ]
    const writing = new Writing(1)
    const [first, second] = [writing.insert('a'), writing.insert('b')]
    const op = author.op()
    author.say({ type: 'push', ops: [{ kind: 'live', op, document: note, bytes: second }] })
    expect((await author.hears('committed')).results).toEqual([
      { outcome: 'stored', op, seq: 1, gapped: true },
    ])
    const missing = await author.hears('missing')
    expect(missing).toMatchObject({ document: note, ranges: [{ client: 1, clock: 0, length: 1 }] })
    expect(silent.all('missing')).toEqual([])
    await silent.hears('missing')
    expect(holder.all('missing')).toEqual([])
    await holder.hears('missing')
    holder.say({
      type: 'push',
      ops: [{ kind: 'upload', op: holder.op(), document: note, bytes: first }],
    })
    expect((await author.hears('committed')).results).toEqual([
      { outcome: 'contained', op, gapped: false },
    ])
    expect(given.node.stats()).toMatchObject({ gaps: 0, gapRequests: 3 })
    await given.close()
  })

  test('[NODE-50] a gap that was there before a restart is asked of the first writer that comes', async () => {
    const given = await givenNode()
    const author = await given.proven()
    const writing = new Writing(1)
    writing.insert('a')
    author.push(note, writing.insert('b'))
    await author.hears('committed')
    await given.restart()
    const later = await given.proven()
    later.subscribe(1)
    expect(await later.hears('missing')).toMatchObject({ document: note })
    await given.close()
  })
})

describe('hints', () => {
  test('[K2] one caught-up peer is asked, its answer is judged, and it is told the outcome', async () => {
    const given = await givenNode()
    const writing = new Writing(1)
    const clients: ScriptedClient[] = []
    for (let at = 0; at < 5; at++) {
      const client = await given.proven()
      client.subscribe(1)
      await client.hears('subscribed')
      clients.push(client)
    }
    const [author] = clients
    author?.push(note, ...Array.from({ length: 10 }, () => writing.insert('a')))
    for (const client of clients) {
      await given.until(() => client.entries().length === 10)
      client.ack(1, 10)
    }
    await given.world.clock.run(2_000)
    const { compactor } = compactorOf(given)
    compactor.onReport((report) => given.node.reported(report))
    const asking = given.node.ask(ripe(note))
    const isAsked = (): boolean =>
      clients.some((client) => client.all('changes').some(({ compact }) => compact !== undefined))
    await given.until(isAsked)
    const asked = clients.filter((client) => client.all('changes').some((page) => page.compact))
    expect(asked).toHaveLength(1)
    const snapshot = Y.encodeSnapshot(Y.snapshot(writing.doc))
    asked[0]?.say({ type: 'hint', document: note, seq: 10, snapshot })
    await given.until(() => given.node.stats().hintsAgreed === 1)
    await asking
    await compactor.compact(notes, note)
    expect(await asked[0]?.hears('compacted')).toMatchObject({
      document: note,
      through: 10,
      removed: 10,
    })
    await compactor.close()
    await given.close()
  })

  test('[K2] nobody answers: compaction goes on after the deadline', async () => {
    const given = await givenNode()
    const client = await given.proven()
    client.subscribe(1)
    client.push(note, new Writing(1).insert('a'))
    await client.hears('changes')
    client.ack(1, 1)
    await given.world.clock.run(1_500)
    const startedMs = given.world.clock.monotonic()
    let isDone = false
    void given.node.ask(ripe(note)).then(() => (isDone = true))
    await given.until(() => isDone)
    expect(given.world.clock.monotonic() - startedMs).toBeGreaterThanOrEqual(10_000)
    expect(given.world.clock.monotonic() - startedMs).toBeLessThan(10_500)
    await given.close()
  })

  test('[NODE-60] a peer that lacks what it acked is found out, told, and not asked again', async () => {
    const said: string[] = []
    const logger = { ...silentLogger, error: (text: string) => void said.push(text) }
    const given = await givenNode({ logger })
    const [author, liar] = [await given.proven(), await given.proven()]
    liar.subscribe(1)
    author.push(note, new Writing(1).insert('abc'))
    await liar.hears('changes')
    liar.ack(1, 1)
    await given.world.clock.run(1_500)
    const snapshot = Y.encodeSnapshot(Y.snapshot(new Y.Doc()))
    liar.say({ type: 'hint', document: note, seq: 1, snapshot })
    expect(await liar.hears('summary')).toMatchObject({ by: { documents: [{ document: note }] } })
    expect(given.node.stats()).toMatchObject({ laggards: 1, hintsAgreed: 0 })
    await given.node.ask(ripe(note))
    expect(given.node.stats().hintsAsked).toBe(0)
    // However often it says so, the logs say it once.
    for (let at = 0; at < 5; at++) liar.say({ type: 'hint', document: note, seq: 1, snapshot })
    await given.until(() => given.node.stats().laggards === 6)
    expect(said.filter((text) => text === 'a peer lacks what it acked')).toHaveLength(1)
    await given.close()
  })

  test('[L10] a hint beyond what was acked is refused', async () => {
    const given = await givenNode()
    const client = await given.proven()
    client.subscribe(1)
    client.push(note, new Writing(1).insert('abc'))
    await client.hears('changes')
    client.say({ type: 'hint', document: note, seq: 1, snapshot: Uint8Array.of(0, 0) })
    expect(await client.hears('error')).toMatchObject({ code: 'ack-beyond-sent', document: note })
    await given.close()
  })
})

describe('presence', () => {
  const bytes = Uint8Array.of(1, 2, 3)

  test('[NODE-70] presence reaches those who view the document and have no direct link, with its author', async () => {
    const given = await givenNode()
    const [speaker, viewer, neighbour, elsewhere] = [
      await given.proven(),
      await given.proven(),
      await given.proven(),
      await given.proven(),
    ]
    for (const client of [viewer, neighbour])
      client.say({ type: 'viewing', opened: [note], closed: [] })
    elsewhere.say({ type: 'viewing', opened: [document('other')], closed: [] })
    speaker.say({ type: 'neighbours', list: 1, instances: [neighbour.instance] })
    speaker.say({ type: 'presence', document: note, bytes })
    expect(await viewer.hears('presence')).toMatchObject({
      document: note,
      from: speaker.instance,
      bytes,
    })
    await given.world.clock.run(1_000)
    for (const client of [speaker, neighbour, elsewhere]) expect(client.all('presence')).toEqual([])
    await given.close()
  })

  test('[NODE-71] who opens a document later is shown who is there; who closes it hears no more', async () => {
    const given = await givenNode()
    const [speaker, viewer] = [await given.proven(), await given.proven()]
    speaker.say({ type: 'presence', document: note, bytes })
    await given.world.clock.run(100)
    viewer.say({ type: 'viewing', opened: [note], closed: [] })
    await viewer.hears('presence')
    viewer.say({ type: 'viewing', opened: [], closed: [note] })
    await given.world.clock.run(100)
    speaker.say({ type: 'presence', document: note, bytes })
    await given.world.clock.run(1_000)
    expect(viewer.all('presence')).toHaveLength(1)
    await given.close()
  })

  test('[NODE-1] who comes back before its old link is seen to be dead hears hello first', async () => {
    const given = await givenNode()
    const old = await given.proven()
    old.say({ type: 'presence', bytes })
    await given.world.clock.run(100)
    const back = given.client({ instance: old.instance, replica: old.replica })
    back.hello()
    await back.hears('hello')
    await old.isClosed()
    expect(back.heard[0]?.type).toBe('hello')
    expect(back.closed).toBeUndefined()
    await given.close()
  })

  test('[K19] presence of a session that ended is gone at once', async () => {
    const given = await givenNode()
    const [speaker, viewer] = [await given.proven(), await given.proven()]
    viewer.say({ type: 'viewing', opened: [note], closed: [] })
    speaker.say({ type: 'presence', document: note, bytes })
    await viewer.hears('presence')
    speaker.link.close()
    const gone = await viewer.hears('presence')
    expect(gone).toEqual({ type: 'presence', from: speaker.instance, bytes: new Uint8Array(0) })
    await given.close()
  })

  test('[NODE-72] nobody speaks for another, and nobody floods the others', async () => {
    const given = await givenNode({
      limits: { presenceBytesPerSecond: 1_000, presenceBurstBytes: 2_000 },
    })
    const [speaker, viewer] = [await given.proven(), await given.proven()]
    viewer.say({ type: 'viewing', opened: [note], closed: [] })
    const other = idOf('other') as InstanceId
    speaker.say({ type: 'presence', document: note, from: other, bytes })
    expect(await speaker.hears('error')).toMatchObject({ code: 'forbidden' })
    for (let at = 0; at < 100; at++) {
      speaker.say({ type: 'presence', document: note, bytes: new Uint8Array(436) })
    }
    await given.world.clock.run(1_000)
    expect(viewer.all('presence').length).toBeLessThanOrEqual(5)
    expect(given.node.stats().presenceDropped).toBeGreaterThan(90)
    await given.close()
  })
})

test('[NODE-72] what is passed on to many is budgeted by how many they are', async () => {
  const given = await givenNode({
    limits: { presenceDeliveriesPerSecond: 10, presenceDeliveriesBurst: 30 },
  })
  const speaker = await given.proven()
  const others = [await given.proven(), await given.proven(), await given.proven()]
  for (let at = 0; at < 50; at++) speaker.say({ type: 'presence', bytes: Uint8Array.of(at) })
  await given.world.clock.run(500)
  const heard = others.map((other) => other.all('presence').length)
  expect(Math.max(...heard)).toBeLessThanOrEqual(10)
  expect(Math.min(...heard)).toBeGreaterThan(0)
  expect(given.node.stats().presenceDropped).toBeGreaterThan(30)
  // That it has gone reaches them all the same.
  speaker.link.close()
  for (const other of others) {
    await given.until(() => other.all('presence').at(-1)?.bytes.length === 0)
  }
  await given.close()
})

test('[NODE-71] [K11] who opens a document is shown who is there, and nothing is kept of those who left', async () => {
  const given = await givenNode()
  const [one, two, viewer] = [await given.proven(), await given.proven(), await given.proven()]
  const many = Array.from({ length: 70 }, (_, at) => document(`note-${at}`))
  for (const opened of many) {
    one.say({ type: 'presence', document: opened, bytes: Uint8Array.of(1) })
  }
  two.say({ type: 'presence', document: many[69] as DocumentRef, bytes: Uint8Array.of(2) })
  await given.world.clock.run(500)
  viewer.say({ type: 'viewing', opened: many, closed: [] })
  await given.world.clock.run(500)
  // The last 64 of one, and the other's.
  expect(viewer.all('presence')).toHaveLength(65)
  one.link.close()
  two.link.close()
  await given.world.clock.run(500)
  viewer.say({ type: 'viewing', opened: [], closed: many })
  const before = viewer.all('presence').length
  viewer.say({ type: 'viewing', opened: many, closed: [] })
  await given.world.clock.run(500)
  expect(viewer.all('presence')).toHaveLength(before)
  await given.close()
})

function ripe(ref: DocumentRef) {
  return { collection: notes, document: ref, freedRows: 1, freedBytes: 1, gapped: false }
}

/** Builds in this thread. */
const builder: SnapshotBuilder = {
  build: async (source) => buildSnapshot(source),
  close: async () => {},
}

function compactorOf(given: GivenNode): { readonly compactor: Compactor } {
  const { clock } = given.world
  const compactor = createCompactor({ log: given.log, builder, clock, logger: silentLogger })
  return { compactor }
}

function textOf({ content }: MessageOf<'fetched'>): string {
  const doc = new Y.Doc()
  if ('bytes' in content) Y.applyUpdate(doc, content.bytes)
  return doc.getText('body').toJSON()
}
