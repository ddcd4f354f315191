/**
 * The client as an app for React Native has it: the bundle that Metro made, run with nothing around it
 * but what React Native brings, over op-sqlite's own JavaScript and a stand-in for its C++ layer.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Client } from '@holdfast/client'
import { systemClock, type Clock } from '@holdfast/peer/ports'
import wrtc from '@roamhq/wrtc'
import { afterAll, describe, expect, test } from 'vitest'
import { until } from '../real/archive-server.js'
import { ClientHost } from '../real/client-host.js'
import { installNative } from './install.js'
import { bundleApp } from './metro.js'
import { installNativeProxy } from './native-proxy.js'
import { startApp } from './phone.js'

const installed = await installNative()
const impossible = 'impossible' in installed ? installed.impossible : undefined
if (impossible !== undefined) console.info(`React Native is not tested: ${impossible}`)

describe.skipIf(impossible !== undefined)('a client in React Native', async () => {
  if (!('folder' in installed)) return
  const { code } = await bundleApp(installed.folder, resolve(import.meta.dirname, 'apps/sync'))
  installNativeProxy()
  const host = await ClientHost.start()
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-phone-'))
  afterAll(async () => {
    await host.remove()
    rmSync(folder, { recursive: true })
  })

  test('[NATIVE-4] [NATIVE-5] syncs by signaller and archive, and has it all after a restart', async () => {
    const node = await host.client('node', { rtc: false })
    const others = await (await node.collection('notes')).open('note')
    const before = await startApp(code).open('app.db', folder, { server: host.server })
    const notes = await before.collection('notes')
    const note = await notes.open('note')
    note.ydoc.getText('body').insert(0, 'from a phone')
    await note.whenSaved()
    await note.whenArchived()
    expect(note.state.safety).toBe('archived')
    await until(() => others.ydoc.getText('body').toJSON() === 'from a phone')
    others.ydoc.getText('body').insert(0, 'not only ')
    await until(() => note.ydoc.getText('body').toJSON() === 'not only from a phone')
    expect(notes.links.map(({ path }) => path)).not.toContain('webrtc')
    await before.close()

    const after = await startApp(code).open('app.db', folder, {})
    expect(after.replica).toBe(before.replica)
    expect(after.instance).not.toBe(before.instance)
    const found = await (await after.collection('notes')).open('note')
    expect(found.ydoc.getText('body').toJSON()).toBe('not only from a phone')
    await after.close()
  })

  test('[NATIVE-4] [L31] keeps what was edited offline through a restart, and archives it then', async () => {
    const offline = await startApp(code).open('offline.db', folder, {
      archive: 'ws://127.0.0.1:1/archive',
    })
    const note = await (await offline.collection('offline')).open('note')
    note.ydoc.getText('body').insert(0, 'no network')
    await note.whenSaved()
    expect(note.state).toMatchObject({ safety: 'saved', pending: { local: 0, saved: 1 } })
    await offline.close()

    const online = await startApp(code).open('offline.db', folder, { server: host.server })
    const again = await (await online.collection('offline')).open('note')
    expect(again.ydoc.getText('body').toJSON()).toBe('no network')
    await again.whenArchived()
    expect(again.state).toMatchObject({ safety: 'archived', pending: { saved: 0 } })
    await online.close()
  })

  test('[NATIVE-5] is linked directly where it is given an rtc', async () => {
    const node = await host.client('direct', { rtc: wrtc, archive: false })
    const theirs = await (await node.collection('direct')).open('note')
    const phone = await startApp(code).open('direct.db', folder, {
      signal: `${host.server}/signal`,
      rtc: wrtc,
    })
    const notes = await phone.collection('direct')
    const note = await notes.open('note')
    note.ydoc.getText('body').insert(0, 'straight')
    await until(() => notes.links.some(({ path }) => path === 'webrtc'))
    await until(() => theirs.ydoc.getText('body').toJSON() === 'straight')
    expect(notes.links.map(({ kind, path }) => [kind, path])).toEqual([['peer', 'webrtc']])
    await phone.close()
  })

  test('[NATIVE-6] is away in the background, and dials at once when it is active again', async () => {
    const app = startApp(code)
    let holdsPauses = false
    const clock: Clock = {
      ...systemClock,
      after: (delayMs, task) =>
        holdsPauses && delayMs > 0 ? () => undefined : systemClock.after(delayMs, task),
    }
    const phone = await app.open('away.db', folder, { server: host.server, clock })
    const notes = await phone.collection('away')
    await until(() => notes.status.reach === 'archive')
    app.AppState.change('inactive')
    app.AppState.change('background')
    // From now on no pause ends.
    holdsPauses = true
    await host.stopServers()
    await until(() => notes.status.reach !== 'archive')
    await host.startServers()
    app.AppState.change('active')
    await until(() => notes.status.reach === 'archive')
    await phone.close()
    expect(app.listenerCount()).toBe(0)
  })

  test('[NATIVE-7] does not begin without random numbers, and says what to install', async () => {
    const app = startApp(code, ['crypto'])
    const refused = await rejectionOf(app.open('chance.db', folder, {}))
    expect(refused).toMatchObject({ name: 'ClientError', code: 'unsupported' })
    expect(String(refused)).toContain('react-native-get-random-values')
  })

  test('[NATIVE-8] has no store in memory', async () => {
    const refused = await rejectionOf(startApp(code).openInMemory())
    expect(refused).toMatchObject({ name: 'ClientError', code: 'unsupported' })
    expect(String(refused)).toContain('nativeStore')
  })

  test('[NATIVE-9] refuses a file that is open already', async () => {
    const first = await startApp(code).open('once.db', folder, {})
    const refused = await rejectionOf(startApp(code).open('once.db', folder, {}))
    expect(refused).toMatchObject({ name: 'ClientError', code: 'store-in-use' })
    await first.close()
    const next = await startApp(code).open('once.db', folder, {})
    await next.close()
  })

  test('[NATIVE-4] waits can be given up, where signals do not say why', async () => {
    const app = startApp(code)
    const phone = await app.open('signals.db', folder, { archive: 'ws://127.0.0.1:1/archive' })
    const note = await (await phone.collection('notes')).open('note')
    note.ydoc.getText('body').insert(0, 'waiting')
    const controller = app.createAbortController()
    const waiting = rejectionOf(note.whenArchived({ signal: controller.signal }))
    controller.abort()
    expect(await waiting).toMatchObject({ name: 'AbortError' })
    expect(await rejectionOf(note.whenSynced({ signal: controller.signal }))).toMatchObject({
      name: 'AbortError',
    })
    await phone.close()
  })
})

async function rejectionOf(promise: Promise<Client | void>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it resolved')
}
