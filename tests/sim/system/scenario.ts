/**
 * The whole system in one process on virtual time: clients on their redo logs, a signaller, a mesh of
 * direct links and relays, an archive that compacts, and every fault of the world. Then all is well
 * again, and within minutes of virtual time everybody holds the same: what was ever saved on a device
 * that is left, or archived, and nothing that nobody ever wrote.
 */
import type { MemoryDisk } from '@holdfast/archive/testing'
import { ClientError, type Document } from '@holdfast/client'
import { digestOf } from '@holdfast/peer'
import type { Coverage, DocumentId } from '@holdfast/peer/protocol'
import type { Scenario, World } from '@holdfast/peer/testing'
import * as Y from 'yjs'
import { ArchiveHost } from '../archive-link/archive-host.js'
import { freeSimulatedDrivers } from '../driver/simulated-driver.js'
import { coverageOf, coverageOfAll } from '../log/model.js'
import { SimulatedRtc } from '../mesh/simulated-dialer.js'
import { SimulatedSignaller } from '../mesh/simulated-signaller.js'
import { ArchiveWitness, type Witnessed } from './archive-witness.js'
import {
  collection,
  endingId,
  lastingIds,
  SystemDevice,
  type Running,
  type Surroundings,
} from './system-device.js'

/** What has to happen in some run. */
export const mustHappen = [
  'edit',
  'saved',
  'archived',
  'compaction',
  'rows retired',
  'crash',
  'unsynced write lost',
  'freeze',
  'cut',
  'link broken',
  'frame lost',
  'signaller crashed',
  'archive crashed',
  'archive restored',
  'archive emptied',
  'cloned',
  'device lost',
  'disk full',
  'clock jumped',
  'document ended',
  'cursor checked',
  'resync',
]

/** The most that a link may hold back: the window's own bound, and a frame. */
const maxBufferedBytes = (1_024 + 64) * 1_024

export const systemScenario: Scenario = async (world) => {
  const run = new SystemRun(world)
  try {
    await run.begin()
    const steps = world.random.between(25, 50)
    for (let step = 0; step < steps; step++) {
      await world.run(world.random.chance(0.1) ? 8_000 : world.random.between(5, 900))
      await run.step()
      await run.check()
    }
    await run.heal()
  } finally {
    freeSimulatedDrivers()
  }
}

class SystemRun {
  readonly #world: World
  readonly #around: Surroundings
  readonly #archive: ArchiveHost
  readonly #witness = new ArchiveWitness()
  readonly #devices: SystemDevice[] = []
  readonly #ops: Op[] = []
  /** Either the archive's disk may be exchanged, or devices may be lost: both may lose an op for good. */
  readonly #losesDevices: boolean
  #copy: { readonly disk: MemoryDisk; readonly entries: readonly Witnessed[] } | undefined
  /** A device whose disk has no room. */
  #full: { readonly device: SystemDevice; readonly run: Running; refusals: number } | undefined
  #tokens = 0
  #deviceCount = 0
  #compactions = 0

