import type { Clock, Logger, Random } from '../ports/index.js'
import type { Access, ArchiveId, ErrorCode, OpId, TermId } from '../protocol/index.js'
import type { ArchiveLedger } from './ledger.js'
import type { Sender } from './sender.js'
import type { ArchiveTrouble } from './state.js'

/** What the parts of one session share: everything lasts as long as its link. */
export interface SessionContext {
  readonly archive: ArchiveId
  /** Of the opening that answered our `hello`. A subscription may tell another one. */
  readonly term: TermId
  readonly ledger: ArchiveLedger
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly sender: Sender
  /** The longest message that the archive takes. */
  readonly maxMessageBytes: number
  /** What the archive lets this replica do just now. */
  readonly access: () => Access
  /** True once the link has ended: what is awaited must not go on. */
  readonly isOver: () => boolean
  /** Ends the link; the connection comes back after a pause. */
  readonly fail: (code: ErrorCode, reason: string) => void
  readonly trouble: (trouble: ArchiveTrouble) => void
  /** There is progress to tell. */
  readonly progressed: () => void
}

/**
 * Awaits the ledger. Undefined when it failed, or when the link has ended meanwhile: then there is
 * nothing more to do here. A failed store ends the link, and what was not taken comes again.
 */
export async function ask<T>(
  context: SessionContext,
  work: Promise<T>,
): Promise<{ readonly value: T } | undefined> {
  try {
    const value = await work
    return context.isOver() ? undefined : { value }
  } catch (cause) {
    if (!context.isOver()) {
      context.trouble({ kind: 'store-failed', cause })
      context.fail('storage-failed', 'the store of this replica failed')
    }
    return undefined
  }
}

/** A key for maps: one string an op, the same for equal ids. */
export function keyOfOp({ instance, n }: OpId): string {
  return `${instance} ${n}`
}
