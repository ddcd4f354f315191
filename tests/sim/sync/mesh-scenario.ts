import {
  channelBounds,
  syncBounds,
  windowBounds,
  YDocuments,
  type PeerSession,
} from '@holdfast/peer'
import { silentLogger } from '@holdfast/peer/ports'
import type { Access, DocumentId, InstanceId } from '@holdfast/peer/protocol'
import {
  VirtualClock,
  type Host,
  type Scenario,
  type SimulatedLink,
  type World,
} from '@holdfast/peer/testing'
import { contentOf, Kept, MeshPeer, newDoc, tokensOf } from './mesh-peer.js'
import { dialsOf } from './topology.js'

/**
 * Two to 48 peers with a handful of documents, some of them readers, edit, delete, leave and return
 * while links lie, break and stay half open. Then all is healed, and within two minutes of virtual
 * time everybody must hold the same, with nothing pending. After every step no session may have said
 * `synced` before both sides held what the other held when their link began.
 */
export const meshScenario: Scenario = async (world) => {
  const mesh = new SimulatedMesh(world, drawSize(world))
  setRoughWeather(world)
  mesh.startSome()
  const steps = mesh.size > 16 ? 16 : 30
  for (let step = 0; step < steps; step++) {
    await world.run(world.random.between(5, 250))
    takeStep(world, mesh)
    mesh.check()
  }
  // Those who are leaving have left.
  await world.run(200)
  world.network.healAll()
  world.network.setConditions({ dropRate: 0, duplicateRate: 0, reorderRate: 0 })
  mesh.startAll()
  await mesh.untilAgreed()
  mesh.check()
  await mesh.settle()
  mesh.close()
}

class SimulatedMesh {
  readonly size: number
  readonly hosts: readonly Host[]
  readonly #world: World
  readonly #peers = new Map<Host, MeshPeer>()
  readonly #keptByHost = new Map<Host, Kept>()
  readonly #dials: readonly (readonly number[])[]
  readonly #readers: ReadonlySet<string>
  /** What each end of a link held when it began, by link. */
  readonly #beginnings = new Map<number, Beginning[]>()
  readonly #linkBySession = new Map<PeerSession, number>()
  /** The first generation of a document that nobody has ended. */
  readonly #endedGeneration = new Map<DocumentId, number>()
  readonly #ids: readonly DocumentId[]
  /** Documents of some hundred kilobytes, on lines that take their time. */
  readonly #isBulky: boolean
  #edits = 0
  #early: string | undefined

  constructor(world: World, size: number) {
    const { random } = world
    this.#world = world
    this.size = size
    this.hosts = Array.from({ length: size }, (_, index) => world.host(`p${index}`))
    this.#dials = dialsOf(size, random)
    // Readers hang off writers: a peer that dials nobody, with two links at most, may be one.
    const isReader = size > 2 && random.chance(0.25)
    this.#readers = new Set(isReader ? [`p${size - 1}`] : [])
    const documents = 1 + random.below(random.chance(0.1) ? 80 : 4)
    this.#isBulky = size <= 8 && random.chance(0.15)
    if (this.#isBulky) {
      world.network.setConditions({ bytesPerSecond: random.between(300_000, 3_000_000) })
    }
    this.#ids = Array.from({ length: documents }, (_, index) => `d${index}` as DocumentId)
  }

  startSome(): void {
    for (const host of this.hosts) if (this.#world.random.chance(0.8)) this.start(host)
  }

  startAll(): void {
    for (const host of this.hosts) {
      if (host.isUp) host.thaw()
      else this.start(host)
    }
  }

  start(host: Host): void {
    const index = this.hosts.indexOf(host)
    const kept = this.#keptByHost.get(host) ?? new Kept()
    this.#keptByHost.set(host, kept)
    // What the last life had attached to the documents.
    this.#peers.get(host)?.documents.closeAll()
    host.start((life) => {
      const peer: MeshPeer = new MeshPeer(life, {
        kept,
        access: this.#accessOf(host.name),
        accessOf: (name) => this.#accessOf(name),
        dials: (this.#dials[index] ?? []).map((other) => `p${other}`),
        onSession: (session, link) => this.#begin(session, link, host),
        onState: (session, state) => {
          if (state === 'synced') this.#checkSynced(session)
        },
      })
      this.#peers.set(host, peer)
    })
  }

  /** Says goodbye, or dies. */
  stop(host: Host): void {
    const isLeaving = this.#world.random.chance(0.5)
    if (isLeaving) {
      this.#peers.get(host)?.close()
      this.#world.count('leave')
    }
    const noticeMs = this.#world.random.chance(0.5) ? 0 : Infinity
    this.#world.clock.after(isLeaving ? 100 : 0, () => {
      if (host.isUp) host.crash({ noticeMs })
    })
  }

