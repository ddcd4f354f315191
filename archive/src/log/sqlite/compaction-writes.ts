import type { CollectionName, DocumentRef } from '@holdfast/peer/protocol'
import type { Ledger } from '../append/ledger.js'
import { opHash } from '../append/op-hash.js'
import type { LogPolicy } from '../options.js'
import type { GapChange, RetireResult } from '../port.js'
import type { ProvenSnapshot, ReadBack } from './compaction-reads.js'
import { refOf, type DocumentRow } from './document-row.js'
import { entryKind, sizeOfEntry, type EntrySize } from './entries.js'
import { noteGap } from './gap.js'
import { placeOf, takeDamageOut } from './heal.js'
import { Removal } from './removal.js'
import { retirable } from './retention.js'
import type { Store } from './store.js'

/** An answer, and what it means for whoever follows the document. */
export interface Changed<Answer> {
  readonly answer: Answer
  readonly gaps: readonly GapChange[]
}

/**
 * The transactions that change what is stored of a document by other means than appending. Each is
 * whole by itself: whatever interrupts a compaction, every prefix of it leaves the log complete.
 */
export class CompactionWrites {
  readonly #store: Store
  readonly #ledger: Ledger
  readonly #policy: LogPolicy
  readonly #removal: Removal

  constructor(store: Store, ledger: Ledger, policy: LogPolicy) {
    this.#store = store
    this.#ledger = ledger
    this.#policy = policy
    this.#removal = new Removal(store.sql, store)
  }

