import { describe, expect, test } from 'vitest'
import type { Cursor, MessageOf, ReplicaId, TermId } from '@holdfast/peer/protocol'
import { givenNode, notes, type GivenNode } from './given-node.js'
import { document, idOf, type ScriptedClient } from './scripted-client.js'
import { Writing } from './edits.js'

const note = document('note-1')

describe('pushing', () => {
  test('[NODE-10] ops are answered when they are durable, with their places, in order', async () => {
    const given = await givenNode()
    const client = await given.proven()
    const writing = new Writing(1)
    const first = client.push(note, writing.insert('a'), writing.insert('b'))
    const second = client.push(note, writing.insert('c'))
    await given.until(() => resultsOf(client).length === 3)
    expect(resultsOf(client)).toEqual(
      [...first, ...second].map((op, at) => ({
        outcome: 'stored',
        op,
        seq: at + 1,
        gapped: false,
      })),
    )
    expect(client.all('committed')[0]?.term).toBe(given.log.term)
    await given.close()
  })

  test('[L36] an op that is pushed again adds no row and is answered', async () => {
    const given = await givenNode()
    const client = await given.proven()
    const bytes = new Writing(1).insert('a')
    const op = client.op()
    const push = {
      type: 'push' as const,
      ops: [{ kind: 'live' as const, op, document: note, bytes }],
    }
    client.say(push)
    await client.hears('committed')
    client.say(push)
    expect((await client.hears('committed')).results).toEqual([
      { outcome: 'contained', op, gapped: false },
    ])
    expect(await given.log.head(notes)).toBe(1)
    await given.close()
  })

  test('[L28] an op that comes by three ways is one entry', async () => {
    const given = await givenNode()
    const [author, carrier, other] = [
      await given.proven(),
      await given.proven(),
      await given.proven(),
    ]
    const bytes = new Writing(1).insert('a')
    const op = author.op()
    for (const client of [carrier, author, other]) {
      client.say({ type: 'push', ops: [{ kind: 'live', op, document: note, bytes }] })
    }
    for (const client of [carrier, author, other]) await client.hears('committed')
    expect(await given.log.head(notes)).toBe(1)
    await given.close()
  })

  test('[L29] anybody may upload an edit whose author is gone', async () => {
    const given = await givenNode()
    const carrier = await given.proven()
    const bytes = new Writing(1).insert('a')
    carrier.say({
      type: 'push',
      ops: [{ kind: 'upload', op: carrier.op(), document: note, bytes }],
    })
    expect((await carrier.hears('committed')).results).toMatchObject([
      { outcome: 'stored', seq: 1 },
    ])
    await given.close()
  })

  test('[L46] a forged op id does not make the archive skip the bytes of the real one', async () => {
    const given = await givenNode()
    const [author, forger] = [await given.proven(), await given.proven()]
    const writing = new Writing(1)
    const op = author.op()
    const forged = { instance: op.instance, n: 1_000 }
    forger.say({
      type: 'push',
      ops: [
        {
          kind: 'live',
          op: forged,
          document: document('other'),
          bytes: new Writing(2).insert('x'),
        },
      ],
    })
    await forger.hears('committed')
    author.say({
      type: 'push',
      ops: [{ kind: 'live', op, document: note, bytes: writing.insert('a') }],
    })
    expect((await author.hears('committed')).results).toMatchObject([{ outcome: 'stored', op }])
    await given.close()
  })

  test('[NODE-11] a refused op does not hold up the others of its push', async () => {
    const given = await givenNode()
    const client = await given.proven()
    const writing = new Writing(1)
    const ops = client.push(note, writing.insert('a'), Uint8Array.of(9, 9, 9), writing.insert('b'))
    await given.until(() => resultsOf(client).length === 2)
    expect(resultsOf(client).map(({ op }) => op)).toEqual([ops[0], ops[2]])
    expect(await client.hears('refused')).toMatchObject({
      results: [{ op: ops[1], code: 'malformed-update' }],
    })
    await given.close()
  })

  test('[NODE-11] an op numbered 0 is refused, not thrown at the log', async () => {
    const given = await givenNode()
    const client = await given.proven()
    const op = { instance: client.instance, n: 0 }
    const bytes = new Writing(1).insert('a')
    client.say({ type: 'push', ops: [{ kind: 'live', op, document: note, bytes }] })
    expect(await client.hears('refused')).toMatchObject({ results: [{ op, code: 'malformed' }] })
    await given.close()
  })

  test('[NODE-12] a tombstone is an entry; what comes after it is refused, what came before is kept', async () => {
    const given = await givenNode()
    const client = await given.proven()
    const reader = await given.proven()
    reader.subscribe(1)
    const writing = new Writing(1)
    const [before, tombstone, after] = [client.op(), client.op(), client.op()]
    client.say({
      type: 'push',
      ops: [
        { kind: 'live', op: before, document: note, bytes: writing.insert('a') },
        { kind: 'tombstone', op: tombstone, document: note },
        { kind: 'live', op: after, document: note, bytes: writing.insert('b') },
      ],
    })
    await given.until(() => resultsOf(client).length === 2)
    expect(resultsOf(client)).toMatchObject([
      { outcome: 'stored', op: before, seq: 1 },
      { outcome: 'stored', op: tombstone, seq: 2 },
    ])
    expect(await client.hears('refused')).toMatchObject({
      results: [{ op: after, code: 'document-deleted' }],
    })
    await given.until(() => reader.entries().length === 2)
    expect(reader.entries()[1]).toMatchObject({ kind: 'tombstone', seq: 2, document: note })
    await given.close()
  })

  test('[K15] a session that pushes more than may wait is refused, told when to retry, and loses nothing', async () => {
    const given = await givenNode({ limits: { maxPushedOps: 10 } })
    const client = await given.proven()
    const writing = new Writing(1)
    const pushed = []
    for (let at = 0; at < 30; at++) pushed.push(...client.push(note, writing.insert('x')))
    await given.until(() => answersOf(client) === 30)
    const refused = client.all('refused')
    expect(
      refused.flatMap(({ results }) => results).every(({ code }) => code === 'rate-limited'),
    ).toBe(true)
    expect(refused.every(({ retryAfterMs }) => (retryAfterMs ?? 0) > 0)).toBe(true)
    expect(resultsOf(client).length).toBeGreaterThanOrEqual(10)
    expect(given.node.stats().pushedBytesWaiting).toBe(0)
    await given.close()
  })
})

