/*
 * Direct links with some of a room's members, to whom no peer session is spoken: to an archive, from
 * a peer; to the peers, from an archive. Sees to it that there is one with each that is wanted, for as
 * long as the signaller names it, and hands each out once. The one with the smaller id calls.
 */
import type { Clock, Link, Random, Undo } from '../ports/index.js'
import type { InstanceId, Neighbour as NamedNeighbour } from '../protocol/index.js'
import type { NeighbourNews, SignallingRoom } from '../signalling/index.js'
import { Calls } from './calls.js'
import type { LinkDialer } from './dialer.js'
import type { HandshakeGate } from './handshake-gate.js'
import { meshBounds as bounds } from './limits.js'

export interface DirectLinksOptions {
  readonly room: SignallingRoom
  readonly dialer: LinkDialer
  readonly gate: HandshakeGate
  readonly clock: Clock
  readonly random: Random
  readonly isWanted: (named: NamedNeighbour) => boolean
  /** A link stands. It is the listener's; when it ends another one is made. */
  readonly onLink: (named: NamedNeighbour, link: Link) => void
  /** It is not named any more, and its links are over or will not be replaced. */
  readonly onGone?: (named: NamedNeighbour) => void
}

export class DirectLinks {
  readonly #options: DirectLinksOptions
  readonly #memberById = new Map<InstanceId, Member>()
  readonly #undo: readonly Undo[]

  constructor(options: DirectLinksOptions) {
    const { room } = options
    this.#options = options
    this.#undo = [
      room.onNeighbours((news) => this.#takeNews(news)),
      room.onSignal((from, _access, data) => this.#memberById.get(from)?.hear(data)),
      room.onState(({ phase }) => {
        if (phase === 'joined') this.retryNow()
      }),
    ]
  }

  /** Links that stand. */
  get count(): number {
    let count = 0
    for (const member of this.#memberById.values()) if (member.isLinked) count++
    return count
  }

  /** Instances to which a link stands. */
  get standing(): readonly InstanceId[] {
    return [...this.#memberById].filter(([, { isLinked }]) => isLinked).map(([id]) => id)
  }

  retryNow(): void {
    for (const member of this.#memberById.values()) member.retryNow()
  }

  /** Makes no more links. Those that were handed out are their owners'. Idempotent. */
  close(): void {
    for (const undo of this.#undo) undo()
    for (const member of this.#memberById.values()) member.stop()
    this.#memberById.clear()
  }

  #takeNews({ added, updated, removed }: NeighbourNews): void {
    for (const { id, why } of removed) {
      const member = this.#memberById.get(id)
      this.#memberById.delete(id)
      if (member === undefined) continue
      // Whom the signaller has lost may still answer here.
      if (why === 'lost') member.stop()
      else member.close(why)
      this.#options.onGone?.(member.named)
    }
    for (const named of [...updated, ...added]) {
      const known = this.#memberById.get(named.id)
      if (known?.named.access === named.access) known.keep(named)
      else {
        // A link is opened for one access.
        known?.close('another access')
        this.#memberById.delete(named.id)
        if (this.#options.isWanted(named)) this.#meet(named)
      }
    }
  }

  #meet(named: NamedNeighbour): void {
    const member = new Member(named, this.#options)
    this.#memberById.set(named.id, member)
    member.start()
  }
}

class Member {
  named: NamedNeighbour
  readonly #options: DirectLinksOptions
  readonly #calls: Calls
  /** Oldest first: one, and for a moment a second. */
  readonly #links: Standing[] = []
  #isWanted = true

  constructor(named: NamedNeighbour, options: DirectLinksOptions) {
    const { room } = options
    this.named = named
    this.#options = options
    this.#calls = new Calls({
      ...options,
      isCaller: named.call,
      iceServers: () => room.iceServers,
      isReachable: () => room.state.phase === 'joined',
      signal: (text) => room.signal(named.id, text),
      isWanted: () => this.#isWanted,
      newest: () => this.#links.at(-1),
      onLink: (link) => this.#linked(link),
      onFailed: () => {},
    })
  }

  get isLinked(): boolean {
    return this.#links.length > 0
  }

  start(): void {
    this.#calls.start()
  }

  hear(text: string): void {
    this.#calls.hear(text)
  }

  retryNow(): void {
    this.#calls.retryNow()
  }

  keep(named: NamedNeighbour): void {
    this.named = named
  }

  /** Tries no more; what stands stays. */
  stop(): void {
    this.#isWanted = false
    this.#calls.stop()
  }

  close(reason: string): void {
    this.stop()
    for (const { link } of this.#links.slice()) link.close(reason)
  }

  #linked(link: Link): void {
    const standing = new Standing(link, this.#options.clock)
    this.#links.push(standing)
    link.onClose(() => {
      const at = this.#links.indexOf(standing)
      if (at < 0) return
      this.#links.splice(at, 1)
      this.#calls.linkEnded(standing, this.#links.length === 0)
    })
    this.#options.onLink(this.named, link)
  }
}

class Standing {
  readonly link: Link
  readonly #clock: Clock
  readonly #sinceMs: number

  constructor(link: Link, clock: Clock) {
    this.link = link
    this.#clock = clock
    this.#sinceMs = clock.monotonic()
  }

  get openForMs(): number {
    return this.#clock.monotonic() - this.#sinceMs
  }

  get isSettled(): boolean {
    return this.openForMs >= bounds.crossingMs
  }
}
