import type {
  ArchiveLedger,
  ArchivePosition,
  CommittedOp,
  HeldDocument,
  HoldingsPage,
  OwedPage,
  PageOutcome,
  RefusedOp,
  TakenPage,
} from '@holdfast/peer/archive-link'
import type { Logger, Random, Undo } from '@holdfast/peer/ports'
import {
  hexOf,
  type ArchiveId,
  type CollectionName,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
  type TermId,
} from '@holdfast/peer/protocol'
import type { DocumentSummary, Log } from '../log/port.js'
import type { DocumentDigests } from '../node/resync/digests.js'
import { OwedRows } from './owed-rows.js'
import type { FollowRecord, FollowRecords } from './records.js'
import { Taking } from './taking.js'

export interface FollowLedgerOptions {
  readonly log: Log
  readonly digests: DocumentDigests
  readonly collection: CollectionName
  readonly records: Pick<FollowRecords, 'save'>
  /** What was kept of this collection. */
  readonly kept: readonly FollowRecord[]
  readonly random: Random
  readonly logger: Logger
}

/**
 * One collection of the own log, as the connection to another archive wants it: pages of that one go
 * into the log, and what else gets into the log is owed to it.
 *
 * Guarantees:
 * - A position is kept after what it stands for is durable in the log, and believed only while the
 *   log still is the one, or a later state of the one, that it was kept for.
 * - What came from an archive is not given back to it, but for what a crash made forgotten: then it is
 *   said again, and makes no entry there.
 */
export class FollowLedger implements ArchiveLedger {
  readonly #options: FollowLedgerOptions
  readonly #taking: Taking
  /** The own head when this began: what was there before is compared, not pushed row by row. */
  readonly #startSeq: number
  readonly #positionByArchive = new Map<ArchiveId, ArchivePosition>()
  readonly #givenByArchive = new Map<ArchiveId, number>()
  readonly #listeners = new Set<() => void>()
  readonly #instance: InstanceId
  /** Of the archive that is being followed now. */
  #owed: { readonly archive: ArchiveId; readonly rows: OwedRows } | undefined
  /** A resync has begun to change the log, and has not come to its end. */
  #isComparing = false
  /** Appends for the other archive that are under way: whose a new entry is, is not known yet. */
  #appending = 0
  #unjudged: number[] = []
  #headSeq: number