describe('streaming', () => {
  test('[NODE-20] behind: entries follow in order, then new ones as they come', async () => {
    const given = await givenNode()
    const [writer, reader] = [await given.proven(), await given.proven()]
    const writing = new Writing(1)
    writer.push(note, writing.insert('a'), writing.insert('b'))
    await writer.hears('committed')
    reader.subscribe(1)
    expect(await reader.hears('subscribed')).toMatchObject({
      subscription: 1,
      outcome: 'behind',
      archive: given.log.archive,
      term: given.log.term,
      head: 2,
    })
    await given.until(() => reader.entries().length === 2)
    writer.push(note, writing.insert('c'))
    await given.until(() => reader.entries().length === 3)
    expectStream(reader, 0, 3)
    await given.close()
  })

  test('[NODE-20] at the head: nothing follows until something is appended', async () => {
    const given = await givenNode()
    const [writer, reader] = [await given.proven(), await given.proven()]
    const writing = new Writing(1)
    writer.push(note, writing.insert('a'))
    await writer.hears('committed')
    reader.subscribe(1, cursorOf(given, 1))
    expect(await reader.hears('subscribed')).toMatchObject({ outcome: 'head', head: 1 })
    await given.world.clock.run(1_000)
    expect(reader.all('changes')).toEqual([])
    writer.push(note, writing.insert('b'))
    await given.until(() => reader.entries().length === 1)
    expectStream(reader, 1, 2)
    await given.close()
  })

  test('[A5] coming back at the head costs at most 300 bytes each way', async () => {
    const given = await givenNode()
    const writer = await given.proven()
    writer.push(note, new Writing(1).insert('a'))
    await writer.hears('committed')
    const reader = given.client()
    const cursor = cursorOf(given, 1)
    reader.hello({ cursors: [cursor] })
    await reader.hears('hello')
    reader.subscribe(1, cursor)
    expect(await reader.hears('subscribed')).toMatchObject({ outcome: 'head' })
    await given.world.clock.run(500)
    const { sentBytes, receivedBytes } = reader.channel.stats()
    expect(sentBytes).toBeLessThanOrEqual(300)
    expect(receivedBytes).toBeLessThanOrEqual(300)
    await given.close()
  })

  test('[L26] ahead of its term, or of a term that this log never saw: told so, and nothing is streamed', async () => {
    const given = await givenNode()
    const reader = await given.proven()
    reader.subscribe(1, cursorOf(given, 5))
    expect(await reader.hears('subscribed')).toMatchObject({ outcome: 'ahead', head: 0 })
    reader.subscribe(2, { ...cursorOf(given, 0), term: idOf('other') as TermId })
    expect(await reader.hears('subscribed')).toMatchObject({ outcome: 'unknown-term' })
    const writer = await given.proven()
    writer.push(note, new Writing(1).insert('a'))
    await writer.hears('committed')
    await given.world.clock.run(1_000)
    expect(reader.all('changes')).toEqual([])
    await given.close()
  })

  test('[L27] a cursor of another archive is of an unknown term here, whatever its term', async () => {
    const given = await givenNode()
    const reader = await given.proven()
    const archive = idOf('elsewhere') as Cursor['archive']
    reader.subscribe(1, { ...cursorOf(given, 0), archive })
    expect(await reader.hears('subscribed')).toMatchObject({ outcome: 'unknown-term' })
    await given.close()
  })

  test('[NODE-21] what is committed while a reader subscribes is neither lost nor doubled', async () => {
    const given = await givenNode()
    const writer = await given.proven()
    const writing = new Writing(1)
    for (let round = 0; round < 20; round++) {
      const reader = await given.proven()
      writer.push(note, writing.insert('a'))
      reader.subscribe(1)
      writer.push(note, writing.insert('b'), writing.insert('c'))
      const head = (round + 1) * 3
      await given.until(() => (reader.entries().at(-1)?.seq ?? 0) >= head)
      expectStream(reader, 0, head)
      reader.channel.close()
    }
    await given.close()
  })

  test('[NODE-22] a new subscription ends the one before; its number must be higher', async () => {
    const given = await givenNode()
    const [writer, reader] = [await given.proven(), await given.proven()]
    const writing = new Writing(1)
    writer.push(note, writing.insert('a'))
    await writer.hears('committed')
    reader.subscribe(3)
    reader.subscribe(7)
    reader.subscribe(7)
    expect(await reader.hears('error')).toMatchObject({ code: 'unexpected-message', request: 7 })
    writer.push(note, writing.insert('b'))
    await given.until(() => reader.entries(7).length === 2)
    expect(reader.entries(3)).toEqual([])
    await given.close()
  })

  test('[NODE-23] one page is put into bytes once for all readers at the head', async () => {
    const given = await givenNode()
    const writer = await given.proven()
    const readers = []
    for (let at = 0; at < 5; at++) {
      const reader = await given.proven()
      reader.subscribe(1)
      await reader.hears('subscribed')
      readers.push(reader)
    }
    const reads = given.node.stats().logReads
    const writing = new Writing(1)
    writer.push(note, writing.insert('a'))
    for (const reader of readers) await reader.hears('changes')
    expect(given.node.stats()).toMatchObject({ livePages: 5, logReads: reads, readersAtHead: 5 })
    await given.close()
  })

  test('[K15] a slow reader holds at most its bound, the others do not wait, and it gets everything', async () => {
    const given = await givenNode({ limits: { recentBytes: 64 * 1024 } })
    const writer = await given.proven()
    const [slow, fast] = [await given.proven(), await given.proven()]
    given.world.network.setPath('archive', slow.name, { bytesPerSecond: 10_000 }, { oneWay: true })
    for (const reader of [slow, fast]) {
      reader.subscribe(1)
      await reader.hears('subscribed')
    }
    const writing = new Writing(1)
    const count = 200
    for (let at = 0; at < count; at++) {
      writer.push(note, writing.insert('x'.repeat(10_000)))
      await given.world.clock.run(20)
    }
    await given.until(() => fast.entries().length === count)
    const { waitingReaders, largestLag } = given.node.stats()
    expect(waitingReaders).toBe(1)
    expect(largestLag).toBeGreaterThan(50)
    // 2 MB were written; what is on its way to the slow one is bounded.
    const pipe = given.world.network.pipeOf(slow.link)
    expect(pipe?.b.bufferedBytes ?? 0).toBeLessThan(1024 * 1024)
    await given.world.clock.run(300_000)
    expect(slow.entries().length).toBe(count)
    expectStream(slow, 0, count)
    expectStream(fast, 0, count)
    await given.close()
  })

  test('[NODE-26] a crowd that reads from the start is served from one reading of the log', async () => {
    const given = await givenNode()
    await writeMany(await given.proven(), 20)
    const readers: ScriptedClient[] = []
    for (let at = 0; at < 8; at++) {
      const reader = await given.proven()
      // Apart from each other as links are.
      const path = { bytesPerSecond: 1_000_000 + at * 50_000 }
      given.world.network.setPath('archive', reader.name, path, { oneWay: true })
      readers.push(reader)
    }
    for (const reader of readers) reader.subscribe(1)
    await given.until(() => readers.every((reader) => reader.entries().length === 20))
    for (const reader of readers) expectStream(reader, 0, 20)
    // Two rows a page, ten pages; by itself each reader would read them all.
    expect(given.node.stats().logReads).toBeLessThanOrEqual(12)
    await given.close()
  })

  test('[NODE-26] for the last of a crowd nothing is kept: it reads by itself', async () => {
    const given = await givenNode()
    await writeMany(await given.proven(), 20)
    const [fast, slow] = [await given.proven(), await given.proven()]
    const path = { bytesPerSecond: 20_000 }
    given.world.network.setPath('archive', slow.name, path, { oneWay: true })
    for (const reader of [slow, fast]) reader.subscribe(1)
    await given.until(() => fast.entries().length === 20)
    const { logReads } = given.node.stats()
    expect(slow.entries().length).toBeLessThan(20)
    await given.until(() => slow.entries().length === 20)
    expect(given.node.stats().logReads).toBeGreaterThan(logReads)
    expectStream(slow, 0, 20)
    await given.close()
  })

  test('[NODE-26] what a crowd is still reading is, once deleted, handed out to nobody new', async () => {
    const given = await givenNode()
    const writer = await given.proven()
    await writeMany(writer, 20)
    const slow = [await given.proven(), await given.proven()]
    for (const reader of slow) {
      given.world.network.setPath('archive', reader.name, { bytesPerSecond: 10_000 })
      reader.subscribe(1)
    }
    await given.until(() => slow.every((reader) => reader.entries().length > 0))
    writer.say({ type: 'push', ops: [{ kind: 'tombstone', op: writer.op(), document: note }] })
    await given.until(() => resultsOf(writer).length === 21)
    const late = await given.proven()
    late.subscribe(1)
    await given.until(() => late.entries().length > 0)
    expect(late.entries()).toMatchObject([{ kind: 'tombstone', seq: 21 }])
    await given.close()
  })

  test('[NODE-26] a page that was the last one does not say so when more has come', async () => {
    const given = await givenNode({ limits: { recentBytes: 0 } })
    const writer = await given.proven()
    await writeMany(writer, 12)
    const [fast, ...slow] = [await given.proven(), await given.proven(), await given.proven()]
    for (const reader of slow) {
      const path = { bytesPerSecond: 20_000 }
      given.world.network.setPath('archive', reader.name, path, { oneWay: true })
    }
    for (const reader of [...slow, fast]) reader.subscribe(1)
    await given.until(() => fast?.entries().length === 12)
    await writeMany(writer, 14)
    await given.until(() => slow.every((reader) => reader.entries().length === 14))
    for (const reader of slow) {
      expectStream(reader, 0, 14)
      const ends = reader.all('changes').filter(({ page }) => page.through === page.head)
      expect(ends.map(({ page }) => page.through)).toEqual([14])
    }
    await given.close()
  })

  test('[NODE-24] a page never overtakes an earlier one that waits in the other lane', async () => {
    const given = await givenNode()
    const [writer, reader] = [await given.proven(), await given.proven()]
    given.world.network.setPath('archive', reader.name, { bytesPerSecond: 200_000 })
    reader.subscribe(1)
    await reader.hears('subscribed')
    const writing = new Writing(1)
    for (let at = 0; at < 6; at++) {
      writer.push(note, writing.insert('x'.repeat(at % 2 === 0 ? 150_000 : 10)))
    }
    await given.until(() => reader.entries().length === 6)
    // Each page begins where the one before ended: none would have been dropped.
    expectStream(reader, 0, 6)
    await given.close()
  })
})

