import { createClient, memoryStore, type Document, type DocumentState } from '@holdfast/client'
import type { CoreHost } from '@holdfast/client'
import { ClientError, openMemoryDriver } from '@holdfast/client/testing'
import { describe, expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import { ClientWorld, storeOn, type Device, type Ways } from './client-world.js'
import { taken } from './replica-world.js'

const textOf = ({ ydoc }: Document): string => ydoc.getText('body').toJSON()
const type = ({ ydoc }: Document, text: string): void => ydoc.getText('body').insert(0, text)

async function twoDevices(seed: string, ways: Ways): Promise<[ClientWorld, Device, Device]> {
  const world = new ClientWorld(seed)
  if (ways !== 'mesh') await world.archive.start()
  return [world, await world.device(ways), await world.device(ways)]
}

describe('a client in a simulated world', () => {
  test.each(['mesh', 'archive', 'both'] as const)(
    '[CLIENT-4] [CLIENT-6] two devices converge, see each other and say so: %s',
    async (ways) => {
      const [world, a, b] = await twoDevices(`two devices: ${ways}`, ways)
      const one = await world.settle(a.notes.open('note-1'))
      type(one, 'hello')
      const two = await world.settle(b.notes.open('note-1'))
      one.awareness.setLocalState({ name: 'Ada' })
      await world.settle(Promise.all([one.whenSynced(), two.whenSynced()]))
      expect(textOf(two)).toBe('hello')
      await world.until(() => two.awareness.getStates().size === 2)
      expect(two.awareness.getStates().get(one.awareness.clientID)).toEqual({ name: 'Ada' })
      await world.until(() => ways !== 'both' || a.notes.links.length === 2)
      expect(a.client.status).toMatchObject({ reach: ways === 'mesh' ? 'mesh' : 'archive' })
      expect(a.notes.links.map(({ kind }) => kind)).toEqual(
        { mesh: ['peer'], archive: ['archive'], both: ['archive', 'peer'] }[ways],
      )
      type(two, 'x')
      await world.until(() => textOf(one) === 'xhello')
      await world.settle(a.client.close())
      await world.until(() => two.awareness.getStates().size === 1)
      await world.settle(b.client.close())
      expect([a.pendingTasks, b.pendingTasks]).toEqual([0, 0])
      expect([a.errors, b.errors]).toEqual([[], []])
    },
  )

  test('[L31] [CLIENT-4] edits without a network are saved, and archived when there is one, also by the next run', async () => {
    const world = new ClientWorld('offline')
    const device = await world.device('archive')
    const document = await world.settle(device.notes.open('note-1'))
    expect(document.state).toMatchObject({ safety: 'saved', isSynced: false })
    type(document, 'kept')
    expect(document.state).toMatchObject({ safety: 'local', pending: { local: 1 } })
    await world.settle(document.whenSaved())
    expect(document.state).toMatchObject({ safety: 'saved', pending: { local: 0, saved: 1 } })
    expect(device.client.status.pending).toEqual({ local: 0, saved: 1, refused: 0 })
    device.crash()

    await device.start()
    const again = await world.settle(device.notes.open('note-1'))
    expect(textOf(again)).toBe('kept')
    let isArchived = false
    const archived = again.whenArchived().then(() => (isArchived = true))
    await world.world.run(5_000)
    expect([isArchived, device.client.status.reach]).not.toContain('archive')
    expect(isArchived).toBe(false)
    await world.archive.start()
    device.client.retryNow()
    await world.settle(archived)
    expect(again.state.safety).toBe('archived')
    expect(await world.archive.head()).toBe(1)
  })

  test('[L26] [CLIENT-21] what a restored archive has lost is not called archived, and is there again with no edit and no peer', async () => {
    const world = new ClientWorld('restored')
    await world.archive.start()
    const a = await world.device('archive')
    const document = await world.settle(a.notes.open('note-1'))
    type(document, 'in the copy ')
    await world.settle(document.whenArchived())
    const copy = world.archive.copy()
    type(document, 'after it ')
    await world.settle(document.whenArchived())
    // All of it has come back in the log's stream: nothing is owed any more.
    await world.until(() => a.notes.status.archives[0]?.seq === 2)
    const told: string[] = []
    const note = (): void => {
      const said = `${a.notes.status.archives[0]?.state ?? 'none'}: ${document.state.safety}`
      if (told.at(-1) !== said) told.push(said)
    }
    a.notes.onStatus(note)
    document.onState(note)
    // Slow enough to be looked at.
    world.world.network.setConditions({ delayMs: 100 })
    await world.archive.restore(copy)
    expect(await world.archive.head()).toBe(1)
    await world.until(() => a.notes.status.archives[0]?.state === 'resyncing')
    await world.until(() => document.state.safety === 'saved')
    let isArchived = false
    const archived = document.whenArchived().then(() => (isArchived = true))
    await world.world.clock.settle()
    expect(isArchived).toBe(false)
    await world.settle(archived)
    expect(await world.archive.head()).toBe(2)
    expect(told).toContain('resyncing: saved')
    await world.until(() => told.at(-1) === 'live: archived')
    // What was in doubt when the device died is in doubt when it is back.
    await world.archive.restore(copy)
    await world.until(() => document.state.safety === 'saved')
    a.crash()
    world.archive.crash()
    await a.start()
    const again = await world.settle(a.notes.open('note-1'))
    expect(again.state).toMatchObject({ safety: 'saved', pending: { local: 0, saved: 0 } })
    await world.archive.start()
    a.client.retryNow()
    await world.settle(again.whenArchived())
    expect([again.state.safety, await world.archive.head()]).toEqual(['archived', 2])
    expect(a.errors).toEqual([])
  })

  test('[L45] [CLIENT-6] synced is not said while nobody is linked, nor while something is on its way', async () => {
    const world = new ClientWorld('never early')
    const a = await world.device('both')
    const one = await world.settle(a.notes.open('note-1'))
    let isSynced = false
    const synced = one.whenSynced().then(() => (isSynced = true))
    await world.world.run(20_000)
    expect([isSynced, one.state.isSynced]).toEqual([false, false])
    const states: DocumentState[] = []
    one.onState((state) => states.push(state))
    type(one, 'x')
    const b = await world.device('mesh')
    const two = await world.settle(b.notes.open('note-1'))
    await world.settle(synced)
    // Whoever is linked has it.
    expect(textOf(two)).toBe('x')
    expect(states.some((state) => state.isSynced && state.pending.local > 0)).toBe(false)
    type(one, 'y')
    expect(one.state.isSynced).toBe(false)
    await world.settle(one.whenSynced())
    expect(textOf(two)).toBe('yx')
    expect(one.state.safety).toBe('saved')
  })

  test.each(['mesh', 'archive'] as const)(
    '[CLIENT-6] whoever waits for a whole collection hears when it is synced, and that nothing else has changed keeps nobody waiting: %s',
    async (ways) => {
      const [world, a, b] = await twoDevices(`whole collection: ${ways}`, ways)
      a.client.disconnect()
      for (let at = 0; at < 20; at++) {
        type(await world.settle(a.notes.open(`note-${at}`)), 'x'.repeat(5_000))
      }
      await world.settle(a.notes.whenSaved())
      // Slow enough that a link stands for a while before all is over it.
      world.world.network.setConditions({ delayMs: 50, bytesPerSecond: 50_000 })
      a.client.connect()
      await world.settle(Promise.all([a.notes.whenSynced(), b.notes.whenSynced()]))
      // Of what is still on its way to the archive the other one cannot know.
      const { length } = await world.settle(b.notes.list())
      expect(ways === 'mesh' ? length : await world.archive.head()).toBe(20)
      await world.settle(Promise.all([a.client.close(), b.client.close()]))
    },
  )

  test('[CLIENT-7] a wait that is aborted rejects with the reason, and the edit goes on its way', async () => {
    const world = new ClientWorld('abort')
    const device = await world.device('archive')
    const document = await world.settle(device.notes.open('note-1'))
    type(document, 'x')
    const reason = new Error('no patience')
    const abort = new AbortController()
    const waits = [document.whenArchived(abort), document.whenSynced(abort)].map((wait) =>
      wait.catch((error: unknown) => error),
    )
    await world.world.run(100)
    abort.abort(reason)
    expect(await world.settle(Promise.all(waits))).toEqual([reason, reason])
    await expect(world.settle(document.whenSaved({ signal: abort.signal }))).rejects.toBe(reason)
    await world.archive.start()
    device.client.retryNow()
    await world.settle(document.whenArchived())
  })

  test('[CLIENT-2] what is opened twice is one, and lasts until the last one lets go', async () => {
    const world = new ClientWorld('counted')
    const device = await world.device('neither')
    const { client, notes } = device
    expect(await world.settle(client.collection('notes'))).toBe(notes)
    const document = await world.settle(notes.open('note-1'))
    expect(await world.settle(notes.open('note-1'))).toBe(document)
    let isDestroyed = false
    document.ydoc.on('destroy', () => (isDestroyed = true))
    await world.settle(document.close())
    type(document, 'x')
    expect(isDestroyed).toBe(false)
    // The last one waits for what was edited; whoever opens it meanwhile waits for that.
    const closing = document.close()
    const reopened = await world.settle(notes.open('note-1'))
    await world.settle(closing)
    expect(isDestroyed).toBe(true)
    expect(reopened).not.toBe(document)
    expect(textOf(reopened)).toBe('x')
    await world.settle(document.close())
    await world.settle(notes.close())
    expect(await world.settle(reopened.whenSaved())).toBeUndefined()
    await world.settle(notes.close())
    await expect(world.settle(reopened.whenSaved())).rejects.toMatchObject({ code: 'closed' })
    await expect(notes.open('note-1')).rejects.toMatchObject({ code: 'closed' })
    const anew = await world.settle(client.collection('notes'))
    expect(anew).not.toBe(notes)
    expect(textOf(await world.settle(anew.open('note-1')))).toBe('x')
  })

  test('[CLIENT-3] a Y.Doc that is given is merged with what is stored, archived, and stays the app’s', async () => {
    const [world, a, b] = await twoDevices('given', 'both')
    const theirs = await world.settle(a.notes.open('note-1'))
    type(theirs, 'stored ')
    await world.settle(theirs.whenArchived())
    await world.until(() => b.notes.status.archives[0]?.state === 'live')
    const ydoc = new Y.Doc()
    ydoc.getText('body').insert(0, 'given ')
    const given = await world.settle(b.notes.open('note-1', { ydoc }))
    expect(given.ydoc).toBe(ydoc)
    const both = ydoc.getText('body').toJSON()
    expect(['stored given ', 'given stored ']).toContain(both)
    await world.settle(given.whenArchived())
    await world.until(() => textOf(theirs) === both)
    await expect(b.notes.open('note-1', { ydoc: new Y.Doc() })).rejects.toMatchObject({
      code: 'bad-option',
    })
    await world.settle(given.close())
    expect(ydoc.isDestroyed).toBe(false)
    ydoc.getText('body').insert(0, 'unseen ')
    await world.world.run(1_000)
    expect(textOf(theirs)).toBe(both)
    // It was said goodbye to: nobody is shown there any more.
    await world.until(() => theirs.awareness.getStates().size === 1)
    const again = await world.settle(b.notes.open('note-1', { ydoc }))
    await world.settle(again.whenArchived())
    await world.until(() => textOf(theirs) === `unseen ${both}`)
    await world.until(() => theirs.awareness.getStates().size === 2)
  })

  test('[CLIENT-12] presence of those without a direct link goes by way of the archive', async () => {
    const [world, a, b] = await twoDevices('presence', 'archive')
    const one = await world.settle(a.notes.open('note-1'))
    a.notes.awareness.setLocalState({ name: 'Ada' })
    const others = (): unknown[] =>
      [...b.notes.awareness.getStates()]
        .filter(([client]) => client !== b.notes.awareness.clientID)
        .map(([, state]) => state)
    await world.until(() => others().length === 1)
    expect(others()).toEqual([{ name: 'Ada' }])
    // Who opens a document later is shown who is there.
    one.awareness.setLocalState({ cursor: 3 })
    await world.world.run(1_000)
    const two = await world.settle(b.notes.open('note-1'))
    await world.until(() => two.awareness.getStates().size === 2)
    await world.settle(one.close())
    await world.until(() => two.awareness.getStates().size === 1)
    a.crash()
    await world.until(() => others().length === 0, 80_000)
  })

  test('[CLIENT-13] a way that is left by intent is not taken again before it is asked for', async () => {
    const [world, a, b] = await twoDevices('intent', 'both')
    const one = await world.settle(a.notes.open('note-1'))
    const two = await world.settle(b.notes.open('note-1'))
    await world.until(() => a.notes.links.length === 2)
    a.client.disconnect()
    expect(a.client.status.reach).toBe('offline')
    type(one, 'x')
    await world.world.run(20_000)
    a.client.retryNow()
    await world.world.run(20_000)
    expect([a.client.status.reach, textOf(two)]).toEqual(['offline', ''])
    expect(one.state.pending).toMatchObject({ local: 0, saved: 1 })
    a.client.connect('mesh')
    await world.until(() => textOf(two) === 'x')
    expect(a.client.status.reach).toBe('mesh')
    a.client.connect()
    await world.settle(one.whenArchived())
    expect(a.client.status.reach).toBe('archive')
    await world.settle(Promise.all([a.client.close(), b.client.close()]))
    expect([a.pendingTasks, b.pendingTasks]).toEqual([0, 0])
  })

  test('[CLIENT-23] an archive that was left or lost stays listed as offline, with where it stood and what it allows', async () => {
    const world = new ClientWorld('listed')
    const a = await world.device('archive')
    const stateOf = (): unknown => a.notes.status.archives.map(({ url, state }) => [url, state])
    expect(a.notes.status.access).toBeUndefined()
    a.client.disconnect('archive')
    expect(stateOf()).toEqual([['sim://archive', 'offline']])
    await world.archive.start()
    a.client.connect('archive')
    const document = await world.settle(a.notes.open('note-1'))
    type(document, 'x')
    await world.settle(document.whenSynced())
    const [there] = a.notes.status.archives
    expect(there).toMatchObject({ state: 'live', seq: 1, head: 1 })
    a.client.disconnect('archive')
    await world.world.run(5_000)
    expect(a.notes.status.archives).toEqual([{ ...there, state: 'offline' }])
    expect(a.notes.status).toMatchObject({ reach: 'offline', access: 'write' })
    expect(a.notes.links).toEqual([])
    a.client.connect()
    await world.until(() => a.notes.status.archives[0]?.state === 'live')
    expect(a.notes.status.archives).toHaveLength(1)
    world.archive.crash()
    await world.until(() => a.notes.status.archives[0]?.state !== 'live', 60_000)
    expect(a.notes.status).toMatchObject({ access: 'write', archives: [{ url: 'sim://archive' }] })
    await world.settle(a.client.close())
    expect(a.pendingTasks).toBe(0)
  })

  test('[L40] [I14] [CLIENT-9] while the store fails nothing is called saved, it is told once, and all is saved when it works again', async () => {
    const world = new ClientWorld('full')
    const device = await world.device('neither')
    const document = await world.settle(device.notes.open('note-1'))
    device.failure = new ClientError('storage-full', 'the disk is full')
    type(document, 'x')
    let isSaved = false
    const saved = document.whenSaved().then(() => (isSaved = true))
    await world.world.run(60_000)
    expect([isSaved, document.state.safety, document.state.pending.local]).toEqual([
      false,
      'local',
      1,
    ])
    expect(device.errors.map(({ code }) => code)).toEqual(['storage-full'])
    expect(device.client.status.storage.failing?.code).toBe('storage-full')
    device.failure = undefined
    await world.settle(saved)
    await world.until(() => device.client.status.storage.failing === undefined)
    expect(document.state.safety).toBe('saved')

    // What cannot be stored at the end is not passed over in silence.
    device.failure = new ClientError('storage-full', 'the disk is full')
    type(document, 'y')
    await expect(world.settle(device.client.close())).rejects.toMatchObject({
      code: 'storage-full',
    })
    expect(device.pendingTasks).toBe(0)
  })

  test('[CLIENT-8] an error that nobody listens for is on the console, with what to do about it', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {})
    try {
      const disk = await openMemoryDriver()
      const client = await createClient({
        // A private window: what it stores ends with it.
        store: storeOn(() => ({ ...taken(disk), isDurable: false })),
      })
      await vi.waitFor(() => expect(said).toHaveBeenCalledTimes(1))
      expect(said.mock.calls[0]?.[0]).toMatch(/^holdfast: not-durable: .*onError/)
      const document = await (await client.collection('notes')).open('note-1')
      type(document, 'x')
      await expect(document.whenSaved()).rejects.toMatchObject({ code: 'not-durable' })
      expect(document.state.safety).toBe('local')
      await client.close()
      expect(said).toHaveBeenCalledTimes(1)
    } finally {
      said.mockRestore()
    }
  })

  test('[K21] [CLIENT-8] a refusal is told to the app, counted, kept and let go of', async () => {
    const [world, a, b] = await twoDevices('refused', 'archive')
    const one = await world.settle(a.notes.open('note-1'))
    type(one, 'x')
    await world.settle(one.whenArchived())
    b.client.disconnect()
    const two = await world.settle(b.notes.open('note-1'))
    type(two, 'late')
    await world.settle(a.notes.delete('note-1'))
    await world.until(() => one.state.isDeleted)
    await world.settle(a.notes.whenArchived())
    expect(a.errors).toEqual([])
    const archived = two.whenArchived().catch((error: unknown) => error)
    b.client.connect()
    expect(await world.settle(archived)).toMatchObject({ code: 'refused' })
    await world.until(() => two.state.isDeleted)
    expect(b.errors.map(({ code }) => code).toSorted()).toEqual(['document-deleted', 'refused'])
    expect(b.notes.status.pending.refused).toBe(1)
    const kept = await world.settle(b.notes.kept())
    expect(kept.map(({ document, code }) => ({ document, code }))).toEqual([
      { document: 'note-1', code: 'document-deleted' },
    ])
    const rescued = new Y.Doc()
    Y.applyUpdate(rescued, Y.encodeStateAsUpdate(one.ydoc))
    for (const { bytes } of kept) Y.applyUpdate(rescued, bytes)
    expect(rescued.getText('body').toJSON()).toBe('latex')
    await world.settle(b.notes.discard(kept))
    expect(b.notes.status.pending.refused).toBe(0)
    // A new document of that name is another one.
    const anew = await world.settle(b.notes.open('note-1'))
    expect([anew === two, textOf(anew), textOf(two)]).toEqual([false, '', 'latex'])
    await world.settle(two.close())
    type(anew, 'again')
    await world.settle(anew.whenArchived())
  })

  test('[CLIENT-1] [L33] a core is exchanged under an app: documents stay, what was not saved goes on under its ids', async () => {
    const world = new ClientWorld('exchange')
    await world.archive.start()
    const other = await world.device('archive')
    const theirs = await world.settle(other.notes.open('note-1'))
    let host: CoreHost | undefined
    const device = await world.device('archive', {
      store: {
        async begin(begun) {
          host = begun
          const core = await begun.createOwner(device0())
          return { core, end: () => Promise.resolve() }
        },
      },
    })
    const { client, notes } = device
    const document = await world.settle(notes.open('note-1'))
    document.awareness.setLocalState({ name: 'Ada' })
    await world.until(() => theirs.awareness.getStates().size === 2)
    type(document, 'saved ')
    await world.settle(document.whenArchived())
    const { ydoc, awareness } = document
    const before = { instance: client.instance, client: ydoc.clientID }
    // The first owner cannot store any more.
    failure = new ClientError('store-taken', 'another owner has the store')
    type(document, 'local ')
    const waits = [document.whenSaved(), document.whenArchived(), document.whenSynced()]
    await world.world.run(100)
    expect(document.state.safety).toBe('local')
    failure = undefined
    if (host === undefined) throw new Error('the store was not begun')
    const exchange = host.exchange(await world.settle(host.createOwner(device0())))
    type(document, 'between ')
    await world.settle(exchange)
    await world.settle(Promise.all(waits))
    expect(document.ydoc).toBe(ydoc)
    expect(document.awareness).toBe(awareness)
    expect(client.instance).not.toBe(before.instance)
    expect(ydoc.clientID).not.toBe(before.client)
    await world.until(() => textOf(theirs) === 'between local saved ')
    type(document, 'after ')
    await world.settle(document.whenArchived())
    await world.until(() => textOf(theirs) === 'after between local saved ')
    await world.until(
      () => theirs.awareness.getStates().get(awareness.clientID)?.['name'] === 'Ada',
    )
    expect(theirs.awareness.getStates().size).toBe(2)
    expect(device.errors.map(({ code }) => code)).toEqual(['store-taken'])
    await world.settle(client.close())
    expect(device.pendingTasks).toBe(0)
  })

  test('[CLIENT-19] ops are told as they come and go, by their links', async () => {
    const [world, a, b] = await twoDevices('traffic', 'both')
    const one = await world.settle(a.notes.open('note-1'))
    const two = await world.settle(b.notes.open('note-1'))
    await world.until(() => a.notes.links.length === 2 && b.notes.links.length === 2)
    await world.settle(Promise.all([one.whenSynced(), two.whenSynced()]))
    const told: string[] = []
    const name = (link: string | undefined): string =>
      link === a.client.instance ? 'a' : link === b.client.instance ? 'b' : link ? 'archive' : '?'
    const undo = [a, b].map(({ notes }, at) =>
      notes.onTraffic(({ direction, link, document }) => {
        told.push(`${'ab'.charAt(at)} ${direction} ${name(link)} ${document}`)
      }),
    )
    type(one, 'x')
    await world.settle(one.whenArchived())
    await world.world.run(1_000)
    for (const line of ['a out b note-1', 'a out archive note-1', 'b in a note-1']) {
      expect(told.filter((one) => one === line)).toHaveLength(1)
    }
    for (const end of undo) end()
    const count = told.length
    type(two, 'y')
    await world.settle(two.whenArchived())
    await world.world.run(1_000)
    expect(told).toHaveLength(count)
  })

  test('[CLIENT-16] the first load and the upload tell how far they are', async () => {
    const [world, a] = await twoDevices('progress', 'archive')
    a.client.disconnect()
    const document = await world.settle(a.notes.open('note-1'))
    for (let at = 0; at < 40; at++) {
      document.ydoc.getMap('large').set(`${at}`, 'x'.repeat(50_000))
      await world.world.run(50)
    }
    const seen = new Map<string, number>()
    const watch = ({ notes }: Device): void => {
      notes.onStatus(({ progress }) => {
        if (progress === undefined) return
        expect(progress.done).toBeLessThanOrEqual(progress.total)
        seen.set(progress.what, Math.max(seen.get(progress.what) ?? 0, progress.total))
      })
    }
    watch(a)
    world.world.network.setConditions({ bytesPerSecond: 500_000 })
    a.client.connect()
    await world.settle(document.whenArchived(), 120_000)
    const late = await world.device('archive')
    watch(late)
    await world.until(() => late.notes.status.archives[0]?.state === 'live', 120_000)
    await world.until(() => late.notes.status.progress === undefined)
    expect(seen.get('upload')).toBeGreaterThan(1_000_000)
    expect(seen.get('first-load')).toBe(await world.archive.head())
  })

  test('[CLIENT-15] options and names that cannot be meant are refused with a code', async () => {
    const store = memoryStore()
    expect(await rejected(createClient({ store, server: 'https://example.org' }))).toBe(
      'unsupported',
    )
    const sockets = { WebSocket: Object as never }
    expect(await rejected(createClient({ store, server: 'https://x.org', ...sockets }))).toBe(
      'bad-option',
    )
    const client = await createClient({ store })
    expect(await rejected(client.collection(''))).toBe('bad-name')
    const notes = await client.collection('notes')
    expect(await rejected(notes.open('x'.repeat(2_000)))).toBe('bad-name')
    expect(await rejected(notes.whenArchived())).toBe('bad-option')
    await client.close()
    await client.close()
    expect(await rejected(client.collection('notes'))).toBe('closed')
  })
})

async function rejected(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return 'nothing'
  } catch (error) {
    return error instanceof ClientError ? error.code : error
  }
}

let failure: Error | undefined
const shared = openMemoryDriver()
let disk: Awaited<typeof shared> | undefined
void shared.then((opened) => (disk = opened))

/** One disk for several owners in turn. */
function device0(): ReturnType<typeof taken> {
  const opened = disk
  if (opened === undefined) throw new Error('not opened yet')
  return taken(opened, {
    transact: (statements, durability) =>
      failure === undefined ? opened.transact(statements, durability) : Promise.reject(failure),
    close: () => Promise.resolve(),
  })
}
