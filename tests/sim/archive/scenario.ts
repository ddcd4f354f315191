import {
  ArchiveNode,
  buildSnapshot,
  createCompactor,
  type Compactor,
  type Log,
} from '@holdfast/archive'
import { MemoryDisk, openMemoryLog } from '@holdfast/archive/testing'
import { silentLogger, type Logger } from '@holdfast/peer/ports'
import type { DocumentId } from '@holdfast/peer/protocol'
import type { Life, Scenario, World } from '@holdfast/peer/testing'
import * as Y from 'yjs'
import { collection, Replica } from './replica.js'

const ids = ['note', 'list', 'plan'].map((id) => id as DocumentId)

/**
 * Two to four replicas and one archive node. Links break, the node is restarted and crashes, its log
 * is put back from an older copy or replaced by an empty one, one way is slow, compaction runs in
 * between, edits also travel from replica to replica. Then all is well, and within two minutes of
 * virtual time everybody holds the same: every edit that any replica ever made, deletions aside.
 */
export const archiveScenario: Scenario = async (world) => {
  const archive = new Archive(world)
  await archive.start()
  const replicas = Array.from(
    { length: 2 + world.random.below(3) },
    (_, at) => new Replica(world, `replica-${at + 1}`, at + 1),
  )
  for (const replica of replicas) {
    replica.others = replicas.filter((one) => one !== replica).map(({ instance }) => instance)
    replica.connect()
  }
  const steps = 25 + world.random.below(25)
  for (let step = 0; step < steps; step++) {
    await takeStep(world, archive, replicas)
    await world.run(world.random.below(300))
  }
  world.network.setConditions({ bytesPerSecond: Infinity })
  if (!archive.isUp) await archive.start()
  const isAgreed = (): boolean =>
    archive.isUp &&
    replicas.every((replica) => replica.isSettled && replica.seq === archive.head) &&
    new Set(replicas.map((replica) => JSON.stringify(replica.content()))).size === 1
  try {
    await world.until(isAgreed, { maxVirtualMs: 120_000, checkEveryMs: 100 })
  } catch (error) {
    const states = replicas.map((replica) => replica.describe()).join('\n')
    throw new Error(`no agreement at head ${archive.head}: ${shortened(states)}`, {
      cause: error,
    })
  }
  for (const replica of replicas) {
    if (replica.unexpected.length > 0)
      throw new Error(`${replica.name}: ${replica.unexpected.join(', ')}`)
    replica.stop()
  }
  await archive.check(replicas)
  await archive.stop()
}

async function takeStep(
  world: World,
  archive: Archive,
  replicas: readonly Replica[],
): Promise<void> {
  const { random } = world
  const replica = replicas[random.below(replicas.length)] as Replica
  const id = ids[random.below(ids.length)] as DocumentId
  const chance = random.below(100)
  if (chance < 62) {
    world.count('edit')
    replica.edit(id, (doc) => editOf(world, doc))
    const made = replica.lastOp
    const other = replicas[random.below(replicas.length)] as Replica
    if (made?.kind === 'live' && other !== replica && random.below(3) === 0) {
      world.count('mesh')
      other.overMesh(made.op, made.document, made.bytes)
    }
  } else if (chance < 65) {
    world.count('delete')
    replica.delete(id)
  } else if (chance < 73) {
    world.count('hang up')
    replica.disconnect()
  } else if (chance < 79) {
    world.count('slow')
    world.network.setPath('archive', replica.name, { bytesPerSecond: 20_000 }, { oneWay: true })
  } else if (chance < 83)
    world.network.setPath('archive', replica.name, { bytesPerSecond: Infinity })
  else if (chance < 90) await archive.compact()
  else if (chance < 92) archive.backUp()
  else if (archive.isUp) await archive.fall(random.below(4))
  else await archive.start()
}

function editOf(world: World, doc: Y.Doc): void {
  const { random } = world
  const text = doc.getText('body')
  const choice = random.below(10)
  if (choice < 5)
    text.insert(random.below(text.length + 1), 'abcdefgh'.slice(0, 1 + random.below(8)))
  else if (choice < 7 && text.length > 0) text.delete(random.below(text.length), 1)
  else if (choice < 9) doc.getMap('m').set(`k${random.below(4)}`, random.below(1_000))
  else text.insert(0, 'x'.repeat(2_000 + random.below(20_000)))
}

/** The archive's machine: its disk, a copy of it that was once made, and the node that runs there. */
class Archive {
  readonly #world: World
  #disk: MemoryDisk
  #copy: MemoryDisk | undefined
  #running:
    | { readonly log: Log; readonly node: ArchiveNode; readonly compactor: Compactor }
    | undefined
  #head = 0

