import { hashedOfOp, hexOf, type OpHash } from '@holdfast/peer/protocol'
import { digest as sha256 } from 'lib0/hash/sha256'
import { describe, expect, test } from 'vitest'
import { givenConnection } from './given-connection.js'
import { document } from './scripted-archive.js'
import { written } from './updates.js'

describe('streaming', () => {
  test('[L14] a cursor is acked after it is durable together with its rows, gathered, and only upwards', async () => {
    const { world, archive, ledger, disk, live } = givenConnection()
    await live()
    ledger.hold()
    archive.page(0, [archive.row(1, 'note', written('a', 1))], 1)
    await world.run(5_000)
    expect(archive.all('ack')).toEqual([])
    expect(disk.positions.get(archive.archive)?.cursor.seq).toBe(0)
    ledger.release()
    const ack = await archive.hears('ack')
    expect(ack.seq).toBe(1)
    expect(ledger.text('note')).toBe('a')
    for (let seq = 2; seq <= 6; seq++) {
      archive.page(seq - 1, [archive.row(seq, 'note', written('b', seq))], seq)
      await world.run(20)
    }
    expect((await archive.hears('ack', 2)).seq).toBe(6)
    await world.run(5_000)
    expect(archive.all('ack')).toHaveLength(2)
  })

  test('[L51] what a page moves takes the term of the opening that sent it', async () => {
    const { world, archive, disk, cut, live } = givenConnection()
    await live()
    archive.page(0, [archive.row(1, 'note', written('a', 1))], 1)
    await archive.hears('ack')
    const old = archive.term
    expect(disk.positions.get(archive.archive)?.cursor.term).toBe(old)
    cut()
    archive.newTerm()
    archive.knows = () => true
    await archive.hears('subscribe', 2)
    expect(archive.last('subscribe').cursor?.term).toBe(old)
    archive.page(1, [archive.row(2, 'note', written('b', 2))], 2)
    await world.until(() => disk.positions.get(archive.archive)?.cursor.seq === 2)
    expect(disk.positions.get(archive.archive)?.cursor.term).toBe(archive.term)
  })

  test('[CONN-24] [L51] an opening that has nothing to send is told to the ledger like one that sends a page', async () => {
    const { world, archive, disk, cut, live, connection } = givenConnection()
    await live()
    archive.head = 1
    archive.page(0, [archive.row(1, 'note', written('a', 1))], 1)
    await archive.hears('ack')
    cut()
    archive.newTerm()
    archive.knows = () => true
    await archive.hears('subscribe', 2)
    await world.until(() => disk.positions.get(archive.archive)?.cursor.term === archive.term)
    expect(disk.positions.get(archive.archive)).toMatchObject({
      cursor: { seq: 1 },
      isWhole: true,
    })
    await world.until(() => connection.state.phase === 'live')
    expect(archive.all('subscribe')).toHaveLength(2)
  })

  test('[CONN-3] a cursor on its way is shown only to the opening that gave it', async () => {
    const { world, archive, disk, cut, live } = givenConnection()
    await live()
    archive.head = 9
    archive.page(0, [archive.row(1, 'note', written('a', 1))], 5)
    await world.until(() => disk.positions.get(archive.archive)?.cursor.seq === 5)
    expect(disk.positions.get(archive.archive)?.isWhole).toBe(false)
    cut()
    // The same opening: it goes on.
    await archive.hears('subscribe', 2)
    expect(archive.last('subscribe').cursor).toEqual({
      archive: archive.archive,
      term: archive.term,
      seq: 5,
    })
    const terms = [archive.term]
    archive.newTerm()
    cut()
    // Another one: it asks so that it is told to compare.
    const subscribe = await archive.hears('subscribe', 3)
    expect(subscribe.cursor?.archive).toBe(archive.archive)
    expect([...terms, archive.term]).not.toContain(subscribe.cursor?.term)
    await archive.hears('summary')
  })

  test('[CONN-3] a log that was opened anew between hello and subscribe is not believed to go on', async () => {
    const { world, archive, disk, cut, live } = givenConnection()
    await live()
    archive.head = 9
    archive.page(0, [archive.row(1, 'note', written('a', 1))], 5)
    await world.until(() => disk.positions.get(archive.archive)?.cursor.seq === 5)
    archive.answersSubscribe = false
    cut()
    await archive.hears('subscribe', 2)
    archive.newTerm()
    archive.subscribed('behind')
    const subscribe = await archive.hears('subscribe', 3)
    archive.subscribed('unknown-term')
    await archive.hears('summary')
    expect(subscribe.cursor?.term).not.toBe(archive.term)
  })

  test('[L27] each archive is shown the cursor that it gave itself', async () => {
    const { world, archive, disk, cut, live } = givenConnection()
    await live()
    archive.page(0, [archive.row(1, 'note', written('a', 1))], 1)
    await archive.hears('ack')
    // Behind the same address is another archive now.
    const other = givenConnection({ seed: 'another' }).archive.archive
    const first = archive.archive
    Object.assign(archive, { archive: other, head: 0 })
    archive.newTerm()
    cut()
    const subscribe = await archive.hears('subscribe', 2)
    expect(subscribe.cursor).toBeUndefined()
    await world.run(1_000)
    expect(disk.positions.get(first)?.cursor).toMatchObject({ archive: first, seq: 1 })
  })

  test('[L30] only pages that begin where the cursor stands move it', async () => {
    const { world, archive, ledger, disk, live, saved } = givenConnection()
    await live()
    const author = givenConnection({ seed: 'author' })
    await author.saved(author.ledger.type('note', 'over the mesh'))
    const [carried] = author.disk.ops
    if (carried === undefined) throw new Error('nothing was written')
    await saved(ledger.carry(carried))
    expect(disk.positions.get(archive.archive)?.cursor.seq).toBe(0)
    archive.page(7, [archive.row(8, 'note', written('later', 3))], 8)
    await world.run(1_000)
    expect(disk.positions.get(archive.archive)?.cursor.seq).toBe(0)
    expect(ledger.text('note')).toBe('over the mesh')
    expect(ledger.violations).toEqual([])
  })

  test('[CONN-4] a page that overtook another one waits for it', async () => {
    const { world, archive, ledger, disk, live } = givenConnection()
    await live()
    archive.page(1, [archive.row(2, 'note', written('b', 2))], 2)
    archive.page(0, [archive.row(1, 'note', written('a', 1))], 1, 'bulk')
    await world.until(() => disk.positions.get(archive.archive)?.cursor.seq === 2)
    await world.run(30_000)
    expect(ledger.violations).toEqual([])
    expect(archive.all('subscribe')).toHaveLength(1)
  })

  test('[CONN-4] a page that never comes is asked for by a new subscription', async () => {
    const { archive, live } = givenConnection()
    await live()
    archive.page(1, [archive.row(2, 'note', written('b', 2))], 2)
    const again = await archive.hears('subscribe', 2)
    expect(again).toMatchObject({ subscription: 2 })
    expect(again.cursor).toBeUndefined()
  })

  test('[L52] a place that the store does not hold is fetched before the cursor moves', async () => {
    const { world, archive, ledger, disk, live, saved } = givenConnection()
    await live()
    await saved(ledger.type('note', 'mine'))
    const [own] = disk.ops
    if (own?.kind !== 'live') throw new Error('nothing was written')
    const hash = hexOf(sha256(hashedOfOp(own.op, own.document, own.bytes)).subarray(0, 8)) as OpHash
    const nobodys = '00112233445566ff' as OpHash
    archive.page(
      0,
      [
        { kind: 'place', seq: 1, hash },
        { kind: 'place', seq: 2, hash: nobodys },
      ],
      2,
    )
    const fetch = await archive.hears('fetch')
    expect(fetch.what).toEqual({ by: 'seq', seq: 2 })
    await world.run(5_000)
    expect(disk.positions.get(archive.archive)?.cursor.seq).toBe(0)
    const bytes = written('theirs', 9)
    const content = { kind: 'row', document: document('list'), bytes } as const
    archive.say({ type: 'fetched', request: fetch.request, seq: 2, content })
    await world.until(() => disk.positions.get(archive.archive)?.cursor.seq === 2)
    expect(ledger.text('list')).toBe('theirs')
    expect(archive.all('fetch')).toHaveLength(1)
  })

  test('[CONN-13] a large snapshot is fetched as the difference from what is held', async () => {
    const { world, archive, ledger, disk, live } = givenConnection()
    await live()
    archive.page(
      0,
      [
        {
          kind: 'large-snapshot',
          seq: 4,
          document: document('note'),
          sizeBytes: 20_000_000,
          stateVector: new Uint8Array([0]),
        },
      ],
      4,
    )
    const fetch = await archive.hears('fetch')
    expect(fetch.what).toMatchObject({ by: 'difference', document: document('note') })
    // It cannot be had just now: asked for again.
    archive.say({ type: 'error', code: 'unavailable', message: 0x29, request: fetch.request })
    const again = await archive.hears('fetch', 2)
    const content = {
      kind: 'difference',
      document: document('note'),
      bytes: written('large', 4),
      parked: [],
    } as const
    archive.say({ type: 'fetched', request: again.request, seq: 6, content })
    await world.until(() => disk.positions.get(archive.archive)?.cursor.seq === 4)
    expect(ledger.text('note')).toBe('large')
  })

  test('[CONN-14] [CHANNEL-9] a store that is slow holds the archive back, and not the heartbeat', async () => {
    const { world, archive, ledger, disk, live } = givenConnection()
    await live()
    ledger.hold()
    let seq = 0
    const send = (): void => {
      while (seq < 400) {
        const row = archive.row(seq + 1, `n${seq}`, written('x'.repeat(30_000), seq + 1))
        if (!archive.page(seq, [row], seq + 1, 'bulk')) return
        seq++
      }
    }
    archive.channel.onRoom(send)
    send()
    await world.run(60_000)
    // Two megabytes wait here, one is on its way, one waits there: the other eight are not sent.
    expect(archive.channel.isOpen).toBe(true)
    expect(seq).toBeLessThan(200)
    ledger.release()
    await world.until(() => disk.positions.get(archive.archive)?.cursor.seq === 400)
    expect(archive.links).toHaveLength(1)
  })

  test('[CONN-15] what the archive says of acks and leases leads to a new subscription', async () => {
    const { archive, live } = givenConnection()
    await live()
    archive.say({ type: 'error', code: 'ack-beyond-sent', message: 0x26, request: 1 })
    await archive.hears('subscribe', 2)
    archive.say({ type: 'error', code: 'lease-ended', message: 0x23, request: 2 })
    await archive.hears('subscribe', 3)
    archive.say({ type: 'error', code: 'unknown-term', message: 0x23, request: 3 })
    const { cursor } = await archive.hears('subscribe', 4)
    expect(cursor?.term).not.toBe(archive.term)
    await archive.hears('summary')
  })

  test('[CONN-16] a hint follows the ack that it builds on, with what the store holds', async () => {
    const { archive, ledger, world, live } = givenConnection()
    await live()
    archive.page(0, [archive.row(1, 'note', written('a', 1))], 1)
    await world.until(() => ledger.taken === 1)
    const { subscription } = archive.last('subscribe')
    const page = { after: 1, entries: [], through: 1, head: 1 }
    archive.say({ type: 'changes', subscription, page, compact: document('note') })
    const hint = await archive.hears('hint')
    expect(hint).toMatchObject({ document: document('note'), seq: 1 })
    const order = archive.heard.map(({ type }) => type)
    expect(order.indexOf('ack')).toBeLessThan(order.indexOf('hint'))
    expect(order).toContain('ack')
    archive.say({
      type: 'compacted',
      document: document('note'),
      through: 1,
      removed: 1,
      retained: 0,
    })
    await world.until(() => ledger.folded.length === 1)
  })

  test('[L29] what the log lacks is uploaded by whoever holds it, and nothing by others', async () => {
    const { archive, ledger, world, live } = givenConnection()
    await live()
    archive.page(0, [archive.row(1, 'note', written('abc', 7))], 1)
    await world.until(() => ledger.taken === 1)
    const ranges = [{ client: 7, clock: 1, length: 2 }]
    archive.say({ type: 'missing', document: document('list'), ranges })
    archive.say({
      type: 'missing',
      document: document('note'),
      ranges: [{ client: 8, clock: 0, length: 1 }],
    })
    archive.say({ type: 'missing', document: document('note'), ranges })
    const { ops } = await archive.hears('push')
    expect(ops.map(({ kind }) => kind)).toEqual(['upload'])
    await world.run(5_000)
    expect(archive.all('push')).toHaveLength(1)
  })
})
