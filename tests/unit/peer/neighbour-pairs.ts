/** Two hosts and any number of `Neighbour` pairs between them, whose signals cross by hand. */
import {
  Channel,
  CollectionSync,
  Conversation,
  HandshakeGate,
  Neighbour,
  YDocuments,
  type ConversationListener,
  type PeerSession,
} from '@holdfast/peer'
import { silentLogger, type Link } from '@holdfast/peer/ports'
import {
  hexOf,
  type CollectionName,
  type InstanceId,
  type ReplicaId,
} from '@holdfast/peer/protocol'
import { createWorld, type Life, type World } from '@holdfast/peer/testing'
import { SimulatedRtc } from '../../sim/mesh/simulated-dialer.js'

export class NeighbourPairs {
  readonly world: World
  readonly rtc: SimulatedRtc
  readonly callers: Side
  readonly answerers: Side

  constructor(seed: string) {
    this.world = createWorld({ seed })
    this.rtc = new SimulatedRtc(this.world)
    this.callers = new Side(this, 'a')
    this.answerers = new Side(this, 'b')
  }

  /** @param pass what becomes of a signal on its way; by default it arrives 20 ms later */
  pair(pass: Pass = (_text, deliver) => void this.world.clock.after(20, deliver)): Pair {
    const ends: Partial<Record<'caller' | 'answerer', Neighbour>> = {}
    const caller = this.callers.neighbour(true, (text) => {
      pass(text, () => ends.answerer?.hear(text))
    })
    const answerer = this.answerers.neighbour(false, (text) => {
      pass(text, () => ends.caller?.hear(text))
    })
    Object.assign(ends, { caller, answerer })
    return { caller, answerer }
  }
}

export type Pass = (text: string, deliver: () => void) => void

export interface Pair {
  readonly caller: Neighbour
  readonly answerer: Neighbour
}

/** One host with its gate and its sessions. */
export class Side {
  readonly gate = new HandshakeGate()
  readonly sync: CollectionSync
  readonly life: Life
  readonly #pairs: NeighbourPairs
  readonly #conversationBySession = new Map<PeerSession, Conversation>()
  /** What each neighbour of this side has said, all together. */
  readonly said: string[] = []

  constructor(pairs: NeighbourPairs, name: string) {
    this.#pairs = pairs
    let life: Life | undefined = undefined
    pairs.world.host(name).start((started) => (life = started))
    if (life === undefined) throw new Error('the host did not start')
    this.life = life
    const { clock, random } = this.life
    const instance = hexOf(random.bytes(16)) as InstanceId
    this.sync = new CollectionSync({
      self: {
        replica: hexOf(random.bytes(16)) as ReplicaId,
        instance,
        collection: 'notes' as CollectionName,
        access: 'write',
      },
      documents: new YDocuments({ instance, clock, logger: silentLogger }),
      clock,
      random,
      logger: silentLogger,
    })
    this.sync.onState((session) => {
      if (session.isOpen) this.#conversationBySession.get(session)?.opened()
    })
    this.sync.onClosed((session, closed) => this.#conversationBySession.get(session)?.ended(closed))
  }

  neighbour(isCaller: boolean, signal: (text: string) => void): Neighbour {
    const { clock, random } = this.life
    return new Neighbour({
      isCaller,
      dialer: this.#pairs.rtc.dialer(this.life),
      gate: this.gate,
      clock,
      random,
      iceServers: () => [],
      isReachable: () => true,
      signal: (text) => {
        this.said.push(text)
        signal(text)
        return true
      },
      openRelay: undefined,
      converse: (link, listener) => this.#converse(link, listener),
      onGone: () => {},
    })
  }

  #converse(link: Link, listener: ConversationListener): Conversation {
    const { clock, random } = this.life
    const channel = new Channel({ link, clock, random })
    const session = this.sync.add(channel, { access: 'write' })
    const conversation = new Conversation({
      clock,
      channel,
      session,
      listener,
    })
    this.#conversationBySession.set(session, conversation)
    return conversation
  }
}
