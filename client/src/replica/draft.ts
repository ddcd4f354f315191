import {
  lastGeneration,
  type ArchiveId,
  type Coverage,
  type DocumentId,
  type DocumentRef,
  type ErrorCode,
  type OpId,
} from '@holdfast/peer/protocol'
import type { StoreChange } from '../store/changes.js'
import type { CollectionStore } from '../store/collection-store.js'
import type { Durability } from '../store/driver.js'
import type { AnswerRow, CursorRow, DocumentRow, LogPlace, OpRow } from '../store/kept-rows.js'
import type { Books } from './books.js'
import { opHashOf } from './op-hash.js'
import { isArchived, type OutboxOp } from './outbox.js'

export interface NewOp {
  readonly document: DocumentRef
  readonly kind: OpRow['kind']
  readonly op: OpId
  readonly isOwn: boolean
  readonly bytes: Uint8Array
  readonly dueAtMs: number
  readonly uncovered?: Coverage
}

/**
 * One transaction while it is being thought through. Nothing is changed before `commit`: then first
 * the store, and when that is durable the books, in the order of the calls. Where the store fails,
 * neither is.
 */
export class Draft {
  readonly #store: CollectionStore
  readonly #books: Books
  readonly #changes: StoreChange[] = []
  readonly #rowById = new Map<DocumentId, DocumentRow>()
  readonly #answers = new Map<number, Map<ArchiveId, AnswerRow['outcome']>>()
  readonly #settled = new Set<number>()
  readonly #effects: (() => void)[] = []
  readonly #rows: [DocumentRef, Uint8Array][] = []

  constructor(store: CollectionStore, books: Books) {
    this.#store = store
    this.#books = books
  }

  get isEmpty(): boolean {
    return this.#changes.length === 0 && this.#rowById.size === 0
  }

  // Documents --------------------------------------------------------------------------------------

  /** As this draft leaves it so far. */
  document(id: DocumentId): DocumentRow | undefined {
    return this.#rowById.get(id) ?? this.#books.catalogue.get(id)
  }

  livingGeneration(id: DocumentId): number {
    return this.document(id)?.generation ?? 0
  }

  /** Listed from now on, if it was not. */
  listed(id: DocumentId): DocumentRow {
    const known = this.document(id)
    if (known !== undefined) return known
    const key = this.#store.nextKey('documents')
    const row: DocumentRow = { ...emptyRow, id, generation: 0, key, isDamaged: false }
    this.#rowById.set(id, row)
    return row
  }

  change(id: DocumentId, change: Partial<Omit<DocumentRow, 'key' | 'id'>>): void {
    this.#rowById.set(id, { ...this.listed(id), ...change })
  }

  /** One more update of its living generation. */
  addUpdate(id: DocumentId, bytes: Uint8Array, place?: LogPlace): void {
    const { key: document, rowCount, rowBytes } = this.listed(id)
    const key = this.#store.nextKey('updates')
    this.#changes.push({ kind: 'update', key, document, bytes, place })
    this.#rows.push([{ id, generation: this.livingGeneration(id) }, bytes])
    this.change(id, {
      hasContent: true,
      digest: undefined,
      rowCount: rowCount + 1,
      rowBytes: rowBytes + bytes.byteLength,
    })
  }

  /** One state in the place of all that is stored of it, also of what this draft has added. */
  fold(id: DocumentId, bytes: Uint8Array, digest: DocumentRow['digest']): void {
    const { key: document } = this.listed(id)
    const throughKey = this.#store.lastKey('updates')
    this.#changes.push({ kind: 'snapshot', document, bytes, throughKey })
    this.change(id, {
      hasContent: true,
      digest,
      rowCount: 0,
      rowBytes: 0,
      snapshotBytes: bytes.byteLength,
    })
  }

  /** Its content goes, and `generation` is the one that lives. */
  begin({ id, generation }: DocumentRef): void {
    this.#changes.push({ kind: 'clear', document: this.listed(id).key })
    this.change(id, { ...emptyRow, generation, isDamaged: false })
  }

  quarantine(id: DocumentId, reason: string, bytes: Uint8Array, place: LogPlace | undefined): void {
    const { key: document } = this.listed(id)
    const key = this.#store.nextKey('quarantined')
    this.#changes.push({ kind: 'quarantine', key, document, place, reason, bytes })
    this.change(id, { isDamaged: true, digest: undefined })
  }

  removeUpdate(id: DocumentId, update: number, byteLength: number): void {
    const { rowCount, rowBytes } = this.listed(id)
    this.#changes.push({ kind: 'remove-update', update })
    this.change(id, { rowCount: rowCount - 1, rowBytes: rowBytes - byteLength, digest: undefined })
  }

  removeSnapshot(id: DocumentId): void {
    this.#changes.push({ kind: 'remove-snapshot', document: this.listed(id).key })
    this.change(id, { snapshotBytes: 0, digest: undefined })
  }

  // Ops --------------------------------------------------------------------------------------------