  constructor(world: World) {
    const { random } = world
    this.#world = world
    this.#around = { world, signaller: new SimulatedSignaller(world), rtc: new SimulatedRtc(world) }
    this.#archive = new ArchiveHost(world)
    this.#archive.onLog = (log) => this.#witness.watch(log)
    this.#losesDevices = random.chance(0.3)
    const isRough = random.chance(0.3)
    world.network.setConditions({
      delayMs: random.between(1, 60),
      jitterMs: random.between(0, 30),
      bytesPerSecond: random.chance(0.2) ? 60_000 : Infinity,
      dropRate: random.chance(0.3) ? 0.003 : 0,
      duplicateRate: isRough ? 0.002 : 0,
      reorderRate: isRough ? 0.002 : 0,
      failAfterMs: random.between(2_000, 20_000),
    })
    Object.assign(this.#around.rtc.weather, {
      failRate: random.between(0, 0.2),
      silentRate: random.between(0, 0.1),
      halfRate: random.between(0, 0.1),
    })
  }

  async begin(): Promise<void> {
    this.#archive.start()
    const count = this.#world.random.between(3, 5)
    for (let at = 0; at < count; at++) this.#newDevice().start()
    await this.#world.run(3_000)
  }

  async step(): Promise<void> {
    const { random, network } = this.#world
    const device = random.pick(this.#devices)
    const actions: readonly (readonly [number, () => void | Promise<void>])[] = [
      [46, () => this.#edit(device)],
      [2, () => this.#end(device)],
      [8, () => this.#crash(device)],
      [6, () => this.#startAgain(device)],
      [4, () => this.#sleep(device)],
      [5, () => this.#breakLinks()],
      [5, () => this.#cut(device)],
      [5, () => network.healAll()],
      [2, () => this.#around.signaller.crash()],
      [4, () => this.#around.signaller.ensureUp()],
      [4, () => this.#crashArchive()],
      [3, () => this.#copyArchive()],
      [2, () => this.#restoreArchive()],
      [1, () => this.#emptyArchive()],
      [1, () => this.#clone(device)],
      [2, () => this.#lose(device)],
      [3, () => this.#fill(device)],
      [2, () => this.#jump(device)],
    ]
    let at = random.below(actions.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, act] of actions) {
      at -= weight
      if (at >= 0) continue
      await act()
      break
    }
  }

  /** After every step: what has to hold at any moment. */
  async check(): Promise<void> {
    const { random, network } = this.#world
    this.#archive.check()
    const { log, node } = this.#archive
    if (this.#archive.compactions > this.#compactions) {
      this.#world.count('compaction')
      this.#compactions = this.#archive.compactions
      this.#witness.touch()
    }
    if (log !== undefined && this.#archive.host.isUp) {
      await this.#witness.check(log, 1 + random.below(40))
      for (const { running, name } of this.#devices) {
        if (running === undefined) continue
        const isChecked = await this.#witness.checkCursor(log, running, name)
        if (isChecked) this.#world.count('cursor checked')
      }
    }
    if (node !== undefined && node.stats().resyncs > 0) this.#world.count('resync')
    this.#checkEqual()
    for (const { a, b } of network.pipes) {
      const bytes = Math.max(a.bufferedBytes, b.bufferedBytes)
      if (bytes > maxBufferedBytes) throw new Error(`${bytes} bytes wait for a link`)
    }
  }

  async heal(): Promise<void> {
    const { world, signaller, rtc } = { ...this.#around }
    this.#unfill()
    Object.assign(rtc.weather, { failRate: 0, silentRate: 0, halfRate: 0 })
    world.network.healAll()
    world.network.setConditions({
      dropRate: 0,
      duplicateRate: 0,
      reorderRate: 0,
      bytesPerSecond: Infinity,
    })
    signaller.ensureUp()
    if (!this.#archive.host.isUp) this.#archive.start()
    for (const device of this.#devices) {
      if (device.host.isUp) device.host.thaw()
      else device.start()
    }
    await this.#agreed('they do not agree')
    for (const { running } of this.#devices) running?.life.watch(this.#reopenEnded(running))
    await world.run(1_000)
    await this.#agreed('they do not agree any more')
    await this.check()
    this.#checkContent()
    await this.#checkArchive()
    await world.run(60_000)
    // A link that had died in silence may have been made anew meanwhile.
    await this.#agreed('a minute later they do not agree')
    this.#checkContent()
    let isClosed = false
    const closing = Promise.all(
      this.#devices.flatMap(({ running }) =>
        running === undefined ? [] : [running.client.close()],
      ),
    )
    void closing.finally(() => (isClosed = true)).catch(() => {})
    await world.until(() => isClosed, { maxVirtualMs: 60_000 })
    await closing
  }

  async #agreed(what: string): Promise<void> {
    try {
      await this.#world.until(() => this.#unsettled() === undefined, {
        checkEveryMs: 250,
        maxVirtualMs: 600_000,
      })
    } catch (error) {
      throw new Error(`${what}: ${this.#unsettled()}`, { cause: error })
    }
  }

  /** Who or what is not yet as it has to be. */
  #unsettled(): string | undefined {
    const [first] = this.#devices
    for (const { name, running } of this.#devices) {
      if (running === undefined) return `${name} does not run`
      const { notes, documents, client } = running
      const { pending, archives, peers } = notes.status
      if (documents.size <= lastingIds.length) return `${name} has not opened all`
      if (pending.local + pending.saved > 0) return `${name} owes ${JSON.stringify(pending)}`
      if (archives[0]?.state !== 'live') return `${name}: the archive is ${archives[0]?.state}`
      if (peers !== this.#devices.length - 1) return `${name} has ${peers} peers`
      if (client.status.storage.failing !== undefined) return `${name}: its store fails`
      for (const [id, { ydoc, state }] of documents) {
        // What has ended is brought to nobody any more: not even what a gap in it waits for.
        if (id === endingId && state.isDeleted) continue
        if (ydoc.store.pendingStructs !== null || ydoc.store.pendingDs !== null) {
          return `${name}: ${id} has something pending`
        }
        const other = first?.running?.documents.get(id)
        if (other === undefined || other.state.isDeleted) continue
        if (digestOf(ydoc) !== digestOf(other.ydoc)) return `${name} holds another ${id}`
        if (!state.isSynced) return `${name}: ${id} is not called synced`
      }
    }
    return undefined
  }

  /** [I11] Equal digests and nothing pending are equal content. */
  #checkEqual(): void {
    for (const id of lastingIds) {
      const byDigest = new Map<string, string>()
      for (const { running, name } of this.#devices) {
        const ydoc = running?.documents.get(id)?.ydoc
        if (ydoc === undefined || ydoc.store.pendingStructs !== null) continue
        const content = contentOf(ydoc)
        const known = byDigest.get(digestOf(ydoc)) ?? content
        if (known !== content) throw new Error(`${name}: another ${id} under the same digest`)
        byDigest.set(digestOf(ydoc), content)
      }
    }
  }

  /** What was saved or archived is there; and all is as in a Y.Doc that was fed with the ops alone. */
  #checkContent(): void {
    for (const id of lastingIds) {
      const ydoc = this.#devices[0]?.running?.documents.get(id)?.ydoc
      if (ydoc === undefined) throw new Error(`nobody has ${id}`)
      const held = coverageOfAll([Y.encodeStateAsUpdate(ydoc)])
      const ops = this.#ops.filter((op) => op.id === id)
      const lost = ops.find((op) => (op.isSaved || op.isArchived) && !held.contains(op.coverage))
      if (lost !== undefined) {
        const was = lost.isArchived ? 'archived' : 'saved'
        throw new Error(`lost of ${id}: what ${lost.device.name} had ${was}: ${lost.token}`)
      }
      const canon = new Y.Doc({ guid: 'canon' })
      for (const op of ops) if (held.contains(op.coverage)) Y.applyUpdate(canon, op.bytes)
      if (contentOf(canon) !== contentOf(ydoc)) {
        throw new Error(`${id} holds something else than what was written`)
      }
    }
  }

  async #checkArchive(): Promise<void> {
    const { log } = this.#archive
    if (log === undefined) throw new Error('there is no archive')
    for (const [id, { ydoc }] of this.#devices[0]?.running?.documents ?? []) {
      const latest = await log.latest(collection, id as DocumentId)
      const state =
        latest === undefined || latest.deleted
          ? undefined
          : await log.state(collection, latest.document)
      const theirs = new Y.Doc({ guid: 'theirs' })
      if (state !== undefined) Y.applyUpdate(theirs, state.bytes)
      if (digestOf(theirs) !== digestOf(ydoc)) throw new Error(`the archive holds another ${id}`)
    }
  }

  // What people do ---------------------------------------------------------------------------------

  #edit(device: SystemDevice): void {
    const { running } = device
    const { random } = this.#world
    const id = random.chance(0.1) ? endingId : random.pick(lastingIds)
    const document = running?.documents.get(id)
    if (running === undefined || document === undefined) return
    if (document.state.isDeleted) {
      running.life.watch(this.#reopenEnded(running).catch(unlessFull))
      return
    }
    const edits = random.chance(0.1) ? 25 : random.between(1, 4)
    for (let at = 0; at < edits; at++) {
      const token = `<${++this.#tokens}>`
      const text = random.chance(0.02) ? token + 'x'.repeat(60_000) : token
      this.#note(device, document, token, ({ ydoc }) => {
        const body = ydoc.getText('body')
        body.insert(random.below(body.length + 1), text)
      })
      if (random.chance(0.3)) {
        this.#note(device, document, `${token} mark`, ({ ydoc }) => {
          const marks = ydoc.getMap('marks')
          const key = `k${random.below(4)}`
          if (random.chance(0.6)) marks.set(key, random.below(100))
          else marks.delete(key)
          const body = ydoc.getText('body')
          if (body.length > 40) body.delete(random.below(body.length - 20), 12)
        })
      }
    }
    this.#world.count('edit')
  }

  #note(
    device: SystemDevice,
    document: Document,
    token: string,
    edit: (document: Document) => void,
  ): void {
    const ops: Op[] = []
    const { id, ydoc } = document
    const heard = (bytes: Uint8Array): void => {
      const coverage = coverageOf(bytes)
      ops.push({ device, id, token, bytes, coverage, isSaved: false, isArchived: false })
    }
    ydoc.on('update', heard)
    ydoc.transact(() => edit(document))
    ydoc.off('update', heard)
    this.#ops.push(...ops)
    const told = (what: 'saved' | 'archived', tell: (op: Op) => void) => () => {
      this.#world.count(what)
      for (const op of ops) tell(op)
    }
    // Both reject where the client is closed, or the document has ended meanwhile.
    const unsafe = (): void => this.#world.count('never safe')
    document.whenSaved().then(
      told('saved', (op) => (op.isSaved = true)),
      unsafe,
    )
    document.whenArchived().then(
      told('archived', (op) => (op.isArchived = true)),
      unsafe,
    )
  }

  #end({ running }: SystemDevice): void {
    if (running === undefined) return
    running.life.watch(running.notes.delete(endingId).catch(unlessFull))
    this.#world.count('document ended')
  }

  /** The document's next generation. */
  async #reopenEnded(running: Running | undefined): Promise<void> {
    const ended = running?.documents.get(endingId)
    if (running === undefined || ended?.state.isDeleted !== true) return
    running.documents.delete(endingId)
    await ended.close()
    running.documents.set(endingId, await running.notes.open(endingId))
  }

  // What befalls them ------------------------------------------------------------------------------

  #newDevice(): SystemDevice {
    const device = new SystemDevice(this.#around, `device-${++this.#deviceCount}`)
    this.#devices.push(device)
    return device
  }

  #crash(device: SystemDevice): void {
    if (device.host.isUp) device.crash()
  }

  #startAgain(device: SystemDevice): void {
    const down = this.#devices.find(({ host }) => !host.isUp)
    if (device.host.isUp) down?.start()
    else device.start()
  }

  #sleep({ host }: SystemDevice): void {
    if (!host.isUp) return
    host.freeze()
    this.#world.clock.after(this.#world.random.below(60_000), () => {
      if (host.isUp) host.thaw()
    })
  }

  #breakLinks(): void {
    const { network, random } = this.#world
    for (const pipe of network.pipes) {
      if (random.chance(0.5)) continue
      pipe.break(random.chance(0.2) ? { aAfterMs: Infinity, bAfterMs: Infinity } : {})
    }
  }

  #cut({ name }: SystemDevice): void {
    const { network, random } = this.#world
    const others = ['archive', ...this.#devices.map((device) => device.name)]
    const other = random.pick(others)
    if (other !== name) network.cut(name, other, { oneWay: random.chance(0.3) })
  }

  #crashArchive(): void {
    this.#world.count('archive crashed')
    this.#archive.restart()
  }

  #copyArchive(): void {
    this.#copy = { disk: this.#archive.disk.copy(), entries: this.#witness.entries }
  }

  #restoreArchive(): void {
    if (this.#copy === undefined || this.#losesDevices) return
    this.#exchange(this.#copy.disk.copy(), this.#copy.entries)
    this.#world.count('archive restored')
  }

  #emptyArchive(): void {
    if (this.#losesDevices) return
    this.#copy = undefined
    this.#exchange(this.#archive.emptyDisk(), [])
    this.#world.count('archive emptied')
  }

  #exchange(disk: MemoryDisk, entries: readonly Witnessed[]): void {
    if (this.#archive.host.isUp) this.#archive.crash()
    this.#witness.exchanged(entries)
    this.#archive.restart(disk)
  }

  /** Two devices with one store's content: a profile that was copied, or restored elsewhere. */
  async #clone(device: SystemDevice): Promise<void> {
    if (this.#devices.length > 5) return
    if (device.host.isUp) device.crash()
    const clone = this.#newDevice()
    await device.copyTo(clone)
    device.start()
    clone.start()
    this.#world.count('cloned')
  }

  /** It is at the bottom of the sea. What it alone had saved is gone; what was archived is not. */
  #lose(device: SystemDevice): void {
    if (!this.#losesDevices || this.#full?.device === device) return
    if (device.host.isUp) device.crash()
    this.#devices.splice(this.#devices.indexOf(device), 1)
    for (const op of this.#ops) if (op.device === device) op.isSaved = false
    this.#newDevice().start()
    this.#world.count('device lost')
  }

  #fill(device: SystemDevice): void {
    const { running } = device
    if (this.#full !== undefined || running === undefined) return
    const refusals = this.#world.counts.get('disk full') ?? 0
    this.#full = { device, run: running, refusals }
    device.host.disk.capacityBytes = device.host.disk.usedBytes
    this.#world.clock.after(this.#world.random.between(500, 10_000), () => this.#unfill())
  }

  /** [I14] If a write was refused meanwhile, the client has said so. */
  #unfill(): void {
    if (this.#full === undefined) return
    const { device, run, refusals } = this.#full
    device.host.disk.capacityBytes = Infinity
    this.#full = undefined
    const hasRefused = (this.#world.counts.get('disk full') ?? 0) > refusals
    if (!hasRefused || device.running !== run) return
    this.#world.clock.after(1_000, () => {
      if (device.running !== run || device.errors.length > 0) return
      this.#world.clock.fail(new Error(`${device.name}: its disk was full, and nobody was told`))
    })
  }

  #jump({ host }: SystemDevice): void {
    host.skewMs = this.#world.random.between(-86_400_000, 86_400_000)
    this.#world.count('clock jumped')
  }
}

interface Op {
  readonly device: SystemDevice
  readonly id: string
  readonly token: string
  readonly bytes: Uint8Array
  readonly coverage: Coverage
  isSaved: boolean
  isArchived: boolean
}

function contentOf(ydoc: Y.Doc): string {
  const marks = Object.entries(ydoc.getMap('marks').toJSON()).toSorted(([a], [b]) =>
    a < b ? -1 : 1,
  )
  return JSON.stringify([ydoc.getText('body').toJSON(), marks])
}

/** A call that is told that the disk is full has been told: nothing is silent about it. */
function unlessFull(error: unknown): void {
  if (!(error instanceof ClientError && error.code === 'storage-full')) throw error
}
