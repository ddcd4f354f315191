import { HoldfastProvider, type ProviderOptions } from '@holdfast/client'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { ClientWorld, type Device } from './client-world.js'

/** A provider on a client of the app's, and all that it tells. */
function provided(
  device: Device,
  room: string,
  options: ProviderOptions = {},
): { readonly provider: HoldfastProvider; readonly told: unknown[]; readonly ydoc: Y.Doc } {
  const ydoc = new Y.Doc()
  const provider = new HoldfastProvider(room, ydoc, { client: device.client, ...options })
  const told: unknown[] = []
  provider.on('status', ({ status, connected }) => told.push([status, connected]))
  provider.on('sync', (isSynced) => told.push(['sync', isSynced]))
  provider.on('synced', ({ synced }) => told.push(['synced', synced]))
  provider.on('error', ({ code }) => told.push(['error', code]))
  return { provider, told, ydoc }
}

describe('HoldfastProvider', () => {
  test('[CLIENT-14] syncs the app’s own Y.Doc and shows who is there, until it is disconnected', async () => {
    const world = new ClientWorld('provider')
    await world.archive.start()
    const [a, b] = [await world.device('both'), await world.device('both')]
    const one = provided(a, 'notes/note-1')
    one.provider.awareness.setLocalState({ name: 'Ada' })
    one.ydoc.getText('body').insert(0, 'before it was open ')
    expect([one.provider.synced, one.provider.connected]).toEqual([false, false])
    const two = provided(b, 'note-1', { collection: 'notes' })
    const peers: string[] = []
    two.provider.on('peers', ({ added, webrtcPeers }) => {
      for (const peer of added) if (webrtcPeers.includes(peer)) peers.push(peer)
    })
    const text = two.ydoc.getText('body')
    await world.until(() => text.toJSON() === 'before it was open ' && two.provider.synced)
    await world.until(() => two.provider.awareness.getStates().size === 2)
    const seen = two.provider.awareness.getStates().get(one.ydoc.clientID)
    expect(seen).toEqual({ name: 'Ada' })
    await world.until(() => peers.includes(a.client.instance))
    const firsts = [
      ['connected', true],
      ['sync', true],
      ['synced', true],
    ]
    for (const first of firsts) expect(two.told).toContainEqual(first)

    two.provider.disconnect()
    await world.until(() => one.provider.awareness.getStates().size === 1)
    expect(two.told).toContainEqual(['disconnected', false])
    expect([two.provider.synced, two.provider.connected]).toEqual([false, false])
    text.insert(0, 'meanwhile ')
    one.ydoc.getText('body').insert(0, 'alone ')
    await world.world.run(2_000)
    expect(one.ydoc.getText('body').toJSON()).toBe('alone before it was open ')
    two.provider.connect()
    await world.until(() => two.provider.synced && one.provider.synced)
    await world.until(() => text.toJSON() === one.ydoc.getText('body').toJSON())
    expect(text.length).toBe('meanwhile alone before it was open '.length)

    await world.settle(Promise.all([one.provider.destroy(), two.provider.destroy()]))
    await world.settle(two.provider.destroy())
    expect([one.ydoc.isDestroyed, one.provider.connected]).toEqual([false, false])
    expect([one.told, two.told].flat().filter((news) => String(news).startsWith('error'))).toEqual(
      [],
    )
    await world.settle(Promise.all([a.client.close(), b.client.close()]))
    expect([a.pendingTasks, b.pendingTasks]).toEqual([0, 0])
  })

  test('[CLIENT-14] ends with its Y.Doc, also while it is being opened', async () => {
    const world = new ClientWorld('provider ends')
    const device = await world.device('neither')
    const { provider, ydoc } = provided(device, 'notes/note-1')
    const other = provided(device, 'notes/note-1')
    ydoc.destroy()
    await world.settle(provider.destroy())
    expect(provider.document).toBeUndefined()
    // Whoever gives another Y.Doc for one that is open is told so.
    await world.settle(other.provider.destroy())
    const first = provided(device, 'notes/note-1')
    await world.until(() => first.provider.document !== undefined)
    const second = provided(device, 'notes/note-1')
    await world.until(() => second.told.length > 0)
    expect(second.told).toContainEqual(['error', 'bad-option'])
    await world.settle(first.provider.destroy())
    await world.settle(second.provider.destroy())
  })

  test('[CLIENT-14] [CLIENT-15] makes a client of its own from options, and takes no room that cannot be one', async () => {
    const provider = new HoldfastProvider('note-1', new Y.Doc())
    provider.doc.getText('body').insert(0, 'x')
    while (provider.document === undefined) await new Promise((resolve) => setImmediate(resolve))
    expect(provider.document.state).toMatchObject({ safety: 'local', isSynced: false })
    await provider.destroy()
    for (const room of ['', '/', 'notes/', '/note-1', 'x'.repeat(2_000)]) {
      expect(refused(room)).toMatchObject({ code: 'bad-name' })
    }
    const idle = new HoldfastProvider('a/b/c', new Y.Doc(), { connect: false })
    expect([idle.roomname, idle.status, idle.shouldConnect]).toEqual([
      'a/b/c',
      'disconnected',
      false,
    ])
    await idle.destroy()
  })
})

function refused(room: string): unknown {
  try {
    return new HoldfastProvider(room, new Y.Doc(), { connect: false })
  } catch (error) {
    return error
  }
}
