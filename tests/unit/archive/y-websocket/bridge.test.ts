import { afterEach, describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { LogError, type AppendOp, type Log } from '@holdfast/archive'
import type { Sync } from '@holdfast/archive/testing'
import type { InstanceId } from '@holdfast/peer/protocol'
import { first, GivenBridge, notes, presenceOf, type GivenBridgeOptions } from './given-bridge.js'

let given: GivenBridge | undefined

afterEach(async () => {
  await given?.close()
  given = undefined
})

async function bridge(options: GivenBridgeOptions = {}): Promise<GivenBridge> {
  given = await GivenBridge.create(options)
  return given
}

const document = { id: first, generation: 0 }

describe('edits', () => {
  test('[YWS-7] an edit of a client is an entry of the log, and a peer reaches the client', async () => {
    const given = await bridge()
    const client = given.client()
    await given.until(() => client.isSynced)
    client.text.insert(0, 'from y-websocket')
    await given.until(() => client.socket.bufferedBytes === 0)
    const page = await given.log.read({
      collection: notes,
      after: 0,
      maxBytes: 1_000_000,
      maxEntries: 10,
    })
    expect(page.entries).toMatchObject([{ kind: 'row', seq: 1, document }])

    const peer = new Y.Doc()
    Y.applyUpdate(peer, Y.encodeStateAsUpdate(client.doc))
    const before = Y.encodeStateVector(peer)
    peer.getText('body').insert(0, 'and a peer ')
    const op: AppendOp = {
      collection: notes,
      document,
      kind: 'live',
      id: { instance: 'ab'.repeat(16) as InstanceId, n: 1 },
      bytes: Y.encodeStateAsUpdate(peer, before),
    }
    expect(await given.log.append([op])).toMatchObject([{ status: 'committed', seq: 2 }])
    await given.until(() => client.words === 'and a peer from y-websocket')
  })

  test('[YWS-2] a change is told when it is durable, and not to the one who made it', async () => {
    const disk = new StallingDisk()
    const given = await bridge({ sync: disk.sync })
    const a = given.client()
    const b = given.client()
    await given.until(() => a.isSynced && b.isSynced)
    const toldA = a.heard.length
    disk.stall()
    a.text.insert(0, 'soon')
    await given.clock.settle()
    expect(disk.isWaitedFor).toBe(true)
    expect(b.words).toBe('')
    disk.goOn()
    await given.until(() => b.words === 'soon')
    expect(a.heard.length).toBe(toldA)
  })

  test('[YWS-2] the same bytes from two clients reach the third once', async () => {
    const given = await bridge()
    const doc = new Y.Doc()
    doc.getText('body').insert(0, 'once')
    const copy = new Y.Doc()
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc))
    const reader = given.client({ access: 'read' })
    await given.until(() => reader.isSynced)
    given.client({ doc })
    given.client({ doc: copy })
    await given.until(() => reader.words === 'once')
    expect(await given.log.head(notes)).toBe(1)
  })

  test('[L54] what belongs to a deleted generation is refused, and its holder learns nothing of the next', async () => {
    // Answers are quick, judging takes a while.
    const given = await bridge({
      wrap: (log) => ({
        ...delegate(log),
        touchesDeleted: async (...asked) => {
          await new Promise<void>((resolve) => void given.clock.after(50, resolve))
          return log.touchesDeleted(...asked)
        },
      }),
    })
    const old = new Y.Doc()
    await given.write(old, (text) => text.insert(0, 'first life'))
    await given.log.delete(notes, document)
    const next = given.client()
    await given.until(() => next.isSynced)
    expect(next.words).toBe('')
    next.text.insert(0, 'second life')

    const late = given.client({ doc: old })
    await given.until(() => late.socket.closed !== undefined)
    expect(late.socket.closed).toEqual({ code: 4437, reason: 'document-deleted' })
    expect(late.words).toBe('first life')
    expect(late.isSynced).toBe(false)

    const other = given.client()
    await given.until(() => other.words === 'second life')
    expect(next.socket.closed).toBeUndefined()
  })

  test('[L54] deleting a document closes its clients for good, also those that are just coming', async () => {
    const given = await bridge()
    const old = new Y.Doc()
    await given.write(old, (text) => text.insert(0, 'first life'))
    const here = given.client()
    await given.until(() => here.words === 'first life')
    const deleting = given.log.delete(notes, document)
    const coming = given.client({ doc: old })
    await deleting
    await given.until(() => here.socket.closed !== undefined && coming.socket.closed !== undefined)
    expect([here.socket.closed?.code, coming.socket.closed?.code]).toEqual([4437, 4437])
    expect((await given.log.latest(notes, first))?.deleted).toBe(true)
  })

  test('[YWS-12] when the disk is full writers are closed, and come back with what they hold', async () => {
    let isFull = false
    const given = await bridge({
      wrap: (log) => ({
        ...delegate(log),
        append: (ops) =>
          isFull ? Promise.reject(new LogError('storage-full', 'full')) : log.append(ops),
      }),
    })
    const client = given.client()
    await given.until(() => client.isSynced)
    isFull = true
    client.text.insert(0, 'kept')
    await given.until(() => client.socket.closed !== undefined)
    expect(client.socket.closed).toEqual({ code: 4538, reason: 'storage-full' })
    isFull = false
    given.client({ doc: client.doc })
    const other = given.client()
    await given.until(() => other.words === 'kept')
  })

  test('[YWS-12] a document that cannot be read closes its clients until later', async () => {
    const given = await bridge({
      wrap: (log) => ({
        ...delegate(log),
        state: () => Promise.reject(new LogError('storage-failed', 'gone')),
      }),
    })
    const client = given.client()
    await given.until(() => client.socket.closed !== undefined)
    expect(client.socket.closed?.code).toBe(4539)
  })
})

