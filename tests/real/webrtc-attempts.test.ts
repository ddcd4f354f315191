import {
  createRtcAttempt,
  maxLinkBufferBytes,
  rtcAttemptBounds,
  type RtcAttemptOptions,
} from '@holdfast/peer'
import type { Link, LinkClosed } from '@holdfast/peer/ports'
import wrtc from '@roamhq/wrtc'
import { describe, expect, test } from 'vitest'
import { until } from '../contract/real-subject.js'
import { rtcPair } from './rtc-pair.js'
import { runCycles } from './run-cycles.js'

describe('an attempt at a WebRTC link', () => {
  test('[LINKS-1] candidates that arrive before the description are kept', async () => {
    const held: (() => void)[] = []
    let early = 0
    const { a, b } = await rtcPair((signal, deliver) => {
      if (!signal.includes('"offer"') && !signal.includes('"answer"')) {
        early++
        deliver(signal)
        if (early === 2) for (const release of held.splice(0)) release()
      } else if (early < 2) held.push(() => deliver(signal))
      else deliver(signal)
    })
    expect(early).toBeGreaterThanOrEqual(2)
    closeBoth(a, b)
  })

  test('[LINKS-2] [K13] what is not a signal is not taken, throws nothing, and the link comes about all the same', async () => {
    const taken: boolean[] = []
    const { a, b } = await rtcPair((signal, deliver) => {
      for (const garbage of hostileSignals) taken.push(deliver(garbage))
      deliver(signal)
    })
    expect(taken.length).toBeGreaterThan(hostileSignals.length)
    expect(taken).not.toContain(true)
    closeBoth(a, b)
  })

  test('[LINKS-2] one description of the right kind, and so many candidates, are taken from one end', () => {
    const { attempt } = begin({ initiator: false })
    expect(attempt.signal(description('answer'))).toBe(false)
    expect(attempt.signal(description('offer'))).toBe(true)
    expect(attempt.signal(description('offer'))).toBe(false)
    const taken = Array.from({ length: rtcAttemptBounds.maxCandidates + 10 }, () =>
      attempt.signal('{"candidate":{"candidate":"","sdpMid":"0"}}'),
    ).filter(Boolean)
    expect(taken.length).toBeLessThanOrEqual(rtcAttemptBounds.maxCandidates)
    expect(taken.length).toBeGreaterThan(0)
    attempt.close()
    expect(attempt.signal(description('offer'))).toBe(false)
  })

  test('[LINKS-3] no server is asked but those that are given', async () => {
    const configs: { iceServers: unknown; iceTransportPolicy: unknown }[] = []
    function Refusing(config: (typeof configs)[number]) {
      configs.push(config)
      throw new Error('enough seen')
    }
    const rtc = { ...wrtc, RTCPeerConnection: Refusing }
    const given = [{ urls: ['turn:127.0.0.1:3478'], username: 'a', credential: 'b' }]
    const none = begin({ rtc })
    const some = begin({ rtc, iceServers: given, relayOnly: true })
    await until(() => none.failures.length > 0 && some.failures.length > 0)
    expect(configs).toMatchObject([
      { iceServers: [], iceTransportPolicy: 'all' },
      { iceServers: given, iceTransportPolicy: 'relay' },
    ])
    expect(none.failures).toHaveLength(1)
  })

  test('[LINKS-4] [K18] an attempt that nobody answers says nothing, and is over when it is closed', async () => {
    const { attempt, links, failures, signals } = begin({})
    await until(() => signals.length > 1)
    attempt.close()
    attempt.close()
    const said = signals.length
    const fence = await rtcPair()
    closeBoth(fence.a, fence.b)
    expect({ links, failures, said: signals.length }).toEqual({ links: [], failures: [], said })
  })

  test('[LINKS-5] [L43] what waits stays below what data channels drop: beyond it the link fails, and nothing is missing before that', async () => {
    const { a, b } = await rtcPair()
    const closes: LinkClosed[] = []
    const ends: LinkClosed[] = []
    const received: number[] = []
    b.onFrame((frame) => received.push(new DataView(frame.buffer).getUint32(0)))
    a.onClose((closed) => closes.push(closed))
    b.onClose((closed) => ends.push(closed))
    let most = 0
    for (let number = 0; number < 400; number++) {
      const frame = new Uint8Array(a.maxFrameBytes)
      new DataView(frame.buffer).setUint32(0, number)
      a.send(frame)
      most = Math.max(most, a.bufferedBytes)
    }
    await until(() => closes.length > 0 && ends.length > 0)
    expect(closes).toMatchObject([{ by: 'failed' }])
    expect(most).toBeGreaterThan(maxLinkBufferBytes / 2)
    expect(most).toBeLessThanOrEqual(maxLinkBufferBytes)
    expect(received).toEqual(received.map((_, index) => index))
  })
})

test('[LINKS-6] [K20] two hundred connects and closes leave no descriptor, thread or handle, and no more memory than bare connections do', async () => {
  const [bare, links] = await Promise.all([
    runCycles('rtc-cycles', 'bare', 200),
    runCycles('rtc-cycles', 'links', 200),
  ])
  console.info(`kept after 200 cycles: ${JSON.stringify({ bare, links })}`)
  expect(links).toMatchObject({ descriptors: 0, threads: 0, resources: 0 })
  expect(links.heapBytes).toBeLessThan(1 * MiB)
  // Pages come in lumps: a tenth of what 200 pairs would keep if they were kept.
  expect(links.residentBytes).toBeLessThan(bare.residentBytes + 10 * MiB)
  // simple-peer's own timer would keep the process five seconds longer.
  expect(links.exitMs).toBeLessThan(4_000)
})

test('[LINKS-13] giving attempts up half-way leaves nothing, and the process ends in good order', async () => {
  const halfway = await runCycles('rtc-cycles', 'halfway', 60)
  expect(halfway).toMatchObject({ descriptors: 0, threads: 0, resources: 0 })
})

const MiB = 1_024 * 1_024

function begin(options: Partial<RtcAttemptOptions>) {
  const links: Link[] = []
  const failures: string[] = []
  const signals: string[] = []
  const attempt = createRtcAttempt({
    rtc: wrtc,
    initiator: true,
    onSignal: (signal) => signals.push(signal),
    onLink: (link) => links.push(link),
    onFailed: (reason) => failures.push(reason),
    ...options,
  })
  return { attempt, links, failures, signals }
}

function description(type: 'offer' | 'answer'): string {
  const sdp = [
    'v=0',
    'o=- 1 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    'a=ice-ufrag:abcd',
    'a=ice-pwd:abcdefghijklmnopqrstuvwx',
    `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`,
    'a=setup:actpass',
    'a=mid:0',
    'a=sctp-port:5000',
    '',
  ].join('\r\n')
  return JSON.stringify({ type, sdp })
}

const hostileSignals = [
  '',
  'null',
  '[]',
  '"offer"',
  '{"type":"offer"}',
  '{"type":"offer","sdp":"garbage"}',
  '{"type":"rollback","sdp":"v=0"}',
  '{"renegotiate":true}',
  '{"transceiverRequest":{"kind":"video"}}',
  '{"candidate":{}}',
  '{"candidate":{"candidate":"x"}}',
  '{"candidate":{"candidate":7,"sdpMid":"0"}}',
  JSON.stringify({ type: 'offer', sdp: 'm=application 9\r\nm=video 9\r\n' }),
  `{"sdp":"${'x'.repeat(20_000)}"}`,
  '['.repeat(5_000),
]

function closeBoth(a: Link, b: Link): void {
  a.close()
  b.close()
}
