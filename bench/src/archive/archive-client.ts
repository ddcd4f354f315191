/**
 * A client of the archive, as the real one behaves on the wire: the same channel, acks once a second,
 * a Y.Doc that takes in what comes. Its store is memory: only the server is measured.
 */
import { Channel, channelBounds, webSocketLink } from '@holdfast/peer'
import { archiveBounds } from '@holdfast/peer/archive-link'
import { systemClock, systemRandom } from '@holdfast/peer/ports'
import {
  copyOf,
  frameBounds,
  messageBounds,
  protocolVersion,
  type CollectionName,
  type Cursor,
  type DocumentRef,
  type Entry,
  type InstanceId,
  type MessageOf,
} from '@holdfast/peer/protocol'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { type, type BenchClient, type JoinOptions } from './bench-client.js'
import { collectionNamed, documentOf, freshInstance, freshReplica } from './names.js'

export class ArchiveClient implements BenchClient {
  onArrived: (count: number) => void = () => {}
  onAnswered: (count: number) => void = () => {}
  readonly #keepsStates: boolean
  readonly #appliesOthers: boolean
  /** Edits of others that came, before and after the head was reached. */
  arrived = 0
  /** The bytes of whole states that came. */
  stateBytes = 0
  readonly #url: string
  readonly #collection: CollectionName
  readonly #document: DocumentRef
  readonly #doc = new Y.Doc()
  readonly #instance = freshInstance()
  readonly #replica = freshReplica()
  #channel: Channel | undefined
  #socket: WebSocket | undefined
  #lastOp = 0
  #reached = 0
  #list = 0
  #cursor: Cursor | undefined
  #hello: MessageOf<'hello'> | undefined
  #ackTimer: NodeJS.Timeout | undefined
  #onHead: (() => void) | undefined
  #openFetches = 0
  #lastRequest = 0

