/** How documents stand: what of them is not as safe as it will be, and what they lack. */
import type { DocumentId } from '@holdfast/peer/protocol'
import type { Pending } from '../api.js'
import type { ReplicaContext } from './context.js'
import type { OpenDocument, OpenDocumentState } from './open-document.js'

/** Edits that are not as safe as they will be; of one document, or of all. */
export function pendingOf(
  { local, store, books }: ReplicaContext,
  open: Iterable<OpenDocument>,
  id?: DocumentId,
): Pending {
  const waiting = id === undefined ? local.waitingCount : local.waitingOf(id)
  let gathering = 0
  for (const one of open) {
    if ((id === undefined || one.id === id) && one.loaded.edits?.isWaiting === true) gathering++
  }
  const saved = books.outbox.unarchived(id)
  let refused = 0
  if (id !== undefined) refused = books.keptById.get(id) ?? 0
  else for (const count of books.keptById.values()) refused += count
  const inMemory = waiting + gathering
  return store.isDurable
    ? { local: inMemory, saved, refused }
    : { local: inMemory + saved, saved: 0, refused }
}

export interface Standing {
  readonly id: DocumentId
  readonly isDeleted: boolean
  /** Nothing that it builds upon is missing. */
  readonly isWhole: boolean
}

export function stateOf(
  { store, books }: ReplicaContext,
  { id, isDeleted, isWhole }: Standing,
  pending: Pending,
): OpenDocumentState {
  const safest = books.positions.isCompared ? 'archived' : store.isDurable ? 'saved' : 'local'
  const safety = pending.local > 0 ? 'local' : pending.saved > 0 ? 'saved' : safest
  return {
    safety,
    pending,
    isGapped: !isWhole,
    isDamaged: books.catalogue.get(id)?.isDamaged === true,
    isDeleted,
  }
}

/** Whether there is anything in it; of all: in any of them. */
export function holdsContent({ books }: ReplicaContext, id: DocumentId | undefined): boolean {
  if (id !== undefined) return books.catalogue.get(id)?.hasContent === true
  for (const { hasContent } of books.catalogue.all()) if (hasContent) return true
  return false
}
