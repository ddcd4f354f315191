/*
 * Connects and closes pairs of WebRTC peers in this process, so many times, and tells what is left:
 * as links, as bare RTCPeerConnections, to know what the platform itself does not give back, or as
 * links that are given up while the two ends are about to find each other.
 *
 *     node --expose-gc rtc-cycles.js links|bare|halfway CYCLES
 *
 * It ends by itself: nothing may keep the process alive.
 */
import { createRtcAttempt, type RtcAttempt } from '@holdfast/peer'
import wrtc from '@roamhq/wrtc'
import { rtcPair } from '../real/rtc-pair.js'
import { processState } from './process-state.js'

const [what = '', cycles = ''] = process.argv.slice(2)
const cycle = { links: linkCycle, halfway: halfwayCycle }[what] ?? bareCycle

/** More at once, and connections are lost. */
const atOnce = 4
/** After so many, what is allocated once is allocated. */
const warmUp = 40

await runCycles(warmUp)
const before = await processState()
await runCycles(Number(cycles))
console.log(JSON.stringify({ before, after: await processState(before) }))

async function runCycles(count: number): Promise<void> {
  let begun = 0
  const worker = async (): Promise<void> => {
    while (begun++ < count) await cycle()
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

async function linkCycle(): Promise<void> {
  const { a, b } = await rtcPair()
  await new Promise<void>((resolve) => {
    b.onFrame(() => resolve())
    a.send(Uint8Array.of(1))
  })
  await new Promise<void>((resolve) => {
    b.onClose(() => resolve())
    a.close()
  })
}

async function halfwayCycle(): Promise<void> {
  const ends: RtcAttempt[] = []
  // Both descriptions and most of the candidates: the connectivity checks have begun.
  let passing = 9
  await new Promise<void>((resolve) => {
    for (const mine of [0, 1]) {
      ends[mine] = createRtcAttempt({
        rtc: wrtc,
        initiator: mine === 0,
        onSignal: (signal) => {
          if (--passing > 0) ends[1 - mine]?.signal(signal)
          else resolve()
        },
        onLink: () => resolve(),
        onFailed: () => resolve(),
      })
    }
  })
  for (const end of ends) end.close()
}

async function bareCycle(): Promise<void> {
  const [a, b] = [new wrtc.RTCPeerConnection(), new wrtc.RTCPeerConnection()]
  const pass = (from: typeof a, to: typeof a): void => {
    from.onicecandidate = ({ candidate }) => {
      if (candidate) void to.addIceCandidate(candidate)
    }
  }
  pass(a, b)
  pass(b, a)
  const channel = a.createDataChannel('bare')
  const heard = new Promise<void>((resolve) => {
    b.ondatachannel = ({ channel }) => {
      channel.onmessage = () => resolve()
    }
  })
  channel.onopen = () => channel.send(Uint8Array.of(1))
  await a.setLocalDescription(await a.createOffer())
  await b.setRemoteDescription(a.localDescription as RTCSessionDescription)
  await b.setLocalDescription(await b.createAnswer())
  await a.setRemoteDescription(b.localDescription as RTCSessionDescription)
  await heard
  a.close()
  b.close()
}