describe('a reader that takes little', () => {
  test('[YWS-8] is sent nothing more above the limit, and goes on from what it was given', async () => {
    const given = await bridge({ limits: { maxBufferedBytes: 10_000 } })
    const doc = new Y.Doc()
    const slow = given.client({ access: 'read' })
    const quick = given.client({ access: 'read' })
    await given.until(() => slow.isSynced && quick.isSynced)
    slow.socket.isSlow = true
    for (let at = 0; at < 100; at++)
      await given.write(doc, (text) => text.insert(0, 'x'.repeat(1_000)))
    await given.until(() => quick.words.length === 100_000)
    // One message may begin below the limit and end above it, and a sign of life goes with it.
    expect(slow.socket.largestBuffer).toBeLessThan(10_000 + 1_200)
    expect(given.bridge.counters.behind).toBe(1)
    // While the rest is on its way there is more news.
    slow.socket.flush()
    await given.clock.settle()
    await given.write(doc, (text) => text.delete(0, 50_000))
    slow.socket.isSlow = false
    slow.socket.flush()
    await given.until(() => slow.words.length === 50_000)
    expect(Y.encodeSnapshot(Y.snapshot(slow.doc))).toEqual(Y.encodeSnapshot(Y.snapshot(doc)))
    await given.write(doc, (text) => text.insert(0, 'live again '))
    await given.until(() => slow.words.startsWith('live again '))
    expect(given.bridge.counters).toMatchObject({ behind: 0, fellBehind: 1 })
    expect(slow.socket.closed).toBeUndefined()
  })

  test('[YWS-8] misses nothing that is written while it is first answered', async () => {
    const given = await bridge()
    const doc = new Y.Doc()
    await given.write(doc, (text) => text.insert(0, 'before'))
    const slow = given.client({ access: 'read' })
    slow.socket.isSlow = true
    await given.until(() => slow.socket.bufferedBytes > 0)
    await given.write(doc, (text) => text.insert(6, ', during'))
    expect(slow.words).toBe('')
    slow.socket.isSlow = false
    slow.socket.flush()
    await given.until(() => slow.words === 'before, during')
    await given.write(doc, (text) => text.insert(text.length, ', after'))
    await given.until(() => slow.words === 'before, during, after')
  })

  test('[YWS-8] is closed until later when it takes nothing at all', async () => {
    const given = await bridge({ limits: { slowReaderMs: 30_000 } })
    await given.write(new Y.Doc(), (text) => text.insert(0, 'never read'))
    const stuck = given.client({ access: 'read' })
    stuck.socket.isSlow = true
    await given.until(() => stuck.socket.bufferedBytes > 0)
    // It shows signs of life all the while.
    const undo = setPongs(given, stuck.socket.listener)
    await given.clock.run(29_000)
    expect(stuck.socket.closed).toBeUndefined()
    await given.clock.run(2_000)
    expect(stuck.socket.closed).toEqual({ code: 4508, reason: 'slow-reader' })
    undo()
  })

  test('[YWS-14] whole states that wait in sockets are bounded together', async () => {
    const given = await bridge({ limits: { maxStateBytes: 50_000 } })
    await given.write(new Y.Doc(), (text) => text.insert(0, 'x'.repeat(20_000)))
    // Each holds something of its own, and so asks for something else.
    const stuck = Array.from({ length: 20 }, () => {
      const doc = new Y.Doc()
      doc.getText('own').insert(0, 'mine')
      return given.client({ access: 'read', doc })
    })
    for (const client of stuck) client.socket.isSlow = true
    await given.clock.run(1_000)
    const waiting = (): number => stuck.reduce((sum, { socket }) => sum + socket.bufferedBytes, 0)
    // What is being read when the limit is reached comes on top.
    expect(waiting()).toBeGreaterThan(50_000)
    expect(waiting()).toBeLessThan(50_000 + 5 * 21_000)
    for (const client of stuck) {
      client.socket.isSlow = false
      client.socket.flush()
    }
    await given.until(() => stuck.every(({ isSynced }) => isSynced))
  })
})

