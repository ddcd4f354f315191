import type { Log } from '@holdfast/archive'
import { digestOf } from '@holdfast/peer'
import { readUpdate, type DocumentId, type DocumentRef } from '@holdfast/peer/protocol'
import type { World } from '@holdfast/peer/testing'
import * as Y from 'yjs'
import { ArchiveSide, type Way } from './archive-side.js'
import { collection, Device, type Heard } from './device.js'
import { FaultyStore } from './faulty-driver.js'

const ids = ['a', 'b', 'c'].map((name) => `note-${name}` as DocumentId)
const goodWay: Way = { loses: 0, doubles: 0, endsAfter: 10_000 }

/** What has to happen in some run. */
export const mustHappen = [
  'saved',
  'crashed',
  'store failed',
  'restarted archive',
  'restored archive',
  'restored at last',
  'replaced archive',
  'cloned',
  'deleted',
  'resync',
  'place',
  'fetched',
  'large snapshot',
  'fetched difference',
  'retired',
  'lost answer',
  'link ended',
  'carried',
  'pushed',
  'met over the mesh',
]

/** Devices, their mesh, and an archive, at random; then everything is well, and all agree. */
export async function replicaScenario(world: World): Promise<void> {
  const run = new Run(world)
  await run.begin()
  const steps = 30 + world.random.below(50)
  for (let step = 0; step < steps; step++) await run.step()
  await run.heal()
  await run.check()
}

class Run {
  readonly #world: World
  readonly #archive: ArchiveSide
  readonly #devices: Device[] = []
  /** Edits that were called saved: the token, and the document that it is in. */
  readonly #saved = new Map<string, DocumentRef>()
  /** By document the first generation that nobody has ended. */
  readonly #deleted = new Map<DocumentId, number>()
  readonly #failures: unknown[] = []
  #backup: ReturnType<ArchiveSide['backup']> | undefined
  #tokens = 0
  #isLossy = true
  /** Without a mesh nobody carries what somebody else forgets to push. */
  readonly #hasMesh: boolean

  constructor(world: World) {
    this.#world = world
    this.#hasMesh = world.random.chance(0.6)
    this.#archive = new ArchiveSide(world.clock, world.random, (what) => world.count(what))
  }

  async begin(): Promise<void> {
    for (let at = 0; at < 3; at++) {
      const { clock, random } = this.#world
      await this.#add(`device ${at}`, await FaultyStore.create(clock, random))
    }
  }

