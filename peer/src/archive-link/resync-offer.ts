/** What one who may not write holds and an archive does not: said, for an administrator to accept. */
import { messageBounds, type Digest, type DocumentRef } from '../protocol/index.js'
import { ask, type SessionContext } from './context.js'
import type { HeldDocument } from './ledger.js'
import { emptyStateVector } from './resync-asks.js'

/** What an archive told of a document, with a state vector where it asked for it. */
export interface ToldByArchive {
  readonly document: DocumentRef
  readonly digest?: Digest
  readonly stateVector?: Uint8Array
}

/** Resolves when the offer is said, or when the link has ended. */
export async function offer(
  context: SessionContext,
  held: readonly HeldDocument[],
  toldOf: (document: DocumentRef) => ToldByArchive | undefined,
  isOver: () => boolean,
): Promise<void> {
  const offers: { readonly document: DocumentRef; readonly bytes: number }[] = []
  for (const { document, digest, hasContent } of held) {
    const theirs = toldOf(document)
    if (theirs === undefined || !hasContent || theirs.digest === digest) continue
    const difference = await ask(
      context,
      context.ledger.difference(document, theirs.stateVector ?? emptyStateVector),
    )
    if (difference === undefined || isOver()) return
    const bytes = difference.value?.length ?? 0
    if (bytes > emptyUpdateBytes) offers.push({ document, bytes })
  }
  for (let at = 0; at < offers.length; at += messageBounds.maxDocuments) {
    const page = offers.slice(at, at + messageBounds.maxDocuments)
    // `resynced` goes in the other lane, and says that this was said.
    await new Promise<void>((resolve) => {
      context.sender.say({ type: 'offer', documents: page }, resolve)
    })
  }
}

const emptyUpdateBytes = 2
