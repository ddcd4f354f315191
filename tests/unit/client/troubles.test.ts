/** What goes wrong, as an app hears of it, and what becomes of it. */
import type { Driver } from '@holdfast/client/testing'
import { ClientError, openMemoryDriver } from '@holdfast/client/testing'
import { expect, test } from 'vitest'
import { ClientWorld, storeOn, type Device } from './client-world.js'
import { taken } from './replica-world.js'

const codesOf = ({ errors }: Device): readonly string[] => errors.map(({ code }) => code)

test('[CLIENT-24] [L40] a store that was damaged is told, and filled again from the archive', async () => {
  const world = new ClientWorld('damaged store')
  await world.archive.start()
  const device = await world.device('archive')
  const document = await world.settle(device.notes.open('note-1'))
  document.ydoc.getText('body').insert(0, 'archived')
  await world.settle(document.whenArchived())
  await world.settle(device.client.close())
  device.crash()
  // What its driver does with an image that cannot be read: sets it aside, begins an empty one, and says so.
  const empty = await openMemoryDriver()
  const begun: Driver = taken(empty, {
    onEvent: (listener) => {
      const cause = new ClientError('store-damaged', 'the image is damaged')
      // As drivers tell what happened before anybody could listen.
      queueMicrotask(() => listener({ kind: 'damaged', setAside: 'app damaged', cause }))
      return () => {}
    },
  })
  await device.start({ store: storeOn(() => begun) })
  const again = await world.settle(device.notes.open('note-1'))
  await world.until(() => again.ydoc.getText('body').toJSON() === 'archived')
  await world.until(() => again.state.safety === 'archived')
  expect(codesOf(device)).toEqual(['store-damaged'])
  await world.settle(device.client.close())
})

test('[CLIENT-24] [REPLICA-13] a part that came to harm in the store is set aside and told; what is owed of it is kept, and the rest comes again', async () => {
  const world = new ClientWorld('harmed rows')
  await world.archive.start()
  const device = await world.device('archive')
  const document = await world.settle(device.notes.open('note-1'))
  const body = document.ydoc.getText('body')
  body.insert(0, 'archived ')
  await world.settle(document.whenArchived())
  await world.until(() => device.notes.status.archives[0]?.seq === 1)
  world.archive.crash()
  body.insert(0, 'owed ')
  await world.settle(document.whenSaved())
  device.crash()
  // A letter flips on the disk, in every row.
  await device.driver.transact([
    { sql: 'UPDATE updates SET bytes = ?', parameters: [Uint8Array.of(7, 7, 7)] },
  ])
  await device.start()
  const again = await world.settle(device.notes.open('note-1'))
  await world.until(() => codesOf(device).includes('document-damaged'))
  expect(again.state.isDamaged).toBe(true)
  await world.archive.start()
  device.client.retryNow()
  await world.until(() => again.ydoc.getText('body').toJSON() === 'owed archived ')
  await world.settle(again.whenArchived())
  expect(await world.archive.head()).toBe(2)
  expect(again.state.isGapped).toBe(false)
  await world.settle(device.client.close())
})

test('[CLIENT-24] one that came to harm comes again also where the archive is linked, and nobody edits', async () => {
  const world = new ClientWorld('harmed while linked')
  await world.archive.start()
  const device = await world.device('archive')
  const document = await world.settle(device.notes.open('note-1'))
  document.ydoc.getText('body').insert(0, 'archived')
  await world.settle(document.whenArchived())
  await world.until(() => device.notes.status.archives[0]?.seq === 1)
  await world.settle(document.close())
  await world.settle(device.client.close())
  device.crash()
  await device.driver.transact([
    { sql: 'UPDATE updates SET bytes = ?', parameters: [Uint8Array.of(7, 7, 7)] },
  ])
  await device.start()
  await world.until(() => device.notes.status.archives[0]?.state === 'live')
  await world.world.run(5_000)
  const again = await world.settle(device.notes.open('note-1'))
  await world.until(() => again.ydoc.getText('body').toJSON() === 'archived')
  await world.settle(again.whenSynced())
  expect(codesOf(device)).toEqual(['document-damaged'])
  await world.settle(device.client.close())
})

