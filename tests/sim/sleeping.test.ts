import type { DocumentId } from '@holdfast/peer/protocol'
import { expect, test } from 'vitest'
import { ClientWorld } from '../unit/client/client-world.js'
import { ArchiveHost } from './archive-link/archive-host.js'
import { collection } from './system/system-device.js'

const minuteMs = 60_000
/** Asleep: four times as long as the archive waits. */
const minutes = 20
const note = 'note-1' as DocumentId

test('[L13] a phone that sleeps far longer than the archive waits for it costs itself a snapshot, and nobody an edit', async () => {
  const world = new ClientWorld('a sleeping phone')
  const archive = new ArchiveHost(world.world)
  archive.peerTimeoutMs = 5 * minuteMs
  archive.start()
  await world.until(() => archive.log !== undefined)
  const [phone, desk] = [await world.device('archive'), await world.device('archive')]
  const [there, here] = await world.settle(
    Promise.all([phone.notes.open(note), desk.notes.open(note)]),
  )
  const texts = [there, here].map(({ ydoc }) => ydoc.getText('body'))
  const [onPhone, onDesk] = texts
  if (onPhone === undefined || onDesk === undefined) throw new Error('nothing is open')
  onDesk.insert(0, 'both. ')
  await world.settle(Promise.all([there.whenSynced(), here.whenSynced()]))
  const cursor = phone.notes.status.archives[0]?.seq ?? 0
  expect(cursor).toBeGreaterThan(0)

  // Put into the pocket in the middle of a word.
  world.world.network.cut('device-1', 'archive')
  onPhone.insert(0, 'in the pocket. ')
  await world.settle(there.whenSaved())
  const host = world.world.host('device-1')
  host.freeze()
  world.world.network.healAll()
  for (let minute = 0; minute < minutes; minute++) {
    onDesk.insert(onDesk.length, `${minute}. `)
    await world.world.run(minuteMs)
  }
  await world.settle(here.whenArchived())
  const { log } = archive
  if (log === undefined) throw new Error('the archive is down')
  const counted = (await log.leases.list(collection)).filter(({ active }) => active)
  const { documents } = await log.documents({ collection, limit: 10 })
  // It has gone on without it: nobody is waited for, and what the phone has not read is compacted.
  expect(counted).toHaveLength(1)
  expect(documents[0]?.prunedThrough).toBeGreaterThan(cursor)

  host.thaw()
  await world.settle(there.whenArchived(), 2 * minuteMs)
  await world.settle(Promise.all([there.whenSynced(), here.whenSynced()]), minuteMs)
  const all = `both. ${Array.from({ length: minutes }, (_, minute) => `${minute}. `).join('')}`
  expect(onDesk.toJSON()).toBe(`in the pocket. ${all}`)
  expect(onPhone.toJSON()).toBe(onDesk.toJSON())
  expect((await archive.text(note))?.text).toBe(onDesk.toJSON())
  archive.check()
  expect([phone.errors, desk.errors]).toEqual([[], []])
  await world.settle(Promise.all([phone.client.close(), desk.client.close()]))
})
