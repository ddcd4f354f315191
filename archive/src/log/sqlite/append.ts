import type { CollectionName, DocumentRef } from '@holdfast/peer/protocol'
import type { AppendDecision, KnownOp, Ledger, NewEntry } from '../append/index.js'
import type { AppendOp, AppendOutcome, DeleteOutcome, GapChange } from '../port.js'
import type { CollectionRecord } from './collections.js'
import type { DocumentRow } from './document-row.js'
import { entryKind, noBytes } from './entries.js'
import { noteGap } from './gap.js'
import type { Store } from './store.js'

/** What goes into a group: everything that makes an entry. */
export type GroupItem = AppendOp | DeleteItem

export interface DeleteItem {
  readonly kind: 'delete'
  readonly collection: CollectionName
  readonly document: DocumentRef
}

export type MoreItems = () => readonly GroupItem[] | undefined

/**
 * A larger group saves nothing more (from 64 on, an fsync costs less than the rows), and everybody in
 * it waits for all of it: 4,096 small rows take about 40 ms.
 */
export const maxGroupItems = 4_096

const nothingMore: MoreItems = () => undefined

export interface GroupResult {
  /** In the order of the items. */
  readonly outcomes: readonly (AppendOutcome | DeleteOutcome)[]
  readonly gaps: readonly GapChange[]
}

/**
 * Writes one group: all of its items in one transaction, or, if it throws, none. The transaction
 * begins with the first item that has to be written, so that a group of what is known already costs
 * no write at all.
 */
export class GroupWriter {
  readonly #store: Store
  readonly #ledger: Ledger
  /** Whose gap this group may have changed, by collection. */
  readonly #gapTouched = new Map<DocumentRow, CollectionName>()
  readonly #checkpointsDue = new Map<DocumentRow, CollectionName>()
  #nowMs = 0

  constructor(store: Store, ledger: Ledger) {
    this.#store = store
    this.#ledger = ledger
  }

  /** `more` is asked, until it has nothing, for what has come meanwhile and may join the group. */
  write(items: readonly GroupItem[], nowMs: number, more: MoreItems = nothingMore): GroupResult {
    this.#store.refresh()
    this.#nowMs = nowMs
    try {
      const outcomes: (AppendOutcome | DeleteOutcome)[] = []
      for (let part: readonly GroupItem[] | undefined = items; part !== undefined; part = more()) {
        for (const item of part) {
          outcomes.push(item.kind === 'delete' ? this.#delete(item) : this.#append(item))
        }
      }
      const gaps = this.#ledger.finish()
      if (this.#store.isWriting) {
        this.#complete()
        this.#store.commit()
      }
      this.#ledger.commit()
      return { outcomes, gaps }
    } catch (error) {
      this.#ledger.rollback()
      this.#store.abort()
      throw error
    } finally {
      this.#gapTouched.clear()
      this.#checkpointsDue.clear()
    }
  }

  #append(op: AppendOp): AppendOutcome {
    const decision = this.#ledger.append(op)
    const { outcome, row, remember, authored, setAside } = decision
    if (row !== undefined) this.#addRow(op, row, outcome.status === 'committed' && outcome.gapped)
    if (remember !== undefined && row === undefined) this.#remember(op, remember)
    if (authored !== undefined && authored.length > 0) this.#addAuthors(op, authored)
    if (setAside !== undefined) this.#setAside(op, setAside)
    return outcome
  }