describe('acks and leases', () => {
  test('[L10] an ack beyond what was sent is refused, and moves nothing', async () => {
    const given = await givenNode()
    const [writer, reader] = [await given.proven(), await given.proven()]
    reader.subscribe(1)
    await reader.hears('subscribed')
    writer.push(note, new Writing(1).insert('a'))
    await reader.hears('changes')
    reader.ack(1, 1_000_000_000)
    expect(await reader.hears('error')).toMatchObject({ code: 'ack-beyond-sent', request: 1 })
    reader.ack(1, 1)
    await given.world.clock.run(2_000)
    expect(await given.log.leases.list(notes)).toMatchObject([{ sent: 1, ack: 1, live: true }])
    await given.close()
  })

  test('[L7] a lease stands from the subscription on, at its cursor', async () => {
    const given = await givenNode()
    const [writer, reader] = [await given.proven(), await given.proven()]
    const writing = new Writing(1)
    writer.push(note, writing.insert('a'), writing.insert('b'))
    await writer.hears('committed')
    reader.subscribe(1, cursorOf(given, 1))
    await reader.hears('subscribed')
    expect(await given.log.leases.list(notes)).toMatchObject([
      { replica: reader.replica, instance: reader.instance, ack: 1, live: true },
    ])
    reader.channel.close()
    await given.world.clock.run(1_000)
    expect(await given.log.leases.list(notes)).toMatchObject([{ live: false, active: true }])
    await given.close()
  })

  test('[NODE-30] acks of many are written down together, once a second', async () => {
    const given = await givenNode()
    const [writer, reader] = [await given.proven(), await given.proven()]
    reader.subscribe(1)
    await reader.hears('subscribed')
    const writing = new Writing(1)
    for (let at = 1; at <= 10; at++) {
      writer.push(note, writing.insert('a'))
      await given.until(() => (reader.entries().at(-1)?.seq ?? 0) >= at)
      reader.ack(1, at)
    }
    expect((await given.log.leases.list(notes))[0]?.ack).toBe(0)
    await given.world.clock.run(1_500)
    expect((await given.log.leases.list(notes))[0]?.ack).toBe(10)
    await given.close()
  })

  test('[NODE-33] a link that stands is a sign of life, also of a reader that acks nothing', async () => {
    const given = await givenNode({ policy: { peerTimeoutMs: 3_600_000 } })
    const reader = await given.proven()
    reader.subscribe(1)
    await reader.hears('subscribed')
    await given.world.clock.run(3 * 3_600_000)
    expect(await given.log.leases.list(notes)).toMatchObject([{ live: true, active: true }])
    reader.channel.close()
    await given.world.clock.run(3 * 3_600_000)
    expect(await given.log.leases.list(notes)).toMatchObject([{ live: false, active: false }])
    await given.close()
  })

  test('[NODE-31] a new instance beside a live one of its replica is told to mint a new replica id', async () => {
    const given = await givenNode()
    const replica = idOf('cloned') as ReplicaId
    const [one, two] = [await given.proven({ replica }), await given.proven({ replica })]
    one.subscribe(1)
    await one.hears('subscribed')
    two.subscribe(1)
    expect((await two.isClosed()).code).toBe('replica-in-use')
    expect(two.all('error')).toMatchObject([{ code: 'replica-in-use', request: 1 }])
    one.channel.close()
    await given.world.clock.run(1_000)
    const three = await given.proven({ replica })
    three.subscribe(1)
    await three.hears('subscribed')
    expect(await given.log.leases.list(notes)).toMatchObject([{ instance: three.instance }])
    await given.close()
  })

  test('[NODE-32] an instance that comes back takes over from its old link, and its lease stays live', async () => {
    const given = await givenNode()
    const old = await given.proven()
    old.subscribe(1)
    await old.hears('subscribed')
    const again = given.client({ instance: old.instance, replica: old.replica })
    again.hello()
    await again.hears('hello')
    again.subscribe(1)
    await again.hears('subscribed')
    expect((await old.isClosed()).code).toBe('going-away')
    await given.world.clock.run(2_000)
    expect(await given.log.leases.list(notes)).toMatchObject([{ live: true }])
    await given.close()
  })
})

