/*
 * What two ends of a WebRTC connection tell each other before it stands: one description each, and
 * the addresses under which they may be reached, as they are found. JSON, as simple-peer has it:
 *
 *   {"type":"offer","sdp":"v=0…"}     {"candidate":{"candidate":"candidate:…","sdpMid":"0"}}
 */
import { accept, refuse, signallingBounds, type Parsed } from '../protocol/index.js'

export type RtcSignal = RtcDescription | RtcCandidate

interface RtcDescription {
  readonly type: 'offer' | 'answer'
  readonly sdp: string
}

interface RtcCandidate {
  readonly candidate: {
    readonly candidate: string
    readonly sdpMid: string | null
    readonly sdpMLineIndex: number | null
  }
}

export function encodeRtcSignal(signal: RtcSignal): string {
  return JSON.stringify(signal)
}

/** Reads what the other end said. Nothing but these two shapes, without a field more, gets through. */
export function parseRtcSignal(data: string): Parsed<RtcSignal> {
  if (data.length > signallingBounds.maxSignalUnits) {
    return refuse('too-large', 'signal: longer than any handshake needs')
  }
  const said = objectOf(data)
  if (said === undefined) return refuse('malformed', 'signal: not a JSON object')
  const { type, sdp, candidate } = said
  if (type === 'offer' || type === 'answer') return descriptionOf(type, sdp)
  if (typeof candidate === 'object' && candidate !== null) {
    return candidateOf(candidate as Fields)
  }
  return refuse('malformed', 'signal: neither a description nor a candidate')
}

type Fields = Readonly<Record<string, unknown>>

function objectOf(data: string): Fields | undefined {
  try {
    const said: unknown = JSON.parse(data)
    return typeof said === 'object' && said !== null ? (said as Fields) : undefined
  } catch {
    return undefined
  }
}

function descriptionOf(type: 'offer' | 'answer', sdp: unknown): Parsed<RtcDescription> {
  if (typeof sdp !== 'string') return refuse('malformed', 'signal: a description without sdp')
  const media = sdp.match(/^m=\S+/gm) ?? []
  // One data channel's worth. Sound and pictures would be set up, and kept, for nobody.
  if (media.length !== 1 || media[0] !== 'm=application') {
    return refuse('malformed', 'signal: a description of something else than one data connection')
  }
  return accept({ type, sdp })
}

function candidateOf(fields: Fields): Parsed<RtcCandidate> {
  const { candidate, sdpMid = null, sdpMLineIndex = null } = fields
  const isMid = sdpMid === null || typeof sdpMid === 'string'
  const isIndex = sdpMLineIndex === null || Number.isInteger(sdpMLineIndex)
  if (typeof candidate !== 'string' || !isMid || !isIndex) {
    return refuse('malformed', 'signal: a candidate with fields of the wrong type')
  }
  if (sdpMid === null && sdpMLineIndex === null) {
    return refuse('malformed', 'signal: a candidate for nothing')
  }
  return accept({
    candidate: { candidate, sdpMid, sdpMLineIndex: sdpMLineIndex as number | null },
  })
}
