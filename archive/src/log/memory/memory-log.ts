import {
  hexOf,
  type ArchiveId,
  type CollectionName,
  type Cursor,
  type DocumentId,
  type DocumentRef,
  type TermId,
} from '@holdfast/peer/protocol'
import type { Undo } from '@holdfast/peer/ports'
import { assertAppendable, assertWhole, idsOf, Ledger } from '../append/index.js'
import { LogError } from '../errors.js'
import { LeaseBook } from '../leases.js'
import { defaultLogPolicy, type LogPolicy, type LogWorld } from '../options.js'
import type {
  AppendOp,
  AppendOutcome,
  CollectionsPage,
  CollectionsRequest,
  Commit,
  CommittedEntry,
  DeleteOutcome,
  DocumentsPage,
  DocumentsRequest,
  DocumentState,
  DocumentSummary,
  GapChange,
  Log,
  LogStatistics,
  Page,
  Quarantined,
  ReadRequest,
  Standing,
  StateForm,
  StoredIds,
} from '../port.js'
import { isIntact } from './checksum.js'
import { MemoryCompaction } from './compaction.js'
import { Counters } from './counters.js'
import {
  documentState,
  gapsOf,
  listCollections,
  listDocuments,
  summaryOf,
  touchesDeleted,
} from './documents.js'
import { appendChanges, deleteChanges, type WriteContext } from './entries.js'
import { storedLeases, writeLeasesDown } from './leases.js'
import type { MemoryDisk } from './memory-disk.js'
import { newestQuarantined, takeDamageOut } from './quarantine.js'
import { rebuild } from './rebuild.js'
import { ledgerSource } from './source.js'
import { statisticsOf } from './statistics.js'
import { locate, readPage } from './stream.js'
import {
  findDocument,
  latestGeneration,
  type CollectionTable,
  type DocumentTable,
  type Tables,
} from './tables.js'
import { Writer, type Plan, type Sync } from './writer.js'

export interface MemoryLogOptions extends LogWorld {
  readonly disk: MemoryDisk
  readonly policy?: Partial<LogPolicy>
  /** When a group becomes durable. Absent: at once. */
  readonly sync?: Sync
}

/**
 * The log in plain structures: the whole port, and nothing for speed. For tests, for simulations on
 * virtual time, and as the plainest reading of what a log has to do.
 */
export async function openMemoryLog(options: MemoryLogOptions): Promise<Log> {
  const key = options.disk.acquire()
  const log = new MemoryLog(options, key)
  try {
    await log.begin()
  } catch (error) {
    options.disk.release(key)
    throw error
  }
  return log
}

/**
 * Appending: the ledger decides in memory, the writer makes a group of decisions durable, and only
 * then the disk's tables change. So whoever reads sees what is durable, and nothing else.
 */
class MemoryLog implements Log {
  readonly archive: ArchiveId
  readonly term: TermId
  readonly leases: LeaseBook
  readonly compaction: MemoryCompaction
  readonly #options: MemoryLogOptions
  readonly #policy: LogPolicy
  readonly #key: symbol
  readonly #tables: Tables
  readonly #ledger: Ledger
  readonly #writer: Writer
  readonly #counters = new Counters()
  readonly #listeners = new Set<(commit: Commit) => void>()
  /** Of the group that is being written, to be announced. */
  #entries: CommittedEntry[] = []
  #gaps: GapChange[] = []
  /** Given to `append` and not answered yet. */
  #queuedBytes = 0
  #closing: Promise<void> | undefined

