import type { LinkClosed } from '@holdfast/peer/ports'
import wrtc from '@roamhq/wrtc'
import { expect, test, vi } from 'vitest'
import { until } from '../contract/real-subject.js'
import { rtcPair } from './rtc-pair.js'

test('[LINKS-14] neither end of a link closes its connection before both have said that they send no more', async () => {
  const send = vi.spyOn(wrtc.RTCDataChannel.prototype, 'send')
  const close = vi.spyOn(wrtc.RTCPeerConnection.prototype, 'close')
  const { a, b } = await rtcPair()
  const closes: LinkClosed[] = []
  b.onClose((closed) => closes.push(closed))
  a.close()
  await until(() => close.mock.calls.length >= 2)
  const saidAt = send.mock.invocationCallOrder
  // Nothing else was sent: two last words, and the connections only then.
  expect(send.mock.calls).toEqual([['over'], ['out']])
  expect(Math.min(...close.mock.invocationCallOrder)).toBeGreaterThan(Math.max(...saidAt))
  expect(closes).toMatchObject([{ by: 'remote' }])
})
