/**
 * What the parts of a replica say when something has happened, and who has to hear of it: those who
 * wait, the mesh, the archives, the open documents, the application.
 */
import type { LocalOp } from '@holdfast/peer'
import type { DocumentId, DocumentRef, ErrorCode, OpId } from '@holdfast/peer/protocol'
import { ClientError } from '../errors.js'
import type { ReplicaNews } from './context.js'
import type { Folds } from './folds.js'
import type { MeshDocuments } from './mesh-documents.js'
import type { OpenDocuments } from './open-documents.js'
import type { OwedTimer } from './owed-timer.js'
import type { Shelf } from './shelf.js'
import type { Telling } from './telling.js'
import type { ArchiveWaiters } from './waiters.js'

interface Hearers {
  readonly shelf: Shelf
  readonly mesh: MeshDocuments
  readonly open: OpenDocuments
  readonly waiters: ArchiveWaiters
  readonly telling: Telling
  readonly folds: Folds
  readonly owed: OwedTimer
}

export class Happenings implements ReplicaNews {
  readonly #hearers: () => Hearers
  readonly #isClosing: () => boolean

  /** @param hearers are made with this one: nothing happens before all of them are there */
  constructor(hearers: () => Hearers, isClosing: () => boolean) {
    this.#hearers = hearers
    this.#isClosing = isClosing
  }

  changed(id: DocumentId): void {
    const { telling, mesh } = this.#hearers()
    telling.touch(id)
    telling.guarded('a change', () => mesh.tellChange(id))
  }

  /** An op is durable. Those of others are not told as ours. */
  saved(op: LocalOp, isOwn: boolean): void {
    const { telling, mesh } = this.#hearers()
    telling.guarded('an op', () => {
      if (isOwn) mesh.tellOp(op)
      mesh.tellChange(op.document.id)
    })
  }

  owed(atMs: number): void {
    if (!this.#isClosing()) this.#hearers().owed.owedAt(atMs)
  }

  archived(_op: OpId, document: DocumentRef): void {
    this.#hearers().telling.touch(document.id)
  }

  refused(op: OpId, document: DocumentRef, code: ErrorCode): void {
    const { waiters, telling } = this.#hearers()
    const text = `the archive refuses an edit: ${code}`
    waiters.refused(op, new ClientError('refused', text, { wireCode: code }))
    telling.event({ kind: 'refused', document, op, code })
    telling.touch(document.id)
  }

  renamed(from: OpId, to: OpId, key: number): void {
    this.#hearers().waiters.renamed(from, to, key)
  }

  damaged(document: DocumentRef, reason: string): void {
    const { telling } = this.#hearers()
    telling.event({ kind: 'damaged', document, reason })
    telling.touch(document.id)
  }

  ended(document: DocumentRef): void {
    const { shelf, open, telling } = this.#hearers()
    const loaded = shelf.get(document.id)
    if (loaded !== undefined && loaded.document.generation <= document.generation) {
      shelf.drop(document.id)
    }
    open.ended(document)
    telling.event({ kind: 'ended', document })
    this.changed(document.id)
  }

  ripe(id: DocumentId): void {
    this.#hearers().folds.foldSoon(id)
  }

  /** Writing fails, or (undefined) works again. */
  failing(error: ClientError | undefined): void {
    const { telling } = this.#hearers()
    telling.event(error === undefined ? { kind: 'recovered' } : { kind: 'failing', cause: error })
  }
}
