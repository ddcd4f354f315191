import { Channel, type ChannelClosed } from '@holdfast/peer'
import {
  frameBounds,
  messageBounds,
  type CollectionName,
  type Credential,
  type Cursor,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
  type Message,
  type MessageOf,
  type MessageType,
  type OpId,
  type ReplicaId,
} from '@holdfast/peer/protocol'
import type { World } from '@holdfast/peer/testing'
import type { Link } from '@holdfast/peer/ports'

export interface ClientOptions {
  readonly collection?: CollectionName
  readonly replica?: ReplicaId
  readonly instance?: InstanceId
  readonly credential?: Credential
}

/** Speaks the protocol and nothing more: a test says what it says. */
export class ScriptedClient {
  readonly channel: Channel
  readonly link: Link
  readonly name: string
  readonly instance: InstanceId
  readonly replica: ReplicaId
  readonly heard: Message[] = []
  closed: ChannelClosed | undefined
  readonly #world: World
  readonly #options: ClientOptions
  #nextOp = 1
  /** Messages before this have been asked for. */
  #read = 0

  constructor(world: World, link: Link, name: string, options: ClientOptions) {
    this.#world = world
    this.#options = options
    this.link = link
    this.name = name
    this.instance = options.instance ?? (idOf(`i${name}`) as InstanceId)
    this.replica = options.replica ?? (idOf(`r${name}`) as ReplicaId)
    this.channel = new Channel({ link, clock: world.clock, random: world.random.fork(name) })
    this.channel.onMessage((message) => this.heard.push(message))
    this.channel.onClose((closed) => {
      this.closed = closed
    })
    this.channel.start()
  }

  say(message: Message): void {
    if (!this.channel.send(message)) throw new Error(`${this.name}: ${message.type} not sent`)
  }

  hello(fields: Partial<MessageOf<'hello'>> = {}): void {
    this.say({
      type: 'hello',
      version: 1,
      sender: { role: 'peer', replica: this.replica },
      instance: this.instance,
      collection: this.#options.collection ?? ('notes' as CollectionName),
      credential: this.#options.credential ?? { kind: 'none' },
      maxFrameBytes: frameBounds.maxBytes,
      maxMessageBytes: messageBounds.maxBytes,
      cursors: [],
      ...fields,
    })
  }

  /** Pushes live ops of this instance, one message. */
  push(document: DocumentRef, ...updates: readonly Uint8Array[]): readonly OpId[] {
    const ops = updates.map((bytes) => ({ kind: 'live' as const, op: this.op(), document, bytes }))
    this.say({ type: 'push', ops })
    return ops.map(({ op }) => op)
  }

  op(): OpId {
    return { instance: this.instance, n: this.#nextOp++ }
  }

  subscribe(subscription: number, cursor?: Cursor): void {
    this.say({ type: 'subscribe', subscription, ...(cursor && { cursor }) })
  }

  ack(subscription: number, seq: number): void {
    this.say({ type: 'ack', subscription, seq })
  }

  /** The next message of this type that has not been asked for; what came before it is passed over. */
  async hears<Type extends MessageType>(type: Type): Promise<MessageOf<Type>> {
    let found = -1
    await this.#world.clock.runUntil(
      () => {
        found = this.heard.findIndex((message, at) => at >= this.#read && message.type === type)
        return found >= 0
      },
      { maxVirtualMs: 120_000 },
    )
    this.#read = found + 1
    return this.heard[found] as MessageOf<Type>
  }

  all<Type extends MessageType>(type: Type): readonly MessageOf<Type>[] {
    return this.heard.filter(
      ({ type: its }) => its === type,
    ) as readonly Message[] as readonly MessageOf<Type>[]
  }

  /** Every entry of every page of a subscription, in order. */
  entries(subscription = 1): MessageOf<'changes'>['page']['entries'] {
    return this.all('changes')
      .filter((changes) => changes.subscription === subscription)
      .flatMap(({ page }) => page.entries)
  }

  async isClosed(): Promise<ChannelClosed> {
    await this.#world.clock.runUntil(() => this.closed !== undefined, { maxVirtualMs: 120_000 })
    return this.closed as ChannelClosed
  }
}

export function document(id: string, generation = 0): DocumentRef {
  return { id: id as DocumentId, generation }
}

/** 32 hex digits that tell whose they are. */
export function idOf(name: string): string {
  let hex = ''
  for (const letter of name) hex += letter.charCodeAt(0).toString(16).padStart(2, '0')
  return hex.slice(-32).padStart(32, '0')
}
