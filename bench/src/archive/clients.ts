/** A client of each kind, in one shape: what it types arrives at the others of its document. */
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { ArchiveClient } from './archive-client.js'
import { type, type BenchClient, type JoinOptions } from './bench-client.js'
import type { ServerKind } from './server-process.js'

/** Beyond this many connects at once the kernel's queue of a listener overflows. */
export const connectsAtOnce = 64

/** Resolves when the client has what the others have. */
export function join(kind: ServerKind, options: JoinOptions): Promise<BenchClient> {
  if (kind === 'holdfast') return ArchiveClient.join(options)
  if (kind === 'hocuspocus') return joinHocuspocus(options)
  if (kind === 'y-websocket') return joinYWebsocket(options)
  return joinRaw(options)
}

function silent(): Pick<BenchClient, 'onArrived' | 'onAnswered'> {
  return { onArrived: () => {}, onAnswered: () => {} }
}

async function joinHocuspocus({ url, document }: JoinOptions): Promise<BenchClient> {
  const doc = new Y.Doc()
  const websocketProvider = new HocuspocusProviderWebsocket({ url, WebSocketPolyfill: WebSocket })
  let provider: HocuspocusProvider | undefined
  await new Promise<void>((resolve) => {
    provider = new HocuspocusProvider({
      name: document,
      document: doc,
      websocketProvider,
      onSynced: () => resolve(),
    })
    provider.attach()
  })
  let open = 0
  const client: BenchClient = {
    ...silent(),
    edit: (letters) => type(doc, letters),
    push: (update) => Y.applyUpdate(doc, update),
    leave() {
      provider?.destroy()
      websocketProvider.destroy()
      doc.destroy()
    },
  }
  provider?.on('unsyncedChanges', ({ number }: { number: number }) => {
    const answered = open - number
    // Before it is told: whoever hears it types on, which is heard here inside this call.
    open = number
    if (answered > 0) client.onAnswered(answered)
  })
  doc.on('update', (_update: Uint8Array, origin: unknown) => {
    if (origin === provider) client.onArrived(1)
  })
  return client
}

async function joinYWebsocket(options: JoinOptions): Promise<BenchClient> {
  const { url, document, isAnswered = false } = options
  const doc = new Y.Doc()
  const provider = new WebsocketProvider(url, document, doc, {
    WebSocketPolyfill: WebSocket as never,
    disableBc: true,
  })
  await new Promise<void>((resolve) => provider.on('sync', (isSynced) => isSynced && resolve()))
  // This server answers nothing: an edit counts as answered when a second reader has it.
  const witness = isAnswered ? await joinYWebsocket({ url, document }) : undefined
  const client: BenchClient = {
    ...silent(),
    edit: (letters) => type(doc, letters),
    push: (update) => Y.applyUpdate(doc, update),
    leave() {
      witness?.leave()
      provider.destroy()
      doc.destroy()
    },
  }
  if (witness !== undefined) witness.onArrived = (count) => client.onAnswered(count)
  doc.on('update', (_update: Uint8Array, origin: unknown) => {
    if (origin === provider) client.onArrived(1)
  })
  return client
}

/**
 * A bare socket. It types into a Y.Doc and takes in what comes as the others do, and sends each update
 * behind its own number; one that comes back is answered. The relay hands on what it is sent to all
 * sockets of the document.
 */
async function joinRaw(options: JoinOptions): Promise<BenchClient> {
  const { url, document, appliesOthers = true } = options
  const socket = new WebSocket(`${url}/${document}`, { perMessageDeflate: false })
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  const number = ++lastRaw
  const doc = new Y.Doc()
  const client: BenchClient = {
    ...silent(),
    edit: (letters) => type(doc, letters),
    push(update) {
      const message = Buffer.allocUnsafe(4 + update.length)
      message.writeUInt32BE(number)
      message.set(update, 4)
      socket.send(message)
    },
    leave() {
      socket.terminate()
      doc.destroy()
    },
  }
  doc.on('update', (update: Uint8Array, origin: unknown) => {
    if (origin !== socket) client.push(update)
  })
  socket.on('message', (message: Buffer) => {
    if (message.readUInt32BE() === number) {
      client.onAnswered(1)
      return
    }
    if (appliesOthers) Y.applyUpdate(doc, message.subarray(4), socket)
    client.onArrived(1)
  })
  return client
}

let lastRaw = 0