describe('places', () => {
  test('[NODE-40] the author gets the place of its own op, and so do the neighbours that it names', async () => {
    const given = await givenNode()
    const [author, near, far] = [await given.proven(), await given.proven(), await given.proven()]
    for (const client of [author, near, far]) {
      client.subscribe(1)
      await client.hears('subscribed')
    }
    author.say({ type: 'neighbours', list: 4, instances: [idOf('gone') as never, near.instance] })
    const op = author.op()
    const bytes = new Writing(1).insert('a')
    author.say({
      type: 'push',
      reached: { list: 4, neighbours: [0, 1] },
      ops: [{ kind: 'live', op, document: note, bytes }],
    })
    for (const client of [author, near, far]) await client.hears('changes')
    expect(author.entries()).toMatchObject([{ kind: 'place', seq: 1 }])
    expect(near.entries()).toEqual(author.entries())
    expect(far.entries()).toMatchObject([{ kind: 'row', seq: 1, op }])
    await given.close()
  })

  test('[A12] an edit that the mesh has delivered costs a reader at most 32 bytes', async () => {
    const given = await givenNode()
    const [author, near] = [await given.proven(), await given.proven()]
    near.subscribe(1)
    await near.hears('subscribed')
    author.say({ type: 'neighbours', list: 1, instances: [near.instance] })
    const writing = new Writing(1)
    const place = { list: 1, neighbours: [0] }
    for (let at = 0; at < 50; at++) {
      const before = near.channel.stats().receivedBytes
      const bytes = writing.insert('x'.repeat(100))
      const op = author.op()
      author.say({
        type: 'push',
        reached: place,
        ops: [{ kind: 'live', op, document: note, bytes }],
      })
      await near.hears('changes')
      expect(near.channel.stats().receivedBytes - before).toBeLessThanOrEqual(32)
    }
    expect(near.entries().every(({ kind }) => kind === 'place')).toBe(true)
    await given.close()
  })

  test('[NODE-40] positions of an older list are dropped', async () => {
    const given = await givenNode()
    const [author, near] = [await given.proven(), await given.proven()]
    near.subscribe(1)
    await near.hears('subscribed')
    author.say({ type: 'neighbours', list: 4, instances: [near.instance] })
    author.say({ type: 'neighbours', list: 5, instances: [near.instance] })
    author.say({
      type: 'push',
      reached: { list: 4, neighbours: [0] },
      ops: [{ kind: 'live', op: author.op(), document: note, bytes: new Writing(1).insert('a') }],
    })
    await near.hears('changes')
    expect(near.entries()).toMatchObject([{ kind: 'row' }])
    await given.close()
  })
})