test('[YWS-14] what many ask for at once is read once, and once more after a change', async () => {
  let reads = 0
  const given = await bridge({
    wrap: (log) => ({
      ...delegate(log),
      state: async (...asked) => {
        reads++
        await new Promise<void>((resolve) => void given.clock.after(50, resolve))
        return log.state(...asked)
      },
    }),
  })
  const doc = new Y.Doc()
  await given.write(doc, (text) => text.insert(0, 'for all'))
  const slow = given.client({ access: 'read' })
  slow.socket.isSlow = true
  await given.until(() => slow.socket.bufferedBytes > 0)
  const some = Array.from({ length: 30 }, () => given.client({ access: 'read' }))
  await given.until(() => some.every(({ words }) => words === 'for all'))
  // The room itself needs no bytes.
  expect(reads).toBe(1)
  await given.write(doc, (text) => text.insert(0, 'new '))
  const others = Array.from({ length: 30 }, () => given.client({ access: 'read' }))
  await given.until(() => others.every(({ words }) => words === 'new for all'))
  expect(reads).toBe(2)
  slow.socket.isSlow = false
  slow.socket.flush()
  await given.until(
    () => slow.words === 'new for all' && some.every(({ words }) => words === 'new for all'),
  )
})

describe('large updates', () => {
  test('[YWS-15] [K13] what they hold is told by the log: nothing large is read where everybody waits', async () => {
    let asked = 0
    const given = await bridge({
      wrap: (log) => ({
        ...delegate(log),
        ids: (...about) => {
          asked++
          return log.ids(...about)
        },
      }),
    })
    const doc = new Y.Doc()
    await given.write(doc, (text) => text.insert(0, 'x'.repeat(300_000)))
    const [reader, ...others] = [1, 2].map(() => given.client({ access: 'read' }))
    await given.until(() => reader?.words.length === 300_000 && others[0]?.isSynced === true)
    expect(asked).toBe(1)
    for (let at = 0; at < 20; at++) await given.write(doc, (text) => text.insert(0, 'small '))
    await given.until(() => reader?.words.length === 300_120)
    expect(asked).toBe(1)
    await given.write(doc, (text) => text.insert(0, 'y'.repeat(100_000)))
    await given.until(() => reader?.words.length === 400_120)
    expect(asked).toBe(2)
    await given.clock.settle()
    // Whoever writes is asked for what the document lacks beyond all of it.
    const socket = given.socket()
    let vector: Map<number, number> | undefined
    socket.onArrived = ([type, step, ...bytes]) => {
      if (type === 0 && step === 0) vector = Y.decodeStateVector(Uint8Array.from(bytes.slice(1)))
    }
    await given.until(() => vector !== undefined)
    expect(vector).toEqual(Y.decodeStateVector(Y.encodeStateVector(doc)))
  })

  test('[YWS-15] [YWS-8] a log that knows more than was told makes nobody miss it', async () => {
    const given = await bridge({
      limits: { maxBufferedBytes: 10_000 },
      // Everything is told half a second after it is durable.
      wrap: (log) => ({
        ...delegate(log),
        onCommit: (listener) =>
          log.onCommit((commit) => void given.clock.after(500, () => listener(commit))),
      }),
    })
    const doc = new Y.Doc()
    const reader = given.client({ access: 'read' })
    await given.until(() => reader.isSynced)
    await given.write(doc, (text) => text.insert(0, 'x'.repeat(100_000)))
    await given.clock.run(200)
    await given.write(doc, (text) => text.insert(0, 'told later '))
    // Between the telling of the one and of the other.
    await given.clock.run(400)
    expect(reader.words).toHaveLength(100_000)
    reader.socket.isSlow = true
    reader.socket.send(new Uint8Array(20_000).fill(1, 0, 1))
    await given.clock.run(400)
    expect(given.bridge.counters.behind).toBe(1)
    reader.socket.isSlow = false
    reader.socket.flush()
    await given.until(() => reader.words.startsWith('told later '))
  })
})

