import type { MemoryDisk } from '@holdfast/archive/testing'
import type { CollectionName, DocumentId, OpId } from '@holdfast/peer/protocol'
import type { Scenario, World } from '@holdfast/peer/testing'
import { ArchiveHost } from '../archive-link/archive-host.js'
import { ClientHost } from '../archive-link/client-host.js'

/**
 * Two archives, the second of which follows the first, each with devices of its own. Links break,
 * either archive dies, is away, comes back with an older copy of its disk or with an empty one, while
 * both compact. Then all is well again, and all four or five have the same.
 */
export const followScenario: Scenario = async (world) => {
  const life = new TwoArchives(world)
  life.start()
  for (let step = 0; step < 30; step++) {
    await world.run(world.random.between(5, 1_500))
    life.step()
    life.check()
  }
  await life.heal()
  life.check()
}

const notes = 'notes' as CollectionName
const ids = ['note-1', 'note-2', 'list'] as const

class TwoArchives {
  readonly #world: World
  readonly #archives: readonly [ArchiveHost, ArchiveHost]
  readonly #clients: readonly ClientHost[]
  readonly #saved: { readonly token: string; readonly id: string; readonly generation: number }[] =
    []
  readonly #copies = new Map<ArchiveHost, MemoryDisk>()
  /** Of the two, each of one collection. */
  readonly #followers: number
  #tokens = 0

