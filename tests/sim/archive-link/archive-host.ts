import {
  ArchiveNode,
  buildSnapshot,
  createCompactor,
  type Compactor,
  type Log,
} from '@holdfast/archive'
import {
  Follower,
  keyOfRecord,
  MemoryDisk,
  openMemoryLog,
  type FollowRecord,
  type FollowRecords,
} from '@holdfast/archive/testing'
import { silentLogger } from '@holdfast/peer/ports'
import type { Access, CollectionName, DocumentId } from '@holdfast/peer/protocol'
import type { Host, Life, World } from '@holdfast/peer/testing'
import * as Y from 'yjs'

/** One machine with an archive node on a log in memory, that can die and have its disk exchanged. */
export class ArchiveHost {
  disk: MemoryDisk
  /** Of the life that is under way, once its log is open. */
  node: ArchiveNode | undefined
  log: Log | undefined
  /** What the nodes of former lives have done. */
  resyncs = 0
  compactions = 0
  readonly errors = new Set<string>()
  openAccess: Access = 'write'
  /** A lease that is not live counts for so long; absent: as long as usual. */
  peerTimeoutMs: number | undefined
  /** Of the life that is under way, where this archive follows another one. */
  follower: Follower | undefined
  /** Told of each opening of the log, before anybody is served. */
  onLog: ((log: Log) => void) | undefined
  readonly host: Host
  readonly #world: World
  readonly #followed: string | undefined
  /** Beside the disk's log: it stays when that is exchanged. */
  readonly #kept = new Map<string, FollowRecord>()

  /** @param followed the name of another archive, of which this one is the second */
  constructor(world: World, name = 'archive', followed?: string) {
    this.#world = world
    this.#followed = followed
    this.host = world.host(name)
    this.disk = new MemoryDisk(world.random.fork('archive disk'))
  }

  start(): void {
    this.host.start((life) => life.watch(this.#serve(life)))
  }

  crash(): void {
    this.#note()
    this.node = undefined
    this.log = undefined
    this.follower = undefined
    this.host.crash()
    this.disk.crash()
  }

  /** Another disk in the machine: an older copy, or an empty one. */
  restart(disk = this.disk): void {
    if (this.host.isUp) this.crash()
    this.disk = disk
    this.start()
  }

  emptyDisk(): MemoryDisk {
    return new MemoryDisk(this.#world.random.fork(`disk ${this.#world.random.uint32()}`))
  }

  /** What the log holds of a document that has not ended, as text; undefined: it has not seen it. */
  async text(id: DocumentId): Promise<{ generation: number; text: string } | undefined> {
    const collection = 'notes' as CollectionName
    const latest = await this.log?.latest(collection, id)
    if (latest === undefined) return undefined
    const { document, deleted } = latest
    if (deleted) return { generation: document.generation + 1, text: '' }
    const state = await this.log?.state(collection, document)
    const doc = new Y.Doc()
    if (state !== undefined) Y.applyUpdate(doc, state.bytes)
    return { generation: document.generation, text: doc.getText('body').toJSON() }
  }

  check(): void {
    this.#note()
    if (this.errors.size > 0) throw new Error(`the archive was told: ${[...this.errors].join()}`)
  }

  async #serve(life: Life): Promise<void> {
    const { clock, random } = life
    const world = { clock, random, logger: silentLogger }
    const { peerTimeoutMs } = this
    const log = await openMemoryLog({
      ...world,
      disk: this.disk,
      policy: {
        ripeRows: 12,
        ripeBytes: 2_000,
        maxTailRows: 40,
        ...(peerTimeoutMs === undefined ? {} : { peerTimeoutMs }),
      },
      sync: (persist) =>
        new Promise<void>((resolve) => {
          clock.after(random.between(1, 6), resolve)
        }).then(persist),
    })
    const node = new ArchiveNode({ ...world, log, openAccess: this.openAccess })
    const compactor: Compactor = createCompactor({
      log,
      clock,
      logger: silentLogger,
      builder: { build: async (source) => buildSnapshot(source), close: async () => {} },
      ask: (document) => node.ask(document),
    })
    compactor.onReport((report) => {
      this.compactions++
      if (report.status === 'compacted' && report.removed > 0) life.count('rows retired')
    })
    compactor.start()
    this.onLog?.(log)
    life.listen((link) => node.accept(link))
    this.node = node
    this.log = log
    if (this.#followed !== undefined) await this.#follow(life, log, node, this.#followed)
  }

  async #follow(life: Life, log: Log, node: ArchiveNode, other: string): Promise<void> {
    const { clock, random } = life
    const follower = new Follower({
      log,
      digests: node.digests,
      instance: node.instance,
      records: this.#records(life),
      dial: () => ({ link: life.dial(other) }),
      collections: ['notes' as CollectionName],
      clock,
      random,
      logger: {
        ...silentLogger,
        error: (text, fields) => life.log(`follower: ${text} ${JSON.stringify(fields)}`),
      },
    })
    this.follower = follower
    await follower.start()
  }

  /** As the file beside the log: what was saved in the last second before a crash may be lost. */
  #records({ clock, random }: Life): FollowRecords {
    return {
      load: async () => [...this.#kept.values()],
      save: (record) => {
        const key = keyOfRecord(record.collection, record.position.cursor.archive)
        clock.after(random.below(1_000), () => this.#kept.set(key, record))
      },
      close: async () => {},
    }
  }

  #note(): void {
    if (this.node === undefined) return
    const { errorsByCode, closedByCode } = this.node.stats()
    for (const code of bugs) {
      if (errorsByCode[code] !== undefined || closedByCode[code] !== undefined)
        this.errors.add(code)
    }
  }
}

/** What a client never makes an archive say. */
const bugs = [
  'malformed',
  'unexpected-message',
  'too-large',
  'too-many',
  'rate-limited',
  'ack-beyond-sent',
  'rekey',
] as const
