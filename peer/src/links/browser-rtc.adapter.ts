import type { Rtc } from '../ports/index.js'

/** The page's own WebRTC; undefined where there is none: in workers, and in Node. */
export function browserRtc(): Rtc | undefined {
  const { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate } = globalThis as Partial<Rtc>
  if (RTCPeerConnection === undefined) return undefined
  return { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate }
}
