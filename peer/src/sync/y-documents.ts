import * as Y from 'yjs'
import type { Clock, Logger, Undo } from '../ports/index.js'
import {
  isEmpty,
  lastGeneration,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
  type OpId,
} from '../protocol/index.js'
import type { Documents, Holding, LocalOp, Outcome, Position, Received } from './documents.js'
import { Edits } from './edits.js'
import { HeldDocument } from './held-document.js'
import { syncBounds as bounds } from './limits.js'
import { Listeners } from './listeners.js'

export interface YDocumentsOptions {
  /** Whose ops the local edits become. */
  readonly instance: InstanceId
  readonly clock: Clock
  readonly logger: Logger
  /**
   * A Y.Doc for a document that neighbours hold and nobody here has opened. Without it, or with
   * undefined, the document is left to the others. At most 65,536 are asked for.
   */
  readonly createDoc?: (document: DocumentRef) => Y.Doc | undefined
  /** Where the documents stand in an archive's log, for whoever follows one. */
  readonly position?: () => Position | undefined
}

/**
 * Documents that live in given Y.Docs, in memory. Whoever opens one keeps it: closing ends the
 * syncing and leaves the Y.Doc as it is.
 *
 * Every change of a Y.Doc that does not come through here is a local edit, and becomes an op.
 */
export class YDocuments implements Documents {
  /** The origin of transactions that bring what neighbours sent. */
  readonly origin: object = { name: 'holdfast' }
  readonly #options: YDocumentsOptions
  readonly #heldById = new Map<DocumentId, Open>()
  /** The first generation that has not ended, where one has. */
  readonly #livingById = new Map<DocumentId, number>()
  readonly #onOp = new Listeners<[LocalOp]>()
  readonly #onChange = new Listeners<[DocumentId]>()
  readonly #onDamaged = new Listeners<[DocumentRef, unknown]>()
  readonly #onEnded = new Listeners<[DocumentRef]>()
  #created = 0
  #n = 0

  constructor(options: YDocumentsOptions) {
    this.#options = options
  }

