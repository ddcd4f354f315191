import type { Undo } from '@holdfast/peer/ports'
import { createWorld, type Host, type LinkStatistics, type World } from '@holdfast/peer/testing'
import { DemoPeer } from './demo-peer.js'

/**
 * What each peer types. Each begins with a letter that the others do not have; all
 * together fit into a terminal of 80 columns.
 */
const phrases = {
  laptop: 'Kelp drifts. ',
  phone: 'Peers gossip. ',
  tablet: 'Rocks hold. ',
  desktop: 'Nothing is lost. ',
} as const

/** How one peer stands, for the picture. */
export interface PeerView {
  readonly name: string
  readonly isUp: boolean
  readonly text: string
}

/** How two peers are connected, for the picture. */
export interface LinkView {
  readonly a: string
  readonly b: string
  readonly isOpen: boolean
  readonly isCut: boolean
  readonly framesInFlight: number
}

/**
 * Four peers in a simulated world, and a little play in five acts:
 *
 *   typing ─► the network splits ─► one crashes ─► it heals ─► the crashed one is back ─► agreed
 */
export class DemoMesh {
  readonly #world: World
  readonly #peers = new Map<Host, DemoPeer>()
  readonly #listeners = new Set<(what: string) => void>()
  #act = 'four peers start'
  #isLastActOver = false

  constructor(seed: string) {
    this.#world = createWorld({ seed })
    this.#world.network.setConditions({
      delayMs: 60,
      jitterMs: 90,
      dropRate: 0.15,
      duplicateRate: 0.03,
    })
    const names = Object.keys(phrases)
    for (const [name, phrase] of Object.entries(phrases)) {
      const host = this.#world.host(name)
      host.disk.latencyMs = { read: 1, write: 1, fsync: 5, names: 1 }
      // Of each two, one dials.
      const dials = names.slice(names.indexOf(name) + 1)
      host.start((life) =>
        this.#peers.set(host, new DemoPeer(life, phrase, dials, names.length - 1)),
      )
    }
    this.#plan()
  }

  get seed(): string {
    return this.#world.seed
  }

  get elapsedMs(): number {
    return this.#world.clock.monotonic()
  }

  /** What happened last, in words. */
  get act(): string {
    return this.#act
  }

  /** Everybody is up, everything is typed, all texts are the same. */
  get isDone(): boolean {
    const views = this.peers
    const [first] = views
    return (
      this.#isLastActOver &&
      views.every(({ isUp, text }) => isUp && text === first?.text) &&
      Object.values(phrases).every((phrase) => first?.text.includes(phrase) === true)
    )
  }

  get peers(): readonly PeerView[] {
    return [...this.#peers].map(([{ name, isUp }, { text }]) => ({ name, isUp, text }))
  }

  get links(): readonly LinkView[] {
    const names = Object.keys(phrases)
    const { network } = this.#world
    return names.flatMap((a, index) =>
      names.slice(index + 1).map((b) => {
        const pipes = network.pipes.filter((pipe) => pipe.a.host === a && pipe.b.host === b)
        return {
          a,
          b,
          isOpen: pipes.some((pipe) => pipe.a.isOpen && pipe.b.isOpen),
          isCut: network.isBlocked(a, b),
          framesInFlight: pipes.reduce((sum, pipe) => sum + pipe.inFlightFrames, 0),
        }
      }),
    )
  }

  get traffic(): LinkStatistics {
    return this.#world.network.totals
  }

  /** Told each act of the play, in words. */
  onEvent(listener: (what: string) => void): Undo {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Lets virtual time pass. Fails if the peers have not agreed after a minute of it. */
  async run(ms: number): Promise<void> {
    await this.#world.run(ms)
    if (this.elapsedMs > 60_000 && !this.isDone) {
      const lines = this.#world.trace.tail(10)
      throw new Error(['The peers do not agree after a minute.', ...lines].join('\n'))
    }
  }

  #plan(): void {
    const { network } = this.#world
    const tablet = this.#world.host('tablet')
    this.#planAct(300, 'four peers are typing', () => {})
    this.#planAct(900, 'the network splits: laptop, phone | tablet, desktop', () =>
      network.partition([
        ['laptop', 'phone'],
        ['tablet', 'desktop'],
      ]),
    )
    this.#planAct(1_800, 'the tablet crashes; what its disk had not synced is gone', () =>
      tablet.crash(),
    )
    this.#planAct(2_800, 'the network heals', () => network.healAll())
    this.#planAct(3_300, 'the tablet is back, with what its disk kept', () => {
      tablet.restart()
      this.#isLastActOver = true
    })
  }

  #planAct(atMs: number, what: string, act: () => void): void {
    this.#world.clock.after(atMs, () => {
      act()
      this.#act = what
      for (const listener of this.#listeners) listener(what)
    })
  }
}