  constructor(world: World) {
    this.#world = world
    this.#disk = new MemoryDisk(world.random.fork('disk'))
  }

  get isUp(): boolean {
    return this.#running !== undefined
  }

  get head(): number {
    return this.#head
  }

  async start(): Promise<void> {
    const host = this.#world.host('archive')
    let started: Promise<void> | undefined
    host.start((life) => {
      started = this.#open(life)
    })
    await this.#world.until(() => this.isUp)
    await started
  }

  backUp(): void {
    this.#world.count('backup')
    this.#copy = this.#disk.copy()
  }

  async compact(): Promise<void> {
    const { compactor } = this.#running ?? {}
    if (compactor === undefined) return
    this.#world.count('compact')
    compactor.compactRipe().catch(() => {})
  }

  /** 0: restart; 1: crash; 2: an older copy is put back; 3: an empty disk. */
  async fall(how: number): Promise<void> {
    if (how === 0) {
      await this.stop()
      this.#world.count('drain')
    }
    const host = this.#world.host('archive')
    if (host.isUp) host.crash({ noticeMs: this.#world.random.below(2) === 0 ? 0 : 3_000 })
    this.#running = undefined
    this.#disk.crash()
    if (how === 2 && this.#copy !== undefined) {
      this.#world.count('restore')
      this.#disk = this.#copy.copy()
    } else if (how === 3 && this.#world.random.below(2) === 0) {
      this.#world.count('empty disk')
      this.#disk = new MemoryDisk(this.#world.random.fork(`disk ${this.#world.clock.monotonic()}`))
      this.#copy = undefined
    }
    if (this.#world.random.below(2) === 0) await this.start()
  }

  async stop(): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    let isOver = false
    const closing = running.node.close().then(() => running.log.close())
    void closing.then(() => (isOver = true))
    await this.#world.until(() => isOver, { maxVirtualMs: 30_000 })
    await running.compactor.close()
  }

  /** Everybody holds what the archive holds, and it holds everything. */
  async check(replicas: readonly Replica[]): Promise<void> {
    const log = this.#running?.log
    const [replica] = replicas
    if (log === undefined || replica === undefined) throw new Error('nobody is there')
    for (const [id, { doc, generation }] of replica.docs) {
      const state = await log.state(collection, { id, generation })
      const own = new Y.Doc()
      if (state !== undefined)
        for (const one of [state.bytes, ...state.parked]) Y.applyUpdate(own, one)
      const [theirs, mine] = [textOf(own), textOf(doc)]
      if (theirs !== mine) throw new Error(`the archive holds ${theirs} of ${id}, replicas ${mine}`)
    }
  }

  async #open(life: Life): Promise<void> {
    const { clock, random } = life
    const logger: Logger = {
      ...silentLogger,
      error: (message, fields) => this.#reported(life, message, fields),
    }
    const log = await openMemoryLog({
      disk: this.#disk,
      clock,
      random: random.fork('log'),
      logger,
      policy: { ripeRows: 4, ripeBytes: 200, gapAgeMs: 1_000, compactionBackoffMs: 100 },
      sync: (persist) =>
        new Promise((resolve) => {
          clock.after(1 + random.below(10), () => {
            persist()
            resolve()
          })
        }),
    })
    const node = new ArchiveNode({
      log,
      clock,
      random: random.fork('node'),
      logger,
      limits: { maxSnapshotBytes: 400, recentBytes: 20_000, pageBytes: 8_000, hintWithinMs: 500 },
    })
    const compactor = createCompactor({
      log,
      builder: { build: async (source) => buildSnapshot(source), close: async () => {} },
      clock,
      logger,
      ask: (document) => node.ask(document),
    })
    compactor.onReport((report) => node.reported(report))
    this.#head = await log.head(collection)
    log.onCommit(({ entries }) => {
      for (const { entry } of entries) this.#head = Math.max(this.#head, entry.seq)
    })
    life.listen((link) => node.accept(link))
    this.#running = { log, node, compactor }
  }

  #reported(life: Life, message: string, fields: unknown): void {
    life.log(`error ${message} ${JSON.stringify(fields)}`)
    if (/threw|lacks what it acked/.test(message)) {
      life.watch(Promise.reject(new Error(`${message} ${JSON.stringify(fields)}`)))
    }
  }
}

function textOf(doc: Y.Doc): string {
  return doc.getText('body').toJSON()
}

/** Long runs of one letter are what makes documents large, and nothing to read. */
function shortened(text: string): string {
  return text.replaceAll(/x{5,}/g, (run) => `x*${run.length}`)
}
