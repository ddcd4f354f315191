/** Tabs of one app on virtual time: who owns the store, and what becomes of edits when that changes. */
import type { Collection, Document } from '@holdfast/client'
import { ClientError } from '@holdfast/client/testing'
import type { Link } from '@holdfast/peer/ports'
import type { Life } from '@holdfast/peer/testing'
import { describe, expect, test } from 'vitest'
import { ClientWorld, type ArchiveHost } from '../unit/client/client-world.js'
import { seedsFromEnvironment } from './seeds.js'
import { liveRandomly } from './tabs/schedule.js'
import { TabWorld, type Tab } from './tabs/tab-world.js'

interface Opened {
  readonly notes: Collection
  readonly note: Document
}

async function openNote(world: TabWorld, tab: Tab, id = 'note'): Promise<Opened> {
  const { client } = tab
  if (client === undefined) throw new Error('a tab without a client')
  const notes = await world.wait(client.collection('notes'))
  const note = await world.wait(notes.open(id))
  return { notes, note }
}

function write({ ydoc }: Document, text: string): void {
  const body = ydoc.getText('body')
  body.insert(body.length, text)
}

function namesIn({ note }: Opened): readonly unknown[] {
  return [...note.awareness.getStates().values()].map((state) => state['name'])
}

function textOf({ ydoc }: Document): string {
  return ydoc.getText('body').toJSON()
}

describe('two tabs', () => {
  test('[L39] [TABS-1] a second tab sees all that the first has, and owns nothing', async () => {
    const world = await TabWorld.begin('second tab')
    const first = await world.open()
    const one = await openNote(world, first)
    write(one.note, 'hello')
    await world.wait(one.note.whenSaved())
    const second = await world.open()
    expect([first.client?.status.role, second.client?.status.role]).toEqual(['owner', 'follower'])
    const two = await openNote(world, second)
    expect(textOf(two.note)).toBe('hello')
    expect(await world.wait(two.notes.list())).toEqual(await world.wait(one.notes.list()))
    expect(second.client?.replica).toBe(first.client?.replica)
  })

  test('[L38] [TABS-4] what a follower edits is saved by the owner, shows there, and is told with the same states', async () => {
    const world = await TabWorld.begin('follower edits')
    const one = await openNote(world, await world.open())
    const two = await openNote(world, await world.open())
    write(two.note, 'from two')
    expect(two.note.state.safety).toBe('local')
    await world.wait(two.note.whenSaved())
    expect(two.note.state.safety).toBe('saved')
    expect(textOf(one.note)).toBe('from two')
    write(one.note, ' and one')
    await world.until(() => textOf(two.note) === 'from two and one')
    await world.until(() => two.note.state.safety === 'saved' && one.note.state.safety === 'saved')
    expect(two.note.state).toEqual(one.note.state)
    await world.until(() => two.notes.status.pending.local === 0)
    expect(two.notes.status.pending).toEqual({ local: 0, saved: 0, refused: 0 })
  })

  test('[L40] [TABS-8] a store that fails is told in every tab, nothing is called saved, and it goes on when there is room', async () => {
    const world = await TabWorld.begin('full')
    const first = await world.open()
    const second = await world.open()
    const two = await openNote(world, second)
    world.disk.failing = new ClientError('storage-full', 'the quota is used up')
    write(two.note, 'not yet')
    await world.until(() => second.client?.status.storage.failing?.code === 'storage-full')
    await world.until(() => second.errors.some(({ code }) => code === 'storage-full'))
    expect(first.client?.status.storage.failing?.code).toBe('storage-full')
    await world.run(5_000)
    expect(two.note.state.safety).toBe('local')
    expect(two.note.state.pending.local).toBeGreaterThan(0)
    world.disk.failing = undefined
    await world.wait(two.note.whenSaved())
    await world.until(() => second.client?.status.storage.failing === undefined)
  })

  test('[TABS-9] where nothing outlives the window no tab calls anything saved, and each sees what the other edits', async () => {
    const world = await TabWorld.begin('private')
    const first = await world.open({ isDurable: false })
    const second = await world.open({ isDurable: false })
    const one = await openNote(world, first)
    const two = await openNote(world, second)
    write(two.note, 'seen')
    await world.until(() => textOf(one.note) === 'seen')
    await expect(world.wait(two.note.whenSaved())).rejects.toMatchObject({ code: 'not-durable' })
    await world.run(1_000)
    expect(two.note.state.safety).toBe('local')
    expect(first.errors.map(({ code }) => code)).toEqual(['not-durable'])
    expect(second.errors.map(({ code }) => code)).toEqual(['not-durable'])
  })

  test('[TABS-7] what one tab shows of itself is seen in the others, and is gone with it', async () => {
    const world = await TabWorld.begin('presence')
    const one = await openNote(world, await world.open())
    const second = await world.open()
    const two = await openNote(world, second)
    const three = await openNote(world, await world.open())
    two.note.awareness.setLocalState({ name: 'two' })
    await world.until(() => namesIn(one).includes('two') && namesIn(three).includes('two'))
    await world.wait(second.client?.close() ?? Promise.resolve())
    await world.until(() => !namesIn(one).includes('two') && !namesIn(three).includes('two'))
    expect([...one.note.awareness.getStates()]).toHaveLength(2)
  })

  test('[TABS-7] deleting a document in one tab deletes it in all', async () => {
    const world = await TabWorld.begin('delete')
    const one = await openNote(world, await world.open())
    const two = await openNote(world, await world.open())
    write(one.note, 'away')
    await world.until(() => textOf(two.note) === 'away')
    await world.wait(two.notes.delete('note'))
    await world.until(() => one.note.state.isDeleted && two.note.state.isDeleted)
    expect(await world.wait(two.notes.list())).toEqual([])
  })
})

