/** One peer in one room with one document, as either library has it. */
import { createMesh, rtcDialer, type LinkDialer } from '@holdfast/peer'
import type { Link } from '@holdfast/peer/ports'
import { Joiner } from '@holdfast/peer/protocol'
import wrtc from '@roamhq/wrtc'
import { WebrtcProvider } from 'y-webrtc'
import type * as Y from 'yjs'
import type { JoinRequest, LinkReport } from './peer-commands.js'
import { CountedWebSocket } from './traffic-tap.js'

export interface Participant {
  /** Neighbours with whom it talks over a data channel. */
  readonly links: number
  readonly peers: number
  readonly present: number
  openBulk(doc: Y.Doc): void
  report(): LinkReport
  leave(): Promise<void>
}

export function joinHoldfast({ server, room, wayPort }: JoinRequest, doc: Y.Doc): Participant {
  const watched = new WatchedLinks()
  const direct = rtcDialer({ rtc: wrtc })
  // What is watched costs a little: only where it is asked for.
  const dialer = wayPort === undefined ? direct : watched.dialer(byWay(direct, wayPort))
  const mesh = createMesh({ server, WebSocket: CountedWebSocket, dialer })
  const collection = mesh.join(room)
  const note = collection.open('note', doc)
  note.awareness.setLocalState({ process: process.pid })
  return {
    get links() {
      return collection.peers.filter(({ path }) => path === 'webrtc').length
    },
    get peers() {
      return collection.peers.length
    },
    get present() {
      return note.awareness.getStates().size
    },
    openBulk: (bulk) => void collection.open('bulk', bulk),
    report() {
      const { neighbours } = collection.stats()
      return {
        attempts: neighbours.reduce((sum, { attempts }) => sum + attempts, 0),
        links: neighbours.reduce((sum, { links }) => sum + links, 0),
        mostUnacknowledgedBytes: watched.mostUnacknowledgedBytes,
        lastEnds: neighbours.flatMap(({ lastEnd }) => lastEnd ?? []),
      }
    },
    leave: () => mesh.close(),
  }
}

export function joinYWebrtc({ server, room }: JoinRequest, doc: Y.Doc): Participant {
  Object.assign(globalThis, { WebSocket: CountedWebSocket })
  const provider = new WebrtcProvider(room, doc, {
    signaling: [server],
    maxConns: 100,
    // simple-peer's own default is a public STUN server.
    peerOpts: { wrtc, config: { iceServers: [] } },
  })
  provider.awareness.setLocalState({ process: process.pid })
  const connections = (): readonly { readonly connected: boolean }[] => [
    ...(provider.room?.webrtcConns.values() ?? []),
  ]
  return {
    get links() {
      return connections().filter(({ connected }) => connected).length
    },
    get peers() {
      return connections().filter(({ connected }) => connected).length
    },
    get present() {
      return provider.awareness.getStates().size
    },
    openBulk: () => {
      throw new Error('a y-webrtc provider has one document')
    },
    report: () => ({ attempts: 0, links: 0, mostUnacknowledgedBytes: 0, lastEnds: [] }),
    leave: async () => provider.destroy(),
  }
}

/** Watches from outside how far what is sent is ahead of what the other side has acknowledged. */
class WatchedLinks {
  mostUnacknowledgedBytes = 0

  dialer(dialer: LinkDialer): LinkDialer {
    return {
      attempt: (options) =>
        dialer.attempt({ ...options, onLink: (link) => options.onLink(this.#watch(link)) }),
    }
  }

  #watch(link: Link): Link {
    // What it sends counts as the other side's Joiner counts it.
    const sent = new Joiner()
    const send = link.send.bind(link)
    link.send = (frame) => {
      sent.take(frame, 0)
      send(frame)
      const ahead = sent.receivedBytes - acknowledged
      this.mostUnacknowledgedBytes = Math.max(this.mostUnacknowledgedBytes, ahead)
    }
    let acknowledged = 0
    const heard = new Joiner()
    link.onFrame((frame) => {
      const taken = heard.take(frame, 0)
      if (taken.ok && taken.value.kind === 'received') acknowledged = taken.value.bytes
    })
    return link
  }
}

/** Of the addresses that this peer names only one is told, and that is the slow way's. */
function byWay(dialer: LinkDialer, port: number): LinkDialer {
  return {
    attempt(options) {
      let hasTold = false
      return dialer.attempt({
        ...options,
        onSignal: (data) => {
          const signal = JSON.parse(data) as { sdp?: string; candidate?: { candidate: string } }
          if (signal.candidate === undefined) {
            const sdp = signal.sdp?.replaceAll(/a=candidate:.*\r\n/g, '')
            options.onSignal(JSON.stringify({ ...signal, sdp }))
            return
          }
          // candidate:FOUNDATION COMPONENT PROTOCOL PRIORITY ADDRESS PORT typ TYPE …
          const fields = signal.candidate.candidate.split(' ')
          if (hasTold || fields[2]?.toLowerCase() !== 'udp' || fields[7] !== 'host') return
          hasTold = true
          fields.splice(4, 2, '127.0.0.1', String(port))
          signal.candidate.candidate = fields.join(' ')
          options.onSignal(JSON.stringify(signal))
        },
      })
    },
  }
}
