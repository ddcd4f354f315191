/** What a tab that does not own the store is told and may ask, where others have their say as well. */
import { ClientError, type Collection, type Document } from '@holdfast/client'
import type { Link } from '@holdfast/peer/ports'
import type { Life } from '@holdfast/peer/testing'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { ClientWorld, type Device } from '../unit/client/client-world.js'
import { TabWorld, type Tab } from './tabs/tab-world.js'

interface Opened {
  readonly tab: Tab
  readonly notes: Collection
  readonly note: Document
}

/** Two tabs of one app, the owner first, and another device. */
async function twoTabs(seed: string): Promise<{
  readonly world: TabWorld
  readonly owner: Opened
  readonly follower: Opened
  readonly device: Device
  readonly theirs: Document
}> {
  const around = new ClientWorld(seed)
  await around.archive.start()
  const device = await around.device('archive')
  const theirs = await around.settle(device.notes.open('note'))
  const world = await TabWorld.begin(seed, around.world.clock)
  const open = async (name: string): Promise<Opened> => {
    let life: Life | undefined
    around.world.host(name).start((begun) => (life = begun))
    const dial = (): { readonly link: Link } => {
      if (life === undefined) throw new Error('the tab did not start')
      return { link: life.dial('archive') }
    }
    const tab = await world.open({ client: { archive: { url: 'sim://archive', dial } } })
    const { client } = tab
    if (client === undefined) throw new Error('a tab without a client')
    const notes = await world.wait(client.collection('notes'))
    return { tab, notes, note: await world.wait(notes.open('note')) }
  }
  const owner = await open('owner')
  const follower = await open('follower')
  expect(follower.tab.client?.status.role).toBe('follower')
  return { world, owner, follower, device, theirs }
}

function write({ ydoc }: Document, text: string): void {
  const body = ydoc.getText('body')
  body.insert(body.length, text)
}

function textOf({ ydoc }: Document): string {
  return ydoc.getText('body').toJSON()
}

