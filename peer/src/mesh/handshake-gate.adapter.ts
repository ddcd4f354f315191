import type { Rtc } from '../ports/index.js'
import { HandshakeGate } from './handshake-gate.js'

/**
 * The gate that all meshes of this process on this implementation of WebRTC share, also those that
 * know nothing of each other: the sockets and threads that it spares are the process's. Two copies
 * of this package have two.
 */
export function gateOfProcess({ RTCPeerConnection }: Rtc): HandshakeGate {
  // Else it is no implementation, and makes no handshake.
  if (typeof RTCPeerConnection !== 'function') return new HandshakeGate()
  const gate = gateByImplementation.get(RTCPeerConnection) ?? new HandshakeGate()
  gateByImplementation.set(RTCPeerConnection, gate)
  return gate
}

/** By its constructor, for the object that bears it may be a new one each time. */
const gateByImplementation = new WeakMap<object, HandshakeGate>()
