import { hasProperty } from 'lib0/object'
import type { Rtc } from '../ports/index.js'

/**
 * The given constructors, with connections that bear how simple-peer treats them:
 *
 * - It asks for the other end's description at every candidate, and for a state that nobody reads. In
 *   Node each answer waits for another thread: in a room that is joined at once, milliseconds. So it
 *   hears what it has said itself.
 * - It asks for statistics before it says that it is connected, to learn an address that nobody reads.
 *   A connection that closes while they are gathered takes down the process: libwebrtc for Node
 *   crashes in one of some hundred such closes. So it hears at once what it waits for.
 * - It writes to the console, or gives the connection up, when a candidate is not taken. That is one
 *   way less to reach the other end, which names them; it may not decide about either.
 * - It closes channel and connection in one breath. While the two ends are about to find each other,
 *   libwebrtc for Node then keeps the channel, and crashes over it when the process ends. So a
 *   connection whose channel never opened is closed a little later.
 *
 * @param isOpen whether the channel has opened
 */
export function gentle(rtc: Rtc, isOpen: () => boolean): Rtc {
  const Connection = rtc.RTCPeerConnection as new (config: object) => Connection
  return {
    ...rtc,
    RTCPeerConnection: function GentleConnection(config: object): Connection {
      const connection = new Connection(config)
      const said: Record<string, unknown> = {
        remoteDescription: null,
        iceGatheringState: 'complete',
        setRemoteDescription: async (description: object) => {
          await connection.setRemoteDescription(description)
          said['remoteDescription'] = description
        },
        addIceCandidate: (candidate: object) =>
          connection.addIceCandidate(candidate).catch(() => {}),
        getStats: () => Promise.resolve(anyPair),
        close: () => {
          if (isOpen()) connection.close()
          else setTimeout(() => connection.close(), channelClosesWithinMs)
        },
      }
      return new Proxy(connection, {
        get(target, name) {
          if (typeof name === 'string' && hasProperty(said, name)) return said[name]
          const value: unknown = Reflect.get(target, name)
          // The platform's methods know their own objects alone.
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        },
        set: (target, name, value) =>
          name === 'onicegatheringstatechange' || Reflect.set(target, name, value),
      })
    },
  }
}

/** With it none of 24 processes crashed that closed 60 pairs half-way, without it most of them did. */
const channelClosesWithinMs = 200

/** As much of an RTCPeerConnection as is looked at or changed. */
interface Connection {
  close(): void
  addIceCandidate(candidate: object): Promise<void>
  setRemoteDescription(description: object): Promise<void>
}

const anyPair = [
  { type: 'candidate-pair', id: 'pair' },
  { type: 'transport', id: 'transport', selectedCandidatePairId: 'pair' },
]