function cursorOf(given: GivenNode, seq: number): Cursor {
  return { archive: given.log.archive, term: given.log.term, seq }
}

function resultsOf(client: ScriptedClient): MessageOf<'committed'>['results'] {
  return client.all('committed').flatMap(({ results }) => results)
}

function answersOf(client: ScriptedClient): number {
  return resultsOf(client).length + client.all('refused').flatMap(({ results }) => results).length
}

/** Pages that each begin where the one before ended, and name each seq once. */
/** Rows of 110 kB of one document, until the log has so many. */
async function writeMany(writer: ScriptedClient, count: number): Promise<void> {
  const stored = resultsOf(writer).length
  for (let at = stored; at < count; at++) {
    writer.push(note, new Writing(at + 1).insert('x'.repeat(110_000)))
    // A channel holds a mebibyte of what is pushed.
    while (resultsOf(writer).length <= at) await writer.hears('committed')
  }
}

function expectStream(reader: ScriptedClient, after: number, head: number): void {
  let position = after
  for (const { page } of reader.all('changes')) {
    expect(page.after).toBe(position)
    position = page.through
  }
  expect(position).toBe(head)
  expect(reader.entries().map(({ seq }) => seq)).toEqual(
    Array.from({ length: head - after }, (_, at) => after + at + 1),
  )
}

