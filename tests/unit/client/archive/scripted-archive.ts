import { Channel, type ChannelClosed } from '@holdfast/peer'
import type { Link } from '@holdfast/peer/ports'
import {
  copyOf,
  encodeMessage,
  hexOf,
  parseMessage,
  type ArchiveId,
  type CollectionName,
  type DocumentId,
  type DocumentRef,
  type Entry,
  type Grant,
  type InstanceId,
  type Lane,
  type Message,
  type MessageOf,
  type MessageType,
  type TermId,
} from '@holdfast/peer/protocol'
import type { World } from '@holdfast/peer/testing'

export const notes = 'notes' as CollectionName

export function document(id: string, generation = 0): DocumentRef {
  return { id: id as DocumentId, generation }
}

/** An archive that says what its test tells it to, and nothing else but its `hello`. */
export class ScriptedArchive {
  readonly archive: ArchiveId
  term: TermId
  grant: Grant = { access: 'write' }
  maxMessageBytes = 1_048_576
  /** Answers `hello` by itself, and `subscribe` as one with nothing new. */
  greets = true
  answersSubscribe = true
  /** Called with whatever is heard, afterwards. */
  react: (message: Message) => void = () => {}
  /** Its last seq. */
  head = 0
  readonly heard: Message[] = []
  readonly links: Channel[] = []
  readonly closed: ChannelClosed[] = []
  readonly #world: World
  #seq = 0

  constructor(world: World, host = 'archive') {
    this.#world = world
    this.archive = hexOf(world.random.bytes(16)) as ArchiveId
    this.term = hexOf(world.random.bytes(16)) as TermId
    world.network.listen(host, (link) => this.#accept(link))
  }

  get channel(): Channel {
    const channel = this.links.at(-1)
    if (channel === undefined) throw new Error('nobody has dialled')
    return channel
  }

  newTerm(): void {
    this.term = hexOf(this.#world.random.bytes(16)) as TermId
  }

  /** False: its link takes no more just now. */
  say(message: Message, lane?: Lane): boolean {
    if (lane === undefined) return this.channel.send(message)
    return this.channel.sendEncoded(encodeMessage(message), lane)
  }

  all<Type extends MessageType>(type: Type): MessageOf<Type>[] {
    return this.heard.filter((message): message is Extract<Message, { type: Type }> => {
      return message.type === type
    }) as unknown as MessageOf<Type>[]
  }

  last<Type extends MessageType>(type: Type): MessageOf<Type> {
    const message = this.all(type).at(-1)
    if (message === undefined) throw new Error(`${type} was not said`)
    return message
  }

  /** Waits until this has been heard so many times in all. */
  async hears<Type extends MessageType>(type: Type, times = 1): Promise<MessageOf<Type>> {
    await this.#world.until(() => this.all(type).length >= times)
    return this.last(type)
  }

  /** The op ids of all pushes, in order. */
  get pushed(): string[] {
    return this.all('push').flatMap(({ ops }) => ops.map(({ op }) => String(op.n)))
  }

  commit(ops: MessageOf<'push'>['ops'], gapped = false): void {
    const { term } = this
    const results = ops.map(({ op }) => ({
      outcome: 'stored' as const,
      op,
      seq: ++this.head,
      gapped,
    }))
    this.say({ type: 'committed', term, results })
  }

  subscribed(outcome: MessageOf<'subscribed'>['outcome'], aboutBytes = 0): void {
    const { subscription } = this.last('subscribe')
    const { archive, term, head } = this
    this.say({ type: 'subscribed', subscription, outcome, archive, term, head, aboutBytes })
  }

  /** A page from `after` on, ending at `through`. */
  page(after: number, entries: readonly Entry[], through: number, lane?: Lane): boolean {
    this.head = Math.max(this.head, through)
    const { subscription } = this.last('subscribe')
    const page = { after, entries, through, head: this.head }
    return this.say({ type: 'changes', subscription, page }, lane)
  }

  row(seq: number, id: string, bytes: Uint8Array): Entry {
    const op = { instance: hexOf(this.#world.random.bytes(16)) as InstanceId, n: ++this.#seq }
    return { kind: 'row', seq, document: document(id), op, bytes }
  }

  #accept(link: Link): void {
    const { clock, random } = this.#world
    const channel = new Channel({ link, clock, random })
    this.links.push(channel)
    channel.onMessage((_, bytes) => {
      const parsed = parseMessage(copyOf(bytes))
      if (parsed.ok) this.#hear(parsed.value)
    })
    channel.onClose((closed) => this.closed.push(closed))
    channel.start()
  }

  #hear(message: Message): void {
    this.heard.push(message)
    if (message.type === 'hello' && this.greets) this.greet()
    if (message.type === 'subscribe' && this.answersSubscribe) {
      const seq = message.cursor?.seq ?? 0
      const isKnown = message.cursor === undefined || this.knows(message.cursor.term)
      if (!isKnown) this.subscribed('unknown-term')
      else this.subscribed(seq > this.head ? 'ahead' : seq < this.head ? 'behind' : 'head')
    }
    this.react(message)
  }

  knows(term: TermId): boolean {
    return term === this.term
  }

  greet(): void {
    const { archive, term, grant, maxMessageBytes } = this
    this.say({
      type: 'hello',
      version: 1,
      sender: { role: 'archive', archive, term, grant },
      instance: hexOf(this.#world.random.bytes(16)) as InstanceId,
      collection: notes,
      credential: { kind: 'none' },
      maxFrameBytes: 65_536,
      maxMessageBytes,
      cursors: [],
    })
  }
}
