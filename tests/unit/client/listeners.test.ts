import { HoldfastProvider } from '@holdfast/client'
import { expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import { ClientWorld } from './client-world.js'

/** Throws each time, and says so. */
function throwing(): { readonly listener: () => never; readonly calls: () => number } {
  let calls = 0
  const listener = (): never => {
    calls++
    throw new Error('the app is wrong')
  }
  return { listener, calls: () => calls }
}

test('[CLIENT-22] listeners that throw, each time and of every kind, break neither the sync nor each other, and each is told once', async () => {
  const world = new ClientWorld('wrong apps')
  await world.archive.start()
  const [a, b] = [await world.device('both'), await world.device('both')]
  const [one, two] = await world.settle(
    Promise.all([a.notes.open('note-1'), b.notes.open('note-1')]),
  )
  const bad = new Map<string, ReturnType<typeof throwing>>()
  const wrong = (name: string): (() => never) => {
    const made = throwing()
    bad.set(name, made)
    return made.listener
  }
  const good = new Set<string>()
  a.client.onStatus(wrong('client onStatus'))
  a.client.onStatus(() => good.add('client onStatus'))
  a.notes.onStatus(wrong('onStatus'))
  a.notes.onStatus(() => good.add('onStatus'))
  a.notes.onLinks(wrong('onLinks'))
  a.notes.onLinks(() => good.add('onLinks'))
  a.notes.onList(wrong('onList'))
  a.notes.onList(() => good.add('onList'))
  a.notes.onTraffic(wrong('onTraffic'))
  a.notes.onTraffic(() => good.add('onTraffic'))
  one.onState(wrong('onState'))
  one.onState(() => good.add('onState'))
  a.notes.awareness.on('change', wrong('awareness'))
  one.awareness.on('change', wrong('awareness of the document'))
  // Yjs hands these to whoever edits, and goes on.
  one.ydoc.on('update', wrong('update'))
  one.ydoc.getText('body').observe(wrong('observe'))
  expect(() => one.ydoc.getText('body').insert(0, 'here ')).toThrow('the app is wrong')
  two.ydoc.getText('body').insert(0, 'there ')
  two.awareness.setLocalState({ name: 'Ada' })
  b.notes.awareness.setLocalState({ name: 'Ada' })
  for (let round = 0; round < 3; round++) {
    two.ydoc.getText('body').insert(0, `${round} `)
    await world.settle(Promise.all([one.whenArchived(), two.whenArchived()]))
    await world.settle(Promise.all([one.whenSynced(), two.whenSynced()]))
  }
  a.client.disconnect('mesh')
  await world.until(() => a.notes.links.length === 1)
  await world.world.run(1_000)
  expect(one.ydoc.getText('body').toJSON()).toBe(two.ydoc.getText('body').toJSON())
  expect(one.ydoc.getText('body').length).toBe('here there 0 1 2 '.length)
  for (const [name, { calls }] of bad) expect([name, calls() > 0]).toEqual([name, true])
  const kinds = ['client onStatus', 'onLinks', 'onList', 'onState', 'onStatus', 'onTraffic']
  expect([...good].toSorted()).toEqual(kinds)
  one.ydoc.on('destroy', throwing().listener)
  const told = a.errors.map(({ code, message }) => `${code}: ${message}`)
  expect(told.toSorted()).toEqual(
    ['onLinks', 'onList', 'onState', 'onStatus', 'onStatus', 'onTraffic'].map(
      (what) => `listener-threw: a listener of ${what} threw`,
    ),
  )
  expect(a.errors[0]?.cause).toEqual(new Error('the app is wrong'))
  expect(b.errors).toEqual([])
  await world.settle(a.client.close())
  expect(a.pendingTasks).toBe(0)
  const last = a.errors.slice(told.length).map(({ message }) => message)
  expect(last.toSorted()).toEqual([
    'a listener of a Y.Doc threw',
    'a listener of an awareness threw',
    'a listener of an awareness threw',
  ])
})

test('[CLIENT-22] a listener of onError that throws is on the console, and the others are told', async () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => {})
  try {
    const world = new ClientWorld('wrong onError')
    const device = await world.device('neither')
    const codes: string[] = []
    device.client.onError(throwing().listener)
    device.client.onError(({ code }) => codes.push(code))
    device.client.onStatus(throwing().listener)
    await world.settle(device.notes.open('note-1'))
    await world.settle(device.client.collection('others'))
    ;(await world.settle(device.notes.open('note-1'))).ydoc.getText('body').insert(0, 'x')
    await world.until(() => codes.length > 0)
    expect(codes).toEqual(['listener-threw'])
    expect(said.mock.calls.map(([text]) => text as string)).toEqual([
      'holdfast: a listener of onError threw',
    ])
  } finally {
    said.mockRestore()
  }
})

test('[CLIENT-22] [CLIENT-14] a listener of a provider that throws keeps nothing from the others', async () => {
  const world = new ClientWorld('wrong provider')
  await world.archive.start()
  const device = await world.device('archive')
  const provider = new HoldfastProvider('notes/note-1', new Y.Doc(), { client: device.client })
  const told: string[] = []
  provider.on('status', throwing().listener)
  provider.on('status', ({ status }) => told.push(status))
  provider.on('synced', throwing().listener)
  provider.on('synced', ({ synced }) => told.push(`synced ${synced}`))
  provider.on('error', ({ code }) => told.push(code))
  await world.until(() => provider.synced)
  expect(told.toSorted()).toEqual(['connected', 'listener-threw', 'listener-threw', 'synced true'])
  await world.settle(provider.destroy())
  expect(device.errors).toEqual([])
})