test('[NODE-25] who lacks much is told about how many bytes, who lacks little nothing; documents are counted once', async () => {
  let counted = 0
  const given = await givenNode()
  const documents: typeof given.log.documents = given.log.documents.bind(given.log)
  given.log.documents = (query) => {
    counted++
    return documents(query)
  }
  const author = await given.proven()
  const writing = new Writing(1)
  let bytes = 0
  for (let at = 0; at < 20; at++) {
    const updates = Array.from({ length: 20 }, () => writing.insert('x'.repeat(50)))
    bytes += updates.reduce((sum, update) => sum + update.length, 0)
    author.push(note, ...updates)
  }
  await given.until(() => resultsOf(author).length === 400)
  const about = async (seq: number): Promise<number> => {
    const reader = await given.proven()
    const { archive, term } = given.log
    reader.subscribe(1, seq === 0 ? undefined : { archive, term, seq })
    return (await reader.hears('subscribed')).aboutBytes
  }
  const all = await about(0)
  expect(all).toBeGreaterThan(bytes * 0.9)
  expect(all).toBeLessThan(bytes * 1.1)
  const most = await about(100)
  expect(most).toBeGreaterThan(bytes * 0.6)
  expect(most).toBeLessThan(bytes * 0.9)
  expect(await about(399)).toBe(0)
  expect(counted).toBe(1)
  await given.world.clock.run(11_000)
  await about(0)
  expect(counted).toBe(2)
  await given.close()
})