  #addRow(
    { collection: name, document: ref, kind, id, bytes }: AppendOp,
    entry: NewEntry,
    isGapped: boolean,
  ): void {
    const { totals, documents, producers, entryWriter, filing, checkpoints } = this.#store
    this.#store.begin()
    const { row: sums } = totals
    const { collection, document } = this.#enter(name, ref, entry)
    let producerId = 0
    let n = 0
    if (kind === 'live' && id !== undefined) {
      const producer = producers.findOrInsert(collection.id, id.instance, this.#nowMs)
      if (id.n > producer.highestN) producer.highestN = id.n
      producerId = producer.id
      n = id.n
    }
    const entryId = ++sums.lastEntry
    const { seq } = entry
    entryWriter.insert(
      entryId,
      collection.id,
      seq,
      document.id,
      entryKind.row,
      this.#nowMs,
      producerId,
      n,
      bytes,
    )
    filing.add(entryId, document.id, seq, producerId, n, this.#nowMs)

    if (document.tailRows === 0) {
      document.tailSinceMs = this.#nowMs
      documents.change(document)
    }
    document.tailRows++
    document.tailBytes += bytes.length
    sums.rows++
    sums.rowBytes += bytes.length
    if (isGapped || document.gappedSinceMs > 0) this.#gapTouched.set(document, name)
    if (checkpoints.added(document.id)) this.#checkpointsDue.set(document, name)
  }

  /** What the group as a whole changes, once all of its items are known. */
  #complete(): void {
    const { documents, checkpoints, totals } = this.#store
    for (const [document, collection] of this.#gapTouched) {
      const state = this.#ledger.document(collection, document.name)
      if (state === undefined) continue
      noteGap(document, state, totals.row, this.#nowMs)
      documents.change(document)
    }
    for (const [document, collection] of this.#checkpointsDue) {
      const state = this.#ledger.document(collection, document.name)
      if (state?.ref.generation === document.generation) checkpoints.save(document.id, state)
    }
  }

  /** The records of an entry's collection and document, with what every entry changes in them. */
  #enter(name: CollectionName, ref: DocumentRef, { seq, startsDocument }: NewEntry): Entered {
    const { collections, documents, totals } = this.#store
    const collection = collections.forEntry(name)
    collection.head = seq
    if (startsDocument) {
      collection.documents++
      totals.row.documents++
    }
    const document = startsDocument
      ? documents.insert(collection.id, ref)
      : documents.find(collection.id, ref)
    if (document === undefined) throw new Error('the ledger knows a document that is not stored')
    document.lastSeq = seq
    documents.grow(document)
    return { collection, document }
  }

  /** An op whose bytes were contained already: only its answer is new. */
  #remember({ collection: name, document: ref, id }: AppendOp, { seq, hash }: KnownOp): void {
    if (id === undefined) return
    this.#store.begin()
    const { collection, document } = this.#existing(name, ref)
    const { producers, ops } = this.#store
    const producer = producers.findOrInsert(collection.id, id.instance, this.#nowMs)
    producers.raise(producer, id.n, this.#nowMs)
    ops.remember(producer.id, id.n, document.id, seq, hash)
  }

  #addAuthors({ collection, document, id }: AppendOp, clients: readonly number[]): void {
    if (id === undefined) return
    this.#store.begin()
    const row = this.#existing(collection, document).document
    for (const client of clients) this.#store.authors.add(row.id, client, id.instance)
  }

  #setAside(op: AppendOp, { reason, hash }: NonNullable<AppendDecision['setAside']>): void {
    const { collections, quarantine } = this.#store
    const collection = collections.byName(op.collection)
    // Only what conflicts with something stored is set aside, so its collection is stored, too.
    if (collection === undefined) throw new Error('set aside in a collection that is not stored')
    this.#store.begin()
    const { document, id, bytes } = op
    quarantine.add(
      { collection: collection.id, document, reason, hash, bytes, ...(id && { id }) },
      this.#nowMs,
    )
  }

  #delete({ collection: name, document: ref }: DeleteItem): DeleteOutcome {
    const before = this.#ledger.document(name, ref.id)
    const { outcome, tombstone, superseded } = this.#ledger.delete(name, ref)
    if (tombstone === undefined) return outcome
    const { totals, entryWriter, filing, authors } = this.#store
    this.#store.begin()
    const earlier = superseded && this.#existing(name, superseded).document
    const { collection, document } = this.#enter(name, ref, tombstone)
    const ended = earlier ?? document
    if (before !== undefined && before.ref.generation === ended.generation) {
      authors.end(ended.id, before.clients)
    }
    for (const one of new Set([ended, document])) this.#end(name, one, tombstone.seq)

    const entryId = ++totals.row.lastEntry
    entryWriter.insert(
      entryId,
      collection.id,
      tombstone.seq,
      document.id,
      entryKind.tombstone,
      this.#nowMs,
      0,
      0,
      noBytes,
    )
    filing.add(entryId, document.id, tombstone.seq, 0, 0, this.#nowMs)
    return outcome
  }

  #end(collection: CollectionName, document: DocumentRow, seq: number): void {
    document.deletedSeq = seq
    document.lastSeq = seq
    this.#gapTouched.set(document, collection)
    this.#store.documents.change(document)
  }

  #existing(name: CollectionName, ref: DocumentRef): Entered {
    const collection = this.#store.collections.byName(name)
    const document = collection && this.#store.documents.find(collection.id, ref)
    if (collection === undefined || document === undefined) {
      throw new Error('the ledger knows a document that is not stored')
    }
    return { collection, document }
  }
}

interface Entered {
  readonly collection: CollectionRecord
  readonly document: DocumentRow
}
