/**
 * Links in Chromium, and between Chromium and Node: the contract of `describeLink` as it is, run in a
 * page, and in Node against a page.
 */
import { webSocketLink } from '@holdfast/peer'
import type { Link } from '@holdfast/peer/ports'
import wrtc from '@roamhq/wrtc'
import { afterAll, describe, expect, test } from 'vitest'
import { describeLink, type LinkSubject } from '../contract/describeLink.js'
import { realSubject, until } from '../contract/real-subject.js'
import { Control, remoteLink, serveLink } from './control.js'
import { servePage } from './page-server.js'
import { rtcByControl } from './rtc-by-control.js'
import type { WebSocket } from 'ws'

/** Ends that Node serves, by the name that the page gave the pair. */
const served = new Map<string, Link>()
/** Controls of ends that the page serves. */
const servedByPage: Control[] = []

const server = await servePage({ module: 'links', onSocket: meet })
afterAll(() => server.close())
const first = await server.open()
const second = await server.open()
await second.call('serveToOtherPage')

/**
 * One WebRTC connect in some thousands fails by itself, and there are a hundred of them here. Whoever
 * uses an attempt makes another one; so do these tests. What fails twice is a fault of ours.
 */
const onceMore = { retry: 1 }

for (const title of (await first.call('titles')) as string[]) {
  test(`[LINKS-8] in Chromium: ${title}`, onceMore, async () => {
    expect(await first.call('run', title)).toBeUndefined()
  })
}

describe('from Node', onceMore, () => {
  describeLink('WebRTC, from Node to a page,', nodeToPage)
})

async function nodeToPage(): Promise<LinkSubject> {
  const serving = first.call('serveWebRtcToNode')
  await until(() => servedByPage.length > 0)
  const control = servedByPage.pop()
  if (control === undefined) throw new Error('the page did not come')
  const a = await rtcByControl(control, wrtc, false)
  await serving
  const b = await remoteLink(control, a)
  return realSubject(a, b, () => {
    a.close()
    b.close()
    control.close()
  })
}

function meet(socket: WebSocket, path: string): void {
  const link = webSocketLink(socket)
  const [, what, name = ''] = path.split('/')
  if (what === 'tested-by-node') servedByPage.push(new Control(link))
  else if (what === 'webrtc') {
    const control = new Control(link)
    void rtcByControl(control, wrtc, true).then((end) => serveLink(end, control))
  } else {
    const other = served.get(name)
    served.set(name, link)
    if (other === undefined) return
    served.delete(name)
    if (what === 'link') serveLink(link, new Control(other))
    else serveLink(other, new Control(link))
  }
}
