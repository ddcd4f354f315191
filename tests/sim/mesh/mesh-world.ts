/** A world with a signaller and hosts that each run a mesh, as an application would. */
import {
  createMesh,
  type Mesh,
  type MeshCollection,
  type MeshOptions,
  type PeerError,
} from '@holdfast/peer'
import { silentLogger } from '@holdfast/peer/ports'
import { createWorld, type Host, type Life, type World } from '@holdfast/peer/testing'
import type { SwitchboardOptions } from '@holdfast/signal'
import * as Y from 'yjs'
import { CountedClock } from './counted-clock.js'
import { SimulatedRtc } from './simulated-dialer.js'
import { SimulatedSignaller } from './simulated-signaller.js'

export class MeshWorld {
  readonly world: World
  readonly signaller: SimulatedSignaller
  readonly rtc: SimulatedRtc
  readonly peers: MeshPeer[] = []

  constructor(world: World, options: Partial<SwitchboardOptions> = {}) {
    this.world = world
    this.signaller = new SimulatedSignaller(world, options)
    this.rtc = new SimulatedRtc(world)
  }

  static of(seed: string, options: Partial<SwitchboardOptions> = {}): MeshWorld {
    return new MeshWorld(createWorld({ seed }), options)
  }

  /** A host of its own that runs one mesh. */
  start(name: string, options: Partial<MeshOptions> = {}): MeshPeer {
    const peer = new MeshPeer(this, this.world.host(name), options)
    this.peers.push(peer)
    return peer
  }

  startMany(count: number, options: Partial<MeshOptions> = {}): MeshPeer[] {
    return Array.from({ length: count }, (_, at) => this.start(`p${at}`, options))
  }

  until(condition: () => boolean, maxVirtualMs = 30_000): Promise<void> {
    return this.world.until(condition, { checkEveryMs: 50, maxVirtualMs })
  }

  run(ms: number): Promise<void> {
    return this.world.run(ms)
  }
}

export class MeshPeer {
  readonly host: Host
  readonly doc: Y.Doc
  readonly errors: PeerError[] = []
  readonly #world: MeshWorld
  readonly #options: Partial<MeshOptions>
  #life: Life | undefined
  #running: Running | undefined

  constructor(world: MeshWorld, host: Host, options: Partial<MeshOptions>, doc?: Y.Doc) {
    this.#world = world
    this.host = host
    this.#options = options
    this.doc = doc ?? newDoc(world.world.random.uint32())
    if (host.isUp) throw new Error('one peer a host; for a second one there is `beside`')
    host.start((life) => this.#run(life))
  }

  get mesh(): Mesh {
    return this.#started.mesh
  }

  get notes(): MeshCollection {
    return this.#started.notes
  }

  /** Tasks of this mesh that have neither run nor been undone. */
  get pendingTasks(): number {
    return this.#started.clock.pendingTasks
  }

  get text(): string {
    return this.doc.getText('text').toJSON()
  }

  get paths(): string[] {
    return this.notes.peers.map(({ path }) => path).toSorted()
  }

  get isSynced(): boolean {
    return this.notes.document('note')?.isSynced === true
  }

  type(text: string): void {
    this.doc.getText('text').insert(0, text)
  }

  /** Another mesh of the same page. */
  makeMesh(options: Partial<MeshOptions> = {}): {
    readonly mesh: Mesh
    readonly clock: CountedClock
  } {
    const life = this.#life
    if (life === undefined) throw new Error('not started')
    const clock = new CountedClock(life.clock)
    const mesh = createMesh({
      server: this.#world.signaller.dialFrom(life),
      dialer: this.#world.rtc.dialer(life),
      clock,
      random: life.random.fork(`mesh ${life.random.uint32()}`),
      logger: { ...silentLogger, error: (message) => life.count(`error: ${message}`) },
      ...this.#options,
      ...options,
    })
    return { mesh, clock }
  }

  /** Dies without a word: nobody is told, neither the neighbours nor the signaller. */
  kill(): void {
    this.#world.signaller.loseHost(this.host.name)
    this.host.crash({ noticeMs: Infinity })
  }

  /** Closes, and its machine goes down a moment later. */
  leave(): void {
    this.#world.world.count('left')
    void this.mesh.close()
    const life = this.#life
    this.#world.world.clock.after(300, () => {
      if (this.host.isUp && this.#life === life) this.kill()
    })
  }

  /** Another run, with what the document held. */
  restart(): void {
    this.host.restart()
  }

  #run(life: Life): void {
    this.#life = life
    const { mesh, clock } = this.makeMesh()
    const notes = mesh.join('notes')
    notes.onError((error) => this.errors.push(error))
    notes.open('note', this.doc).awareness.setLocalState({ host: life.host })
    notes.awareness.setLocalState({ host: life.host })
    this.#running = { mesh, notes, clock }
  }

  get #started(): Running {
    if (this.#running === undefined) throw new Error('not started')
    return this.#running
  }
}

/** Who is seen in the collection, by host. */
export function seenBy({ notes }: MeshPeer): string[] {
  return [...notes.awareness.getStates().values()].map(({ host }) => String(host)).toSorted()
}

/** Who is seen in the document, by host. */
export function seenInNoteBy({ notes }: MeshPeer): string[] {
  const states = notes.document('note')?.awareness.getStates().values() ?? []
  return [...states].map(({ host }) => String(host)).toSorted()
}

export function newDoc(clientID: number): Y.Doc {
  const doc = new Y.Doc({ guid: 'simulated' })
  doc.clientID = clientID
  return doc
}

interface Running {
  readonly mesh: Mesh
  readonly notes: MeshCollection
  readonly clock: CountedClock
}
