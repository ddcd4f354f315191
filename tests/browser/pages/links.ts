/** The links that a browser has, held to their contract inside a page. */
import { BroadcastLinks, browserRtc, portLink, systemRandom, webSocketLink } from '@holdfast/peer'
import type { Link, Rtc } from '@holdfast/peer/ports'
import { describeLink, type LinkSubject } from '../../contract/describeLink.js'
import { Control, remoteLink, serveLink } from '../control.js'
import { rtcByControl } from '../rtc-by-control.js'

export { run, titles } from './vitest.js'

describeLink('MessagePort', () => {
  const { port1, port2 } = new MessageChannel()
  return subject(portLink(port1), portLink(port2))
})

describeLink('BroadcastChannel, between two pages,', async () => {
  const control = controlOfOtherPage('broadcast')
  const tabs = broadcastLinks('tested')
  const a = tabs.connect('served')
  return subject(a, await remoteLink(control, a), control, tabs)
})

describeLink('WebRTC, between two pages,', async () => {
  const control = controlOfOtherPage('webrtc')
  const a = await rtcByControl(control, rtcOfPage(), true)
  return subject(a, await remoteLink(control, a), control)
})

describeLink('WebSocket, from a page to Node,', async () => {
  const name = systemRandom.uint32()
  const control = new Control(socketTo(`/control/${name}`))
  const a = socketTo(`/link/${name}`)
  return subject(a, await remoteLink(control, a), control)
})

describeLink('WebRTC, from a page to Node,', async () => {
  const control = new Control(socketTo('/webrtc'))
  const a = await rtcByControl(control, rtcOfPage(), false)
  return subject(a, await remoteLink(control, a), control)
})

/** For Node, in the second page: its ends are served to the first. */
export function serveToOtherPage(): void {
  const tested = broadcastLinks('served')
  const controls = broadcastLinks('control of served')
  /** Of the test that runs. */
  let control: Control | undefined
  controls.onLink((link, from) => {
    control = new Control(link)
    if (from.endsWith('webrtc')) {
      const end = rtcByControl(control, rtcOfPage(), false)
      void end.then((link) => control && serveLink(link, control))
    }
  })
  tested.onLink((link) => control && serveLink(link, control))
}

/** For Node: this page's end of a WebRTC link is served to it. */
export async function serveWebRtcToNode(): Promise<void> {
  const control = new Control(socketTo('/tested-by-node'))
  serveLink(await rtcByControl(control, rtcOfPage(), true), control)
}

function controlOfOtherPage(what: 'broadcast' | 'webrtc'): Control {
  const tabs = broadcastLinks(`control ${systemRandom.uint32()} for ${what}`)
  return new Control(tabs.connect('control of served'))
}

function broadcastLinks(address: string): BroadcastLinks {
  const channel = new BroadcastChannel('holdfast links')
  return new BroadcastLinks({ channel, address, random: systemRandom })
}

function socketTo(path: string): Link {
  return webSocketLink(new WebSocket(`ws://${location.host}${path}`))
}

function rtcOfPage(): Rtc {
  const rtc = browserRtc()
  if (rtc === undefined) throw new Error('this page has no WebRTC')
  return rtc
}

function subject(a: Link, b: Link, ...others: { close(): void }[]): LinkSubject {
  return {
    a,
    b,
    until,
    close: () => {
      for (const part of [a, b, ...others]) part.close()
    },
  }
}

async function until(condition: () => boolean): Promise<void> {
  const startedMs = performance.now()
  while (!condition()) {
    if (performance.now() - startedMs > 40_000) throw new Error('not yet, after forty seconds')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