test('[CLIENT-24] [K8] an archive that cannot be agreed with is told, and progress says what it is about', async () => {
  const world = new ClientWorld('no agreement')
  await world.archive.start()
  const device = await world.device('archive')
  const document = await world.settle(device.notes.open('note-1'))
  const copy = world.archive.copy()
  document.ydoc.getText('body').insert(0, 'x'.repeat(1_000))
  await world.settle(document.whenArchived())
  const progress = new Set<string>()
  device.notes.onStatus((status) => {
    if (status.progress !== undefined) progress.add(status.progress.what)
  })
  world.world.network.setConditions({ delayMs: 50 })
  for (let round = 0; round < 5; round++) {
    await world.until(() => device.notes.status.archives[0]?.seq === 1, 120_000)
    await world.archive.restore(copy)
    device.client.retryNow()
    await world.until(() => device.notes.status.archives[0]?.state === 'resyncing', 120_000)
    if (codesOf(device).includes('resync-failed')) break
    await world.settle(document.whenArchived(), 120_000)
  }
  expect(codesOf(device)).toEqual(['resync-failed'])
  expect(document.state.safety).toBe('saved')
  await world.settle(document.whenArchived(), 300_000)
  expect(progress).toContain('recovery')
  await world.settle(device.client.close())
})

test('[CLIENT-8] flush resolves when what was edited before, in every collection, is saved', async () => {
  const world = new ClientWorld('flush')
  const device = await world.device('neither')
  const others = await world.settle(device.client.collection('others'))
  const documents = await world.settle(
    Promise.all([device.notes.open('one'), device.notes.open('two'), others.open('three')]),
  )
  for (const { ydoc } of documents) {
    for (let at = 0; at < 5; at++) ydoc.getText('body').insert(0, 'x')
  }
  expect(device.client.status.pending.local).toBeGreaterThan(0)
  await world.settle(device.client.flush())
  expect(documents.map(({ state }) => state.safety)).toEqual(['saved', 'saved', 'saved'])
  expect(device.client.status.pending.local).toBe(0)
  await world.settle(device.client.close())
})

test('[CLIENT-25] who is not let in is told why, goes on in its store, and is let in with another token; who may only read is told which edits are refused', async () => {
  const world = new ClientWorld('tokens')
  world.archive.verifier = {
    async verify(token) {
      if (token !== 'reader' && token !== 'writer')
        return { ok: false, refusal: { code: 'unauthenticated', detail: 'who are you?' } }
      const access = token === 'writer' ? 'write' : 'read'
      return { ok: true, value: { expiresAtMs: Infinity, accessTo: () => access } }
    },
  }
  await world.archive.start()
  let token = 'stranger'
  const device = await world.device('archive', { token: () => Promise.resolve(token) })
  const document = await world.settle(device.notes.open('note-1'))
  await world.until(() => device.notes.status.archives[0]?.state === 'refused')
  document.ydoc.getText('body').insert(0, 'kept here ')
  await world.settle(document.whenSaved())
  await world.world.run(60_000)
  expect(codesOf(device)).toEqual(['access-refused'])
  expect(device.errors[0]?.wireCode).toBe('unauthenticated')
  expect(device.notes.status).toMatchObject({ reach: 'offline', access: undefined })
  token = 'writer'
  device.client.retryNow()
  await world.settle(document.whenArchived())
  expect(device.notes.status.access).toBe('write')

  const reader = await world.device('archive', { token: () => Promise.resolve('reader') })
  const read = await world.settle(reader.notes.open('note-1'))
  await world.until(() => read.ydoc.getText('body').toJSON() === 'kept here ')
  expect(reader.notes.status.access).toBe('read')
  read.ydoc.getText('body').insert(0, 'mine ')
  const archived = read.whenArchived().catch((error: unknown) => error)
  expect(await world.settle(archived)).toMatchObject({ code: 'refused', wireCode: 'forbidden' })
  await world.until(() => codesOf(reader).includes('refused'))
  const kept = await world.settle(reader.notes.kept())
  expect(kept.map(({ code }) => code)).toEqual(['forbidden'])
  await world.world.run(1_000)
  expect(document.ydoc.getText('body').toJSON()).toBe('kept here ')
  await world.settle(Promise.all([device.client.close(), reader.client.close()]))
})
