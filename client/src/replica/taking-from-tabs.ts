import { readUpdate, type DocumentRef, type OpId } from '@holdfast/peer/protocol'
import { isContained } from './contained.js'
import type { ReplicaContext } from './context.js'
import { storedLimits } from './load-document.js'
import { rewriteClients } from './rewrite-clients.js'

/** What another tab of the app holds and this store may lack. */
export interface TabEdit {
  /** Its id, in the words of the tab where it was made. Bytes are bound to it for ever. */
  readonly op: OpId
  readonly document: DocumentRef
  readonly bytes: Uint8Array
  /** It is a state, of whoever wrote what is in it: it is stored under an id of this replica. */
  readonly isState: boolean
}

/**
 * Edits of other tabs take the way of those made here. One that comes again (its answer was lost
 * with the tab that owned the store before) is contained, and makes no row. The caller has its turn.
 */
export async function takeFromTab(
  context: ReplicaContext,
  edits: readonly TabEdit[],
): Promise<void> {
  const { shelf, local, origin, logger } = context
  for (const { op, document, bytes: said, isState } of edits) {
    const loaded = await shelf.load(document.id)
    const bytes = loaded.renamings.reduce(rewriteClients, said)
    const read = readUpdate(bytes, storedLimits)
    if (!read.ok) {
      // Our own code made it, of a Y.Doc that this page holds: nobody can do better with it later.
      logger.error('a tab gave what is no update', { code: read.refusal.code })
      continue
    }
    const coverage = read.value
    const isAlive = document.generation === loaded.document.generation
    // What is typed here and has not left is not durable, and counts as contained.
    loaded.edits?.flush()
    if (isAlive && isContained(loaded.held.doc, coverage)) continue
    if (isState) local.edit(document, bytes, 'upload')
    else local.resume({ op, document, bytes })
    if (isAlive) loaded.held.apply([{ document, bytes, coverage }], origin)
  }
}