describe('a tab that follows', () => {
  test('[TABS-7] [K21] is told of its refused edits, counts them, gives them out, and may let go of them', async () => {
    const { world, owner, follower, device, theirs } = await twoTabs('refused')
    write(theirs, 'there ')
    await world.wait(theirs.whenArchived())
    await world.until(() => textOf(follower.note) === 'there ')
    owner.tab.client?.disconnect()
    write(follower.note, 'too late')
    await world.wait(follower.note.whenSaved())
    await world.wait(device.notes.delete('note'))
    await world.wait(device.notes.whenArchived())
    const archived = follower.note.whenArchived().catch((error: unknown) => error)
    follower.tab.client?.connect()
    expect(await world.wait(archived)).toMatchObject({ code: 'refused' })
    await world.until(() => follower.note.state.isDeleted)
    for (const { tab, notes } of [owner, follower]) {
      await world.until(() => notes.status.pending.refused === 1)
      await world.until(() => tab.errors.some(({ code }) => code === 'refused'))
    }
    const kept = await world.wait(follower.notes.kept())
    expect(kept).toEqual(await world.wait(owner.notes.kept()))
    expect(kept.map(({ code }) => code)).toEqual(['document-deleted'])
    const rescued = new Y.Doc()
    Y.applyUpdate(rescued, Y.encodeStateAsUpdate(theirs.ydoc))
    for (const { bytes } of kept) Y.applyUpdate(rescued, bytes)
    expect(rescued.getText('body').toJSON()).toBe('there too late')
    await world.wait(follower.notes.discard(kept))
    for (const { notes } of [owner, follower]) {
      await world.until(() => notes.status.pending.refused === 0)
      expect(await world.wait(notes.kept())).toEqual([])
    }
  })

  test('[TABS-7] [CLIENT-19] hears the same traffic as the owner, its own edits among it, and only while it listens', async () => {
    const { world, owner, follower, theirs } = await twoTabs('traffic')
    await world.until(() => owner.notes.status.reach === 'archive')
    await world.wait(follower.note.whenSynced())
    const heard: string[][] = [[], []]
    const undo = [owner, follower].map(({ notes }, at) =>
      notes.onTraffic(({ direction, document, link, bytes }) => {
        const isOfArchive = link === notes.status.archives[0]?.archive
        heard[at]?.push(`${direction} ${document} ${isOfArchive} ${bytes > 0}`)
      }),
    )
    await world.run(100)
    write(follower.note, 'out')
    await world.wait(follower.note.whenArchived())
    await world.until(() => heard.every((told) => told.includes('out note true true')))
    write(theirs, 'in')
    await world.wait(theirs.whenArchived())
    await world.until(() => heard.every((told) => told.includes('in note true true')))
    expect(heard[1]).toEqual(heard[0])
    for (const end of undo) end()
    await world.run(100)
    const counts = heard.map(({ length }) => length)
    write(theirs, 'unheard')
    await world.wait(theirs.whenArchived())
    await world.until(() => textOf(follower.note) === textOf(theirs))
    await world.run(100)
    expect(heard.map(({ length }) => length)).toEqual(counts)
  })

  test.each(['owner', 'follower'] as const)(
    '[L12] [TABS-7] [REPLICA-15] the %s wrote under a clientID that another device writes under: both contents are everywhere, and the documents that had to be replaced say so',
    async (who) => {
      const tabs = await twoTabs(`rekey ${who}`)
      const { world, owner, follower, theirs } = tabs
      write(theirs, 'all. ')
      await world.wait(theirs.whenArchived())
      await world.until(() => textOf(owner.note) === 'all. ' && textOf(follower.note) === 'all. ')
      const replaced = new Map<Opened, Document>()
      for (const one of [owner, follower]) {
        one.note.onReplaced((document) => replaced.set(one, document))
      }
      const before = { owner: owner.note.ydoc, follower: follower.note.ydoc }
      owner.tab.client?.disconnect()
      // As apps do that choose clientIDs, or machines that were copied while they ran.
      const twin = tabs[who].note
      twin.ydoc.clientID = theirs.ydoc.clientID
      write(theirs, 'there. ')
      await world.wait(theirs.whenArchived())
      write(twin, 'here. ')
      await world.wait(twin.whenSaved())
      owner.tab.client?.connect()
      const all = [theirs, owner.note, follower.note]
      const isTheSame = (): boolean => {
        return (
          new Set(all.map(textOf)).size === 1 &&
          textOf(theirs).length === 'all. there. here. '.length
        )
      }
      await world.until(isTheSame)
      await world.wait(Promise.all(all.map((document) => document.whenArchived())))
      expect(textOf(theirs)).toContain('here. ')
      expect(textOf(theirs)).toContain('there. ')
      for (const one of [owner, follower]) expect(replaced.get(one)).toBe(one.note)
      expect(owner.note.ydoc).not.toBe(before.owner)
      expect(follower.note.ydoc).not.toBe(before.follower)
      // Who still edits the one before is heard, in each of the tabs.
      before.owner.getText('body').insert(0, 'A')
      before.follower.getText('body').insert(0, 'B')
      await world.until(() => textOf(theirs).includes('A') && textOf(theirs).includes('B'))
      await world.until(() => new Set(all.map(textOf)).size === 1)
      expect([owner.notes.status.pending.refused, theirs.state.pending.refused]).toEqual([0, 0])
    },
  )

  test('[TABS-13] [L40] opens what the owner’s store fails to read as soon as it can be read', async () => {
    const { world, owner, follower } = await twoTabs('unreadable')
    const written = await world.wait(owner.notes.open('other'))
    write(written, 'there')
    await world.wait(written.whenSaved())
    await world.wait(written.close())
    world.disk.failingReads = new ClientError('storage-failed', 'the disk does not answer')
    let isOpen = false
    const opening = follower.notes.open('other').then((document) => {
      isOpen = true
      return document
    })
    await world.run(10_000)
    expect(isOpen).toBe(false)
    const failing = [owner, follower].map(({ tab }) => tab.client?.status.storage.failing?.code)
    expect(failing).toEqual(['storage-failed', 'storage-failed'])
    world.disk.failingReads = undefined
    expect(textOf(await world.wait(opening))).toBe('there')
  })

  test('[TABS-12] is given what others edit while the owner reads the document that it opens', async () => {
    const { world, owner, follower, device } = await twoTabs('while it is read')
    const [theirs, ours] = await world.wait(
      Promise.all([device.notes.open('other'), owner.notes.open('other')]),
    )
    await world.until(() => owner.notes.status.reach === 'archive')
    // Each transaction takes 60 ms: they wait for each other.
    world.disk.writeMs = 20
    for (let atMs = 0; atMs < 400; atMs += 5) {
      world.clock.after(atMs, () => write(atMs % 10 === 0 ? ours : theirs, '.'))
    }
    await world.run(200)
    const opened = await world.wait(follower.notes.open('other'))
    await world.until(() => textOf(ours).length === 80)
    await world.run(1_000)
    expect(textOf(opened)).toBe(textOf(ours))
  })
})
