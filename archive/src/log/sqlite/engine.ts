import type { CollectionName, DocumentRef } from '@holdfast/peer/protocol'
import type { Logger } from '@holdfast/peer/ports'
import { Ledger } from '../append/ledger.js'
import { LogError } from '../errors.js'
import type { LeaseChanges, StoredLease } from '../leases.js'
import type { LogPolicy } from '../options.js'
import type { RetireResult } from '../port.js'
import { GroupWriter, type GroupItem, type GroupResult, type MoreItems } from './append.js'
import type { ProvenSnapshot, ReadBack } from './compaction-reads.js'
import { CompactionWrites, type Changed } from './compaction-writes.js'
import { DurableSource } from './durable-source.js'
import { identityOf, markSuspect, sizeOf, walOf } from './files.adapter.js'
import { FreePages } from './free-pages.js'
import { LeaseStore } from './lease-store.js'
import { openLogFile, type LogFile, type LogFileOptions } from './log-file.js'
import { boundWal } from './pragmas.js'
import { isDamage, logErrorOf } from './sql.adapter.js'
import { Store } from './store.js'

export interface EngineOptions extends LogFileOptions {
  readonly policy: LogPolicy
}

/** What the tables add up to. */
export interface StoredSums {
  readonly collections: number
  readonly documents: number
  readonly rows: number
  readonly rowBytes: number
  readonly snapshots: number
  readonly snapshotBytes: number
  readonly gappedDocuments: number
  readonly failingDocuments: number
  readonly parkedBytes: number
  readonly quarantined: number
  readonly fileBytes: number
  readonly walBytes: number
  readonly freeBytes: number
}

/** What chores came to. */
export interface Tidied {
  readonly healed: readonly Changed<number>[]
  /** Something is left for the next time, which need not wait. */
  readonly more: boolean
}

/**
 * The writing half of a log, synchronous: everything that changes the file goes through here, one
 * call after the other. It runs in a thread of its own, or in a test's. It never asks for the time.
 *
 * Every call throws `LogError` only. One that fails has changed nothing, on disk or in memory, and
 * the next may succeed; but once the file was found to be damaged, nothing is written to it any more.
 */
export class Engine {
  readonly file: LogFile
  /** As they were written down before this opening. */
  readonly storedLeases: readonly StoredLease[]
  readonly #logger: Logger
  readonly #store: Store
  readonly #groups: GroupWriter
  readonly #compaction: CompactionWrites
  readonly #leases: LeaseStore
  readonly #freePages: FreePages
  #damage: LogError | undefined
  #expireAfterMs = -Infinity
  #isWalUnbounded = false
  /** Of the file and its write-ahead log, as they were opened. */
  readonly #identity: string
  #isInPlace = true

  static open(options: EngineOptions): Engine {
    const file = openLogFile(options)
    try {
      return new Engine(file, options.policy, options.logger)
    } catch (error) {
      file.close()
      const typed = logErrorOf(error, `reading ${file.file}`)
      if (isDamage(error)) suspect(file.file, typed, options.logger)
      throw typed
    }
  }

  private constructor(file: LogFile, policy: LogPolicy, logger: Logger) {
    this.file = file
    this.#logger = logger
    this.#store = new Store(file.sql, file.termOrdinal, policy)
    const ledger = new Ledger(new DurableSource(this.#store), policy)
    this.#groups = new GroupWriter(this.#store, ledger)
    this.#compaction = new CompactionWrites(this.#store, ledger, policy)
    this.#leases = new LeaseStore(file.sql)
    this.#freePages = new FreePages(file.sql)
    this.storedLeases = this.#leases.all()
    this.#identity = this.#foundIdentity()
  }

  /** Stores a group, in order, in one transaction. Returns once it is on disk. */
  append(items: readonly GroupItem[], nowMs: number, more?: MoreItems): GroupResult {
    return this.#run('writing a group', () => {
      const written = this.#groups.write(items, nowMs, more)
      this.#assertInPlace()
      return written
    })
  }

  /** Pages in the write-ahead log that are not in the file yet. */
  get walPages(): number {
    return this.file.sql.walPages
  }

  /**
   * Carries them over, while nothing else is written: what somebody has done beside the writer, this
   * completes, so that the next commit begins the write-ahead log anew. Gives the pages that are left.
   */
  checkpoint(): number {
    return this.#run('emptying the write-ahead log', () => this.file.sql.checkpoint())
  }

  publish(snapshot: ProvenSnapshot, nowMs: number): Changed<'published' | 'stale'> {
    return this.#run('publishing a snapshot', () => this.#compaction.publish(snapshot, nowMs))
  }

