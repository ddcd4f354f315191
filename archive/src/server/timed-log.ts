import type { Clock } from '@holdfast/peer/ports'
import type { AppendOutcome, Log } from '../log/port.js'

/** What a log is seen to do from outside. */
export interface LogWatch {
  /** An append was answered so long after it was asked for. */
  onAppended(tookMs: number, outcomes: readonly AppendOutcome[]): void
  /** A call failed, for a reason that is ours. */
  onFailed(error: unknown): void
}

/** The same log, with its appends told to a watch. */
export function timedLog(log: Log, clock: Clock, watch: LogWatch): Log {
  return {
    archive: log.archive,
    term: log.term,
    leases: log.leases,
    compaction: log.compaction,
    async append(ops) {
      const askedAtMs = clock.monotonic()
      try {
        const outcomes = await log.append(ops)
        watch.onAppended(clock.monotonic() - askedAtMs, outcomes)
        return outcomes
      } catch (error) {
        watch.onFailed(error)
        throw error
      }
    },
    delete: (collection, document) => log.delete(collection, document),
    read: (request) => log.read(request),
    locate: (collection, cursor) => log.locate(collection, cursor),
    head: (collection) => log.head(collection),
    onCommit: (listener) => log.onCommit(listener),
    state: (collection, document, stateVector, form) =>
      log.state(collection, document, stateVector, form),
    ids: (collection, document) => log.ids(collection, document),
    collections: (request) => log.collections(request),
    documents: (request) => log.documents(request),
    latest: (collection, id) => log.latest(collection, id),
    touchesDeleted: (collection, id, update) => log.touchesDeleted(collection, id, update),
    gaps: (collection, limit) => log.gaps(collection, limit),
    quarantined: (limit) => log.quarantined(limit),
    statistics: () => log.statistics(),
    close: () => log.close(),
  }
}
