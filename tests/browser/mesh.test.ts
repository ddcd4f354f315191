/** A mesh of two pages and Node: pages with an editor each, a signaller in between. */
import { createMesh } from '@holdfast/peer'
import { createSignalServer } from '@holdfast/signal'
import wrtc from '@roamhq/wrtc'
import { afterAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { until } from '../contract/real-subject.js'
import { OwnNetwork } from '../real/own-network.js'
import { SignalProcess } from '../real/signal-process.js'
import { servePage, type ModulePage } from './page-server.js'
import type { PageState } from './pages/mesh.js'

const signal = await SignalProcess.start()
const server = `ws://127.0.0.1:${signal.port}/signal`
const pages = await servePage({ module: 'mesh' })
afterAll(async () => {
  await pages.close()
  await signal.kill()
})

describe('two pages and Node', async () => {
  const [ada, bob] = [await pages.open(), await pages.open()]
  const mesh = createMesh({ server, WebSocket, rtc: wrtc })
  afterAll(() => mesh.close())
  const notes = mesh.join('notes')
  const doc = new Y.Doc()
  const note = notes.open('note', doc)
  const text = doc.getText('text')

  test('[MESH-17] edit one text, each linked with each directly', async () => {
    text.insert(0, 'from Node. ')
    note.awareness.setLocalStateField('user', { name: 'Node', color: '#ee6352' })
    await Promise.all([ada.call('join', server, 'Ada'), bob.call('join', server, 'Bob')])
    await everywhere(({ paths }) => paths.join() === 'webrtc,webrtc')
    await until(() => notes.peers.map(({ path }) => path).join() === 'webrtc,webrtc')
    await Promise.all([ada.call('type', 'from Ada. '), bob.call('type', 'from Bob. ')])
    await everywhere(({ text }) => text.length === 'from Node. from Ada. from Bob. '.length)
    await everywhere(({ isSynced }) => isSynced)
    const [one, other] = [await stateOf(ada), await stateOf(bob)]
    expect(one.text).toBe(other.text)
    await until(() => text.toJSON() === one.text)
    expect(one).toMatchObject({ shown: one.text, names: ['Ada', 'Bob', 'Node'] })
  })

  test('[MESH-17] [PRES-2] see each other’s carets in an editor that knows y-protocols', async () => {
    await bob.call('placeCaret', 3)
    await eventually(ada, ({ carets }) => carets.join() === 'Bob')
    // Node's own, as an editor would say it.
    const at: unknown = Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, 5))
    note.awareness.setLocalStateField('cursor', { anchor: at, head: at })
    await eventually(ada, ({ carets }) => carets.toSorted().join() === 'Bob,Node')
    await eventually(bob, ({ carets }) => carets.join() === 'Node')
    expect([...note.awareness.getStates().values()]).toContainEqual(
      expect.objectContaining({ user: { name: 'Bob', color: '#30bced' } }),
    )
  })

  test('[MESH-17] [K19] [M6] a page that crashes is gone from the others, with its presence and caret, within 6 s', async () => {
    const crashedAtMs = performance.now()
    await crash(bob)
    await until(() => note.awareness.getStates().size === 2 && notes.peers.length === 1)
    await eventually(ada, ({ names, carets, paths }) => {
      return names.join() === 'Ada,Node' && carets.join() === 'Node' && paths.length === 1
    })
    const goneAfterMs = performance.now() - crashedAtMs
    console.info(`gone ${Math.round(goneAfterMs)} ms after the crash`)
    expect(goneAfterMs).toBeLessThan(6_000)
    await ada.call('type', 'still here. ')
    await until(() => text.toJSON().startsWith('still here. '))
  })

  async function everywhere(holds: (state: PageState) => boolean): Promise<void> {
    await Promise.all([eventually(ada, holds), eventually(bob, holds)])
  }
})

const impossible = OwnNetwork.impossible
if (impossible !== undefined)
  console.info(`a page that loses its network is not tested: ${impossible}`)