describe('a client that sends much', () => {
  test('[YWS-9] is not read while the log has too much of it', async () => {
    const disk = new StallingDisk()
    const given = await bridge({ limits: { maxPendingBytes: 50_000 }, sync: disk.sync })
    const client = given.client()
    await given.until(() => client.isSynced)
    disk.stall()
    for (let at = 0; at < 45; at++) client.text.insert(0, 'x'.repeat(1_000))
    await given.clock.settle()
    expect(client.socket.isPaused).toBe(false)
    for (let at = 0; at < 10; at++) client.text.insert(0, 'x'.repeat(1_000))
    await given.clock.settle()
    expect(client.socket.isPaused).toBe(true)
    disk.goOn()
    await given.until(() => !client.socket.isPaused)
    const other = given.client()
    await given.until(() => other.words.length === 55_000)
  })

  test('[YWS-9] above the rate it is read later, and loses nothing', async () => {
    const given = await bridge({ limits: { messagesPerSecond: 10, messageBurst: 20 } })
    const client = given.client()
    await given.until(() => client.isSynced)
    for (let at = 0; at < 40; at++) client.text.insert(0, 'x')
    expect(client.socket.isPaused).toBe(true)
    await given.clock.run(1_000)
    expect(client.socket.isPaused).toBe(true)
    await given.clock.run(3_000)
    expect(client.socket.isPaused).toBe(false)
    const other = given.client()
    await given.until(() => other.words.length === 40)
  })
})

