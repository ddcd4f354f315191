import type { DocumentId } from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import type { ReplicaContext } from './context.js'
import { Draft } from './draft.js'

/**
 * Folds a document's updates into one state, so that opening it costs what it is, and not what was
 * typed. The caller has its turn. What is edited and not stored yet is part of the state, so it is
 * stored in the same transaction: content without its debt would never reach an archive.
 *
 * False: there was nothing to fold, or the document is not what its rows say.
 */
export async function foldDocument(context: ReplicaContext, id: DocumentId): Promise<boolean> {
  const { store, books, shelf, local } = context
  const before = books.catalogue.get(id)
  if (before === undefined || before.rowCount === 0) return false
  const loaded = await shelf.load(id)
  const row = books.catalogue.get(id)
  // Rows that are held back, or that were set aside just now, are not in the Y.Doc.
  if (row === undefined || row.rowCount === 0 || !loaded.held.isAllInDoc) return false
  if (loaded.document.generation !== row.generation) return false
  loaded.edits?.flush()
  const draft = new Draft(store, books)
  local.stage(draft)
  if (draft.livingGeneration(id) === loaded.document.generation) {
    draft.fold(id, Y.encodeStateAsUpdate(loaded.held.doc), loaded.held.digest)
  }
  await draft.commit('strict')
  loaded.sizeBytes = books.catalogue.get(id)?.snapshotBytes ?? 0
  return true
}
