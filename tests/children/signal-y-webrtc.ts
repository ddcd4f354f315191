/**
 * One unmodified y-webrtc client in a process of its own: in one process two of them would find
 * each other without any network. Arguments: the signalling URL, the room, the password ('' for
 * none). Over IPC it takes `{ set: [key, value] }` and tells its map whenever it changes, and
 * `{ subscribed: true }` once the server knows it.
 */
import wrtc from '@roamhq/wrtc'
import { WebSocket } from 'ws'
import { WebrtcProvider } from 'y-webrtc'
import * as Y from 'yjs'

const [url = '', room = '', password = ''] = process.argv.slice(2)
Object.assign(globalThis, { WebSocket })

const doc = new Y.Doc()
const map = doc.getMap<string>('map')
const provider = new WebrtcProvider(room, doc, {
  signaling: [url],
  ...(password === '' ? {} : { password }),
  // simple-peer's own default is a public STUN server.
  peerOpts: { wrtc, config: { iceServers: [] } },
})

map.observe(() => process.send?.({ map: map.toJSON() }))
process.on('message', (message) => {
  const { set } = message as { set: [string, string] }
  map.set(...set)
})
process.on('disconnect', () => process.exit())

// The client publishes itself in the same turn in which it subscribes, and hears its own message.
const connections = provider.signalingConns as {
  on(event: 'message', listener: () => void): void
}[]
for (const connection of connections) {
  connection.on('message', () => process.send?.({ subscribed: true }))
}
