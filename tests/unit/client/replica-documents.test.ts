import { expect, test } from 'vitest'
import { durableDriver, replicaWorld } from './replica-world.js'

test('[L31] [REPLICA-1] what was saved is there after a restart, and is still owed', async () => {
  const world = replicaWorld('restart')
  const driver = await durableDriver()
  const first = await world.open(driver)
  const note = await first.open('note')
  expect(note.state.safety).toBe('saved')
  note.ydoc.getText('body').insert(0, 'hello')
  expect(note.state).toMatchObject({ safety: 'local', pending: { local: 1, saved: 0 } })
  await note.whenSaved()
  expect(note.state).toMatchObject({ safety: 'saved', pending: { local: 0, saved: 1 } })
  await first.close()

  const second = await world.open(driver)
  expect(second.loadedCount).toBe(0)
  expect(second.list().map(({ id }) => id)).toEqual(['note'])
  const again = await second.open('note')
  expect(again.ydoc.getText('body').toJSON()).toBe('hello')
  expect(again.state.pending.saved).toBe(1)
  expect((await second.ledger.owed('a' as never, 0, 10, 1_000)).ops).toHaveLength(1)
  await second.close()
})