/** A browser in a network of its own, whose cable is pulled: the emulation of the developer tools leaves WebRTC alone. */
describe.skipIf(impossible !== undefined)('a page with a network of its own', () => {
  test('[MESH-17] [MESH-4] loses it, is gone for the others, writes on, and is linked and the same again after it is back', async () => {
    const network = new OwnNetwork()
    const apart = await servePage({ module: 'mesh', network })
    const signalApart = await createSignalServer({
      host: network.outsideAddress,
      port: 0,
      open: true,
    })
    const address = `ws://${network.outsideAddress}:${signalApart.port}/signal`
    const mesh = createMesh({ server: address, WebSocket, rtc: wrtc })
    try {
      const [page, other] = [await apart.open(), await pages.open()]
      const notes = mesh.join('notes')
      const doc = new Y.Doc()
      const note = notes.open('note', doc)
      const text = doc.getText('text')
      await page.call('join', address, 'Ada')
      await other.call('join', address, 'Bob')
      for (const each of [page, other]) {
        await eventually(
          each,
          ({ paths, isSynced }) => paths.join() === 'webrtc,webrtc' && isSynced,
        )
      }

      network.unplug()
      await page.call('type', 'from Ada, alone. ')
      await other.call('type', 'from Bob meanwhile. ')
      text.insert(0, 'from Node meanwhile. ')
      await until(() => note.awareness.getStates().size === 2 && notes.peers.length === 1)
      await eventually(other, ({ names, paths }) => names.join() === 'Bob' && paths.length === 1)
      await eventually(page, ({ names, paths }) => names.join() === 'Ada' && paths.length === 0)
      expect((await stateOf(page)).text).toBe('from Ada, alone. ')

      network.plugIn()
      const backAtMs = performance.now()
      const whole = 'from Ada, alone. from Bob meanwhile. from Node meanwhile. '.length
      for (const each of [page, other]) {
        await eventually(each, ({ text }) => text.length === whole)
        await eventually(
          each,
          ({ paths, isSynced }) => paths.join() === 'webrtc,webrtc' && isSynced,
        )
        await eventually(each, ({ names }) => names.join() === 'Ada,Bob')
      }
      console.info(
        `linked again ${Math.round(performance.now() - backAtMs)} ms after the network was back`,
      )
      expect((await stateOf(page)).text).toBe((await stateOf(other)).text)
      await until(() => text.length === whole)
    } finally {
      await mesh.close()
      await apart.close()
      await signalApart.close()
      network.close()
    }
  }, 90_000)
})

describe('one page', () => {
  test('[MESH-10] that mounts, unmounts and mounts again at once is one peer for the others', async () => {
    const [page, other] = [await pages.open(), await pages.open()]
    await other.call('join', server, 'Bob', 'mounted')
    await page.call('mountTwice', server, 'Ada', 'mounted')
    await eventually(page, ({ paths, isSynced }) => paths.join() === 'webrtc' && isSynced)
    await eventually(other, ({ paths, names }) => {
      return paths.join() === 'webrtc' && names.join() === 'Ada,Bob'
    })
    await page.call('type', 'mounted. ')
    await eventually(other, ({ text }) => text === 'mounted. ')
    expect(await stateOf(other)).toMatchObject({ shown: 'mounted. ', names: ['Ada', 'Bob'] })
  })

  test('[MESH-10] with two meshes in one room is two peers, of which one may go', async () => {
    const page = await pages.open()
    await page.call('join', server, 'Ada', 'two')
    await page.call('join', server, 'Ada again', 'two')
    await page.call('type', 'twice here. ')
    for (const which of [0, 1]) {
      await eventually(page, ({ text }) => text === 'twice here. ', which)
      await eventually(page, ({ names }) => names.join() === 'Ada,Ada again', which)
      await eventually(page, ({ paths }) => paths.join() === 'webrtc', which)
    }
    await page.call('leave')
    await eventually(page, ({ names, paths }) => names.join() === 'Ada' && paths.length === 0)
    expect((await stateOf(page)).text).toBe('twice here. ')
  })
})

/** Ends the page's renderer, as running out of memory does. */
async function crash({ page }: ModulePage): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const crashed = new Promise((resolve) => page.once('crash', resolve))
  // It never answers.
  session.send('Page.crash').catch(() => {})
  await crashed
}

function stateOf(page: ModulePage, which?: number): Promise<PageState> {
  return page.call('state', which) as Promise<PageState>
}

/** Asks the page until it is so; fails after forty seconds with what is instead. */
async function eventually(
  page: ModulePage,
  holds: (state: PageState) => boolean,
  which?: number,
): Promise<void> {
  const startedMs = performance.now()
  for (;;) {
    const state = await stateOf(page, which)
    if (holds(state)) return
    if (performance.now() - startedMs > 40_000) {
      throw new Error(`not so, after forty seconds: ${JSON.stringify(state)}`)
    }
  }
}