describe('a client that says nothing', () => {
  test('[YWS-10] is told something, asked, and closed if it does not answer', async () => {
    const given = await bridge()
    const client = given.client()
    await given.until(() => client.isSynced)
    const heard = client.heard.length
    await given.clock.run(14_000)
    expect(client.heard.slice(heard)).toEqual([1])
    expect(client.socket.pings).toBe(0)
    await given.clock.run(20_000)
    expect(client.socket.pings).toBe(1)
    client.socket.listener?.onPong()
    await given.clock.run(50_000)
    expect(client.socket.closed).toBeUndefined()
    await given.clock.run(12_000)
    expect(client.socket.closed).toEqual({ code: 4507, reason: 'timeout' })
  })

  test('[YWS-6] is closed when its token ends', async () => {
    const given = await bridge()
    const client = given.client({ expiresAtMs: given.clock.now() + 5_000 })
    await given.clock.run(4_000)
    expect(client.socket.closed).toBeUndefined()
    await given.clock.run(2_000)
    expect(client.socket.closed).toEqual({ code: 4521, reason: 'token-expired' })
  })
})

describe('presence', () => {
  test('[YWS-4] what is not newer is told to nobody', async () => {
    const given = await bridge()
    const [a, b] = [given.client(), given.client()]
    await given.until(() => a.isSynced && b.isSynced)
    const told = (): number => b.heard.filter((type) => type === 1).length
    a.socket.say(presenceOf([7, 1, { name: 'ada' }]))
    await given.clock.settle()
    expect(told()).toBe(1)
    // As every client of y-websocket does with what it hears.
    b.socket.say(presenceOf([7, 1, { name: 'ada' }]))
    b.socket.say(presenceOf([7, 1, null]))
    a.socket.say(presenceOf([7, 0, { name: 'older' }]))
    await given.clock.settle()
    expect(told()).toBe(1)
    a.socket.say(presenceOf([7, 1, null]))
    await given.clock.settle()
    expect(told()).toBe(2)
    // An echo of what was does not bring it back.
    b.socket.say(presenceOf([7, 1, { name: 'ada' }]))
    await given.clock.settle()
    expect(told()).toBe(2)
  })

  test('[YWS-13] is bounded in clients and bytes, and forgotten', async () => {
    const given = await bridge({ limits: { maxPresences: 8, maxPresenceBytes: 1_000 } })
    const [a, b] = [given.client(), given.client()]
    await given.until(() => a.isSynced && b.isSynced)
    for (let client = 0; client < 100; client++)
      a.socket.say(presenceOf([client, 1, { at: client }]))
    await given.clock.settle()
    expect(b.heard.filter((type) => type === 1).length).toBe(8)
    a.socket.hangUp()
    await given.clock.settle()
    expect(b.heard.filter((type) => type === 1).length).toBe(9)
    // Those who are gone are remembered for a while, then there is room again.
    await given.clock.run(30_000)
    b.socket.listener?.onPong()
    await given.clock.run(32_000)
    const c = given.client()
    await given.until(() => c.isSynced)
    const before = b.heard.filter((type) => type === 1).length
    c.socket.say(presenceOf([1_000, 1, { is: 'new' }]))
    await given.clock.settle()
    expect(b.heard.filter((type) => type === 1).length).toBe(before + 1)
    c.socket.say(presenceOf([1_000, 2, { is: 'x'.repeat(2_000) }]))
    await given.until(() => c.socket.closed !== undefined)
    expect(c.socket.closed?.code).toBe(4404)
  })
})

test('[YWS-13] presence that is told to many is budgeted by how many they are, and none is too large to be read', async () => {
  const limits = { presenceDeliveriesPerSecond: 30, presenceDeliveriesBurst: 30 }
  const given = await bridge({ limits })
  const [a, b, c] = [given.client(), given.client(), given.client()]
  await given.until(() => [a, b, c].every(({ isSynced }) => isSynced))
  const told = (): number => b.heard.filter((type) => type === 1).length
  const before = told()
  for (let at = 1; at <= 100; at++) a.socket.say(presenceOf([7, at, { at }]))
  await given.clock.settle()
  expect(told() - before).toBe(10)
  // A newcomer is shown the last of it.
  const late = given.client()
  await given.until(() => late.heard.includes(1))
  await given.clock.run(1_000)
  a.socket.say(presenceOf([7, 101, { at: 101 }]))
  await given.clock.settle()
  expect(told() - before).toBe(11)

  const states = Array.from({ length: 30 }, (_, client) => {
    const state = { is: 'x'.repeat(40_000) }
    return [client, 1, state] as const
  })
  c.socket.say(presenceOf(...states))
  await given.until(() => c.socket.closed !== undefined)
  expect(c.socket.closed?.code).toBe(4404)
})