  constructor(world: World) {
    this.#world = world
    const { random } = world
    // Sometimes each follows the other: then all is said twice, and nothing may go round.
    const followed = random.chance(0.3) ? 'second' : undefined
    if (followed !== undefined) world.count('both follow')
    this.#followers = followed === undefined ? 1 : 2
    this.#archives = [
      new ArchiveHost(world, 'first', followed),
      new ArchiveHost(world, 'second', 'first'),
    ]
    this.#clients = ['first', 'second', random.chance(0.5) ? 'first' : 'second'].map(
      (archive, at) => new ClientHost(world, `client-${at}`, undefined, archive),
    )
    world.network.setConditions({
      delayMs: random.between(1, 60),
      jitterMs: random.between(0, 30),
      dropRate: random.chance(0.2) ? 0.002 : 0,
      failAfterMs: 20_000,
    })
  }

  start(): void {
    for (const archive of this.#archives) archive.start()
    for (const client of this.#clients) client.start()
  }

  check(): void {
    for (const archive of this.#archives) archive.check()
    for (const client of this.#clients) client.check()
  }

  step(): void {
    const { random, network } = this.#world
    const archive = random.pick(this.#archives)
    const client = random.pick(this.#clients)
    const chance = random.below(100)
    if (chance < 50) this.#edit(client)
    else if (chance < 55) this.#delete(client)
    else if (chance < 60) this.#toggle(archive)
    else if (chance < 66) this.#toggle(client)
    else if (chance < 72) this.#breakLinks()
    else if (chance < 78) this.#cut()
    else if (chance < 82) network.healAll()
    else if (chance < 88) this.#copies.set(archive, archive.disk.copy())
    else if (chance < 94) this.#restore(archive)
    else this.#empty(archive)
  }

  async heal(): Promise<void> {
    const { network } = this.#world
    network.healAll()
    network.setConditions({ dropRate: 0 })
    for (const machine of [...this.#archives, ...this.#clients]) {
      if (!machine.host.isUp) machine.start()
    }
    for (const client of this.#clients) client.connection?.retryNow()
    // What was typed last is still on its way into its store.
    await this.#world.run(2_000)
    for (let tries = 0; !(await this.#isAgreed()); tries++) {
      if (tries > 1_000) throw new Error(`they never agreed: ${await this.#describe()}`)
      await this.#world.run(1_000)
    }
    this.#checkNothingLost()
    const before = await this.#costs()
    await this.#world.run(120_000)
    if (!(await this.#isAgreed())) throw new Error('they agreed, and then no more')
    const after = await this.#costs()
    // Entries that go round, or resyncs that call for resyncs.
    if (before !== after) throw new Error(`something went on: ${before}, then ${after}`)
    for (const client of this.#clients) client.connection?.close()
  }

  async #costs(): Promise<string> {
    const costs = this.#archives.map(async ({ log, node }) => [
      await log?.head(notes),
      node?.stats().resyncs,
    ])
    return JSON.stringify(await Promise.all(costs))
  }

  async #isAgreed(): Promise<boolean> {
    const [first, ...others] = this.#clients
    const digests = first?.ledger?.digests()
    const areClients =
      this.#clients.every((client) => isSettled(client)) &&
      others.every(({ ledger }) => ledger?.digests() === digests)
    if (!areClients) return false
    for (const id of ids) {
      const ours = first?.disk.documents.get(id as DocumentId)
      const text = ours?.doc.getText('body').toJSON() ?? ''
      for (const archive of this.#archives) {
        const theirs = await archive.text(id as DocumentId)
        if (text !== (theirs?.text ?? '')) return false
        if ((ours?.generation ?? 0) !== (theirs?.generation ?? 0)) return false
      }
    }
    // Where both follow, the one may still compare when the other has done.
    const followers = this.#archives.flatMap(({ follower }) => follower ?? [])
    const followed = followers.flatMap(({ collections }) => collections)
    return (
      followed.length === this.#followers &&
      followed.every(({ phase, open }) => phase === 'live' && open === 0)
    )
  }

  async #describe(): Promise<string> {
    const clients = this.#clients.map(({ ledger, connection, archive }) => ({
      archive,
      phase: connection?.state.phase,
      owes: connection?.archive && ledger?.owes(connection.archive).length,
      digests: ledger?.digests(),
      isPending: ledger?.isPending,
    }))
    const archives = await Promise.all(
      this.#archives.map(async (archive) => ({
        head: await archive.log?.head(notes),
        gaps: (await archive.log?.gaps(notes, 9))?.length,
        texts: await Promise.all(
          ids.map(async (id) => {
            const held = await archive.text(id as DocumentId)
            return `${held?.generation}:${held?.text.length}`
          }),
        ),
      })),
    )
    return JSON.stringify({ clients, archives, followed: this.#archives[1].follower?.collections })
  }

  #checkNothingLost(): void {
    for (const { name, ledger, disk } of this.#clients) {
      for (const { token, id, generation } of this.#saved) {
        const held = disk.documents.get(id as DocumentId)
        if (held === undefined || held.generation > generation) continue
        if (ledger?.text(id).includes(token) !== true) throw new Error(`${name} has lost ${token}`)
      }
      for (const [op, code] of disk.refused) {
        if (code !== 'document-deleted') throw new Error(`${name}: ${op} was refused: ${code}`)
      }
    }
  }

  #edit({ ledger, disk }: ClientHost): void {
    if (ledger === undefined) return
    const { random } = this.#world
    const id = random.pick(ids)
    const edits = random.chance(0.1) ? 30 : random.between(1, 4)
    for (let at = 0; at < edits; at++) {
      const token = `<${++this.#tokens}>`
      void this.#note(disk, id, token, ledger.type(id, token))
      if (random.chance(0.3)) {
        void ledger.edit(id, (doc) => {
          const text = doc.getText('body')
          // Of what nobody looks for: a mark of its own, written and taken away.
          text.insert(text.length, 'x')
          text.delete(text.length - 1, 1)
        })
      }
    }
  }

  async #note(
    disk: ClientHost['disk'],
    id: string,
    token: string,
    saving: Promise<OpId | undefined>,
  ): Promise<void> {
    if ((await saving) === undefined) return
    const generation = disk.documents.get(id as DocumentId)?.generation ?? 0
    this.#saved.push({ token, id, generation })
    this.#world.count('edit')
  }

  #delete({ ledger }: ClientHost): void {
    if (ledger === undefined) return
    void ledger.delete(this.#world.random.pick(ids))
    this.#world.count('document ended')
  }

  #toggle(machine: ArchiveHost | ClientHost): void {
    if (machine.host.isUp) machine.crash()
    else machine.start()
    this.#world.count('away')
  }

  #breakLinks(): void {
    for (const pipe of this.#world.network.pipes) if (this.#world.random.chance(0.6)) pipe.break()
    this.#world.count('link broken')
  }

  #cut(): void {
    this.#world.network.cut('first', 'second', { oneWay: this.#world.random.chance(0.3) })
    this.#world.count('cut')
  }

  #restore(archive: ArchiveHost): void {
    const copy = this.#copies.get(archive)
    if (copy === undefined) return
    archive.restart(copy.copy())
    this.#world.count('restored')
  }

  #empty(archive: ArchiveHost): void {
    archive.restart(archive.emptyDisk())
    this.#copies.delete(archive)
    this.#world.count('emptied')
  }
}

function isSettled({ ledger, connection }: ClientHost): boolean {
  if (ledger === undefined || connection?.state.phase !== 'live') return false
  const { archive } = connection
  return archive !== undefined && ledger.owes(archive).length === 0 && !ledger.isPending
}