  private constructor(options: JoinOptions) {
    const { url, document, collection = 'bench' } = options
    this.#keepsStates = options.keepsStates ?? false
    this.#appliesOthers = options.appliesOthers ?? true
    this.#url = url
    this.#collection = collectionNamed(collection)
    this.#document = documentOf(document)
    this.#doc.on('update', (bytes: Uint8Array, origin: unknown) => {
      if (origin !== this) this.push(bytes)
    })
  }

  static async join(options: JoinOptions): Promise<ArchiveClient> {
    const client = new ArchiveClient(options)
    await client.connect()
    return client
  }

  /** Resolves at the head. With the cursor of before, if there was one. */
  connect(): Promise<'head' | 'behind'> {
    const socket = new WebSocket(this.#url, { perMessageDeflate: false })
    const channel = new Channel({
      link: webSocketLink(socket),
      clock: systemClock,
      random: systemRandom,
      side: 'caller',
    })
    this.#socket = socket
    this.#channel = channel
    return new Promise((resolve, reject) => {
      let outcome: 'head' | 'behind' = 'behind'
      channel.onClose(({ reason, code }) => reject(new Error(`closed: ${code ?? reason}`)))
      channel.onMessage((message) => {
        if (message.type === 'hello') {
          this.#hello = message
          const cursor = this.#cursor
          channel.send({ type: 'subscribe', subscription: 1, ...(cursor && { cursor }) })
        } else if (message.type === 'subscribed') {
          if (message.outcome !== 'head' && message.outcome !== 'behind') {
            reject(new Error(message.outcome))
          } else {
            outcome = message.outcome
            this.#onHead = () => resolve(outcome)
            if (outcome === 'head') this.#reachedHead()
          }
        } else if (message.type === 'changes') this.#changes(message)
        else if (message.type === 'fetched') this.#fetched(message)
        else if (message.type === 'committed') this.onAnswered(message.results.length)
        else if (message.type === 'error' || message.type === 'refused') {
          reject(new Error(JSON.stringify(message)))
        }
      })
      channel.start()
      channel.send({
        type: 'hello',
        version: protocolVersion,
        sender: { role: 'peer', replica: this.#replica },
        instance: this.#instance,
        collection: this.#collection,
        credential: { kind: 'none' },
        maxFrameBytes: frameBounds.maxBytes,
        maxMessageBytes: messageBounds.maxBytes,
        cursors: [],
      })
    })
  }

  get instance(): InstanceId {
    return this.#instance
  }

  get text(): string {
    return this.#doc.getText('text').toJSON()
  }

  edit(letters?: number): void {
    type(this.#doc, letters)
  }

  /** From now on pushes say that these have what is pushed already. */
  reach(instances: readonly InstanceId[]): void {
    this.#reached = instances.length
    this.#channel?.send({ type: 'neighbours', list: ++this.#list, instances })
  }

  /**
   * Resolves when the archive knows that all that came is held here: a lease that is behind keeps the
   * rows that a snapshot stands for.
   */
  async settle(): Promise<void> {
    const seq = this.#cursor?.seq
    if (seq !== undefined) this.#channel?.send({ type: 'ack', subscription: 1, seq })
    await sleep(leaseFlushedMs)
  }

  /** Takes in what comes at this rate alone, in steps of a tenth of a second. */
  slowDown(bytesPerSecond: number): void {
    const tcp = (this.#socket as unknown as { readonly _socket: Socket })._socket
    let allowed = tcp.bytesRead
    setInterval(() => {
      allowed += bytesPerSecond / 10
      if (tcp.bytesRead > allowed) tcp.pause()
      else tcp.resume()
    }, 100).unref()
  }

  push(bytes: Uint8Array): void {
    const op = { instance: this.#instance, n: ++this.#lastOp }
    const document = this.#document
    const isTaken = this.#channel?.send({
      type: 'push',
      ops: [{ kind: 'live', op, document, bytes }],
      ...(this.#reached > 0 && {
        reached: {
          list: this.#list,
          neighbours: Array.from({ length: this.#reached }, (_, at) => at),
        },
      }),
    })
    if (isTaken !== true) throw new Error('a push was not taken')
  }

  /** When another push of this size would be taken. */
  async room(bytes: number): Promise<void> {
    while ((this.#channel?.waitingBytes ?? 0) + bytes > channelBounds.maxBulkQueuedBytes / 2) {
      await sleep(5)
    }
  }

  /** Bytes after the upgrade, with WebSocket headers: of a client's frames 6 and of a server's 2. */
  get bytes(): { readonly sent: number; readonly received: number } {
    const tcp = (this.#socket as unknown as { readonly _socket?: Socket })._socket
    const stats = this.#channel?.stats()
    return { sent: tcp?.bytesWritten ?? stats?.sentBytes ?? 0, received: tcp?.bytesRead ?? 0 }
  }

  /** Without a word, as a network ends. */
  cut(): void {
    clearTimeout(this.#ackTimer)
    this.#ackTimer = undefined
    this.#socket?.terminate()
    this.#channel?.abort()
  }

  leave(): void {
    this.cut()
    this.#doc.destroy()
  }

  #changes({ page }: MessageOf<'changes'>): void {
    const term = this.#hello?.sender.role === 'archive' ? this.#hello.sender : undefined
    if (term !== undefined) {
      this.#cursor = { archive: term.archive, term: term.term, seq: page.through }
    }
    // A page in one go, as a replica takes it in.
    const rows = this.#doc.transact(() => this.#takeIn(page.entries), this)
    this.arrived += rows
    if (rows > 0) this.onArrived(rows)
    this.#ackTimer ??= setTimeout(() => {
      this.#ackTimer = undefined
      const seq = this.#cursor?.seq
      if (seq !== undefined) this.#channel?.send({ type: 'ack', subscription: 1, seq })
    }, archiveBounds.ackWithinMs)
    if (page.through === page.head) this.#reachedHead()
  }

  /** Gives how many of them are edits. */
  #takeIn(entries: readonly Entry[]): number {
    let rows = 0
    for (const entry of entries) {
      // A place is of an edit of its own, or of one that it has been told to hold.
      if (entry.kind === 'place') rows++
      else if (entry.kind === 'row') {
        rows++
        if (!this.#appliesOthers) continue
        if (entry.bytes.length > keptBytes) this.stateBytes += entry.bytes.length
        else if (entry.document.id === this.#document.id) {
          Y.applyUpdate(this.#doc, entry.bytes, this)
        }
      } else if (entry.kind === 'snapshot') {
        this.stateBytes += entry.bytes.length
        if (this.#keepsStates) Y.applyUpdate(this.#doc, entry.bytes, this)
      } else if (entry.kind === 'large-snapshot') {
        this.#openFetches++
        this.#channel?.send({
          type: 'fetch',
          request: ++this.#lastRequest,
          what: { by: 'difference', document: entry.document, stateVector: nothing },
        })
      }
    }
    return rows
  }

  #fetched({ content }: MessageOf<'fetched'>): void {
    if ('bytes' in content) {
      this.stateBytes += content.bytes.length
      if (this.#keepsStates) Y.applyUpdate(this.#doc, content.bytes, this)
    }
    this.#openFetches--
    this.#reachedHead()
  }

  #reachedHead(): void {
    if (this.#openFetches === 0) this.#onHead?.()
  }
}

/** What is larger is not typed: the storm's bytes would fill this process. */
const keptBytes = 4_096
const nothing = copyOf(new Uint8Array([0]))
/** Acks are written down once a second. */
const leaseFlushedMs = 2_000