test('[YWS-9] [K20] who is paused for talking too fast leaves no timer behind', async () => {
  const given = await bridge({ limits: { messagesPerSecond: 1, messageBurst: 2 } })
  const client = given.client()
  await given.until(() => client.isSynced)
  for (let at = 1; at <= 20; at++) client.socket.say(presenceOf([7, at, { at }]))
  expect(client.socket.isPaused).toBe(true)
  client.socket.hangUp()
  await given.clock.run(1_000)
  expect(given.clock.pendingTasks).toBe(0)
})

test('[YWS-13] nothing is kept of documents that nobody has open', async () => {
  const given = await bridge()
  const clients = Array.from({ length: 30 }, (_, at) => given.client({ document: `d${at % 10}` }))
  await given.until(() => clients.every(({ isSynced }) => isSynced))
  expect(given.bridge.counters).toMatchObject({ sockets: 30, documents: 10 })
  for (const client of clients) client.socket.hangUp()
  expect(given.bridge.counters).toMatchObject({ sockets: 0, documents: 0 })
  // The timer goes with the last of them.
  await given.clock.run(2_000)
  expect(given.clock.pendingTasks).toBe(0)
})

test('[K14] sockets of one document are limited', async () => {
  const given = await bridge({ limits: { maxSocketsPerDocument: 3 } })
  const clients = Array.from({ length: 4 }, () => given.client())
  await given.until(() => clients[3]?.socket.closed !== undefined)
  expect(clients.map(({ socket }) => socket.closed?.code)).toEqual([
    undefined,
    undefined,
    undefined,
    4506,
  ])
})

/** A disk that can be made to keep everybody waiting. */
class StallingDisk {
  #waiting: (() => void)[] | undefined

  readonly sync: Sync = async (persist) => {
    const waiting = this.#waiting
    if (waiting !== undefined) await new Promise<void>((resolve) => waiting.push(resolve))
    persist()
  }

  get isWaitedFor(): boolean {
    return (this.#waiting?.length ?? 0) > 0
  }

  stall(): void {
    this.#waiting = []
  }

  goOn(): void {
    for (const resolve of this.#waiting?.splice(0) ?? []) resolve()
    this.#waiting = undefined
  }
}

/** Signs of life while the socket takes nothing. */
function setPongs(given: GivenBridge, listener: { onPong(): void } | undefined): () => void {
  let undo = given.clock.after(5_000, again)
  return () => undo()

  function again(): void {
    listener?.onPong()
    undo = given.clock.after(5_000, again)
  }
}

/** A log by its members, so that one can be replaced. */
function delegate(log: Log): Log {
  return {
    archive: log.archive,
    term: log.term,
    leases: log.leases,
    compaction: log.compaction,
    append: (ops) => log.append(ops),
    delete: (collection, document) => log.delete(collection, document),
    read: (request) => log.read(request),
    locate: (collection, cursor) => log.locate(collection, cursor),
    head: (collection) => log.head(collection),
    onCommit: (listener) => log.onCommit(listener),
    state: (collection, document, vector, form) => log.state(collection, document, vector, form),
    ids: (collection, document) => log.ids(collection, document),
    collections: (request) => log.collections(request),
    documents: (request) => log.documents(request),
    latest: (collection, id) => log.latest(collection, id),
    touchesDeleted: (collection, id, update) => log.touchesDeleted(collection, id, update),
    gaps: (collection, limit) => log.gaps(collection, limit),
    quarantined: (limit) => log.quarantined(limit),
    statistics: () => log.statistics(),
    close: () => log.close(),
  }
}