  edit(host: Host): void {
    const peer = this.#peers.get(host)
    if (!host.isUp || peer?.isClosed !== false || this.#readers.has(host.name)) return
    const burst = this.#world.random.chance(0.2) ? 20 : 1
    const id = this.#world.random.pick(this.#ids)
    if (this.#isBulky && this.#world.random.chance(0.1)) {
      peer.paste(id, this.#world.random.pick([30_000, 90_000, 400_000]))
    }
    for (let at = 0; at < burst; at++) peer.edit(id, `${host.name}.${this.#edits++}`)
  }

  rebuild(host: Host): void {
    if (host.isUp) this.#peers.get(host)?.rebuild()
  }

  delete(host: Host): void {
    const peer = this.#peers.get(host)
    if (!host.isUp || peer?.isClosed !== false || this.#readers.has(host.name)) return
    const id = this.#world.random.pick(this.#ids)
    if (peer.documents.docOf(id) === undefined) return
    this.#world.count('delete')
    this.#world.trace.line(`${host.name} deletes ${id}`)
    const generation = peer.kept.docs.get(id)?.generation ?? 0
    const ended = this.#endedGeneration.get(id) ?? 0
    this.#endedGeneration.set(id, Math.max(ended, generation + 1))
    peer.documents.delete(id)
    peer.kept.docs.delete(id)
  }

  /** What must hold at any moment. */
  check(): void {
    if (this.#early !== undefined) throw new Error(this.#early)
    for (const [host, peer] of this.#peers) {
      if (!host.isUp) continue
      const stats = peer.sync.stats()
      bound(host, 'remembered ops', stats.rememberedOps, syncBounds.maxRememberedOps)
      bound(host, 'remembered bytes', stats.rememberedBytes, syncBounds.maxRememberedBytes)
      bound(host, 'wanted ops', stats.wantedOps, syncBounds.maxWantedOps)
      bound(host, 'waiting ops', stats.waitingOps, syncBounds.maxArrivedOps)
      bound(host, 'gaps', stats.gaps, syncBounds.maxGaps)
      for (const { channel, waiting } of peer.sync.sessions) {
        const { queuedBytes, unacknowledgedBytes } = channel.stats()
        const maxQueued = channelBounds.maxLiveQueuedBytes + channelBounds.maxBulkQueuedBytes
        bound(host, 'queued bytes', queuedBytes, maxQueued)
        bound(host, 'unacknowledged', unacknowledgedBytes, 2 * windowBounds.maxBytes)
        bound(host, 'inbox', waiting.inbox, syncBounds.maxInboxMessages)
      }
    }
  }

  async untilAgreed(): Promise<void> {
    await this.#until(() => {
      const states = [...this.#peers.values()].map(stateOf)
      return states.every((state) => state !== undefined && state === states[0])
    })
  }

  /**
   * Nothing has failed at what it heard, which would only end its link. Equal digests cannot see one
   * id with two contents; and each link knows that all is the same.
   */
  async settle(): Promise<void> {
    const failures = [...this.#world.counts.keys()].filter((what) => what.startsWith('error: '))
    if (failures.length > 0) throw new Error(`a peer failed: ${failures.join(', ')}`)
    const peers = [...this.#peers.values()]
    for (const id of this.#ids) {
      const docs = peers.map((peer) => peer.documents.docOf(id))
      const contents = new Set(docs.map((doc) => (doc === undefined ? 'none' : contentOf(doc))))
      if (contents.size !== 1) throw new Error(`equal digests, different content of ${id}`)
      for (const doc of docs) {
        if (doc !== undefined && (doc.store.pendingStructs ?? doc.store.pendingDs) !== null) {
          throw new Error(`something is pending in ${id}`)
        }
      }
    }
    await this.#until(() =>
      peers.every(({ sync }) => sync.sessions.every(({ isSynced }) => isSynced)),
    )
  }

  close(): void {
    for (const peer of this.#peers.values()) peer.close()
  }

  /** In vain: says what everybody holds. */
  async #until(condition: () => boolean): Promise<void> {
    try {
      await this.#world.until(condition, { checkEveryMs: 250, maxVirtualMs: 120_000 })
    } catch (error) {
      const peers = [...this.#peers].map(([{ name }, peer]) => describePeer(name, peer))
      throw new Error(`no agreement\n${peers.join('\n')}`, { cause: error })
    }
  }

  #accessOf(host: string): Access {
    return this.#readers.has(host) ? 'read' : 'write'
  }

  #begin(session: PeerSession, link: SimulatedLink, host: Host): void {
    this.#linkBySession.set(session, link.id)
    const beginnings = this.#beginnings.get(link.id) ?? []
    beginnings.push({ host, held: this.#heldBy(host) })
    this.#beginnings.set(link.id, beginnings)
  }

  /** Each side holds what the other held when the link began; readers give nothing. */
  #checkSynced(session: PeerSession): void {
    this.#world.count('synced')
    const beginnings = this.#beginnings.get(this.#linkBySession.get(session) ?? -1) ?? []
    const [first, second] = beginnings
    if (first === undefined || second === undefined) {
      this.#early ??= 'synced with one who was not there'
      return
    }
    this.#checkHolds(first.host, second)
    this.#checkHolds(second.host, first)
  }

  #checkHolds(host: Host, { host: giver, held }: Beginning): void {
    if (this.#readers.has(giver.name)) return
    const kept = this.#keptByHost.get(host)?.docs
    for (const [id, { generation, tokens }] of held) {
      const here = kept?.get(id)
      const ended = this.#endedGeneration.get(id) ?? 0
      // Deleting wins over whatever was in that generation.
      if (generation < ended) continue
      const has = new Set(here === undefined ? [] : tokensOf(here.doc))
      const lacking = tokens.filter((token) => !has.has(token))
      if (lacking.length > 0) {
        const where = `${id}.${generation} (has .${here?.generation ?? '-'})`
        this.#early ??= `synced early: ${host.name} lacks ${lacking.join(' ')} of ${giver.name} in ${where}`
      }
    }
  }

  #heldBy(host: Host): Beginning['held'] {
    const held = new Map<DocumentId, { generation: number; tokens: readonly string[] }>()
    for (const [id, { generation, doc }] of this.#keptByHost.get(host)?.docs ?? []) {
      held.set(id, { generation, tokens: tokensOf(doc) })
    }
    return held
  }
}

interface Beginning {
  readonly host: Host
  readonly held: ReadonlyMap<DocumentId, { generation: number; tokens: readonly string[] }>
}

/** All that a peer holds, canonically; undefined while something is not whole. */
function stateOf({ documents }: MeshPeer): string | undefined {
  const lines: string[] = []
  for (const { document, digest, hasContent } of documents.list()) {
    if (hasContent && digest === undefined) return undefined
    // Who has opened an empty document knows no more than who has not.
    if (digest !== emptyDigest || document.generation > 0) {
      lines.push(`${document.id} ${document.generation} ${digest ?? 'none'}`)
    }
  }
  return lines.toSorted().join('\n')
}

function describePeer(name: string, { documents, sync }: MeshPeer): string {
  const held = [...documents.list()].map(({ document, digest, hasContent }) => {
    const content = hasContent ? 'not whole' : 'nothing'
    return `${document.id}.${document.generation} ${digest?.slice(0, 6) ?? content}`
  })
  const sessions = sync.sessions.map(({ instance, state, differing, waiting }) => {
    const documents = differing.map(({ id, generation }) => `${id}.${generation}`).join(' ')
    const queue = `${waiting.inbox}/${waiting.outgoing}`
    return `  ${instance?.slice(0, 4) ?? '?'} ${state} ${queue} [${documents}]`
  })
  return [`${name}: ${held.toSorted().join(', ')}`, ...sessions].join('\n')
}

function bound(host: Host, what: string, is: number, max: number): void {
  if (is > max) throw new Error(`${host.name}: ${what} ${is}, above ${max}`)
}

function drawSize({ random }: World): number {
  const chance = random.below(100)
  if (chance < 55) return 2 + random.below(3)
  if (chance < 85) return 5 + random.below(4)
  if (chance < 97) return 9 + random.below(8)
  return 24 + random.below(25)
}

function setRoughWeather({ network, random }: World): void {
  network.setConditions({
    delayMs: random.between(1, 80),
    jitterMs: random.between(0, 60),
    dropRate: random.chance(0.5) ? random.between(0, 0.03) : 0,
    duplicateRate: random.chance(0.3) ? random.between(0, 0.01) : 0,
    reorderRate: random.chance(0.3) ? random.between(0, 0.01) : 0,
    closeLossRate: 0.5,
    failAfterMs: random.between(500, 8_000),
  })
}

function takeStep(world: World, mesh: SimulatedMesh): void {
  const { network, random } = world
  const host = random.pick(mesh.hosts)
  const other = random.pick(mesh.hosts)
  const chance = random.below(100)
  if (chance < 55) for (let at = random.below(4); at >= 0; at--) mesh.edit(random.pick(mesh.hosts))
  else if (chance < 58) mesh.delete(host)
  else if (chance < 64) {
    if (host !== other) network.cut(host.name, other.name, { oneWay: random.chance(0.3) })
  } else if (chance < 70) network.healAll()
  else if (chance < 74) {
    const group = random.shuffled(mesh.hosts).slice(0, Math.ceil(mesh.size / 2))
    network.partition([group.map(({ name }) => name)])
  } else if (chance < 80) {
    if (host.isUp) mesh.stop(host)
  } else if (chance < 86) {
    if (!host.isUp) mesh.start(host)
  } else if (chance < 92) {
    const pipe = network.pipes.length > 0 ? random.pick(network.pipes) : undefined
    const halfOpen = random.chance(0.3)
    if (halfOpen) world.count('half open')
    pipe?.break({
      aAfterMs: halfOpen ? Infinity : random.below(50),
      bAfterMs: random.below(1_000),
    })
  } else if (chance < 94) {
    mesh.rebuild(host)
  } else if (chance < 97) {
    if (host.isUp) host.freeze()
  } else if (host.isUp) host.thaw()
}

const emptyDigest = emptyDocumentDigest()

function emptyDocumentDigest(): string | undefined {
  const documents = new YDocuments({
    instance: '00'.repeat(16) as InstanceId,
    clock: new VirtualClock(),
    logger: silentLogger,
  })
  documents.open('empty' as DocumentId, newDoc(1))
  return documents.holding('empty' as DocumentId)?.digest
}
