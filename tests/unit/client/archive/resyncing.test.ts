import { messageKinds, type Digest, type Message } from '@holdfast/peer/protocol'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../../../sim/archive-link/memory-ledger.js'
import { givenConnection, type Given } from './given-connection.js'
import { document, type ScriptedArchive } from './scripted-archive.js'
import { written } from './updates.js'

/** Finds nothing to differ, in whatever it is told. */
function agrees(archive: ScriptedArchive, message: Message): void {
  if (message.type !== 'summary') return
  archive.say({ type: 'compared', request: message.request, differing: 0 })
}

/** Saved before the archive was ever met. */
async function held(given: Given, id: string, text: string): Promise<Digest> {
  await given.saved(given.ledger.type(id, text))
  const doc = given.disk.documents.get(document(id).id)?.doc
  if (doc === undefined) throw new Error('nothing is held')
  return digestOf(doc)
}

describe('resyncing', () => {
  test('[CONN-21] [L48] at its first contact a replica reads from the start, then compares once', async () => {
    const given = givenConnection({ isMet: false })
    const { archive, connection, disk, phases, world, cut } = given
    archive.react = (message) => agrees(archive, message)
    const digest = await held(given, 'note', 'from before')
    connection.start()
    const first = await archive.hears('subscribe')
    expect(first.cursor).toBeUndefined()
    const second = await archive.hears('subscribe', 2)
    expect(second.cursor?.term).not.toBe(archive.term)
    const { by } = await archive.hears('summary')
    expect(by).toEqual({
      kind: 'page',
      under: '',
      documents: [{ document: document('note'), digest }],
    })
    await world.until(() => connection.state.phase === 'live')
    expect(phases).toEqual(['connecting', 'catching-up', 'resyncing', 'live'])
    expect(disk.positions.get(archive.archive)).toMatchObject({ isWhole: true, isCompared: true })
    cut()
    await archive.hears('subscribe', 3)
    await world.run(5_000)
    expect(archive.all('summary')).toHaveLength(1)
  })

  test('[CONN-21] a replica that dies between the two compares when it is back', async () => {
    const given = givenConnection({ isMet: false })
    const { archive, connection, disk, cut, world } = given
    await held(given, 'note', 'from before')
    archive.head = 1
    connection.start()
    await archive.hears('subscribe')
    archive.page(0, [archive.row(1, 'list', written('a', 1))], 1)
    await archive.hears('summary')
    cut()
    await archive.hears('summary', 2)
    archive.react = (message) => agrees(archive, message)
    expect(disk.positions.get(archive.archive)?.isCompared).toBe(false)
    cut()
    await world.until(() => disk.positions.get(archive.archive)?.isCompared === true)
  })

  test('[CONN-22] [L44] each difference is settled both ways before it is called resynced', async () => {
    const given = givenConnection({ isMet: false })
    const { archive, connection, ledger, world, disk } = given
    await held(given, 'note', 'mine')
    connection.start()
    const summary = await archive.hears('summary')
    archive.head = 7
    archive.say({
      type: 'state',
      request: 1,
      document: document('note'),
      stateVector: new Uint8Array([0]),
      inReturn: false,
    })
    archive.say({ type: 'compared', request: summary.request, differing: 1 })
    const asked = await archive.hears('state')
    expect(asked).toMatchObject({ document: document('note'), inReturn: true })
    await world.until(() => archive.all('push').some(({ ops }) => ops[0]?.kind === 'upload'))
    await world.run(10_000)
    expect(archive.all('resynced')).toEqual([])
    const upload = archive.all('push').find(({ ops }) => ops[0]?.kind === 'upload')
    archive.commit(upload?.ops ?? [])
    await world.run(10_000)
    expect(archive.all('resynced')).toEqual([])
    const cause = { kind: 'state', request: asked.request } as const
    archive.say({ type: 'update', document: document('note'), cause, bytes: written('theirs', 5) })
    const { seq } = await archive.hears('resynced')
    expect(seq).toBe(0)
    expect(ledger.text('note')).toContain('theirs')
    expect(disk.positions.get(archive.archive)?.cursor).toMatchObject({
      term: archive.term,
      seq: 0,
    })
  })

  test('[CONN-22] an end that the archive has not heard of is given, with what came after it', async () => {
    const given = givenConnection({ isMet: false })
    const { archive, connection, ledger, saved, disk, world } = given
    await saved(ledger.type('note', 'first life'))
    await saved(ledger.delete('note'))
    await saved(ledger.type('note', 'second life'))
    disk.ops = []
    connection.start()
    const { request, by } = await archive.hears('summary')
    expect(by.kind === 'page' && by.documents[0]?.document.generation).toBe(1)
    archive.say({
      type: 'state',
      request: 1,
      document: document('note', 0),
      stateVector: new Uint8Array([0]),
      inReturn: false,
    })
    archive.say({ type: 'compared', request, differing: 1 })
    await world.until(() => archive.all('push').length === 2)
    const ops = archive.all('push').flatMap((push) => push.ops)
    expect(ops.map(({ kind, document: of }) => `${kind} ${of.generation}`)).toEqual([
      'tombstone 0',
      'upload 1',
    ])
    archive.commit(ops)
    await archive.hears('resynced')
  })

  test('[CONN-22] many documents are told by a tree, down to what differs', async () => {
    const given = givenConnection({ isMet: false, writeMs: 0 })
    const { archive, connection, ledger, saved } = given
    await saved(Promise.all(Array.from({ length: 1_100 }, (_, at) => ledger.type(`n${at}`, 'x'))))
    given.disk.ops = []
    connection.start()
    const { by, request } = await archive.hears('summary')
    expect(by.kind === 'tree' && by.nodes.map(({ under }) => under)).toEqual([''])
    const nodes = [{ under: '3', digest: '00'.repeat(32) as Digest }]
    archive.say({ type: 'summary', request: 1, by: { kind: 'tree', nodes } })
    archive.say({ type: 'compared', request, differing: 1 })
    const second = await archive.hears('summary', 2)
    const told = second.by.kind === 'tree' ? second.by.nodes.map(({ under }) => under) : []
    expect(told.length === 16 || second.by.kind === 'page').toBe(true)
    expect((await archive.hears('compared')).differing).toBe(1)
    archive.react = (message) => agrees(archive, message)
    archive.say({ type: 'compared', request: second.request, differing: 0 })
    await archive.hears('resynced')
  })

  test('[CONN-11] a reader offers what the archive lacks, and pushes it when that is accepted', async () => {
    const given = givenConnection({ isMet: false })
    const { archive, connection, disk } = given
    archive.grant = { access: 'read' }
    await held(given, 'note', 'a reader has it')
    disk.ops = []
    connection.start()
    const { request } = await archive.hears('summary')
    archive.say({
      type: 'summary',
      request: 1,
      by: { kind: 'page', under: '', documents: [] },
    })
    archive.say({ type: 'compared', request, differing: 1 })
    const offer = await archive.hears('offer')
    expect(offer.documents).toMatchObject([{ document: document('note') }])
    expect(offer.documents[0]?.bytes).toBeGreaterThan(10)
    await archive.hears('resynced')
    const order = archive.heard.map(({ type }) => type)
    expect(order.indexOf('offer')).toBeLessThan(order.indexOf('resynced'))
    expect(archive.all('push')).toEqual([])
    archive.say({
      type: 'state',
      request: 2,
      document: document('note'),
      stateVector: new Uint8Array([0]),
      inReturn: false,
    })
    expect((await archive.hears('push')).ops.map(({ kind }) => kind)).toEqual(['upload'])
  })

  test('[K8] resync after resync: a few are free, each one beyond waits longer, and edits go on', async () => {
    const given = givenConnection()
    const { archive, connection, ledger, saved, world, troubles } = given
    archive.react = (message) => {
      agrees(archive, message)
      if (message.type === 'push') archive.commit(message.ops)
      if (message.type !== 'resynced') return
      const about = messageKinds.subscribe.number
      archive.say({ type: 'error', code: 'cursor-ahead', message: about })
    }
    connection.start()
    await world.until(() => connection.state.phase === 'live')
    archive.say({ type: 'error', code: 'cursor-ahead', message: messageKinds.subscribe.number })
    await world.until(() => troubles.length > 0)
    expect(archive.all('resynced')).toHaveLength(3)
    await saved(ledger.type('note', 'meanwhile'))
    await world.until(() => ledger.owes(archive.archive).length === 0)
    await world.run(600_000)
    const inTenMinutes = archive.all('resynced').length
    expect(inTenMinutes).toBeGreaterThan(4)
    expect(inTenMinutes).toBeLessThan(12)
    expect(troubles.every(({ kind }) => kind === 'resync-paused')).toBe(true)
    const pauses = troubles.map((trouble) =>
      trouble.kind === 'resync-paused' ? trouble.pauseMs : 0,
    )
    expect(pauses[2]).toBeGreaterThan(2 * (pauses[0] ?? Infinity))
    await world.run(600_000)
    expect(archive.all('resynced').length - inTenMinutes).toBeLessThan(10)
  })

  test('[CONN-16] an archive that finds something lacking here, by a hint, is resynced with', async () => {
    const { world, archive, connection, live } = givenConnection()
    await live()
    archive.page(0, [archive.row(1, 'note', written('a', 1))], 1)
    await archive.hears('ack')
    archive.react = (message) => agrees(archive, message)
    const by = { kind: 'page', under: '0123456789abcdef', documents: [] } as const
    archive.say({ type: 'summary', request: 9, by })
    await archive.hears('resynced')
    await world.until(() => connection.state.phase === 'live')
    expect(archive.all('subscribe')).toHaveLength(2)
    expect(archive.links).toHaveLength(1)
  })

  test.each([
    ['that nobody asked for', 0],
    ['a second time', 1],
  ])(
    '[CONN-25] an archive that sends what it holds %s is hung up on before that is kept',
    async (_what, answers) => {
      const given = givenConnection({ isMet: false })
      const { archive, connection, ledger, world } = given
      await held(given, 'note', 'from before')
      // The store does not come to it: what is heard waits.
      let asked: number | undefined
      archive.react = (message) => {
        if (message.type === 'state') asked = message.request
        if (message.type !== 'summary') return
        archive.say({
          type: 'state',
          request: 1,
          document: document('note'),
          stateVector: Uint8Array.of(0),
          inReturn: false,
        })
      }
      connection.start()
      await world.until(() => asked !== undefined)
      ledger.receive = () => new Promise(() => {})
      const update = (request: number): void => {
        archive.say({
          type: 'update',
          document: document('note'),
          cause: { kind: 'state', request },
          bytes: written('b', 1),
        })
      }
      for (let at = 0; at < answers; at++) update(asked ?? 0)
      await world.run(100)
      expect(connection.state.phase).toBe('resyncing')
      const saidAtMs = world.clock.monotonic()
      update((asked ?? 0) + (answers === 0 ? 1_000 : 0))
      await world.until(() => connection.state.phase === 'offline')
      expect(world.clock.monotonic() - saidAtMs).toBeLessThan(1_000)
    },
  )

  test('[K8] who starts at 0 is never made to resync', async () => {
    const { world, archive, connection, live } = givenConnection()
    archive.answersSubscribe = false
    connection.start()
    await archive.hears('subscribe')
    archive.subscribed('unknown-term')
    await world.until(() => connection.state.phase === 'offline')
    expect(archive.all('summary')).toEqual([])
    archive.answersSubscribe = true
    await live()
  })
})
