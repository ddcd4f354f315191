/** Presence of some peers on virtual time, linked by hand. */
import { Presence, type PresenceLink, type PresenceMessage } from '@holdfast/peer'
import { silentLogger } from '@holdfast/peer/ports'
import {
  encodeMessage,
  hexOf,
  parseMessage,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
  type Message,
} from '@holdfast/peer/protocol'
import { SeededRandom, VirtualClock } from '@holdfast/peer/testing'
import * as Y from 'yjs'

export const note: DocumentRef = { id: 'note' as DocumentId, generation: 0 }

export class PresenceWorld {
  readonly clock = new VirtualClock()
  readonly random = new SeededRandom('presence')

  peer(): PresencePeer {
    return new PresencePeer(this)
  }

  linkAll(peers: readonly PresencePeer[]): void {
    for (const [at, a] of peers.entries()) for (const b of peers.slice(at + 1)) a.link(b)
  }

  run(ms: number): Promise<void> {
    return this.clock.run(ms)
  }
}

export class PresencePeer {
  readonly world: PresenceWorld
  readonly instance: InstanceId
  readonly presence: Presence
  readonly doc = new Y.Doc()
  /** What its logger was told as an error. */
  readonly errors: string[] = []
  readonly #links = new Map<PresencePeer, TestLink>()
  sent = 0

  constructor(world: PresenceWorld) {
    this.world = world
    this.instance = hexOf(world.random.bytes(16)) as InstanceId
    this.presence = new Presence({
      self: this.instance,
      clock: world.clock,
      random: world.random,
      logger: { ...silentLogger, error: (message) => this.errors.push(message) },
      doc: this.doc,
    })
  }

  get client(): number {
    return this.presence.collection.clientID
  }

  /** Client ids that it sees, itself aside. */
  get sees(): number[] {
    return [...this.presence.collection.getStates().keys()]
      .filter((client) => client !== this.client)
      .toSorted((a, b) => a - b)
  }

  link(other: PresencePeer): void {
    this.#links.set(other, new TestLink(this, other))
    other.#links.set(this, new TestLink(other, this))
    this.presence.opened(this.linkTo(other))
    other.presence.opened(other.linkTo(this))
    this.#tellNeighbours()
    other.#tellNeighbours()
  }

  unlink(other: PresencePeer, why: 'left' | 'dead' | 'broken', whyThere = why): void {
    const [mine, theirs] = [this.linkTo(other), other.linkTo(this)]
    mine.isOpen = theirs.isOpen = false
    this.#links.delete(other)
    other.#links.delete(this)
    this.presence.closed(mine, why)
    other.presence.closed(theirs, whyThere)
    this.#tellNeighbours()
    other.#tellNeighbours()
  }

  linkTo(other: PresencePeer): TestLink {
    const link = this.#links.get(other)
    if (link === undefined) throw new Error('these two are not linked')
    return link
  }

  #tellNeighbours(): void {
    const instances = [...this.#links.keys()].map(({ instance }) => instance)
    for (const link of this.#links.values()) link.send({ type: 'neighbours', list: 1, instances })
  }
}

/** From one to the other, in ten milliseconds. */
export class TestLink implements PresenceLink {
  readonly instance: InstanceId
  readonly #from: PresencePeer
  readonly #to: PresencePeer
  isOpen = true
  isFull = false
  readonly sent: Message[] = []

  constructor(from: PresencePeer, to: PresencePeer) {
    this.#from = from
    this.#to = to
    this.instance = to.instance
  }

  send(message: Message): boolean {
    if (this.isFull) return false
    this.#from.sent++
    this.sent.push(message)
    const parsed = parseMessage(encodeMessage(message))
    if (!parsed.ok) throw new Error(parsed.refusal.detail)
    this.#from.world.clock.after(10, () => {
      if (this.isOpen)
        this.#to.presence.heard(this.#to.linkTo(this.#from), parsed.value as PresenceMessage)
    })
    return true
  }
}
