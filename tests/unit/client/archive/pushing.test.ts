import type { OpId } from '@holdfast/peer/protocol'
import { describe, expect, test } from 'vitest'
import { givenConnection } from './given-connection.js'

describe('pushing', () => {
  test('[CONN-5] what is owed leaves in order, and is archived when it is committed', async () => {
    const { world, archive, ledger, disk, live, saved } = givenConnection()
    await saved(ledger.type('note', 'a'))
    await saved(ledger.type('note', 'b'))
    await live()
    await world.until(() => archive.pushed.length === 2)
    expect(archive.pushed).toEqual(['1', '2'])
    expect(ledger.owes(archive.archive)).toHaveLength(2)
    archive.commit(archive.all('push').flatMap(({ ops }) => ops))
    await world.until(() => ledger.owes(archive.archive).length === 0)
    await saved(ledger.type('note', 'c'))
    await archive.hears('push', 2)
    expect(archive.pushed).toEqual(['1', '2', '3'])
    expect(disk.refused.size).toBe(0)
  })

  test('[L36] an answer that was lost with its link: the same op comes under the same id', async () => {
    const { world, archive, ledger, cut, live, saved } = givenConnection()
    await live()
    await saved(ledger.type('note', 'once'))
    const first = await archive.hears('push')
    cut()
    const second = await archive.hears('push', 2)
    expect(second.ops).toEqual(first.ops)
    const [pushed] = second.ops
    const op = pushed?.op as OpId
    archive.say({
      type: 'committed',
      term: archive.term,
      results: [{ outcome: 'contained', op, gapped: false }],
    })
    await world.until(() => ledger.owes(archive.archive).length === 0)
    await world.run(20_000)
    expect(archive.all('push')).toHaveLength(2)
  })

  test('[K21] an op that is refused for good moves aside, and the next ones go on', async () => {
    const { world, archive, ledger, disk, live, saved } = givenConnection()
    for (const text of ['a', 'b', 'c']) await saved(ledger.type('note', text))
    await live()
    await world.until(() => archive.pushed.length === 3)
    const ops = archive.all('push').flatMap((push) => push.ops)
    const [bad, ...good] = ops
    if (bad === undefined) throw new Error('nothing was pushed')
    archive.say({ type: 'refused', results: [{ op: bad.op, code: 'rekey' }] })
    archive.commit(good)
    await world.until(() => ledger.owes(archive.archive).length === 0)
    expect([...disk.refused.values()]).toEqual(['rekey'])
    await world.run(20_000)
    expect(archive.pushed).toEqual(['1', '2', '3'])
  })

  test('[CONN-7] an op that the archive could not take in is refused here, and not sent', async () => {
    const { world, archive, ledger, disk, live, saved } = givenConnection()
    archive.maxMessageBytes = 65_536
    await live()
    await saved(ledger.type('note', 'x'.repeat(70_000)))
    await saved(ledger.type('list', 'small'))
    await world.until(() => archive.pushed.length === 1)
    expect(archive.pushed).toEqual(['2'])
    expect([...disk.refused.values()]).toEqual(['op-too-large'])
  })

  test('[CONN-6] at most a megabyte is under way, and pushes fit the live lane', async () => {
    const { world, archive, ledger, live, saved } = givenConnection()
    for (let at = 0; at < 60; at++) await saved(ledger.type(`note-${at}`, 'x'.repeat(30_000)))
    await live()
    await world.run(1_000)
    const bytes = (): number =>
      archive
        .all('push')
        .flatMap(({ ops }) => ops)
        .reduce((sum, op) => sum + (op.kind === 'tombstone' ? 0 : op.bytes.length), 0)
    expect(bytes()).toBeGreaterThan(900_000)
    expect(bytes()).toBeLessThanOrEqual(1_048_576 + 30_100)
    for (let pushes = 0; ledger.owes(archive.archive).length > 0;) {
      const all = archive.all('push')
      archive.commit(all.slice(pushes).flatMap(({ ops }) => ops))
      pushes = all.length
      await world.run(200)
    }
    expect(archive.pushed).toEqual(Array.from({ length: 60 }, (_, at) => String(at + 1)))
  })

  test('[CONN-8] storage-full: everything pauses, longer each time, and then leaves in order', async () => {
    const { world, archive, ledger, live, saved } = givenConnection()
    await live()
    await saved(ledger.type('note', 'a'))
    const times: number[] = []
    for (let round = 1; round <= 4; round++) {
      const { ops } = await archive.hears('push', round)
      times.push(world.clock.monotonic())
      const results = ops.map(({ op }) => ({ op, code: 'storage-full' as const }))
      archive.say({ type: 'refused', results, retryAfterMs: 100 })
    }
    await world.run(100)
    await saved(ledger.type('note', 'b'))
    const { ops } = await archive.hears('push', 5)
    expect(ops.map(({ op }) => op.n)).toEqual([1, 2])
    const pauses = times.slice(1).map((atMs, at) => atMs - (times[at] ?? 0))
    expect(pauses[0]).toBeGreaterThan(700)
    expect(pauses[2]).toBeGreaterThan(2 * (pauses[0] ?? 0))
  })

  test('[CONN-9] predecessors-first: the whole document is uploaded, then the op again', async () => {
    const { world, archive, ledger, live, saved } = givenConnection()
    await live()
    await saved(ledger.type('note', 'a'))
    const first = await archive.hears('push')
    const [op] = first.ops
    if (op === undefined) throw new Error('nothing was pushed')
    archive.say({ type: 'refused', results: [{ op: op.op, code: 'predecessors-first' }] })
    const second = await archive.hears('push', 2)
    expect(second.ops.map(({ kind }) => kind)).toEqual(['upload'])
    // Another document does not wait for it.
    await saved(ledger.type('list', 'b'))
    const third = await archive.hears('push', 3)
    expect(third.ops.map(({ document }) => document.id)).toEqual(['list'])
    archive.commit(second.ops)
    const fourth = await archive.hears('push', 4)
    expect(fourth.ops).toEqual(first.ops)
    archive.commit([...third.ops, ...fourth.ops])
    await world.until(() => ledger.owes(archive.archive).length === 0)
  })

  test('[L19] a gapped answer is not archived: the op stays owed until it is said again without', async () => {
    const { world, archive, ledger, live, saved } = givenConnection()
    await live()
    await saved(ledger.type('note', 'a'))
    const { ops } = await archive.hears('push')
    archive.commit(ops, true)
    await world.run(30_000)
    expect(ledger.owes(archive.archive)).toHaveLength(1)
    expect(archive.all('push')).toHaveLength(1)
    archive.commit(ops)
    await world.until(() => ledger.owes(archive.archive).length === 0)
  })

  test('[CONN-10] a gapped op is asked about again, in case its second answer was lost', async () => {
    const { archive, ledger, live, saved } = givenConnection()
    await live()
    await saved(ledger.type('note', 'a'))
    const first = await archive.hears('push')
    archive.commit(first.ops, true)
    const second = await archive.hears('push', 2)
    expect(second.ops).toEqual(first.ops)
  })

  test('[CONN-11] a reader pushes its own, and not what it carries', async () => {
    const { world, archive, ledger, live, saved } = givenConnection()
    const author = givenConnection({ seed: 'author' })
    await author.saved(author.ledger.type('note', 'from the mesh'))
    const [carried] = author.disk.ops
    if (carried === undefined) throw new Error('nothing was written')
    archive.grant = { access: 'read' }
    await live()
    await saved(ledger.carry(carried))
    await saved(ledger.type('note', 'own'))
    await archive.hears('push')
    await world.run(20_000)
    expect(archive.all('push').flatMap(({ ops }) => ops.map(({ op }) => op.instance))).toEqual([
      ledger.instance,
    ])
    // It may write from now on.
    archive.say({ type: 'granted', grant: { access: 'write' } })
    await world.until(() =>
      archive.all('push').some(({ ops }) => ops.some(({ op }) => op.instance !== ledger.instance)),
    )
  })

  test('[CONN-12] a push names the neighbours that have its ops, by the list that was told last', async () => {
    const { ledger: other } = givenConnection({ seed: 'other' })
    let neighbours = [other.instance]
    const listeners = new Set<() => void>()
    const reached = new Set<number>([1])
    const { archive, ledger, world, live, saved } = givenConnection({
      reach: {
        neighbours: () => neighbours,
        onNeighbours(listener) {
          listeners.add(listener)
          return () => listeners.delete(listener)
        },
        reached: ({ n }) => (reached.has(n) ? [other.instance] : []),
      },
    })
    await live()
    expect((await archive.hears('neighbours')).instances).toEqual([other.instance])
    await saved(ledger.type('note', 'a'))
    await saved(ledger.type('note', 'b'))
    await world.until(() => archive.pushed.length === 2)
    const told = archive.all('push').map((push) => [push.ops.map(({ op }) => op.n), push.reached])
    expect(told).toEqual([
      [[1], { list: 1, neighbours: [0] }],
      [[2], undefined],
    ])
    neighbours = []
    for (const listener of listeners) listener()
    expect((await archive.hears('neighbours', 2)).list).toBe(2)
    reached.add(3)
    await saved(ledger.type('note', 'c'))
    expect((await archive.hears('push', 3)).reached).toBeUndefined()
  })
})
