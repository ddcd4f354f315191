import type { Documents, Holding, LocalOp, Outcome, Position, Received } from '@holdfast/peer'
import { Listeners } from '@holdfast/peer'
import type { Undo } from '@holdfast/peer/ports'
import {
  lastGeneration,
  type ArchiveId,
  type DocumentId,
  type DocumentRef,
} from '@holdfast/peer/protocol'
import type { ReplicaContext } from './context.js'
import type { Digester } from './digester.js'
import { replicaBounds as bounds } from './limits.js'
import { hasContent, type LoadedDocument } from './loaded-document.js'
import { readDifference, readStateVectorOf } from './reading.js'
import { receiveAll } from './receiving.js'

/** A replica as the mesh sees it. */
export class MeshDocuments implements Documents {
  readonly #context: ReplicaContext
  readonly #digester: Digester
  readonly #isOwn: (received: Received) => boolean
  readonly #onOp = new Listeners<[LocalOp]>()
  readonly #onChange = new Listeners<[DocumentId]>()

  constructor(context: ReplicaContext, digester: Digester, isOwn: (received: Received) => boolean) {
    this.#context = context
    this.#digester = digester
    this.#isOwn = isOwn
  }

  *list(): Iterable<Holding> {
    const { books, shelf } = this.#context
    for (const { id } of books.catalogue.all()) {
      const holding = this.holding(id)
      if (holding !== undefined) yield holding
    }
    for (const { document } of shelf.all()) {
      if (books.catalogue.get(document.id) !== undefined) continue
      const holding = this.holding(document.id)
      if (holding !== undefined) yield holding
    }
  }

  holding(id: DocumentId): Holding | undefined {
    const { books, shelf, local } = this.#context
    const row = books.catalogue.get(id)
    const generation = local.livingGeneration(id)
    const document = { id, generation }
    const loaded = shelf.get(id)
    if (loaded?.document.generation === generation && holdsAnything(loaded)) {
      const { digest } = loaded.held
      return { document, hasContent: true, ...(digest === undefined ? {} : { digest }) }
    }
    if (row?.generation === generation && row.hasContent) {
      if (row.digest !== undefined) return { document, hasContent: true, digest: row.digest }
      this.#digester.want(id)
      return { document, hasContent: true }
    }
    return generation > 0 ? { document, hasContent: false } : undefined
  }

  accepts({ id, generation }: DocumentRef): boolean {
    const { books, local } = this.#context
    if (generation < local.livingGeneration(id)) return false
    return books.catalogue.get(id) !== undefined || books.catalogue.size < bounds.maxDocuments
  }

  stateVector(document: DocumentRef): Promise<Uint8Array | undefined> {
    return readStateVectorOf(this.#context, document)
  }

  difference(document: DocumentRef, stateVector: Uint8Array): Promise<Uint8Array | undefined> {
    return readDifference(this.#context, document, stateVector)
  }

  async receive(batch: readonly Received[]): Promise<readonly Outcome[]> {
    const { serial, logger } = this.#context
    try {
      return await serial.run(() =>
        receiveAll(this.#context, batch, { from: 'mesh', isOwn: this.#isOwn }),
      )
    } catch (error) {
      logger.error('what neighbours sent could not be stored', { error: String(error) })
      return batch.map(() => ({ kind: 'refused', code: 'storage-failed' }))
    }
  }

  end(document: DocumentRef): boolean {
    const { local } = this.#context
    if (local.livingGeneration(document.id) > document.generation) return false
    if (!this.accepts(document) || document.generation >= lastGeneration) return false
    local.end(document, false)
    this.tellChange(document.id)
    return true
  }

  onOp(listener: (op: LocalOp) => void): Undo {
    return this.#onOp.add(listener)
  }

  onChange(listener: (id: DocumentId) => void): Undo {
    return this.#onChange.add(listener)
  }

  position(): Position | undefined {
    const { books } = this.#context
    const position = books.positions.comparable
    if (position === undefined) return undefined
    const { cursor } = position
    return {
      cursor,
      dirty: () => this.#dirty(cursor.archive),
      after: (seq) => books.positions.beyond(cursor.archive, seq),
    }
  }

  tellOp(op: LocalOp): void {
    this.#onOp.tell(op)
  }

  tellChange(id: DocumentId): void {
    this.#digester.changed(id)
    this.#onChange.tell(id)
  }

  close(): void {
    this.#onOp.clear()
    this.#onChange.clear()
  }

  /**
   * Whatever the cursor of this archive has not passed: ops stay until it has, whatever has been
   * answered. And what is not whole, or not stored yet.
   */
  *#dirty(archive: ArchiveId): Iterable<DocumentId> {
    const { books, shelf } = this.#context
    const told = new Set<DocumentId>()
    for (const id of books.outbox.documents()) {
      const isDirty = books.outbox
        .ofDocument(id)
        .some(({ answers }) => answers.get(archive)?.outcome !== 'passed')
      if (isDirty) told.add(id)
    }
    for (const { document, held, edits } of shelf.all()) {
      const isUnsaved = this.#context.local.waitingOf(document.id) > 0 || edits?.isWaiting === true
      if (isUnsaved || !held.isWhole) told.add(document.id)
    }
    for (const { id, isDamaged } of books.catalogue.all()) if (isDamaged) told.add(id)
    yield* told
  }
}

function holdsAnything({ held }: LoadedDocument): boolean {
  return hasContent(held.doc) || !held.isAllInDoc
}
