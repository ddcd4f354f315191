import type { MemoryDisk } from '@holdfast/archive/testing'
import type { DocumentId, OpId } from '@holdfast/peer/protocol'
import type { Scenario, World } from '@holdfast/peer/testing'
import { ArchiveHost } from './archive-host.js'
import { ClientHost } from './client-host.js'
import { digestOf, isPending } from './memory-ledger.js'

/**
 * A few devices edit, over the archive alone and sometimes from hand to hand, while links break, way
 * and machine are slow, devices die, are cloned, clocks jump, and the archive dies, comes back with an
 * older copy of its disk, or with an empty one. Then all is well again, and within minutes of virtual
 * time everybody has everything that any device that is left had saved.
 */
export const archiveLinkScenario: Scenario = async (world) => {
  const life = new SimulatedLife(world)
  life.start()
  for (let step = 0; step < 40; step++) {
    await world.run(world.random.between(5, 900))
    life.step()
    life.check()
  }
  await life.heal()
  life.check()
}

const ids = ['note-1', 'note-2', 'list'] as const

class SimulatedLife {
  readonly #world: World
  readonly #archive: ArchiveHost
  readonly #clients: ClientHost[] = []
  /** What was saved, and where: it may not be lost while that document lives. */
  readonly #saved: { readonly token: string; readonly id: string; readonly generation: number }[] =
    []
  #copy: MemoryDisk | undefined
  #tokens = 0

  constructor(world: World) {
    this.#world = world
    this.#archive = new ArchiveHost(world)
    const count = world.random.between(2, 4)
    for (let at = 0; at < count; at++) this.#clients.push(new ClientHost(world, `client-${at}`))
    const { random } = world
    world.network.setConditions({
      delayMs: random.between(1, 60),
      jitterMs: random.between(0, 30),
      bytesPerSecond: random.chance(0.3) ? 20_000 : Infinity,
      dropRate: random.chance(0.2) ? 0.002 : 0,
      failAfterMs: 20_000,
    })
  }

  start(): void {
    this.#archive.start()
    for (const client of this.#clients) if (this.#world.random.chance(0.8)) client.start()
  }

  check(): void {
    this.#archive.check()
    for (const client of this.#clients) client.check()
  }

  step(): void {
    const { random } = this.#world
    const client = this.#anyClient()
    const chance = random.below(100)
    if (chance < 50) this.#edit(client)
    else if (chance < 55) this.#carry(client)
    else if (chance < 57) this.#delete(client)
    else if (chance < 63) this.#toggle(client)
    else if (chance < 70) this.#breakLinks()
    else if (chance < 77) this.#cut(client)
    else if (chance < 82) this.#world.network.healAll()
    else if (chance < 86) this.#restartArchive()
    else if (chance < 90) this.#copyDisk()
    else if (chance < 93) this.#restoreArchive()
    else if (chance < 95) this.#emptyArchive()
    else if (chance < 97) this.#clone(client)
    else this.#jump(client)
  }

  async heal(): Promise<void> {
    const { network } = this.#world
    network.healAll()
    network.setConditions({ dropRate: 0, bytesPerSecond: Infinity })
    if (!this.#archive.host.isUp) this.#archive.start()
    for (const client of this.#clients) {
      if (!client.host.isUp) client.start()
      client.connection?.retryNow()
    }
    await this.#world.until(() => this.#isAgreed, { checkEveryMs: 500, maxVirtualMs: 1_800_000 })
    this.#checkNothingLost()
    await this.#checkArchive()
    const before = this.#archive.node?.stats().resyncs ?? 0
    await this.#world.run(120_000)
    if (!this.#isAgreed) throw new Error('they agreed, and then no more')
    const after = this.#archive.node?.stats().resyncs ?? 0
    if (after > before) throw new Error(`${after - before} resyncs although nothing happened`)
    for (const client of this.#clients) client.connection?.close()
  }

  get #isAgreed(): boolean {
    const [first, ...others] = this.#clients
    const digests = first?.ledger?.digests()
    return (
      // One that has just come back, and whose end nobody has noticed, has not read its log.
      this.#archive.log !== undefined &&
      this.#clients.every((client) => this.#isSettled(client)) &&
      others.every(({ ledger }) => ledger?.digests() === digests)
    )
  }

  #isSettled({ ledger, connection }: ClientHost): boolean {
    if (ledger === undefined || connection?.state.phase !== 'live') return false
    const { archive } = connection
    return archive !== undefined && ledger.owes(archive).length === 0 && !ledger.isPending
  }

  #checkNothingLost(): void {
    for (const { name, ledger, disk } of this.#clients) {
      for (const { token, id, generation } of this.#saved) {
        const held = disk.documents.get(id as DocumentId)
        if (held === undefined || held.generation > generation) continue
        if (ledger?.text(id).includes(token) !== true) {
          throw new Error(
            `${name} has lost ${token} of ${id} (${digestOf(held.doc)}, ${isPending(held.doc)})`,
          )
        }
      }
      for (const [op, code] of disk.refused) {
        if (code !== 'document-deleted') throw new Error(`${name}: ${op} was refused: ${code}`)
      }
    }
  }

  /** The archive holds the same, so that the loss of every device would lose nothing. */
  async #checkArchive(): Promise<void> {
    const [client] = this.#clients
    for (const id of ids) {
      const theirs = await this.#archive.text(id as DocumentId)
      const ours = client?.disk.documents.get(id as DocumentId)
      const text = ours?.doc.getText('body').toJSON() ?? ''
      if (text !== (theirs?.text ?? '') || (ours?.generation ?? 0) !== (theirs?.generation ?? 0)) {
        throw new Error(`the archive holds something else of ${id} than everybody`)
      }
    }
  }

  #anyClient(): ClientHost {
    return this.#clients[this.#world.random.below(this.#clients.length)] as ClientHost
  }

