/** A client of each kind, in one shape: what it types arrives at the others of its document. */
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { ArchiveClient } from './archive-client.js'
import type { ServerKind } from './server-process.js'

export interface BenchClient {
  /** About a hundred bytes. */
  edit(): void
  /** An edit made elsewhere, as its own. */
  push(update: Uint8Array): void
  /** So many edits of others have arrived. */
  onArrived: (count: number) => void
  /** So many of its own are answered. */
  onAnswered: (count: number) => void
  leave(): void
}

export interface JoinOptions {
  readonly url: string
  readonly document: string
  /** Where the server knows collections; default: one for all. */
  readonly collection?: string
  /** What it types is to be answered: by the server where it does that, else by a second reader. */
  readonly isAnswered?: boolean
}

/** Resolves when the client has what the others have. */
export function join(kind: ServerKind, options: JoinOptions): Promise<BenchClient> {
  if (kind === 'holdfast') return ArchiveClient.join(options)
  if (kind === 'hocuspocus') return joinHocuspocus(options)
  if (kind === 'y-websocket') return joinYWebsocket(options)
  return joinRaw(options)
}

/** 72 letters at the end: with Yjs' own about a hundred bytes. */
export function type(doc: Y.Doc): void {
  const text = doc.getText('text')
  text.insert(text.length, letters)
}

const letters = 'x'.repeat(72)

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
    edit: () => type(doc),
    push: (update) => Y.applyUpdate(doc, update),
    leave() {
      provider?.destroy()
      websocketProvider.destroy()
      doc.destroy()
    },
  }
  provider?.on('unsyncedChanges', ({ number }: { number: number }) => {
    if (number < open) client.onAnswered(open - number)
    open = number
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
    edit: () => type(doc),
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

async function joinRaw({ url }: JoinOptions): Promise<BenchClient> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  const bytes = Buffer.alloc(120, 1)
  const client: BenchClient = {
    ...silent(),
    edit: () => socket.send(bytes),
    push: (update) => socket.send(update),
    leave: () => socket.terminate(),
  }
  socket.on('message', () => {
    client.onArrived(1)
    client.onAnswered(1)
  })
  return client
}