  /** Stores a proven snapshot, unless another one was stored meanwhile. */
  publish(snapshot: ProvenSnapshot, nowMs: number): Changed<'published' | 'stale'> {
    const { collection, base, through, bytes } = snapshot
    const found = this.#compactable(collection, snapshot.document)
    if (found === undefined || found.snapshotSeq !== base || through > found.lastSeq) {
      return { answer: 'stale', gaps: [] }
    }
    return this.#change(collection, found, nowMs, (document) => {
      const { snapshotWriter, totals } = this.#store
      // Of two generations at most, the one to keep beside the new one is the one that is settled.
      for (const { id, settled } of snapshotWriter.generations(document.id)) {
        if (!settled) this.#removeSnapshot(id)
      }
      const id = snapshotWriter.insert({
        document: document.id,
        seq: through,
        atMs: nowMs,
        bytes,
        coverage: snapshot.coverage,
        stateVector: snapshot.stateVector,
        parked: snapshot.parked,
      })
      totals.row.snapshots++
      totals.row.snapshotBytes += snapshotWriter.sizeOf(id)
      Object.assign(document, { snapshotSeq: through, snapshotBytes: bytes.length, ...noFailure })
      this.#removal.recountCovered(document)
      return 'published'
    })
  }

  /** Deletes a batch of rows that the settled snapshot stands for. */
  retire(
    collection: CollectionName,
    ref: DocumentRef,
    maxRows: number,
    lowestAck: number,
    nowMs: number,
  ): Changed<RetireResult> {
    const found = this.#compactable(collection, ref)
    if (found === undefined) return { answer: nothingRetired, gaps: [] }
    const { snapshots, entries } = this.#store
    // The newest has been read back before this is called, or it is not there any more.
    const through = snapshots.settledThrough(found.id)
    if (through !== found.snapshotSeq) return { answer: nothingRetired, gaps: [] }
    const stoodFor = {
      rows: found.coveredRows,
      bytes: found.coveredBytes,
    }
    const retention = { lowestAck, nowMs, policy: this.#policy }
    const batch: EntrySize[] = []
    let more = false
    for (const row of retirable(entries.sizes(found.id), stoodFor, retention)) {
      more = batch.length === maxRows
      if (more) break
      batch.push(row)
    }
    const prunedThrough = Math.max(found.prunedThrough, batch.at(-1)?.seq ?? 0)
    const retained = stoodFor.rows - batch.length
    const answer = { removed: batch.length, retained, prunedThrough, more }
    if (batch.length === 0) return { answer, gaps: [] }
    return this.#store.write(() => {
      this.#store.filing.file()
      this.#removal.removeOldest(found, batch)
      found.prunedThrough = prunedThrough
      return { answer, gaps: [] }
    })
  }

  /** After the newest snapshot was read back: it settles, or it goes. */
  settle(
    collection: CollectionName,
    ref: DocumentRef,
    { id, seq, isGood }: ReadBack,
    nowMs: number,
  ): Changed<'settled' | 'damaged'> {
    const found = this.#compactable(collection, ref)
    const [newest, older] = found ? this.#store.snapshotWriter.generations(found.id) : []
    // Another one was published meanwhile: that one has its own settling.
    if (found === undefined || newest?.id !== id || newest.seq !== seq) {
      return { answer: 'settled', gaps: [] }
    }
    if (!isGood) {
      return this.#change(collection, found, nowMs, (document) => {
        takeDamageOut(this.#store, this.#removal, document, nowMs)
        return 'damaged'
      })
    }
    return this.#store.write(() => {
      // First, because what tells them apart is that the newer one is not settled.
      if (older !== undefined) this.#removeSnapshot(older.id)
      this.#store.snapshotWriter.settle(id)
      return { answer: 'settled', gaps: [] }
    })
  }

  /** An attempt failed: the next waits, longer each time. Gives whether the document is known. */
  failed(collection: CollectionName, ref: DocumentRef, reason: string, nowMs: number): boolean {
    const found = this.#compactable(collection, ref)
    if (found === undefined) return false
    this.#store.write(() => {
      const pauseMs = Math.min(maxPauseMs, this.#policy.compactionBackoffMs * 2 ** found.failures)
      found.failures++
      found.retryAtMs = nowMs + pauseMs
      found.lastError = reason.slice(0, maxReasonLength)
      this.#store.documents.change(found)
    })
    return true
  }

  /** Takes out a row that cannot be compacted, wherever it is kept. Its bytes stay out for good. */
  quarantine(
    collection: CollectionName,
    ref: DocumentRef,
    seq: number,
    reason: string,
    nowMs: number,
  ): Changed<boolean> {
    const found = this.#compactable(collection, ref)
    if (found === undefined) return { answer: false, gaps: [] }
    return this.#change(collection, found, nowMs, (document) => {
      const { entries, snapshots, snapshotWriter, quarantine } = this.#store
      const entry = entries.bySeq(document.collection, seq)
      const own =
        entry?.document === document.id && entry.kind === entryKind.row ? entry : undefined
      const newest = snapshots.newest(document.id)
      const beside = newest?.parked.find((row) => row.seq === seq)
      const bytes = own?.bytes ?? beside?.bytes
      if (bytes === undefined) return false
      const place = placeOf(this.#store, document, own ?? { seq, producer: 0, n: 0 })
      quarantine.add({ ...place, reason, hash: opHash(bytes), bytes }, nowMs)
      if (own !== undefined) this.#removal.remove(document, [sizeOfEntry(own)])
      if (newest !== undefined && beside !== undefined) {
        const rest = newest.parked.filter((row) => row !== beside)
        const sizeBefore = snapshotWriter.sizeOf(newest.id)
        snapshotWriter.saveParked(newest, rest)
        this.#store.totals.row.snapshotBytes += snapshotWriter.sizeOf(newest.id) - sizeBefore
      }
      return true
    })
  }

  /** Takes out whatever is damaged of a document, any generation. Gives how much was found. */
  heal(documentId: number, nowMs: number): Changed<number> {
    const located = this.#store.locate(documentId)
    if (located === undefined) return { answer: 0, gaps: [] }
    return this.#change(located.collection, located.document, nowMs, (document) =>
      takeDamageOut(this.#store, this.#removal, document, nowMs),
    )
  }

  /** Changes what a document is made of; then looks at what that has done to its gap. */
  #change<Answer>(
    collection: CollectionName,
    document: DocumentRow,
    nowMs: number,
    work: (document: DocumentRow) => Answer,
  ): Changed<Answer> {
    const wasGapped = document.gappedSinceMs > 0
    try {
      return this.#store.write(() => {
        this.#store.filing.file()
        const answer = work(document)
        this.#store.checkpoints.remove(document.id)
        this.#store.documents.change(document)
        this.#ledger.forget(collection, document.name)
        const state = this.#ledger.document(collection, document.name)
        if (state?.ref.generation !== document.generation) return { answer, gaps: [] }
        noteGap(document, state, this.#store.totals.row, nowMs)
        const gap = { collection, document: refOf(document), missing: state.missing }
        return { answer, gaps: wasGapped || state.isGapped ? [gap] : [] }
      })
    } catch (error) {
      this.#ledger.forget(collection, document.name)
      throw error
    }
  }

  #removeSnapshot(id: number): void {
    const { totals, snapshotWriter } = this.#store
    totals.row.snapshots--
    totals.row.snapshotBytes -= snapshotWriter.sizeOf(id)
    snapshotWriter.remove(id)
  }

  /** The latest generation, and live. */
  #compactable(name: CollectionName, { id, generation }: DocumentRef): DocumentRow | undefined {
    this.#store.refresh()
    const collection = this.#store.collections.byName(name)
    const latest = collection && this.#store.documents.latest(collection.id, id)
    return latest?.generation === generation && latest.deletedSeq === 0 ? latest : undefined
  }
}

const noFailure = { failures: 0, retryAtMs: 0, lastError: '' }

const nothingRetired: RetireResult = { removed: 0, retained: 0, prunedThrough: 0, more: false }

/** Between two attempts at a document that does not compact. */
const maxPauseMs = 24 * 60 * 60 * 1000

/** A reason is for a person, who sees it in a table. */
const maxReasonLength = 200
