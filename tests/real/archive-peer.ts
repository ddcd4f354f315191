/** A peer on a real WebSocket that speaks the protocol and nothing more. */
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { Channel, webSocketLink, type ChannelClosed } from '@holdfast/peer'
import { systemClock, systemRandom } from '@holdfast/peer/ports'
import {
  frameBounds,
  hexOf,
  messageBounds,
  type CollectionName,
  type DocumentRef,
  type InstanceId,
  type Message,
  type MessageOf,
  type MessageType,
  type ReplicaId,
} from '@holdfast/peer/protocol'
import { until } from './archive-server.js'

export class ArchivePeer {
  readonly channel: Channel
  readonly instance = hexOf(systemRandom.bytes(16)) as InstanceId
  readonly heard: Message[] = []
  closed: ChannelClosed | undefined
  #nextOp = 1

  constructor(socket: WebSocket) {
    const link = webSocketLink(socket)
    this.channel = new Channel({ link, clock: systemClock, random: systemRandom })
    this.channel.onMessage((message) => this.heard.push(message))
    this.channel.onClose((closed) => {
      this.closed = closed
    })
    this.channel.start()
  }

  static connect(port: number, token?: string, path = '/archive'): ArchivePeer {
    const peer = new ArchivePeer(new WebSocket(`ws://127.0.0.1:${port}${path}`))
    peer.channel.send({
      type: 'hello',
      version: 1,
      sender: { role: 'peer', replica: hexOf(systemRandom.bytes(16)) as ReplicaId },
      instance: peer.instance,
      collection: 'notes' as CollectionName,
      credential: token === undefined ? { kind: 'none' } : { kind: 'token', token },
      maxFrameBytes: frameBounds.maxBytes,
      maxMessageBytes: messageBounds.maxBytes,
      cursors: [],
    })
    return peer
  }

  /** Pushes what an edit changes. */
  push(doc: Y.Doc, document: DocumentRef, edit: (text: Y.Text) => void): void {
    const before = Y.encodeStateVector(doc)
    edit(doc.getText('body'))
    const bytes = Y.encodeStateAsUpdate(doc, before)
    const op = { instance: this.instance, n: this.#nextOp++ }
    this.channel.send({ type: 'push', ops: [{ kind: 'live', op, document, bytes }] })
  }

  subscribe(): void {
    this.channel.send({ type: 'subscribe', subscription: 1 })
  }

  async hears<Type extends MessageType>(type: Type, count = 1): Promise<MessageOf<Type>> {
    await until(() => this.all(type).length >= count)
    return this.all(type)[count - 1] as MessageOf<Type>
  }

  all<Type extends MessageType>(type: Type): readonly MessageOf<Type>[] {
    return this.heard.filter((message) => message.type === type) as unknown as MessageOf<Type>[]
  }

  /** Bytes of every row of every page that it was sent. */
  get rows(): readonly Uint8Array[] {
    return this.all('changes').flatMap(({ page }) =>
      page.entries.flatMap((entry) => (entry.kind === 'row' ? [entry.bytes] : [])),
    )
  }
}