  /** Answers its key. */
  addOp({ document, kind, op, isOwn, bytes, dueAtMs, uncovered }: NewOp): number {
    const row: OpRow = {
      key: this.#store.nextKey('ops'),
      document,
      documentKey: this.listed(document.id).key,
      kind,
      op,
      isOwn,
      hash: kind === 'live' ? opHashOf(op, document, bytes) : undefined,
      byteLength: bytes.byteLength,
    }
    this.#changes.push({ kind: 'op', op: row, bytes })
    this.after(() => this.#books.outbox.add(row, dueAtMs, uncovered))
    return row.key
  }

  /** What an archive says of an op. One that no archive lacks any more is owed no longer. */
  answer(op: OutboxOp, answer: Omit<AnswerRow, 'op'>): void {
    if (this.#settled.has(op.key)) return
    const row: AnswerRow = { ...answer, op: op.key }
    let outcomes = this.#answers.get(op.key)
    if (outcomes === undefined) {
      outcomes = new Map([...op.answers].map(([archive, { outcome }]) => [archive, outcome]))
      this.#answers.set(op.key, outcomes)
    }
    outcomes.set(answer.archive, answer.outcome)
    const archives = new Set([...this.#books.positions.archives, answer.archive])
    const isDone = [...archives].every((archive) => isFinal(outcomes.get(archive)))
    if (isDone) {
      this.settle(op)
      return
    }
    this.#changes.push({ kind: 'answer', answer: row })
    this.after(() => this.#books.outbox.answer(row))
  }

  unanswer({ key }: OutboxOp, archive: ArchiveId): void {
    this.#changes.push({ kind: 'unanswer', op: key, archive })
    this.after(() => this.#books.outbox.unanswer(key, archive))
  }

  settle({ key }: OutboxOp): void {
    if (this.#settled.has(key)) return
    this.#settled.add(key)
    this.#changes.push({ kind: 'settle', op: key })
    this.after(() => this.#books.outbox.remove(key))
  }

  // What is set aside, and where the logs stand ----------------------------------------------------

  /** Its bytes are kept for whoever asks for them. */
  keepOp({ key: op, isOwn, document }: OutboxOp, code: ErrorCode, atMs: number): void {
    const key = this.#store.nextKey('kept')
    this.#changes.push({ kind: 'keep-op', key, op, code, atMs })
    if (isOwn) this.after(() => this.#countKept(document.id))
  }

  keep({ id, generation }: DocumentRef, code: ErrorCode, atMs: number, bytes: Uint8Array): void {
    const key = this.#store.nextKey('kept')
    const document = this.listed(id).key
    this.#changes.push({ kind: 'keep', key, document, generation, code, atMs, bytes })
    this.after(() => this.#countKept(id))
  }

  setCursor(cursor: CursorRow): void {
    this.#changes.push({ kind: 'cursor', cursor })
    this.after(() => this.#books.positions.set(cursor))
  }

  /** The log of this archive is taken in from the start again. */
  restartCursor(archive: ArchiveId): void {
    const position = this.#books.positions.get(archive)
    if (position === undefined) return
    const { cursor, isCompared } = position
    this.setCursor({ ...cursor, seq: 0, isWhole: false, isCompared })
    this.after(() => this.#books.positions.onRestarted.tell(archive))
  }

  /** It is met no more: what only it has not answered is owed no longer. */
  forgetArchive(archive: ArchiveId): void {
    const { outbox, positions } = this.#books
    const others = positions.archives.filter((other) => other !== archive)
    for (const op of outbox.all()) {
      const isDone = others.every((other) => isFinal(op.answers.get(other)?.outcome))
      if (others.length > 0 && isDone) this.settle(op)
    }
    this.#changes.push({ kind: 'forget-archive', archive })
    this.after(() => positions.forget(archive))
  }

  setLastSeq(id: DocumentId, archive: ArchiveId, seq: number): void {
    const document = this.listed(id).key
    this.#changes.push({ kind: 'place', document, archive, seq })
    this.after(() => this.#books.positions.setLastSeq(archive, id, seq))
  }

  add(change: StoreChange | undefined): void {
    if (change !== undefined) this.#changes.push(change)
  }

  // ------------------------------------------------------------------------------------------------

  /** Runs once the transaction is durable, before `commit` resolves. */
  after(effect: () => void): void {
    this.#effects.push(effect)
  }

  async commit(durability: Durability): Promise<void> {
    const documents = [...this.#rowById.values()]
    const listing = documents.map((document) => ({ kind: 'document', document }) as const)
    await this.#store.commit([...listing, ...this.#changes], durability)
    for (const document of documents) this.#books.catalogue.set(document)
    for (const effect of this.#effects) effect()
    for (const [document, bytes] of this.#rows) this.#books.onRow.tell(document, bytes)
  }

  #countKept(id: DocumentId): void {
    const { keptById } = this.#books
    keptById.set(id, (keptById.get(id) ?? 0) + 1)
  }
}

/**
 * Ends a generation: its content goes. What was edited in it and no archive has is kept aside, except
 * where the deletion is our own: then it was edited before, and archives get both in that order.
 */
export function endGeneration(
  draft: Draft,
  books: Books,
  document: DocumentRef,
  by: 'us' | 'others',
  atMs: number,
  refused: (op: OutboxOp) => void,
): void {
  const { id, generation } = document
  if (draft.livingGeneration(id) > generation || generation >= lastGeneration) return
  draft.begin({ id, generation: generation + 1 })
  if (by === 'us') return
  for (const op of books.outbox.ofDocument(id)) {
    if (op.document.generation > generation || op.kind === 'tombstone' || isArchived(op)) continue
    draft.keepOp(op, 'document-deleted', atMs)
    draft.settle(op)
    if (op.isOwn) draft.after(() => refused(op))
  }
}

function isFinal(outcome: AnswerRow['outcome'] | undefined): boolean {
  return outcome === 'passed' || outcome === 'refused'
}

const emptyRow = {
  hasContent: false,
  digest: undefined,
  rowCount: 0,
  rowBytes: 0,
  snapshotBytes: 0,
} as const
