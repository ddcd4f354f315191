import { describe, expect, test } from 'vitest'
import { givenConnection } from './given-connection.js'
import { document } from './scripted-archive.js'
import { written } from './updates.js'

describe('connecting', () => {
  test('[CONN-1] it says where it stands: connecting, catching up, live; offline with the next try', async () => {
    const { world, archive, connection, disk, phases, cut, live } = givenConnection()
    archive.head = 2
    connection.start()
    await archive.hears('subscribe')
    archive.page(0, [archive.row(1, 'note', written('a', 1))], 1)
    archive.page(1, [archive.row(2, 'note', written('b', 2))], 2)
    await live()
    expect(phases).toEqual(['connecting', 'catching-up', 'live'])
    expect(disk.positions.get(archive.archive)?.isWhole).toBe(true)
    cut()
    await world.until(() => connection.state.phase === 'offline')
    expect(connection.state).toMatchObject({ phase: 'offline', code: 'unavailable' })
    await world.until(() => connection.state.phase === 'live')
    connection.close()
    expect(connection.state.phase).toBe('closed')
  })

  test('[K9] who comes back and missed nothing says and hears less than 300 bytes, whatever it holds', async () => {
    const { world, archive, ledger, connection, cut, live, saved } = givenConnection()
    await saved(
      ledger.edit('note', (doc) => {
        const text = doc.getText('body')
        for (let at = 0; at < 3_000; at++) {
          text.insert(at, 'x')
          if (at % 2 === 0) text.delete(at, 1)
        }
      }),
    )
    await live()
    const { ops } = await archive.hears('push')
    archive.commit(ops)
    archive.page(
      0,
      [{ kind: 'row', seq: 1, document: document('note'), bytes: written('a', 1) }],
      1,
    )
    await archive.hears('ack')
    await world.until(() => ledger.owes(archive.archive).length === 0)
    cut()
    await world.until(() => connection.state.phase === 'offline')
    await world.until(() => connection.state.phase === 'live')
    const { sentBytes = Infinity, receivedBytes = Infinity } = connection.channel?.stats() ?? {}
    expect(sentBytes).toBeLessThan(300)
    expect(receivedBytes).toBeLessThan(300)
  })

  test('[K16] a crowd that lost its archive in one moment comes back spread', async () => {
    const { world } = givenConnection()
    world.network.listen('archive', (link) => link.close('restarting'))
    const atMs: number[] = []
    for (let client = 0; client < 40; client++) {
      const one = givenConnection({
        clock: world.clock,
        random: world.random,
        dial: () => {
          atMs.push(world.clock.monotonic())
          return { link: world.network.dial(`phone-${client}`, 'archive') }
        },
      })
      one.connection.start()
    }
    await world.until(() => atMs.length >= 80)
    const second = atMs.slice(40).toSorted((a, b) => a - b)
    const [first = 0, last = 0] = [second[0], second.at(-1)]
    expect(last - first).toBeGreaterThan(150)
    const busiest = Math.max(
      ...second.map((at) => second.filter((b) => b >= at && b < at + 25).length),
    )
    expect(busiest).toBeLessThan(15)
    // They ask ever more rarely while it stays away.
    await world.run(120_000)
    const before = atMs.length
    await world.run(60_000)
    expect(atMs.length - before).toBeLessThan(40 * 8)
  })

  test('[CONN-2] a pause that the archive asks for is kept, unless somebody has a reason to ask now', async () => {
    const { world, archive, connection, live } = givenConnection()
    await live()
    archive.channel.close('going-away', 20_000)
    await world.until(() => connection.state.phase === 'offline')
    const { state } = connection
    expect(state.phase === 'offline' && (state.retryInMs ?? 0)).toBeGreaterThanOrEqual(20_000)
    await world.run(19_000)
    expect(archive.links).toHaveLength(1)
    connection.retryNow()
    await world.until(() => connection.state.phase === 'live')
    expect(archive.links).toHaveLength(2)
  })

  test('[CONN-2] who is refused for good stays away and says why, until it is told to try', async () => {
    const { world, archive, connection, phases } = givenConnection()
    archive.greets = false
    connection.start()
    await archive.hears('hello')
    archive.channel.close('unauthenticated')
    await world.until(() => connection.state.phase === 'refused')
    expect(connection.state).toEqual({ phase: 'refused', code: 'unauthenticated' })
    await world.run(300_000)
    expect(archive.links).toHaveLength(1)
    archive.greets = true
    connection.retryNow()
    await world.until(() => connection.state.phase === 'live')
    expect(phases).toEqual(['connecting', 'refused', 'connecting', 'catching-up', 'live'])
  })

  test('[CONN-2] another instance with this replica id: it is said, so that a new id is minted', async () => {
    const { world, archive, connection, troubles, live } = givenConnection()
    await live()
    archive.say({ type: 'error', code: 'replica-in-use', message: 0x23 })
    await world.until(() => connection.state.phase === 'refused')
    expect(troubles).toEqual([{ kind: 'replica-in-use' }])
  })

  test('[CONN-2] an archive that says nothing, or what makes no sense, is left and tried again', async () => {
    const { world, archive, connection, troubles } = givenConnection()
    archive.greets = false
    connection.start()
    await world.until(() => archive.links.length === 2)
    archive.say({ type: 'committed', term: archive.term, results: [] })
    await world.until(() => archive.links.length === 3)
    archive.greets = true
    archive.greet()
    await world.until(() => connection.state.phase === 'live')
    archive.say({ type: 'want', ops: [] })
    await world.until(() => archive.links.length === 4)
    await world.until(() => connection.state.phase === 'live')
    expect(troubles.map(({ kind }) => kind)).toEqual(['archive-misbehaved', 'archive-misbehaved'])
  })

  test('[CONN-17] a token is shown, and renewed before it ends', async () => {
    let tokens = 0
    const { world, archive, connection, live } = givenConnection({
      token: () => Promise.resolve(`token-${++tokens}`),
    })
    archive.grant = { access: 'write', validForMs: 100_000 }
    await live()
    expect(archive.last('hello').credential).toEqual({ kind: 'token', token: 'token-1' })
    const renew = await archive.hears('renew')
    expect(renew.credential).toEqual({ kind: 'token', token: 'token-2' })
    expect(world.clock.monotonic()).toBeLessThan(85_000)
    archive.say({ type: 'granted', grant: { access: 'read', validForMs: 3_600_000 } })
    await world.until(() => connection.access === 'read')
    // The archive's clock is ahead: it says so.
    archive.say({ type: 'error', code: 'token-expired' })
    expect((await archive.hears('renew', 2)).credential).toEqual({
      kind: 'token',
      token: 'token-3',
    })
    expect(archive.links).toHaveLength(1)
  })

  test('[CONN-17] pushes that met an ended token leave again when it is renewed', async () => {
    let tokens = 0
    const { archive, ledger, live, saved } = givenConnection({ token: () => `token-${++tokens}` })
    await live()
    await saved(ledger.type('note', 'a'))
    const { ops } = await archive.hears('push')
    const results = ops.map(({ op }) => ({ op, code: 'token-expired' as const }))
    archive.grant = { access: 'write', validForMs: 60_000 }
    archive.say({ type: 'refused', results })
    await archive.hears('renew')
    archive.say({ type: 'granted', grant: archive.grant })
    expect((await archive.hears('push', 2)).ops).toEqual(ops)
  })

  test('[CONN-18] presence passes through, and each session learns which documents are open', async () => {
    const { world, archive, connection, cut, live } = givenConnection()
    const heard: string[] = []
    connection.onPresence(({ document: of, bytes }) => heard.push(`${of?.id} ${bytes.length}`))
    connection.setViewing([document('note')])
    expect(connection.sendPresence(document('note'), new Uint8Array([1]))).toBe(false)
    await live()
    expect((await archive.hears('viewing')).opened).toEqual([document('note')])
    connection.setViewing([document('list')])
    expect(await archive.hears('viewing', 2)).toMatchObject({
      opened: [document('list')],
      closed: [document('note')],
    })
    expect(connection.sendPresence(document('list'), new Uint8Array([1, 2]))).toBe(true)
    expect((await archive.hears('presence')).bytes.length).toBe(2)
    archive.say({ type: 'presence', document: document('list'), bytes: new Uint8Array(3) })
    await world.until(() => heard.length === 1)
    expect(heard).toEqual(['list 3'])
    cut()
    expect((await archive.hears('viewing', 3)).opened).toEqual([document('list')])
  })

  test('[CONN-19] a store that fails ends the link, is reported, and nothing is acked or called archived', async () => {
    const { world, archive, ledger, disk, troubles, connection, live } = givenConnection()
    await live()
    ledger.isFailing = true
    archive.page(0, [archive.row(1, 'note', written('a', 1))], 1)
    await world.until(() => connection.state.phase === 'offline')
    expect(troubles[0]).toMatchObject({ kind: 'store-failed' })
    expect(archive.all('ack')).toEqual([])
    expect(disk.positions.get(archive.archive)?.cursor.seq).toBe(0)
    ledger.isFailing = false
    await archive.hears('subscribe', 2)
    archive.page(0, [archive.row(1, 'note', written('a', 1))], 1)
    await archive.hears('ack')
  })

  test('[CONN-23] progress: bytes of the log and of what is owed, done and in all', async () => {
    const { world, archive, connection, ledger, saved } = givenConnection()
    const told: number[] = []
    connection.onProgress(({ download }) => told.push(download?.doneBytes ?? -1))
    archive.answersSubscribe = false
    archive.head = 3
    await saved(ledger.type('note', 'x'.repeat(1_000)))
    connection.start()
    await archive.hears('subscribe')
    archive.subscribed('behind', 5_000)
    archive.page(0, [archive.row(1, 'list', written('y'.repeat(2_000), 1))], 1)
    await world.until(() => told.some((bytes) => bytes > 2_000))
    expect(connection.progress.download?.totalBytes).toBe(5_000)
    expect(connection.progress.upload?.totalBytes).toBeGreaterThan(1_000)
    expect(connection.progress.upload?.doneBytes).toBe(0)
    archive.page(1, [archive.row(2, 'list', written('z', 2))], 3)
    const { ops } = await archive.hears('push')
    archive.say({
      type: 'committed',
      term: archive.term,
      results: ops.map(({ op }) => ({ outcome: 'contained' as const, op, gapped: false })),
    })
    await world.until(() => connection.progress.upload === undefined)
    await world.until(() => connection.state.phase === 'live')
    expect(connection.progress.download).toBeUndefined()
  })

  test('[CONN-20] after close there is no timer, link or listener', async () => {
    for (const until of ['connecting', 'catching-up', 'live', 'resyncing', 'offline'] as const) {
      const { world, archive, connection, ledger, saved } = givenConnection({
        isMet: until !== 'resyncing',
      })
      await saved(ledger.type('note', 'a'))
      if (until === 'catching-up') archive.head = 5
      if (until === 'offline') world.network.listen('archive', (link) => link.close())
      connection.start()
      await world.until(() => connection.state.phase === until)
      connection.close()
      connection.close()
      for (const channel of archive.links) channel.close()
      await world.run(20_000)
      const { clock, network } = world
      expect([until, clock.pendingTasks, network.pipes.length]).toEqual([until, 0, 0])
    }
  })
})
