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
import { assertAppendable, assertWhole } from '../append/index.js'
import { LogError } from '../errors.js'
import { LeaseBook } from '../leases.js'
import { defaultLogPolicy, type LogPolicy, type LogWorld } from '../options.js'
import type {
  AppendOp,
  AppendOutcome,
  CollectionsPage,
  CollectionsRequest,
  Commit,
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
import type { GroupItem } from './append.js'
import { CommitNews } from './commit-news.js'
import { SqliteCompaction } from './compaction.js'
import { Counters } from './counters.js'
import { GroupQueue, type ItemOutcome } from './group-queue.js'
import { Healing } from './healing.js'
import type { Hosts, ReaderHost, WriterHost } from './hosts.js'
import { threadHosts } from './thread-hosts.adapter.js'
import { WalKeeper } from './wal-keeper.js'
import { watchedReader } from './watched-reader.js'

export interface SqliteLogOptions extends LogWorld {
  /** The database; made if it does not exist. Its folder has to. */
  readonly file: string
  readonly policy?: Partial<LogPolicy>
  /** Where the work is done. Default: in threads of its own. */
  readonly hosts?: Hosts
}

/**
 * Opens or makes a log in an SQLite file. Once it resolves, the file is locked, checked, and this
 * opening's term is on disk.
 *
 * Rejects with `LogError`: `in-use` (by whom), `unsupported-file` (untouched), `damaged` (and set
 * aside under the name that the message gives), `storage-full`, `storage-failed`.
 */
export async function openSqliteLog(options: SqliteLogOptions): Promise<Log> {
  const { hosts = threadHosts(), random, clock, logger } = options
  const policy = { ...defaultLogPolicy, ...options.policy }
  const term = hexOf(random.bytes(16)) as TermId
  const freshArchive = hexOf(random.bytes(16)) as ArchiveId
  let log: SqliteLog | undefined
  const writer = await hosts.openWriter({
    file: options.file,
    freshArchive,
    term,
    nowMs: clock.now(),
    policy,
    logger,
    // Before it is open, opening itself fails.
    onEnd: (error) => log?.fail(error),
  })
  const opened: ReaderHost[] = []
  try {
    const reader = { file: writer.file, archive: writer.archive, term, policy }
    const onBroken = ({ message }: LogError): Promise<void> => writer.call('suspect', message)
    const pages = watchedReader(await hosts.openReader(reader), onBroken)
    opened.push(pages)
    const whole = watchedReader(await hosts.openReader(reader), onBroken)
    log = new SqliteLog({ ...options, policy }, { writer, pages, whole }, term)
    return log
  } catch (error) {
    for (const one of opened) await one.close()
    await writer.close()
    throw error
  }
}

interface Open {
  readonly writer: WriterHost
  /** Answers what somebody waits for: pages, cursors, names. */
  readonly pages: ReaderHost
  /** Reads whole documents, which may take long. */
  readonly whole: ReaderHost
}

/**
 * The asynchronous face. It keeps what costs nothing to keep, queues what is to be written, and asks
 * the rest of the three that do the work:
 *
 *                      ┌─► queue ─► writer ── transactions, judging
 *   Log ── this thread ┼─► pages  ── entries after a cursor
 *                      └─► whole  ── states, compaction's sources and proofs
 */
class SqliteLog implements Log {
  readonly archive: ArchiveId
  readonly term: TermId
  readonly leases: LeaseBook
  readonly compaction: SqliteCompaction
  readonly #options: SqliteLogOptions & { readonly policy: LogPolicy }
  readonly #open: Open
  readonly #queue: GroupQueue
  readonly #news: CommitNews
  readonly #healing: Healing
  readonly #wal: WalKeeper
  readonly #counters = new Counters()
  /** Armed while something waits to be written down that nobody waits for. */
  #chores: Undo | undefined
  #choresRunning: Promise<void> = Promise.resolve()
  #failure: LogError | undefined
  #closing: Promise<void> | undefined

  constructor(
    options: SqliteLogOptions & { readonly policy: LogPolicy },
    open: Open,
    term: TermId,
  ) {
    const { clock, logger, policy } = options
    const { writer, pages, whole } = open
    this.#options = options
    this.#open = open
    this.archive = writer.archive
    this.term = term
    this.#news = new CommitNews(term, logger)
    this.#healing = new Healing(writer, clock, this.#news)
    this.#wal = new WalKeeper({ writer, beside: whole, logger })
    this.#queue = new GroupQueue({
      write: (items) => this.#writeGroup(items),
      maxQueuedBytes: policy.maxQueuedBytes,
    })
    const assertOpen = (): void => this.#assertOpen()
    this.leases = new LeaseBook({
      stored: writer.storedLeases,
      clock,
      peerTimeoutMs: policy.peerTimeoutMs,
      head: (collection) => pages.call('head', collection),
      assertOpen,
      onChange: () => this.#armChores(),
    })
    this.compaction = new SqliteCompaction({
      writer,
      reader: whole,
      leases: this.leases,
      healing: this.#healing,
      news: this.#news,
      counters: this.#counters,
      clock,
      logger,
      assertOpen,
      leavesRoom: () => this.#armChores(),
    })
    // What an earlier opening has left to be forgotten.
    this.#armChores()
  }

  async append(ops: readonly AppendOp[]): Promise<readonly AppendOutcome[]> {
    this.#assertWritable()
    assertAppendable(ops)
    const outcomes = (await this.#queue.add(ops)) as readonly AppendOutcome[]
    for (const outcome of outcomes) this.#counters.count(outcome)
    return outcomes
  }

  async delete(collection: CollectionName, document: DocumentRef): Promise<DeleteOutcome> {
    this.#assertWritable()
    assertWhole('generation', document.generation, 0)
    const [outcome] = await this.#queue.add([{ kind: 'delete', collection, document }])
    return outcome as DeleteOutcome
  }

  async read(request: ReadRequest): Promise<Page> {
    this.#assertOpen()
    return this.#healing.readingAround((skip) => this.#open.pages.readPage(request, skip))
  }

  async locate(collection: CollectionName, cursor: Cursor): Promise<Standing> {
    this.#assertOpen()
    return this.#open.pages.call('locate', collection, cursor)
  }

  async head(collection: CollectionName): Promise<number> {
    this.#assertOpen()
    return this.#open.pages.call('head', collection)
  }

  onCommit(listener: (commit: Commit) => void): Undo {
    return this.#news.onCommit(listener)
  }

  async state(
    collection: CollectionName,
    document: DocumentRef,
    stateVector?: Uint8Array,
    form?: StateForm,
  ): Promise<DocumentState | undefined> {
    this.#assertOpen()
    return this.#healing.reading(() =>
      this.#open.whole.call('state', collection, document, stateVector, form),
    )
  }

  async ids(collection: CollectionName, document: DocumentRef): Promise<StoredIds | undefined> {
    this.#assertOpen()
    return this.#healing.reading(() => this.#open.whole.call('ids', collection, document))
  }

  async collections(request: CollectionsRequest): Promise<CollectionsPage> {
    this.#assertOpen()
    return this.#open.pages.call('collections', request)
  }

  async documents(request: DocumentsRequest): Promise<DocumentsPage> {
    this.#assertOpen()
    return this.#open.pages.call('documents', request)
  }

  async latest(collection: CollectionName, id: DocumentId): Promise<DocumentSummary | undefined> {
    this.#assertOpen()
    return this.#open.pages.call('latest', collection, id)
  }

  async touchesDeleted(
    collection: CollectionName,
    id: DocumentId,
    update: Uint8Array,
  ): Promise<boolean> {
    this.#assertOpen()
    return this.#open.pages.call('touchesDeleted', collection, id, update)
  }

  async gaps(collection: CollectionName, limit: number): Promise<readonly GapChange[]> {
    this.#assertOpen()
    return this.#healing.reading(() => this.#open.whole.call('gaps', collection, limit))
  }

  async quarantined(limit: number): Promise<readonly Quarantined[]> {
    this.#assertOpen()
    return this.#open.whole.call('quarantined', limit)
  }

  async statistics(): Promise<LogStatistics> {
    this.#assertOpen()
    const sums = await this.#open.writer.call('sums')
    const { refusedByCode, appended, contained, groups, lastGroupOps } = this.#counters
    const { published, retiredRows, failedCompactions, laggards } = this.#counters
    return {
      ...sums,
      leases: this.leases.count,
      appended,
      contained,
      refusedByCode,
      groups,
      lastGroupOps,
      published,
      retiredRows,
      failedCompactions,
      laggards,
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** The writer has ended by itself: what is on disk can still be read. */
  fail(cause: Error): void {
    this.#failure = new LogError('storage-failed', 'the writing thread has ended', { cause })
    this.#options.logger.error('the log can no longer be written', { reason: String(cause) })
  }

  async #close(): Promise<void> {
    const { writer, pages, whole } = this.#open
    this.#chores?.()
    this.#chores = undefined
    await this.#queue.drained()
    await this.#wal.settled()
    await this.#choresRunning
    await this.#runChores()
    await Promise.all([pages.close(), whole.close()])
    await writer.close()
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LogError('closed', 'the log is closed')
  }

  #assertWritable(): void {
    this.#assertOpen()
    if (this.#failure !== undefined) throw this.#failure
  }

  async #writeGroup(items: readonly GroupItem[]): Promise<readonly ItemOutcome[]> {
    const group = await this.#open.writer.append(items, this.#options.clock.now())
    this.#counters.groups++
    this.#counters.lastGroupOps = items.length
    this.#news.announceGroup(items, group)
    this.#wal.committed(group.walPages)
    this.#armChores()
    return group.outcomes
  }

  #armChores(afterMs = choresAfterMs): void {
    if (this.#chores !== undefined || this.#closing !== undefined) return
    this.#chores = this.#options.clock.after(afterMs, () => {
      this.#chores = undefined
      this.#choresRunning = this.#runChores()
    })
  }

  /** Writes down leases, heals what was met while judging, forgets old op ids. Never rejects. */
  async #runChores(): Promise<void> {
    const { writer } = this.#open
    const { clock, logger } = this.#options
    const changes = this.leases.takeChanges()
    let isSaved = changes === undefined
    try {
      if (changes !== undefined) await writer.call('saveLeases', changes)
      isSaved = true
      const { healed, more } = await writer.call('tidy', clock.now())
      for (const { gaps } of healed) this.#news.announceGaps(gaps)
      if (more) this.#armChores(moreChoresAfterMs)
    } catch (error) {
      // Only cost depends on any of it, and it is tried again.
      if (!isSaved && changes !== undefined) this.leases.putBack(changes)
      const isFull = error instanceof LogError && error.code === 'storage-full'
      logger[isFull ? 'info' : 'error']('chores were left undone', { error: String(error) })
    }
  }
}

/** Leases change with every page that is sent: written down at most once in this time. */
const choresAfterMs = 1_000

/** Between two steps of a longer chore: room for a few groups. */
const moreChoresAfterMs = 20