  #edit(client: ClientHost): void {
    const { ledger } = client
    if (ledger === undefined) return
    const { random } = this.#world
    const id = ids[random.below(ids.length)] as string
    const edits = random.chance(0.1) ? 30 : random.between(1, 4)
    for (let at = 0; at < edits; at++) {
      const token = `<${++this.#tokens}>`
      const text = random.chance(0.05) ? token + 'x'.repeat(20_000) : token
      void this.#note(client, id, token, ledger.type(id, text))
      if (random.chance(0.3)) {
        void ledger.edit(id, (doc) => {
          const map = doc.getMap('marks')
          if (random.chance(0.5)) map.set(`k${random.below(4)}`, random.below(100))
          else map.delete(`k${random.below(4)}`)
        })
      }
    }
  }

  async #note(
    { disk }: ClientHost,
    id: string,
    token: string,
    saving: Promise<OpId | undefined>,
  ): Promise<void> {
    if ((await saving) === undefined) return
    const generation = disk.documents.get(id as DocumentId)?.generation ?? 0
    this.#saved.push({ token, id, generation })
    this.#world.count('edit')
  }

  /** From hand to hand, as the mesh does; some of it gets lost on the way. */
  #carry(from: ClientHost): void {
    const to = this.#anyClient()
    if (to === from || to.ledger === undefined || from.ledger === undefined) return
    for (const op of from.disk.history) {
      if (this.#world.random.chance(0.1)) continue
      void to.ledger.carry(op)
    }
    this.#world.count('carry')
  }

  #delete({ ledger }: ClientHost): void {
    if (ledger === undefined) return
    const id = ids[this.#world.random.below(ids.length)] as string
    void ledger.delete(id)
    this.#world.count('document ended')
  }

  #toggle(client: ClientHost): void {
    if (client.host.isUp) client.crash()
    else client.start()
  }

  #breakLinks(): void {
    for (const pipe of this.#world.network.pipes) if (this.#world.random.chance(0.6)) pipe.break()
    this.#world.count('link broken')
  }

  #cut({ name }: ClientHost): void {
    const oneWay = this.#world.random.chance(0.3)
    this.#world.network.cut(name, 'archive', { oneWay })
    this.#world.count('cut')
  }

  #restartArchive(): void {
    this.#archive.restart()
    this.#world.count('archive restarted')
  }

  #copyDisk(): void {
    this.#copy = this.#archive.disk.copy()
  }

  #restoreArchive(): void {
    if (this.#copy === undefined) return
    this.#archive.restart(this.#copy.copy())
    this.#world.count('archive restored')
  }

  #emptyArchive(): void {
    this.#archive.restart(this.#archive.emptyDisk())
    this.#copy = undefined
    this.#world.count('archive emptied')
  }

  #clone(client: ClientHost): void {
    if (this.#clients.length > 5) return
    const { random } = this.#world
    const clone = new ClientHost(
      this.#world,
      `client-${this.#clients.length}`,
      client.disk.copy(random),
    )
    this.#clients.push(clone)
    clone.start()
    this.#world.count('cloned')
  }

  #jump({ host }: ClientHost): void {
    host.skewMs = this.#world.random.between(-86_400_000, 86_400_000)
    this.#world.count('clock jumped')
  }
}