async function withArchive(seed: string): Promise<{
  readonly world: TabWorld
  readonly archive: ArchiveHost
  readonly open: () => Promise<Tab>
}> {
  const { world: simulated, archive } = new ClientWorld(seed)
  await archive.start()
  const world = await TabWorld.begin(seed, simulated.clock)
  let tabs = 0
  return {
    world,
    archive,
    async open() {
      let life: Life | undefined
      simulated.host(`tab-${tabs++}`).start((begun) => (life = begun))
      const dial = (): { readonly link: Link } => {
        if (life === undefined) throw new Error('the tab did not start')
        return { link: life.dial('archive') }
      }
      return world.open({ client: { archive: { url: 'sim://archive', dial } } })
    },
  }
}

describe('with an archive', () => {
  test('[TABS-4] [TABS-7] a follower hears from the owner what the archive says: archived, its place, and that all is synced', async () => {
    const { world, open } = await withArchive('archived')
    const one = await openNote(world, await open())
    const two = await openNote(world, await open())
    write(two.note, 'kept')
    await world.wait(two.note.whenArchived())
    expect(two.note.state.safety).toBe('archived')
    expect(two.note.state.pending).toEqual({ local: 0, saved: 0, refused: 0 })
    await world.until(() => two.notes.status.reach === 'archive')
    await world.until(() => JSON.stringify(two.notes.status) === JSON.stringify(one.notes.status))
    await world.until(() => two.notes.status.archives[0]?.seq === 1)
    expect(two.notes.links.map(({ kind }) => kind)).toEqual(['tab', 'archive'])
    await world.wait(two.note.whenSynced())
  })

  test('[TABS-5] an owner that dies before the archive has answered leaves the wait to the next', async () => {
    const { world, archive, open } = await withArchive('next archives')
    const first = await open()
    await openNote(world, first)
    const two = await openNote(world, await open())
    await world.until(() => two.notes.status.reach === 'archive')
    archive.crash()
    write(two.note, 'owed')
    const archived = two.note.whenArchived()
    await world.wait(two.note.whenSaved())
    expect(two.note.state.safety).toBe('saved')
    first.kill()
    await archive.start()
    await world.wait(archived)
    await world.until(() => two.note.state.safety === 'archived')
    expect(await archive.head()).toBe(1)
  })
})

