import type { CollectionName, ErrorCode } from '@holdfast/peer/protocol'
import type { NodeContext } from './context.js'
import type { NodeCounters } from './counters.js'
import type { Collection } from './fan-out/collection.js'
import type { Session } from './session/session.js'

/** What a node does now, and has done since it was made. */
export interface NodeStatistics extends Readonly<
  Omit<NodeCounters, 'error' | 'closed' | 'errorsByCode' | 'closedByCode'>
> {
  readonly sessions: number
  readonly strangers: number
  readonly collections: number
  readonly readers: number
  readonly readersAtHead: number
  /** Readers whose link is full just now. */
  readonly waitingReaders: number
  /** The farthest that a reader has not been sent, in entries. */
  readonly largestLag: number
  readonly gaps: number
  readonly errorsByCode: Readonly<Partial<Record<ErrorCode, number>>>
  readonly closedByCode: Readonly<Partial<Record<ErrorCode | 'none', number>>>
}

export function statisticsOf(
  { counters }: NodeContext,
  sessions: ReadonlySet<Session>,
  collections: ReadonlyMap<CollectionName, Collection>,
  strangers: number,
): NodeStatistics {
  let readers = 0
  let readersAtHead = 0
  let waitingReaders = 0
  let largestLag = 0
  let gaps = 0
  for (const collection of collections.values()) {
    readers += collection.readers.size
    readersAtHead += collection.readersAtHead
    gaps += collection.gaps.size
    for (const reader of collection.readers) {
      if (reader.isWaiting) waitingReaders++
      if (reader.isStreaming) largestLag = Math.max(largestLag, collection.head - reader.sentSeq)
    }
  }
  const { errorsByCode, closedByCode, ...counted } = counters
  return {
    ...counted,
    sessions: sessions.size,
    strangers,
    collections: collections.size,
    readers,
    readersAtHead,
    waitingReaders,
    largestLag,
    gaps,
    errorsByCode: Object.fromEntries(errorsByCode),
    closedByCode: Object.fromEntries(closedByCode),
  }
}
