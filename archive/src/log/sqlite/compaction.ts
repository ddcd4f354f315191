import { readSnapshot, type CollectionName, type DocumentRef } from '@holdfast/peer/protocol'
import type { Clock, Logger } from '@holdfast/peer/ports'
import type { LeaseBook } from '../leases.js'
import type {
  CompactionLog,
  CompactionSource,
  Hint,
  HintVerdict,
  NewSnapshot,
  RetireResult,
  RipeDocument,
} from '../port.js'
import type { CommitNews } from './commit-news.js'
import type { Changed } from './compaction-writes.js'
import type { Counters } from './counters.js'
import type { Healing } from './healing.js'
import type { ReaderHost, WriterHost } from './hosts.js'

export interface CompactionParts {
  readonly writer: WriterHost
  /** Reads whole documents, so that nobody who reads pages waits for it. */
  readonly reader: ReaderHost
  readonly leases: LeaseBook
  readonly healing: Healing
  readonly news: CommitNews
  readonly counters: Counters
  readonly clock: Clock
  readonly logger: Logger
  /** Throws if the log is closed. */
  readonly assertOpen: () => void
  /** Something was deleted: its pages may go. */
  readonly leavesRoom: () => void
}

/**
 * The log's half of compaction. What takes long, reading and proving, happens beside the writer; the
 * writer only stores what was proven, if it still fits.
 */
export class SqliteCompaction implements CompactionLog {
  readonly #parts: CompactionParts

  constructor(parts: CompactionParts) {
    this.#parts = parts
  }

  async ripe(limit: number): Promise<readonly RipeDocument[]> {
    const { assertOpen, reader, leases, clock } = this.#parts
    assertOpen()
    const collections = await reader.call('ripeCollections')
    if (collections.length === 0) return []
    const lowestAcks = new Map(collections.map((name) => [name, leases.lowestAck(name)]))
    return reader.call('ripe', limit, lowestAcks, clock.now())
  }

  async source(
    collection: CollectionName,
    document: DocumentRef,
  ): Promise<CompactionSource | undefined> {
    const { assertOpen, reader, healing, clock } = this.#parts
    assertOpen()
    return healing.reading(() => reader.call('source', collection, document, clock.now()))
  }

  async publish(snapshot: NewSnapshot): Promise<'published' | 'stale' | 'incomplete'> {
    const { assertOpen, reader, writer, healing, counters, clock } = this.#parts
    assertOpen()
    const proven = await healing.reading(() => reader.call('prove', snapshot))
    if (typeof proven === 'string') return proven
    const answer = this.#settled(await writer.call('publish', proven, clock.now()))
    if (answer === 'published') counters.published++
    return answer
  }

  async retire(
    collection: CollectionName,
    document: DocumentRef,
    maxRows: number,
  ): Promise<RetireResult> {
    await this.settle(collection, document)
    const { writer, leases, counters, clock, leavesRoom } = this.#parts
    const lowestAck = leases.lowestAck(collection)
    const answer = this.#settled(
      await writer.call('retire', collection, document, maxRows, lowestAck, clock.now()),
    )
    counters.retiredRows += answer.removed
    leavesRoom()
    return answer
  }

  async settle(collection: CollectionName, document: DocumentRef): Promise<'settled' | 'damaged'> {
    const { assertOpen, reader, writer, logger, clock } = this.#parts
    assertOpen()
    const readBack = await reader.call('readsBack', collection, document)
    if (readBack === undefined || readBack.isSettled) return 'settled'
    if (!readBack.isGood) {
      logger.error('a snapshot does not read back', { collection, document: document.id })
    }
    return this.#settled(await writer.call('settle', collection, document, readBack, clock.now()))
  }

  async judgeHint({ lease, document, seq, snapshot }: Hint): Promise<HintVerdict> {
    const { assertOpen, reader, leases, healing, counters, logger } = this.#parts
    assertOpen()
    const { collection, replica } = lease
    const held = leases.find(lease)
    if (held === undefined) return refused('lease-ended', 'no such lease')
    if (seq > held.ack) return refused('ack-beyond-sent', 'beyond what the lease has acked')
    const read = readSnapshot(snapshot)
    if (!read.ok) return { verdict: 'refused', refusal: read.refusal }
    const missing = await healing.reading(() =>
      reader.call('lackingOf', collection, document, seq, read.value),
    )
    if (missing.size === 0) return { verdict: 'agreed' }
    counters.laggards++
    const fields = { collection, document: document.id, replica, seq }
    logger.error('a peer lacks what it has acked', fields)
    return { verdict: 'laggard', missing }
  }

  async failed(collection: CollectionName, document: DocumentRef, reason: string): Promise<void> {
    const { assertOpen, writer, counters, logger, clock } = this.#parts
    assertOpen()
    logger.error('a compaction failed', { collection, document: document.id, reason })
    const isKnown = await writer.call('failed', collection, document, reason, clock.now())
    if (isKnown) counters.failedCompactions++
  }

  async quarantine(
    collection: CollectionName,
    document: DocumentRef,
    seq: number,
    reason: string,
  ): Promise<void> {
    const { assertOpen, writer, clock } = this.#parts
    assertOpen()
    this.#settled(await writer.call('quarantine', collection, document, seq, reason, clock.now()))
  }

  #settled<Answer>({ answer, gaps }: Changed<Answer>): Answer {
    this.#parts.news.announceGaps(gaps)
    return answer
  }
}

function refused(code: 'lease-ended' | 'ack-beyond-sent', detail: string): HintVerdict {
  return { verdict: 'refused', refusal: { code, detail } }
}