describe('hand-over', () => {
  test('[L37] [TABS-2] a tab that throws while it sets up lets go of the store, and the next one owns it', async () => {
    const world = await TabWorld.begin('throws')
    const failing = world.tab()
    failing.begin({
      opening: () => Promise.reject(new ClientError('unsupported', 'the worker has failed')),
    })
    const second = await world.open()
    expect(failing.failure).toMatchObject({ code: 'unsupported' })
    expect(second.client?.status.role).toBe('owner')
  })

  test('[L37] [TABS-2] a follower that cannot take over says so, and another tab does', async () => {
    const world = await TabWorld.begin('takes not over')
    const first = await world.open()
    let isBroken = true
    const second = await world.open({
      opening: () =>
        isBroken ? Promise.reject(new ClientError('unsupported', 'no')) : Promise.resolve(),
    })
    const two = await openNote(world, second)
    const third = await world.open()
    first.kill()
    write(two.note, 'kept')
    await world.until(() => third.client?.status.role === 'owner')
    await world.wait(two.note.whenSaved())
    expect(second.errors.map(({ code }) => code)).toContain('unsupported')
    isBroken = false
  })

  test('[L37] [TABS-2] a tab that never gets ready does not keep the store from others', async () => {
    const world = await TabWorld.begin('hangs')
    const hanging = world.tab()
    hanging.begin({ opening: () => new Promise(() => {}) })
    await world.run(100)
    const second = await world.open()
    expect(second.client?.status.role).toBe('owner')
    expect(hanging.failure).toMatchObject({ code: 'storage-failed' })
  })

  test('[L38] [TABS-5] the owner is killed in the middle of writing: the next takes over, nothing saved is lost, and unsaved edits of the others are saved', async () => {
    const world = await TabWorld.begin('killed')
    const first = await world.open()
    const one = await openNote(world, first)
    const two = await openNote(world, await world.open())
    const three = await openNote(world, await world.open())
    write(one.note, 'a')
    await world.wait(one.note.whenSaved())
    write(two.note, 'b')
    write(three.note, 'c')
    await world.run(0.5)
    first.kill()
    write(two.note, 'd')
    await world.wait(two.note.whenSaved())
    await world.wait(three.note.whenSaved())
    await world.until(() => textOf(two.note) === textOf(three.note))
    expect(textOf(two.note).split('').toSorted().join('')).toBe('abcd')
    expect(world.owner).toBeDefined()
    const fourth = await openNote(world, await world.open())
    expect(textOf(fourth.note)).toBe(textOf(two.note))
  })

  test('[TABS-5] the owner is closed: another takes over at once, and Y.Docs and waits go on', async () => {
    const world = await TabWorld.begin('closed')
    const first = await world.open()
    const second = await world.open()
    const two = await openNote(world, second)
    const { ydoc } = two.note
    const fromMs = world.clock.monotonic()
    await world.wait(first.client?.close() ?? Promise.resolve())
    write(two.note, 'on')
    await world.wait(two.note.whenSaved())
    expect(second.client?.status.role).toBe('owner')
    expect(two.note.ydoc).toBe(ydoc)
    expect(world.clock.monotonic() - fromMs).toBeLessThan(1_000)
  })

  test('[L53] [TABS-6] an owner that freezes without a word loses the store; when it thaws it follows, and its edits are saved', async () => {
    const world = await TabWorld.begin('frozen')
    const first = await world.open()
    const one = await openNote(world, first)
    const second = await world.open()
    const two = await openNote(world, second)
    write(one.note, 'before ')
    await world.wait(one.note.whenSaved())
    write(one.note, 'on the way ')
    first.freeze()
    write(two.note, 'meanwhile ')
    await world.wait(two.note.whenSaved())
    expect(second.client?.status.role).toBe('owner')
    const third = await openNote(world, await world.open())
    expect(textOf(third.note)).toContain('meanwhile')
    first.thaw()
    await world.until(() => first.client?.status.role === 'follower')
    write(one.note, 'after')
    await world.wait(one.note.whenSaved())
    await world.until(
      () => textOf(one.note) === textOf(two.note) && textOf(two.note) === textOf(third.note),
    )
    for (const part of ['before ', 'on the way ', 'meanwhile ', 'after']) {
      expect(textOf(one.note).split(part)).toHaveLength(2)
    }
    expect(second.client?.status.role).toBe('owner')
  })

  test('[L53] [TABS-6] an owner that is told that it will be frozen gives the store away before', async () => {
    const world = await TabWorld.begin('frozen with a word')
    const first = await world.open()
    const second = await world.open()
    const two = await openNote(world, second)
    const fromMs = world.clock.monotonic()
    first.freeze(true)
    write(two.note, 'on')
    await world.wait(two.note.whenSaved())
    expect(world.clock.monotonic() - fromMs).toBeLessThan(1_000)
    first.thaw()
    await world.until(() => first.client?.status.role === 'follower')
  })

  test.each([340, 380, 420, 460])(
    '[L31] [L38] [TABS-5] the next owner is killed as well, %i ms later: what was called saved is there',
    async (killedAfterMs) => {
      const world = await TabWorld.begin('twice')
      const first = await world.open()
      await openNote(world, first)
      const second = await world.open()
      const two = await openNote(world, second)
      // Taking over lasts some 600 ms by that: it dies before, while and after edits go over.
      world.disk.writeMs = 10
      const told: string[] = []
      let written = 0
      for (let atMs = 0; atMs < 600; atMs += 5) {
        world.clock.after(atMs, () => {
          if (second.isDead) return
          const entry = `<${written++}>`
          write(two.note, entry)
          two.note.whenSaved().then(
            () => (second.isDead ? 0 : told.push(entry)),
            () => {},
          )
        })
      }
      await world.run(100)
      expect(told.length).toBeGreaterThan(0)
      first.kill()
      await world.run(killedAfterMs)
      second.kill()
      const third = await openNote(world, await world.open())
      expect(told.filter((entry) => !textOf(third.note).includes(entry))).toEqual([])
    },
  )

  test('[TABS-5] a document that a tab opens while the owner dies opens, also where that tab is the next owner', async () => {
    const world = await TabWorld.begin('opens meanwhile')
    const first = await world.open()
    const one = await openNote(world, first)
    write(one.note, 'there')
    await world.wait(one.note.whenSaved())
    const second = await world.open()
    const { notes } = await openNote(world, second, 'another')
    const opening = notes.open('note')
    first.kill()
    const note = await world.wait(opening)
    expect(second.client?.status.role).toBe('owner')
    expect(textOf(note)).toBe('there')
    write(note, ' and on')
    await world.wait(note.whenSaved())
  })

  test('[TABS-2] a tab from which the store is taken while it sets up for the first time begins all the same', async () => {
    const world = await TabWorld.begin('taken at once')
    let isTaken = true
    const tab = await world.open({
      opening: async () => {
        if (!isTaken) return
        isTaken = false
        throw new ClientError('store-taken', 'another tab has the store')
      },
    })
    expect(tab.failure).toBeUndefined()
    expect(tab.client?.status.role).toBe('owner')
  })

  test('[TABS-5] questions that the owner did not answer are put to the next', async () => {
    const world = await TabWorld.begin('questions')
    const first = await world.open()
    const one = await openNote(world, first)
    const two = await openNote(world, await world.open())
    write(one.note, 'listed')
    await world.wait(one.note.whenSaved())
    const listed = two.notes.list()
    first.kill()
    expect((await world.wait(listed)).map(({ id }) => id)).toEqual(['note'])
  })
})

