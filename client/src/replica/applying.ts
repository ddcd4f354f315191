import type { Coverage, DocumentId, DocumentRef } from '@holdfast/peer/protocol'
import type { ReplicaContext } from './context.js'
import { replicaBounds as bounds } from './limits.js'

/** Bytes that the bounded reader has accepted. */
export interface Part {
  readonly document: DocumentRef
  readonly bytes: Uint8Array
  readonly coverage: Coverage
}

/**
 * Brings what has just become durable into the documents that are in memory; those that are not read
 * it from the store when they are needed. A document that throws is loaded anew: what threw is found
 * and set aside. Answers for which documents something was.
 */
export async function applyDurable(
  context: ReplicaContext,
  parts: readonly Part[],
): Promise<ReadonlySet<DocumentId>> {
  const partsById = new Map<DocumentId, Part[]>()
  for (const part of parts) {
    const some = partsById.get(part.document.id)
    if (some === undefined) partsById.set(part.document.id, [part])
    else some.push(part)
  }
  const damaged = new Set<DocumentId>()
  for (const [id, some] of partsById) {
    if (await isHurtBy(context, id, some)) damaged.add(id)
    noteGrown(context, id)
    context.news.changed(id)
  }
  return damaged
}

async function isHurtBy(
  context: ReplicaContext,
  id: DocumentId,
  parts: readonly Part[],
): Promise<boolean> {
  const { shelf, books, origin } = context
  const loaded = shelf.get(id)
  if (loaded === undefined) return false
  const living = parts.filter(({ document }) => {
    return document.generation === loaded.document.generation
  })
  if (loaded.held.apply(living, origin) !== 'damaged') return false
  const wasDamaged = books.catalogue.get(id)?.isDamaged === true
  await shelf.reload(id)
  return !wasDamaged && books.catalogue.get(id)?.isDamaged === true
}

/** Many small updates make a document slow to open: it is folded when there are too many. */
export function noteGrown({ books, news }: ReplicaContext, id: DocumentId): void {
  const row = books.catalogue.get(id)
  if (row === undefined) return
  const isMany = row.rowCount >= bounds.foldRows || row.rowBytes >= bounds.foldBytes
  const isMuch = row.rowBytes >= row.snapshotBytes * bounds.foldShare
  if ((isMany && isMuch) || row.rowCount >= bounds.maxRows) news.ripe(id)
}