  retire(
    collection: CollectionName,
    document: DocumentRef,
    maxRows: number,
    lowestAck: number,
    nowMs: number,
  ): Changed<RetireResult> {
    return this.#run('retiring rows', () =>
      this.#compaction.retire(collection, document, maxRows, lowestAck, nowMs),
    )
  }

  settle(
    collection: CollectionName,
    document: DocumentRef,
    readBack: ReadBack,
    nowMs: number,
  ): Changed<'settled' | 'damaged'> {
    return this.#run('settling a snapshot', () =>
      this.#compaction.settle(collection, document, readBack, nowMs),
    )
  }

  failed(
    collection: CollectionName,
    document: DocumentRef,
    reason: string,
    nowMs: number,
  ): boolean {
    return this.#run('noting a failed compaction', () =>
      this.#compaction.failed(collection, document, reason, nowMs),
    )
  }

  quarantine(
    collection: CollectionName,
    document: DocumentRef,
    seq: number,
    reason: string,
    nowMs: number,
  ): Changed<boolean> {
    return this.#run('setting a row aside', () =>
      this.#compaction.quarantine(collection, document, seq, reason, nowMs),
    )
  }

  /** Takes out what is damaged of a document (`documents.id`). Gives how much was found. */
  heal(document: number, nowMs: number): Changed<number> {
    return this.#run('taking out what is damaged', () => {
      const healed = this.#compaction.heal(document, nowMs)
      const { answer: found } = healed
      this.#logger.error(
        found > 0
          ? 'stored bytes have changed and were set aside'
          : 'stored bytes have changed and cannot be set aside: they are left out',
        { file: this.file.file, document, found },
      )
      return healed
    })
  }

  /** A reader has found the file broken, where the writer may not have looked yet. */
  suspect(reason: string): void {
    if (this.#damage === undefined) this.#stop(new LogError('damaged', reason))
  }

  saveLeases(changes: LeaseChanges): void {
    this.#run('writing leases down', () => this.#store.write(() => this.#leases.save(changes)))
  }

  /**
   * What can wait until nobody does: heals what was met while judging, forgets old producers, gives
   * free pages back, looks after the write-ahead log. To be called now and then.
   */
  tidy(nowMs: number): Tidied {
    const healed = [...this.#store.damaged].map((document) => {
      this.#store.damaged.delete(document)
      return this.heal(document, nowMs)
    })
    this.#boundWal()
    if (nowMs >= this.#expireAfterMs) {
      const mayBeMore = this.#run('forgetting old ops', () =>
        this.#store.write(() => this.#store.producers.expire(nowMs)),
      )
      this.#expireAfterMs = mayBeMore ? nowMs : nowMs + expireEveryMs
    }
    const mayFreeMore = this.#run('giving pages back', () => this.#freePages.giveBack())
    return { healed, more: mayFreeMore || nowMs >= this.#expireAfterMs }
  }

  sums(): StoredSums {
    return this.#run('counting', () => {
      this.#store.refresh()
      const {
        lastEntry: _last,
        filedThrough: _filed,
        quarantinedBytes: _bytes,
        ...sums
      } = this.#store.totals.row
      const { file } = this.file
      return {
        ...sums,
        collections: this.#store.collections.stored,
        fileBytes: sizeOf(file),
        walBytes: sizeOf(walOf(file)),
        freeBytes: this.#freePages.bytes,
        failingDocuments: this.#store.documents.countFailing(),
      }
    })
  }

  /** Idempotent. */
  close(): void {
    this.file.close()
  }

  /**
   * What is removed or replaced while it is open takes everything as before, and keeps nothing: who
   * was answered then would have been told a lie. Two looks cost some microseconds a group.
   */
  #assertInPlace(): void {
    const isInPlace = this.#foundIdentity() === this.#identity
    const { file } = this.file
    if (!isInPlace && this.#isInPlace) {
      this.#logger.error('the log was moved or removed: nothing is stored until it is back', {
        file,
      })
    }
    this.#isInPlace = isInPlace
    if (!isInPlace) throw new LogError('storage-failed', `${file} was moved or removed`)
  }

  #foundIdentity(): string {
    const { file } = this.file
    return `${identityOf(file)} ${identityOf(walOf(file))}`
  }

  /** Says once that somebody reads without end, and then again only if that had ended. */
  #boundWal(): void {
    const isBounded = this.#run('emptying the write-ahead log', () => boundWal(this.file.sql))
    if (!isBounded && !this.#isWalUnbounded) {
      const { file } = this.file
      this.#logger.error('another process reads the log without end: its write-ahead log grows', {
        file,
        walBytes: sizeOf(walOf(file)),
      })
    }
    this.#isWalUnbounded = !isBounded
  }

  #run<Result>(doing: string, work: () => Result): Result {
    if (this.#damage !== undefined) throw this.#damage
    try {
      return work()
    } catch (error) {
      const typed = logErrorOf(error, `${doing} in ${this.file.file}`)
      if (isDamage(error)) this.#stop(typed)
      throw typed
    }
  }

  /** Writing on into a broken structure would break more of it. Readers get what is whole. */
  #stop(damage: LogError): void {
    this.#damage = damage
    suspect(this.file.file, damage, this.#logger)
  }
}

function suspect(file: string, { message: reason }: LogError, logger: Logger): void {
  logger.error(
    'the log is damaged: nothing more is written to it, and the next opening sets it aside',
    { file, reason },
  )
  markSuspect(file, reason)
}

/** What is forgotten is weeks old. */
const expireEveryMs = 60 * 60 * 1000