describe('two versions', () => {
  test('[TABS-10] an older owner leaves the store to a newer tab, says what to do, and calls nothing saved from then on', async () => {
    const world = await TabWorld.begin('older owner')
    const older = await world.open({ version: 1 })
    const one = await openNote(world, older)
    write(one.note, 'old')
    await world.wait(one.note.whenSaved())
    const newer = await world.open({ version: 2 })
    const two = await openNote(world, newer)
    expect(textOf(two.note)).toBe('old')
    expect(newer.client?.status.role).toBe('owner')
    await world.until(() => older.errors.length > 0)
    expect(older.errors.map(({ code }) => code)).toEqual(['other-version'])
    await expect(world.wait(one.notes.open('another'))).rejects.toMatchObject({
      code: 'other-version',
    })
    write(one.note, ' and lost if not reloaded')
    await expect(world.wait(one.note.whenSaved())).rejects.toMatchObject({ code: 'other-version' })
    expect(one.note.state.safety).toBe('local')
    await world.run(30_000)
    expect(newer.client?.status.role).toBe('owner')
    expect(newer.errors).toEqual([])
  })

  test('[TABS-10] an older tab that comes while a newer one has the store is told to reload', async () => {
    const world = await TabWorld.begin('older comes')
    const newer = await world.open({ version: 2 })
    const older = await world.open({ version: 1 })
    expect(older.failure).toMatchObject({ code: 'other-version' })
    expect(newer.client?.status.role).toBe('owner')
  })
})

test('[TABS-3] [TABS-11] [L38] [L53] random lives of four tabs: nothing saved is lost, nothing shows twice, all converge', async () => {
  const { runs, seed } = seedsFromEnvironment({ runs: 15, seed: 'tabs' })
  const sum = { edits: 0, saved: 0, kills: 0, freezes: 0, closings: 0, owners: 0 }
  for (let run = 0; run < runs; run++) {
    const one = run === 0 && runs === 1 ? seed : `${seed} ${run}`
    try {
      const lived = await liveRandomly(one)
      for (const key of keysOf(sum)) sum[key] += lived[key]
    } catch (error) {
      throw new Error(`SEED='${one}': ${String(error)}`, { cause: error })
    }
  }
  // It did something.
  const isRare = (key: keyof typeof sum): boolean => sum[key] <= runs / 4
  const rare = keysOf(sum).filter((key) => runs > 1 && isRare(key))
  expect(rare).toEqual([])
  expect(sum.saved).toBeGreaterThan(0)
}, 300_000)

function keysOf<T extends object>(of: T): readonly (keyof T)[] {
  return Object.keys(of) as (keyof T)[]
}