  /**
   * Takes part in a document from now on; what the Y.Doc holds already is offered to the
   * neighbours. Opening what is open puts the new Y.Doc in the place of the old one: so a damaged
   * document is repaired.
   */
  open(id: DocumentId, doc: Y.Doc): DocumentRef {
    this.close(id)
    const document = { id, generation: this.#livingById.get(id) ?? 0 }
    const { clock, logger } = this.#options
    const held = new HeldDocument(document, doc, clock, logger)
    const edits = new Edits(clock, (bytes) => {
      this.#onOp.tell({ kind: 'update', op: this.#nextOp(), document, bytes })
    })
    const heard = (bytes: Uint8Array): void => {
      held.changed()
      this.#onChange.tell(id)
      edits.add(bytes)
    }
    // Yjs encodes what a transaction brought wherever somebody listens, also what came from here.
    const ending = ({ origin }: Y.Transaction): void => {
      if (origin === this.origin) doc.off('update', heard)
      else doc.on('update', heard)
    }
    doc.on('afterTransactionCleanup', ending)
    const stop = (): void => {
      doc.off('afterTransactionCleanup', ending)
      doc.off('update', heard)
    }
    this.#heldById.set(id, { held, edits, stop })
    this.#onChange.tell(id)
    return document
  }

  /** Ends syncing this document; edits made so far are still spread. Idempotent. */
  close(id: DocumentId): void {
    const open = this.#heldById.get(id)
    if (open === undefined) return
    open.edits.flush()
    open.stop()
    this.#heldById.delete(id)
    this.#onChange.tell(id)
  }

  /** Closes every document. Idempotent. */
  closeAll(): void {
    for (const id of this.#heldById.keys()) this.close(id)
  }

  /** The Y.Doc of an open document, also of one that was created because neighbours hold it. */
  docOf(id: DocumentId): Y.Doc | undefined {
    return this.#heldById.get(id)?.held.doc
  }

  /** Deletes a document for everybody: its generation ends. Its Y.Doc is left as it is. */
  delete(id: DocumentId): void {
    const document = this.#heldById.get(id)?.held.document ?? {
      id,
      generation: this.#livingById.get(id) ?? 0,
    }
    if (this.end(document)) this.#onOp.tell({ kind: 'tombstone', op: this.#nextOp(), document })
  }

  /** Applying threw half-way: the Y.Doc cannot be trusted. Load it anew and `open` it again. */
  onDamaged(listener: (document: DocumentRef, cause: unknown) => void): Undo {
    return this.#onDamaged.add(listener)
  }

  /** Somebody has deleted a document that was open here. */
  onEnded(listener: (document: DocumentRef) => void): Undo {
    return this.#onEnded.add(listener)
  }

  *list(): Iterable<Holding> {
    for (const { held } of this.#heldById.values()) yield holdingOf(held)
    for (const [id, generation] of this.#livingById) {
      if (!this.#heldById.has(id)) yield { document: { id, generation }, hasContent: false }
    }
  }

  holding(id: DocumentId): Holding | undefined {
    const open = this.#heldById.get(id)
    if (open !== undefined) return holdingOf(open.held)
    const generation = this.#livingById.get(id)
    return generation === undefined
      ? undefined
      : { document: { id, generation }, hasContent: false }
  }

  accepts({ id, generation }: DocumentRef): boolean {
    const open = this.#heldById.get(id)
    if (open !== undefined) return open.held.document.generation <= generation
    return (
      this.#options.createDoc !== undefined &&
      this.#created < bounds.maxDocuments &&
      generation >= (this.#livingById.get(id) ?? 0)
    )
  }

  stateVector(document: DocumentRef): Promise<Uint8Array | undefined> {
    const held = this.#heldOf(document)
    return Promise.resolve(held === undefined ? undefined : Y.encodeStateVector(held.doc))
  }

  difference(document: DocumentRef, stateVector: Uint8Array): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#heldOf(document)?.difference(stateVector))
  }

  receive(batch: readonly Received[]): Promise<readonly Outcome[]> {
    const partsByHeld = new Map<HeldDocument, Received[]>()
    const held = batch.map((received) => this.#heldOrCreated(received))
    for (const [at, received] of batch.entries()) {
      const target = held[at]
      if (target === undefined) continue
      const parts = partsByHeld.get(target)
      if (parts === undefined) partsByHeld.set(target, [received])
      else parts.push(received)
    }
    const outcomeByHeld = new Map<HeldDocument, Outcome>()
    for (const [target, parts] of partsByHeld) outcomeByHeld.set(target, this.#apply(target, parts))
    return Promise.resolve(
      batch.map(({ document, coverage }, at) => {
        const target = held[at]
        const outcome = target === undefined ? undefined : outcomeByHeld.get(target)
        if (outcome !== undefined) return outcome
        return isEmpty(coverage) ? { kind: 'whole' } : this.#outcomeOfUnheld(document)
      }),
    )
  }

  end({ id, generation }: DocumentRef): boolean {
    if ((this.#livingById.get(id) ?? 0) > generation || generation >= lastGeneration) return false
    if (!this.#livingById.has(id) && this.#livingById.size >= bounds.maxDocuments) return false
    const open = this.#heldById.get(id)
    if (open !== undefined) {
      // What was typed and has not left is a late edit now.
      open.stop()
      this.#heldById.delete(id)
      open.edits.drop()
    }
    this.#livingById.set(id, generation + 1)
    this.#onChange.tell(id)
    if (open !== undefined) this.#onEnded.tell(open.held.document)
    return true
  }

  onOp(listener: (op: LocalOp) => void): Undo {
    return this.#onOp.add(listener)
  }

  onChange(listener: (id: DocumentId) => void): Undo {
    return this.#onChange.add(listener)
  }

  position(): Position | undefined {
    return this.#options.position?.()
  }

  #apply(held: HeldDocument, parts: readonly Received[]): Outcome {
    const wasDamaged = held.damage !== undefined
    const kind = held.apply(parts, this.origin)
    this.#onChange.tell(held.document.id)
    if (kind !== 'damaged') return { kind }
    if (!wasDamaged) {
      this.#options.logger.error('a document is damaged', { error: String(held.damage) })
      this.#onDamaged.tell(held.document, held.damage)
    }
    return { kind: 'refused', code: 'unavailable' }
  }

  #outcomeOfUnheld({ id, generation }: DocumentRef): Outcome {
    const isEnded = generation < (this.#livingById.get(id) ?? 0)
    return isEnded ? { kind: 'refused', code: 'document-deleted' } : { kind: 'elsewhere' }
  }

  #heldOf({ id, generation }: DocumentRef): HeldDocument | undefined {
    const held = this.#heldById.get(id)?.held
    return held?.document.generation === generation && held.damage === undefined ? held : undefined
  }

  #heldOrCreated({ document, coverage }: Received): HeldDocument | undefined {
    const { id, generation } = document
    const held = this.#heldById.get(id)?.held
    if (held !== undefined) return held.document.generation === generation ? held : undefined
    if (isEmpty(coverage)) return undefined
    if (generation !== (this.#livingById.get(id) ?? 0) || !this.accepts(document)) return undefined
    const doc = this.#createdFor(document)
    if (doc === undefined) return undefined
    this.#created++
    this.open(id, doc)
    return this.#heldById.get(id)?.held
  }

  #createdFor(document: DocumentRef): Y.Doc | undefined {
    const { createDoc, logger } = this.#options
    try {
      return createDoc?.(document)
    } catch (error) {
      logger.error('createDoc threw', { error: String(error) })
      return undefined
    }
  }

  #nextOp(): OpId {
    return { instance: this.#options.instance, n: ++this.#n }
  }
}

interface Open {
  readonly held: HeldDocument
  readonly edits: Edits
  readonly stop: () => void
}

function holdingOf(held: HeldDocument): Holding {
  const { document, digest } = held
  return { document, hasContent: true, ...(digest === undefined ? {} : { digest }) }
}
