/** Channels over WebRTC between this page and Node. */
import { browserRtc, webSocketLink } from '@holdfast/peer'
import type { Link } from '@holdfast/peer/ports'
import { answerOver, passOver, type Passed } from '../bulk-and-live.js'
import { Control } from '../control.js'
import { rtcByControl } from '../rtc-by-control.js'

/** For Node: this page answers what Node sends. */
export async function answer(): Promise<void> {
  answerOver(await linkToNode('/page-answers'))
}

/** For Node: this page sends, and Node answers. */
export async function pass(sizes: readonly number[]): Promise<Passed[]> {
  return passOver(await linkToNode('/node-answers'), sizes)
}

async function linkToNode(path: string): Promise<Link> {
  const rtc = browserRtc()
  if (rtc === undefined) throw new Error('this page has no WebRTC')
  const control = new Control(webSocketLink(new WebSocket(`ws://${location.host}${path}`)))
  return rtcByControl(control, rtc, true)
}
