/**
 * A relayed frame as one binary WebSocket message: `01`, the channel in four bytes, big end first,
 * then the frame. The channel is the number by which the socket's own side knows the relay, so the
 * server rewrites four bytes and passes the message on.
 */
import { accept, refuse, type Parsed } from '../parsed.js'
import { signallingBounds } from './messages.js'

export interface RelayFrame {
  readonly channel: number
  /** A view of the message that was read, not a copy. */
  readonly frame: Uint8Array
}

export const relayHeaderBytes = 5

/**
 * What a frame takes from the window, and `relay-credit` gives back. A tiny frame costs the server
 * some 250 bytes of bookkeeping, so it counts for as much: a window full of single bytes would
 * otherwise hold hundreds of times its size.
 */
export function relayCost(frameBytes: number): number {
  return Math.max(frameBytes, minRelayCost)
}

const minRelayCost = 256

const relayFrameKind = 1

export function encodeRelayFrame(channel: number, frame: Uint8Array): Uint8Array {
  const message = new Uint8Array(relayHeaderBytes + frame.length)
  message[0] = relayFrameKind
  message.set(frame, relayHeaderBytes)
  return withRelayChannel(message, channel)
}

/** Writes the channel into a message that was read as a relay frame, and returns that message. */
export function withRelayChannel(message: Uint8Array, channel: number): Uint8Array {
  viewOf(message).setUint32(1, channel)
  return message
}

export function parseRelayFrame(message: Uint8Array): Parsed<RelayFrame> {
  if (message.length < relayHeaderBytes) return refuse('malformed', 'relay frame: no header')
  if (message.length > relayHeaderBytes + signallingBounds.maxRelayFrameBytes) {
    return refuse('too-large', 'relay frame: too long')
  }
  if (message[0] !== relayFrameKind)
    return refuse('unexpected-message', 'relay frame: unknown kind')
  const channel = viewOf(message).getUint32(1)
  return accept({ channel, frame: message.subarray(relayHeaderBytes) })
}

function viewOf(message: Uint8Array): DataView {
  return new DataView(message.buffer, message.byteOffset, message.byteLength)
}
