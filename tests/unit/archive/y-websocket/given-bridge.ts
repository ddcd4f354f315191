/** The y-websocket bridge on a log in memory and virtual time, with sockets that tests flush by hand. */
import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as syncProtocol from 'y-protocols/sync'
import * as Y from 'yjs'
import {
  createYWebsocketBridge,
  type Log,
  type YWebsocketBridge,
  type YWebsocketLimits,
  type YWebsocketListener,
  type YWebsocketSocket,
} from '@holdfast/archive'
import { MemoryDisk, openMemoryLog, type Sync } from '@holdfast/archive/testing'
import { silentLogger } from '@holdfast/peer/ports'
import type { Access, CollectionName, DocumentId } from '@holdfast/peer/protocol'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'

export const notes = 'notes' as CollectionName
export const first = 'first' as DocumentId

export interface GivenBridgeOptions {
  readonly limits?: Partial<YWebsocketLimits>
  readonly sync?: Sync
  /** Stands in for the log, so that it can fail. */
  readonly wrap?: (log: Log) => Log
}

export class GivenBridge {
  readonly clock: VirtualClock
  readonly log: Log
  readonly bridge: YWebsocketBridge

  constructor(clock: VirtualClock, log: Log, options: GivenBridgeOptions) {
    this.clock = clock
    this.log = log
    this.bridge = createYWebsocketBridge({
      log: options.wrap?.(log) ?? log,
      clock,
      logger: silentLogger,
      limits: options.limits ?? {},
    })
  }

  static async create(options: GivenBridgeOptions = {}): Promise<GivenBridge> {
    const clock = new VirtualClock()
    const random = new SeededRandom('bridge')
    const log = await openMemoryLog({
      disk: new MemoryDisk(random.fork('disk')),
      clock,
      random,
      logger: silentLogger,
      ...(options.sync === undefined ? {} : { sync: options.sync }),
    })
    return new GivenBridge(clock, log, options)
  }

  socket(
    admission: Partial<{ access: Access; expiresAtMs: number; document: string }> = {},
  ): TestSocket {
    const socket = new TestSocket()
    const { access = 'write', expiresAtMs = Infinity, document = first } = admission
    socket.listener = this.bridge.connect(socket, {
      collection: notes,
      document: document as DocumentId,
      access,
      expiresAtMs,
    })
    return socket
  }

  client(options: Parameters<GivenBridge['socket']>[0] & { doc?: Y.Doc } = {}): TestClient {
    const client = new TestClient(this.socket(options), options.doc)
    client.start()
    return client
  }

  /** An edit that came from elsewhere. */
  async write(doc: Y.Doc, edit: (text: Y.Text) => void): Promise<void> {
    const before = Y.encodeStateVector(doc)
    edit(doc.getText('body'))
    const bytes = Y.encodeStateAsUpdate(doc, before)
    const [outcome] = await this.log.append([
      { collection: notes, document: { id: first, generation: 0 }, kind: 'upload', bytes },
    ])
    if (outcome?.status !== 'committed') throw new Error('an edit of this test was refused')
  }

  async until(condition: () => boolean): Promise<void> {
    await this.clock.runUntil(condition, { maxVirtualMs: 600_000 })
  }

  async close(): Promise<void> {
    this.bridge.close()
    await this.log.close()
  }
}

export class TestSocket implements YWebsocketSocket {
  listener: YWebsocketListener | undefined
  /** What has reached the other side. */
  onArrived: (message: Uint8Array) => void = () => {}
  /** While it is set, what is sent waits. */
  isSlow = false
  isPaused = false
  pings = 0
  closed: { readonly code: number; readonly reason: string } | undefined
  largestBuffer = 0
  readonly #waiting: { readonly message: Uint8Array; readonly onFlushed?: () => void }[] = []

  get bufferedBytes(): number {
    return this.#waiting.reduce((sum, { message }) => sum + message.byteLength, 0)
  }

  send(message: Uint8Array, onFlushed?: () => void): void {
    if (this.closed !== undefined) return
    this.#waiting.push({ message, ...(onFlushed === undefined ? {} : { onFlushed }) })
    this.largestBuffer = Math.max(this.largestBuffer, this.bufferedBytes)
    if (!this.isSlow) queueMicrotask(() => this.flush())
  }

  /** The other side takes what waits. */
  flush(): void {
    for (const { message, onFlushed } of this.#waiting.splice(0)) {
      if (this.closed !== undefined) return
      this.onArrived(message)
      onFlushed?.()
    }
  }

  ping(): void {
    this.pings++
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  close(code: number, reason: string): void {
    if (this.closed !== undefined) return
    this.closed = { code, reason }
    queueMicrotask(() => this.listener?.onEnd())
  }

  /** The other side says something. */
  say(message: Uint8Array): void {
    if (this.closed === undefined) this.listener?.onMessage(message)
  }

  /** The other side is gone. */
  hangUp(): void {
    if (this.closed !== undefined) return
    this.closed = { code: 1006, reason: '' }
    this.listener?.onEnd()
  }
}

/** As much of a y-websocket client as syncs documents, by y-protocols itself. */
export class TestClient {
  readonly doc: Y.Doc
  socket: TestSocket
  isSynced = false
  /** Types of the messages that it has heard. */
  readonly heard: number[] = []

  constructor(socket: TestSocket, doc = new Y.Doc()) {
    this.doc = doc
    this.socket = socket
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== this) this.#say((encoder) => syncProtocol.writeUpdate(encoder, update))
    })
  }

  get text(): Y.Text {
    return this.doc.getText('body')
  }

  get words(): string {
    return this.text.toJSON()
  }

  start(): void {
    this.socket.onArrived = (message) => this.#hear(message)
    this.#say((encoder) => syncProtocol.writeSyncStep1(encoder, this.doc))
  }

  /** As after a broken connection: the document stays, everything else begins anew. */
  reconnect(socket: TestSocket): void {
    this.socket.onArrived = () => {}
    this.socket = socket
    this.isSynced = false
    this.start()
  }

  #hear(message: Uint8Array): void {
    const decoder = decoding.createDecoder(message)
    const type = decoding.readVarUint(decoder)
    this.heard.push(type)
    if (type !== 0) return
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, 0)
    const step = syncProtocol.readSyncMessage(decoder, encoder, this.doc, this)
    if (step === syncProtocol.messageYjsSyncStep2) this.isSynced = true
    if (encoding.length(encoder) > 1) this.socket.say(encoding.toUint8Array(encoder))
  }

  #say(write: (encoder: encoding.Encoder) => void): void {
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, 0)
    write(encoder)
    this.socket.say(encoding.toUint8Array(encoder))
  }
}

/** An awareness message of clients with their clocks and states. */
export function presenceOf(
  ...all: readonly (readonly [client: number, clock: number, state: unknown])[]
): Uint8Array {
  const update = encoding.createEncoder()
  encoding.writeVarUint(update, all.length)
  for (const [client, clock, state] of all) {
    encoding.writeVarUint(update, client)
    encoding.writeVarUint(update, clock)
    encoding.writeVarString(update, JSON.stringify(state))
  }
  const message = encoding.createEncoder()
  encoding.writeVarUint(message, 1)
  encoding.writeVarUint8Array(message, encoding.toUint8Array(update))
  return encoding.toUint8Array(message)
}
