/** A peer on a real WebSocket, for tests of the signalling server. */
import {
  encodeSignalling,
  hexOf,
  parseCollectionName,
  parseFromSignaller,
  parseInstanceId,
  parseReplicaId,
  type CollectionName,
  type FromSignaller,
  type InstanceId,
  type Join,
  type Parsed,
  type ReplicaId,
  type ToSignaller,
} from '@holdfast/peer/protocol'
import { systemRandom } from '@holdfast/peer/ports'
import { WebSocket, type ClientOptions } from 'ws'

export const notes = taken(parseCollectionName('notes'))

export class SignalPeer {
  readonly id: InstanceId = taken(parseInstanceId(hexOf(systemRandom.bytes(16))))
  readonly replica: ReplicaId = taken(parseReplicaId(hexOf(systemRandom.bytes(16))))
  readonly socket: WebSocket
  readonly heard: FromSignaller[] = []
  readonly frames: Uint8Array[] = []
  closed: { code: number; reason: string } | undefined
  #wake: () => void = () => {}

  constructor(port: number, options: ClientOptions = {}, path = '/signal') {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
      perMessageDeflate: false,
      ...options,
    })
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.frames.push(data)
      else this.#hear(taken(parseFromSignaller(data.toString())))
      this.#wake()
    })
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
      this.#wake()
    })
    this.socket.on('open', () => this.#wake())
    // What follows is the close.
    this.socket.on('error', () => {})
  }

  static async joined(port: number, extra: Partial<Join> = {}): Promise<SignalPeer> {
    const peer = new SignalPeer(port)
    await peer.opened()
    peer.join(extra)
    await peer.until(() => peer.of('joined').length > 0)
    return peer
  }

  async opened(): Promise<this> {
    await this.until(() => this.socket.readyState === WebSocket.OPEN || this.closed !== undefined)
    return this
  }

  say(message: ToSignaller): void {
    this.socket.send(encodeSignalling(message))
  }

  join(extra: Partial<Join> = {}, collection: CollectionName = notes): void {
    this.say({
      type: 'join',
      version: 1,
      collection,
      replica: this.replica,
      instance: this.id,
      role: 'peer',
      capabilities: [],
      standing: [],
      ...extra,
    })
  }

  of<Type extends FromSignaller['type']>(type: Type): Extract<FromSignaller, { type: Type }>[] {
    return this.heard.filter((message) => message.type === type) as Extract<
      FromSignaller,
      { type: Type }
    >[]
  }

  /** Resolves when the condition holds; looked at whenever something arrives. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      // A socket that is closed brings nothing any more.
      if (this.closed !== undefined) throw new Error(`closed: ${JSON.stringify(this.closed)}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async whenClosed(): Promise<{ code: number; reason: string }> {
    while (this.closed === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.closed
  }

  close(): void {
    this.socket.terminate()
  }

  #hear(message: FromSignaller): void {
    this.heard.push(message)
    if (message.type === 'ping') this.say({ type: 'pong' })
  }
}

export function taken<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.refusal.detail)
  return parsed.value
}
