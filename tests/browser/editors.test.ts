/** Editors' own bindings, as they are published, on our documents and our presence. */
import { createMesh } from '@holdfast/peer'
import wrtc from '@roamhq/wrtc'
import { afterAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { until } from '../contract/real-subject.js'
import { SignalProcess } from '../real/signal-process.js'
import { servePage, type ModulePage } from './page-server.js'
import type { ProseState } from './pages/prosemirror.js'

const signal = await SignalProcess.start()
const server = `ws://127.0.0.1:${signal.port}/signal`
const pages = await servePage({ module: 'prosemirror' })
afterAll(async () => {
  await pages.close()
  await signal.kill()
})

test('[PRES-2] [MESH-17] two pages edit with y-prosemirror, see each other’s carets and undo their own', async () => {
  const [ada, bob] = [await pages.open(), await pages.open()]
  const mesh = createMesh({ server, WebSocket, rtc: wrtc })
  try {
    const note = mesh.join('prose').open('note', new Y.Doc())
    await ada.call('join', server, 'Ada')
    await ada.call('type', 'one. ')
    await bob.call('join', server, 'Bob')
    await eventually(bob, ({ shown }) => shown === 'one. ')
    await bob.call('type', 'two! ')
    await eventually(ada, ({ shown }) => shown === 'two! one. ')

    // One page of a browser has the focus, and only that one's editor shows a caret.
    await bob.call('placeCaret', 3)
    await eventually(ada, ({ carets }) => carets.join() === 'Bob')
    const cursors = (): unknown[] => {
      return [...note.awareness.getStates().values()].flatMap(({ cursor }) => cursor ?? [])
    }
    await until(() => cursors().length === 1)
    expect(cursors()[0]).toMatchObject({ anchor: { type: {} }, head: { type: {} } })

    await ada.call('undoLast')
    await eventually(bob, ({ shown }) => shown === 'two! ')
    await bob.call('closeEditor')
    await until(() => cursors().length === 0)
    await eventually(ada, ({ carets, shown }) => carets.length === 0 && shown === 'two! ')
  } finally {
    await mesh.close()
  }
}, 60_000)

/** Asks the page until it is so; fails after twenty seconds with what is instead. */
async function eventually(page: ModulePage, holds: (state: ProseState) => boolean): Promise<void> {
  const startedMs = performance.now()
  for (;;) {
    const state = (await page.call('state')) as ProseState
    if (holds(state)) return
    if (performance.now() - startedMs > 20_000) {
      throw new Error(`not so, after twenty seconds: ${JSON.stringify(state)}`)
    }
  }
}
