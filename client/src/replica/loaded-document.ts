import type { HeldDocument } from '@holdfast/peer'
import type { DocumentRef } from '@holdfast/peer/protocol'
import type * as Y from 'yjs'
import type { GatheredEdits } from './gathered-edits.js'
import type { Renaming } from './rewrite-clients.js'

/** A document in memory: open for the application, or idle, for digests and differences. */
export interface LoadedDocument {
  readonly document: DocumentRef
  readonly held: HeldDocument
  /** What it takes in the store, about. */
  sizeBytes: number
  /** How many have it open. */
  openCount: number
  /** While it is open: what the application edits. */
  edits: GatheredEdits | undefined
  /** Names that its clients have by now elsewhere, once another document has taken its place. */
  renamings: readonly Renaming[]
}

/** Something to say of the document: an item, a deletion, or what waits for its predecessors. */
export function hasContent({ store }: Y.Doc): boolean {
  return store.clients.size > 0 || store.pendingStructs !== null || store.pendingDs !== null
}