  private constructor(options: FollowLedgerOptions, headSeq: number) {
    const { random } = options
    this.#options = options
    this.#startSeq = this.#headSeq = headSeq
    this.#instance = hexOf(random.bytes(16)) as InstanceId
    this.#taking = new Taking({
      ...options,
      seqOf: (hash) => this.#owed?.rows.seqOf(hash),
    })
  }

  static async open(options: FollowLedgerOptions): Promise<FollowLedger> {
    const { log, collection, kept, logger } = options
    const ledger = new FollowLedger(options, await log.head(collection))
    for (const { position, own, given } of kept) {
      const { standing } = await log.locate(collection, own)
      const isSameLog = standing === 'behind' || standing === 'at-head'
      if (!isSameLog) {
        logger.info('the log is older than what it followed: the archives compare', { collection })
      }
      const { archive } = position.cursor
      ledger.#positionByArchive.set(archive, isSameLog ? position : ofNobody(position))
      if (isSameLog) ledger.#givenByArchive.set(archive, given)
    }
    return ledger
  }

  /** The own log has these new entries, whoever wrote them; to be told of all, in order. */
  announced(seqs: readonly number[]): void {
    this.#headSeq = Math.max(this.#headSeq, seqs.at(-1) ?? 0)
    this.#unjudged.push(...seqs)
    if (this.#appending === 0) this.#judge()
  }

  /** Entries of the own log that went and are not answered. */
  get openCount(): number {
    return this.#owed?.rows.openCount ?? 0
  }

  // Reading the other log --------------------------------------------------------------------------

  position(archive: ArchiveId): ArchivePosition | undefined {
    return this.#positionByArchive.get(archive)
  }

  async take(page: TakenPage): Promise<PageOutcome> {
    const { archive, term } = page
    const position = this.#positionByArchive.get(archive)
    if (!follows(position, page)) return { kind: 'needs', entries: [] }
    // Asked before anything is added: who held nothing has nothing to compare.
    const wasCompared = position?.isCompared ?? this.#startSeq === 0
    const rows = this.#rowsFor(archive)
    const { needs, isLacking } = await this.#whileAppending(async () => {
      const taken = await this.#taking.take(page)
      for (const seq of taken.came) rows.came(seq)
      return taken
    })
    if (needs !== undefined) return { kind: 'needs', entries: needs }
    const isWhole = page.through === page.head
    const taken = {
      cursor: { archive, term, seq: page.through },
      isWhole,
      isCompared: wasCompared && !isLacking && !this.#isComparing,
    }
    if (rows.passed(term, page.through, isWhole)) this.#tellOwed()
    this.#keep(taken)
    return { kind: 'taken', position: taken }
  }

  async receive(document: DocumentRef, updates: readonly Uint8Array[]): Promise<void> {
    await this.#compare(() => this.#taking.receive(document, updates))
  }

  async end(document: DocumentRef): Promise<void> {
    await this.#compare(() => this.#taking.end(document))
  }

  async resynced(position: ArchivePosition): Promise<void> {
    const { archive, term, seq } = position.cursor
    this.#isComparing = false
    if (this.#rowsFor(archive).passed(term, seq, false)) this.#tellOwed()
    this.#keep(position)
  }

  /**
   * What comes in a resync counts as theirs at once, or all of it would be said back. That is so
   * when the resync has come to its end: one that does not is made again.
   */
  async #compare(append: () => Promise<readonly number[]>): Promise<void> {
    this.#isComparing = true
    for (const [archive, position] of this.#positionByArchive) {
      if (position.isCompared) {
        this.#positionByArchive.set(archive, { ...position, isCompared: false })
        this.#keepGiven(archive)
      }
    }
    await this.#whileAppending(async () => {
      for (const seq of await append()) this.#owed?.rows.came(seq)
    })
  }

  // Giving what this log holds ---------------------------------------------------------------------

  async owed(
    archive: ArchiveId,
    after: number,
    maxOps: number,
    maxBytes: number,
  ): Promise<OwedPage> {
    return this.#rowsFor(archive).read(after, maxOps, maxBytes)
  }

  /** Rows beyond what was looked at are not counted: the log does not know their number. */
  async owing(archive: ArchiveId): Promise<{ readonly ops: number; readonly bytes: number }> {
    return { ops: this.#rowsFor(archive).openCount, bytes: 0 }
  }

  onOwed(listener: () => void): Undo {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Gapped or not, it is in the other log now: that one asks for what closes the gap. */
  async committed(
    archive: ArchiveId,
    term: TermId,
    results: readonly CommittedOp[],
  ): Promise<void> {
    const rows = this.#rowsFor(archive)
    for (const { op, seq } of results) rows.committed(op, term, seq)
    this.#keepGiven(archive)
  }

  async refused(archive: ArchiveId, results: readonly RefusedOp[]): Promise<void> {
    const rows = this.#rowsFor(archive)
    for (const { op, code } of results) {
      if (code === 'rekey' && rows.askAsUpload(op)) {
        this.#tellOwed()
        continue
      }
      if (rows.refused(op) && code !== 'document-deleted') {
        const { collection, logger } = this.#options
        logger.error('the followed archive refuses an entry of this log', { code, collection })
      }
    }
    this.#keepGiven(archive)
  }

  // Comparing --------------------------------------------------------------------------------------

  async holdings(): Promise<HoldingsPage> {
    const { log, digests, collection } = this.#options
    const latestById = new Map<DocumentId, DocumentSummary>()
    let after: DocumentRef | undefined
    for (;;) {
      const page = await log.documents({ collection, limit: 1_024, ...(after && { after }) })
      for (const summary of page.documents) latestById.set(summary.document.id, summary)
      after = page.documents.at(-1)?.document
      if (!page.more || after === undefined) break
    }
    const documents: HeldDocument[] = []
    for (const summary of latestById.values()) {
      const { document, deleted } = summary
      if (deleted) {
        const next = { id: document.id, generation: document.generation + 1 }
        documents.push({ document: next, hasContent: false })
        continue
      }
      const { digest } = await digests.of(collection, summary)
      documents.push({ document, hasContent: true, ...(digest === undefined ? {} : { digest }) })
    }
    return { documents }
  }

  async stateVector(document: DocumentRef): Promise<Uint8Array | undefined> {
    const { digests, collection } = this.#options
    const latest = await this.#held(document)
    return latest && (await digests.of(collection, latest)).stateVector
  }

  async difference(
    document: DocumentRef,
    stateVector: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    const { log, collection } = this.#options
    if ((await this.#held(document)) === undefined) return undefined
    return (await log.state(collection, document, stateVector, { maxParked: 0 }))?.bytes
  }

  /** Hints are the business of clients: this log has no Y.Doc at hand. */
  async snapshot(): Promise<undefined> {
    return undefined
  }

  /** The own compactor sees to it. */
  async compact(): Promise<void> {}

  // ------------------------------------------------------------------------------------------------

  async #held(document: DocumentRef): Promise<DocumentSummary | undefined> {
    const { log, collection } = this.#options
    const latest = await log.latest(collection, document.id)
    const isHeld = latest?.document.generation === document.generation && !latest.deleted
    return isHeld ? latest : undefined
  }

  #rowsFor(archive: ArchiveId): OwedRows {
    if (this.#owed?.archive === archive) return this.#owed.rows
    const { log, collection } = this.#options
    const given = this.#givenByArchive.get(archive) ?? this.#startSeq
    const rows = new OwedRows(log, collection, this.#instance, given)
    this.#owed = { archive, rows }
    return rows
  }

  async #whileAppending<T>(append: () => Promise<T>): Promise<T> {
    this.#appending++
    try {
      return await append()
    } finally {
      this.#appending--
      if (this.#appending === 0) this.#judge()
    }
  }

  /** It is known now which of the new entries are the other archive's own. */
  #judge(): void {
    const seqs = this.#unjudged
    this.#unjudged = []
    if (seqs.length === 0) return
    if (this.#owed === undefined || this.#owed.rows.announced(seqs)) this.#tellOwed()
  }

  #tellOwed(): void {
    for (const listener of this.#listeners) listener()
  }

  #keep(position: ArchivePosition): void {
    const { archive } = position.cursor
    // The one in use last: whoever answers there may give itself another id each time.
    this.#positionByArchive.delete(archive)
    this.#positionByArchive.set(archive, position)
    for (const [oldest] of this.#positionByArchive) {
      if (this.#positionByArchive.size <= maxArchives) break
      this.#positionByArchive.delete(oldest)
      this.#givenByArchive.delete(oldest)
    }
    this.#save(position)
  }

  #keepGiven(archive: ArchiveId): void {
    const position = this.#positionByArchive.get(archive)
    if (position !== undefined) this.#save(position)
  }

  #save(position: ArchivePosition): void {
    const { log, collection, records } = this.#options
    const own = { archive: log.archive, term: log.term, seq: this.#headSeq }
    const { given } = this.#rowsFor(position.cursor.archive)
    records.save({ collection, position, own, given })
  }
}

/** Archives whose positions are kept: the one that is followed, and those that were before. */
const maxArchives = 32

/** A cursor that is not whole is good at the opening that gave it, and at no other. */
function follows(position: ArchivePosition | undefined, page: TakenPage): boolean {
  if (position === undefined || position.cursor.seq === 0) return page.after === 0
  const { cursor, isWhole } = position
  return cursor.seq === page.after && (isWhole || cursor.term === page.term)
}

/** Known of, and good nowhere: the two compare. */
function ofNobody({ cursor }: ArchivePosition): ArchivePosition {
  const term = '0'.repeat(32) as TermId
  return {
    cursor: { ...cursor, term, seq: Math.max(1, cursor.seq) },
    isWhole: false,
    isCompared: false,
  }
}