  async step(): Promise<void> {
    const { random, clock } = this.#world
    const device = random.pick(this.#devices)
    const actions: readonly (readonly [weight: number, name: string, act: () => void])[] = [
      [30, 'edit', () => this.#start(this.#edit(device))],
      [14, 'meet archive', () => this.#start(this.#meetArchive(device, this.#badWay()))],
      [10, 'meet peer', () => this.#start(this.#meetPeer(device, random.pick(this.#devices)))],
      [6, 'crash soon', () => (device.store.crashAfter = random.below(4))],
      [4, 'crash', () => this.#crash(device)],
      [3, 'store fails', () => this.#failStore(device)],
      [3, 'compact', () => this.#start(this.#archive.compact(collection, this.#someDocument()))],
      [2, 'restart archive', () => this.#restartArchive()],
      [4, 'edit, fold, crash', () => this.#foldAndCrash(device)],
      [3, 'back up', () => (this.#backup = this.#archive.backup())],
      [3, 'restore', () => this.#restore()],
      [1, 'replace', () => this.#replace()],
      [1, 'clone', () => this.#start(this.#clone(device))],
      [2, 'delete', () => this.#start(this.#delete(device))],
      [3, 'fold', () => this.#start(this.#fold(device))],
      [4, 'close document', () => this.#start(this.#closeDocument(device))],
    ]
    let at = random.below(actions.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, name, act] of actions) {
      at -= weight
      if (at >= 0) continue
      this.#world.trace.line(`${device.name}: ${name}`)
      act()
      break
    }
    await clock.run(random.chance(0.1) ? 8_000 : random.below(40))
    this.#throwFailure()
  }

  /** No more faults: everybody is up, and meets everybody, until it has to be well. */
  async heal(): Promise<void> {
    const { clock } = this.#world
    this.#isLossy = false
    for (const device of this.#devices) {
      device.store.crashAfter = undefined
      device.store.failing = undefined
    }
    await clock.run(30_000)
    for (const device of this.#devices) {
      if (device.store.isDead || device.replica === undefined) this.#crash(device)
    }
    if (this.#world.random.chance(0.3)) await this.#restoreAtLast()
    for (let round = 0; round < 6; round++) {
      for (const device of this.#devices) {
        this.#start(device.start())
        await clock.run(100)
        this.#start(this.#meetArchive(device, goodWay))
        await clock.run(8_000)
        this.#throwFailure()
      }
      for (const device of this.#devices) {
        for (const other of this.#devices) this.#start(this.#meetPeer(device, other))
        await clock.run(1_000)
        this.#throwFailure()
      }
    }
  }

  /** All that was edited is archived; then the archive is what it was before, and nobody edits again. */
  async #restoreAtLast(): Promise<void> {
    const { clock } = this.#world
    const older = this.#archive.backup()
    for (const device of this.#devices) {
      await this.#wait(device.start())
      this.#start(this.#edit(device))
      await clock.run(1_000)
      this.#start(this.#meetArchive(device, goodWay))
      await clock.run(8_000)
      this.#throwFailure()
    }
    this.#archive.restore(older)
    this.#world.count('restored at last')
  }

  async check(): Promise<void> {
    const log = await this.#archive.log()
    const digests = new Set<string>()
    for (const device of this.#devices) {
      const { replica } = device
      if (replica === undefined) throw new Error(`${device.name} is not up`)
      const held = await this.#wait(replica.ledger.holdings(undefined, 100))
      const told = held.documents
        .filter(({ document, hasContent }) => hasContent || document.generation > 0)
        .map(({ document, digest }) => `${document.id} ${document.generation} ${digest ?? '-'}`)
      digests.add(told.toSorted().join(', '))
      const { ops } = await this.#wait(replica.ledger.owed(log.archive, 0, 100, 1_000_000))
      if (ops.length > 0) {
        const owed = ops.map(({ kind, document, isOwn }) => {
          return `${isOwn ? 'own' : 'carried'} ${kind} of ${document.id} ${document.generation}`
        })
        throw new Error(`${device.name} still owes ${owed.join(', ')}`)
      }
      const { local, saved } = replica.pending()
      if (local + saved > 0) throw new Error(`${device.name}: ${local} local, ${saved} saved`)
      for (const id of ids) {
        const open = await this.#wait(replica.open(id))
        const values = open.ydoc.getMap('tokens')
        for (const [token, document] of this.#saved) {
          if (document.id !== id || this.#isDeleted(document)) continue
          if (!values.has(token)) throw new Error(`${device.name} has lost ${token} of ${id}`)
        }
        if (open.state.isGapped) throw new Error(`${device.name}: ${id} has a gap`)
      }
      const wrong = device.refused.filter((code) => code !== 'document-deleted')
      if (wrong.length > 0) throw new Error(`${device.name} was refused ${wrong.join(', ')}`)
    }
    await this.#checkArchive(log)
    if (digests.size !== 1) throw new Error(`they do not agree:\n${[...digests].join('\n')}`)
    for (const device of this.#devices) await this.#wait(device.replica?.close())
  }

  /** The archive holds what the devices hold. */
  async #checkArchive(log: Log): Promise<void> {
    const [device] = this.#devices
    if (device?.replica === undefined) return
    const { documents } = await this.#wait(device.replica.ledger.holdings(undefined, 100))
    for (const { document, digest, hasContent } of documents) {
      if (!hasContent) continue
      const state = await this.#wait(log.state(collection, document))
      const doc = new Y.Doc()
      if (state !== undefined) Y.applyUpdate(doc, state.bytes)
      if (digestOf(doc) !== digest) throw new Error(`the archive holds another ${document.id}`)
    }
  }

  async #edit(device: Device): Promise<void> {
    const { random } = this.#world
    const open = await device.openDocument(random.pick(ids))
    if (open === undefined) return
    const { document } = open
    for (let edits = 1 + random.below(4); edits > 0; edits--) {
      const token = `${device.name} ${++this.#tokens}`
      open.ydoc.getMap('tokens').set(token, 'x'.repeat(random.below(60)))
      const text = open.ydoc.getText('text')
      text.insert(random.below(text.length + 1), 'words ')
      if (text.length > 10 && random.chance(0.4)) text.delete(random.below(text.length - 5), 5)
      this.#world.count('edited')
      this.#start(open.whenSaved().then(() => this.#noteSaved(token, document)))
    }
  }

  #noteSaved(token: string, document: DocumentRef): void {
    this.#world.count('saved')
    this.#saved.set(token, document)
  }

  async #meetArchive({ replica }: Device, way: Way): Promise<void> {
    if (replica !== undefined) await this.#archive.meet(replica.ledger, collection, way)
  }

  /** As a comparison over the mesh would: generations first, then what each lacks. */
  async #meetPeer(one: Device, other: Device): Promise<void> {
    const [a, b] = [one.replica?.documents, other.replica?.documents]
    if (!this.#hasMesh || a === undefined || b === undefined || a === b) return
    this.#world.count('met over the mesh')
    for (const { document } of Array.from(a.list())) {
      const living = b.holding(document.id)?.document.generation ?? 0
      if (document.generation > living) b.end({ ...document, generation: document.generation - 1 })
      const vector = (await b.stateVector(document)) ?? Uint8Array.of(0)
      const bytes = await a.difference(document, vector)
      const coverage = bytes === undefined ? undefined : readUpdate(bytes)
      if (bytes === undefined || coverage?.ok !== true) continue
      await b.receive([{ document, bytes, coverage: coverage.value }])
    }
  }

  async #delete(device: Device): Promise<void> {
    const { random } = this.#world
    const id = random.pick(ids)
    const { replica } = device
    if (replica === undefined) return
    const generation = replica.documents.holding(id)?.document.generation ?? 0
    this.#deleted.set(id, Math.max(this.#deleted.get(id) ?? 0, generation + 1))
    this.#world.count('deleted')
    await replica.delete(id)
  }

  async #fold({ replica }: Device): Promise<void> {
    const id = this.#world.random.pick(ids)
    const document = replica?.documents.holding(id)?.document
    if (document !== undefined) await replica?.ledger.compact(document)
  }

  /** What is folded while it waits to be stored must not be there without its debt. */
  #foldAndCrash(device: Device): void {
    const [id, open] = [...device.opened].at(-1) ?? []
    if (id === undefined || open === undefined) return
    for (let edit = 0; edit < 3; edit++) open.ydoc.getText('text').insert(0, 'folded ')
    device.store.crashAfter = 1 + this.#world.random.below(2)
    this.#start(device.replica?.ledger.compact(open.document) ?? Promise.resolve())
  }

  async #closeDocument({ opened }: Device): Promise<void> {
    const [first] = opened
    if (first === undefined) return
    opened.delete(first[0])
    await first[1].close()
  }

  #crash(device: Device): void {
    this.#world.count('crashed')
    device.crash()
    this.#start(device.start())
  }

  #failStore({ store }: Device): void {
    this.#world.count('store failed')
    store.failing = this.#world.random.pick(['storage-full', 'storage-failed'])
    this.#world.clock.after(this.#world.random.below(3_000), () => (store.failing = undefined))
  }

  #restartArchive(): void {
    this.#world.count('restarted archive')
    this.#archive.restart()
  }

  #restore(): void {
    if (this.#backup === undefined) return
    this.#world.count('restored archive')
    this.#archive.restore(this.#backup)
  }

  #replace(): void {
    this.#world.count('replaced archive')
    this.#archive.replace()
  }

  async #clone(device: Device): Promise<void> {
    if (this.#devices.length >= 5) return
    this.#world.count('cloned')
    await this.#add(`${device.name}'`, await device.store.copy())
  }

  async #add(name: string, store: FaultyStore): Promise<void> {
    const { clock, random } = this.#world
    const device = new Device(name, store, clock, random, this.#heard)
    this.#devices.push(device)
    this.#start(device.start())
    await clock.settle()
  }

  /** Ops reach who is up, or do not. */
  readonly #heard: Heard = (from, news) => {
    const { random, clock } = this.#world
    for (const device of this.#devices) {
      if (!this.#hasMesh || device === from || (this.#isLossy && random.chance(0.5))) continue
      clock.after(random.below(50), () => {
        const { replica } = device
        if (replica === undefined) return
        if ('ended' in news) replica.documents.end(news.ended)
        else this.#start(replica.documents.receive([news]))
      })
    }
  }

  #badWay(): Way {
    const { random } = this.#world
    return {
      loses: random.pick([0, 0.1, 0.5]),
      doubles: random.pick([0, 0.2]),
      endsAfter: random.pick([2, 6, 20, 200]),
    }
  }

  #someDocument(): DocumentRef {
    const id = this.#world.random.pick(ids)
    return { id, generation: this.#deleted.get(id) ?? 0 }
  }

  #isDeleted({ id, generation }: DocumentRef): boolean {
    return generation < (this.#deleted.get(id) ?? 0)
  }

  /** What is under way when a device or an archive dies is never answered, or fails: both is well. */
  #start(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      const isExpected =
        code === 'storage-full' ||
        code === 'storage-failed' ||
        code === 'closed' ||
        code === 'in-use'
      if (!isExpected) this.#failures.push(error)
    })
  }

  #throwFailure(): void {
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  async #wait<T>(work: Promise<T>): Promise<T>
  async #wait<T>(work: Promise<T> | undefined): Promise<T | undefined>
  async #wait<T>(work: Promise<T> | undefined): Promise<T | undefined> {
    let result: { readonly value: T | undefined } | undefined
    void work?.then((value) => (result = { value }))
    await this.#world.clock.runUntil(() => result !== undefined || work === undefined)
    return result?.value
  }
}