  constructor(options: MemoryLogOptions, key: symbol) {
    const { disk, random, sync = (persist) => Promise.resolve(persist()) } = options
    this.#options = options
    this.#policy = { ...defaultLogPolicy, ...options.policy }
    this.#key = key
    this.#tables = disk.tables
    this.archive = disk.tables.archive
    this.term = hexOf(random.bytes(16)) as TermId
    this.#ledger = new Ledger(ledgerSource(disk.tables), this.#policy)
    this.#writer = new Writer({
      sync: (persist) =>
        sync(() => {
          persist()
          this.#writeLeasesDown()
        }),
      holdsDisk: () => disk.isHeldBy(key),
      complete: () => this.#completeGroup(),
      durable: () => this.#announce(),
      failed: () => this.#dropGroup(),
    })
    const shared = {
      tables: disk.tables,
      clock: options.clock,
      assertOpen: () => this.#assertOpen(),
    }
    this.leases = new LeaseBook({
      stored: storedLeases(disk.tables),
      clock: options.clock,
      peerTimeoutMs: this.#policy.peerTimeoutMs,
      head: async (collection) => disk.tables.collections.get(collection)?.head ?? 0,
      assertOpen: shared.assertOpen,
      // They are taken with every group.
      onChange: () => {},
    })
    this.compaction = new MemoryCompaction({
      ...shared,
      leases: this.leases,
      writer: this.#writer,
      policy: this.#policy,
      logger: options.logger,
      counters: this.#counters,
      changed: (collection, table) => this.#reconsider(collection, table),
      heal: (collection, table) => this.#heal(collection, table),
    })
  }

  /** Writes this opening down, before anybody hears of its term. */
  async begin(): Promise<void> {
    await this.#writer.alone(() => ({
      changes: [() => this.#tables.terms.push(this.term)],
      answer: undefined,
    }))
  }

  async append(ops: readonly AppendOp[]): Promise<readonly AppendOutcome[]> {
    this.#assertOpen()
    assertAppendable(ops)
    const bytes = ops.reduce((sum, op) => sum + op.bytes.length, 0)
    if (this.#queuedBytes + bytes > this.#policy.maxQueuedBytes) {
      return ops.map(() => this.#count({ status: 'refused', refusal: tooMuchQueued }))
    }
    this.#queuedBytes += bytes
    try {
      return await this.#writer.join(() => this.#planAppend(ops))
    } finally {
      this.#queuedBytes -= bytes
    }
  }

  async delete(collection: CollectionName, document: DocumentRef): Promise<DeleteOutcome> {
    this.#assertOpen()
    assertWhole('generation', document.generation, 0)
    return this.#writer.join(() => this.#planDelete(collection, document))
  }

  async read(request: ReadRequest): Promise<Page> {
    this.#assertOpen()
    const reading = readPage(this.#tables, this.term, request)
    if ('page' in reading) return reading.page
    const collection = this.#tables.collections.get(request.collection) as CollectionTable
    await this.#heal(collection, reading.damaged)
    return this.read(request)
  }

  async locate(collection: CollectionName, cursor: Cursor): Promise<Standing> {
    this.#assertOpen()
    return locate(this.#tables, collection, cursor)
  }

  async head(collection: CollectionName): Promise<number> {
    this.#assertOpen()
    return this.#tables.collections.get(collection)?.head ?? 0
  }

  onCommit(listener: (commit: Commit) => void): Undo {
    // The same function twice is two subscriptions.
    const own = (commit: Commit): void => listener(commit)
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  async state(
    collection: CollectionName,
    document: DocumentRef,
    stateVector?: Uint8Array,
    form?: StateForm,
  ): Promise<DocumentState | undefined> {
    this.#assertOpen()
    const table = findDocument(this.#tables, collection, document)
    if (table === undefined) return undefined
    if ([...table.rows, ...table.snapshots].some((record) => !isIntact(record))) {
      await this.#heal(this.#tables.collections.get(collection) as CollectionTable, table)
      return this.state(collection, document, stateVector, form)
    }
    return documentState(table, stateVector, form)
  }

  async ids(collection: CollectionName, document: DocumentRef): Promise<StoredIds | undefined> {
    this.#assertOpen()
    const table = findDocument(this.#tables, collection, document)
    return table && idsOf(rebuild(table))
  }

  async collections(request: CollectionsRequest): Promise<CollectionsPage> {
    this.#assertOpen()
    return listCollections(this.#tables, request)
  }

  async documents(request: DocumentsRequest): Promise<DocumentsPage> {
    this.#assertOpen()
    return listDocuments(this.#tables.collections.get(request.collection), request)
  }

  async latest(collection: CollectionName, id: DocumentId): Promise<DocumentSummary | undefined> {
    this.#assertOpen()
    const table = latestGeneration(this.#tables, collection, id)
    return table && summaryOf(table)
  }

  async touchesDeleted(
    collection: CollectionName,
    id: DocumentId,
    update: Uint8Array,
  ): Promise<boolean> {
    this.#assertOpen()
    return touchesDeleted(this.#tables, collection, id, update)
  }

  async gaps(collection: CollectionName, limit: number): Promise<readonly GapChange[]> {
    this.#assertOpen()
    return gapsOf(this.#tables.collections.get(collection), limit)
  }

  async quarantined(limit: number): Promise<readonly Quarantined[]> {
    this.#assertOpen()
    return newestQuarantined(this.#tables, limit)
  }

  async statistics(): Promise<LogStatistics> {
    this.#assertOpen()
    return statisticsOf(this.#tables, this.#counters, this.leases.count)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.#writer.drained()
      const changes = [(): void => this.#writeLeasesDown()]
      await this.#writer.alone(() => ({ changes, answer: undefined }))
    } catch (error) {
      // Only leases are at stake, and only cost depends on them.
      this.#options.logger.info('the leases were not written down', { error: String(error) })
    } finally {
      this.#options.disk.release(this.#key)
    }
  }

  #writeLeasesDown(): void {
    writeLeasesDown(this.#tables, this.leases.takeChanges())
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LogError('closed', 'the log is closed')
    if (!this.#options.disk.isHeldBy(this.#key)) {
      throw new LogError('closed', 'the disk was taken away')
    }
  }

  #planAppend(ops: readonly AppendOp[]): Plan<readonly AppendOutcome[]> {
    const context = this.#writeContext()
    const changes: (() => void)[] = []
    const outcomes = ops.map((op) => {
      const decision = this.#ledger.append(op)
      changes.push(...appendChanges(op, decision, context))
      if (decision.row !== undefined) {
        const { collection, document, bytes, kind, id } = op
        const { seq } = decision.row
        const ofLive = kind === 'live' && id !== undefined ? { id } : {}
        const entry = { kind: 'row' as const, seq, document, bytes: bytes.slice(), ...ofLive }
        this.#entries.push({ collection, entry })
      }
      return this.#count(decision.outcome)
    })
    return { changes, answer: outcomes }
  }

  #planDelete(collection: CollectionName, document: DocumentRef): Plan<DeleteOutcome> {
    const decision = this.#ledger.delete(collection, document)
    if (decision.tombstone !== undefined) {
      const { seq } = decision.tombstone
      this.#entries.push({ collection, entry: { kind: 'tombstone', seq, document } })
    }
    const changes = deleteChanges(collection, document, decision, this.#writeContext())
    return { changes, answer: decision.outcome }
  }

  #writeContext(): WriteContext {
    return {
      tables: this.#tables,
      termOrdinal: this.#tables.terms.indexOf(this.term),
      nowMs: this.#options.clock.now(),
      maxQuarantineBytes: this.#policy.maxQuarantineBytes,
    }
  }

  #completeGroup(): readonly (() => void)[] {
    const gaps = this.#ledger.finish()
    this.#gaps.push(...gaps)
    const nowMs = this.#options.clock.now()
    return gaps.map(({ collection, document, missing }) => () => {
      const table = findDocument(this.#tables, collection, document)
      if (table !== undefined) setGap(table, missing.size > 0, nowMs)
    })
  }

  #announce(): void {
    this.#ledger.commit()
    const commit = { term: this.term, entries: this.#entries, gaps: this.#gaps }
    this.#entries = []
    this.#gaps = []
    this.#counters.groups++
    this.#counters.lastGroupOps = this.#counters.groupOps
    this.#counters.groupOps = 0
    if (commit.entries.length === 0 && commit.gaps.length === 0) return
    for (const listener of this.#listeners) {
      try {
        listener(commit)
      } catch (error) {
        this.#options.logger.error('a listener to commits threw', { error: String(error) })
      }
    }
  }

  #dropGroup(): void {
    this.#ledger.rollback()
    this.#entries = []
    this.#gaps = []
    this.#counters.groupOps = 0
  }

  #count(outcome: AppendOutcome): AppendOutcome {
    const counters = this.#counters
    counters.groupOps++
    if (outcome.status === 'committed') {
      if (outcome.added) counters.appended++
      else counters.contained++
    } else {
      const { code } = outcome.refusal
      counters.refusedByCode.set(code, (counters.refusedByCode.get(code) ?? 0) + 1)
    }
    return outcome
  }

  /** Takes out what is damaged of a document, loudly. */
  #heal(collection: CollectionTable, table: DocumentTable): Promise<void> {
    const { clock, logger } = this.#options
    const takeOut = (): void => {
      const cap = this.#policy.maxQuarantineBytes
      const found = takeDamageOut(this.#tables, collection, table, clock.now(), cap)
      const { id } = table.ref
      logger.error('stored bytes have changed', {
        collection: collection.name,
        document: id,
        found,
      })
      this.#reconsider(collection, table)
    }
    return this.#writer.alone(() => ({ changes: [takeOut], answer: undefined }))
  }

  /** The rows of a document are not what the ledger believes any more. */
  #reconsider(collection: CollectionTable, table: DocumentTable): void {
    this.#ledger.forget(collection.name, table.ref.id)
    const state = rebuild(table)
    if (state.isGapped || table.gappedSinceMs !== undefined) {
      const { missing } = state
      this.#gaps.push({ collection: collection.name, document: table.ref, missing })
    }
    setGap(table, state.isGapped, this.#options.clock.now())
  }
}

const tooMuchQueued = { code: 'unavailable', detail: 'too much is waiting to be written' } as const

function setGap(table: DocumentTable, isGapped: boolean, nowMs: number): void {
  table.gappedSinceMs = isGapped ? (table.gappedSinceMs ?? nowMs) : undefined
}
