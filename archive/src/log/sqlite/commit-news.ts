import type { TermId } from '@holdfast/peer/protocol'
import type { Logger, Undo } from '@holdfast/peer/ports'
import type { Commit, CommittedEntry, GapChange, RowEntry } from '../port.js'
import type { GroupItem } from './append.js'
import type { WrittenGroup } from './hosts.js'

/** Tells whoever subscribed what has become durable, group by group, in order. */
export class CommitNews {
  readonly #term: TermId
  readonly #logger: Logger
  readonly #listeners = new Set<(commit: Commit) => void>()

  constructor(term: TermId, logger: Logger) {
    this.#term = term
    this.#logger = logger
  }

  onCommit(listener: (commit: Commit) => void): Undo {
    // The same function twice is two subscriptions.
    const own = (commit: Commit): void => listener(commit)
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  /** To be called before the group's callers are answered. */
  announceGroup(items: readonly GroupItem[], group: WrittenGroup): void {
    if (this.#listeners.size === 0) return
    const entries: CommittedEntry[] = []
    items.forEach((item, position) => {
      const outcome = group.outcomes[position]
      if (outcome?.status !== 'committed' || !outcome.added) return
      const { collection, document, kind } = item
      const { seq } = outcome
      if (kind === 'delete') {
        entries.push({ collection, entry: { kind: 'tombstone', seq, document } })
        return
      }
      const bytes = group.bytesOf(position)
      const id = kind === 'live' ? item.id : undefined
      // Written out twice: a spread costs more than all the rest of this.
      const entry: RowEntry =
        id === undefined
          ? { kind: 'row', seq, document, bytes }
          : { kind: 'row', seq, document, bytes, id }
      entries.push({ collection, entry })
    })
    this.#announce(entries, group.gaps)
  }

  announceGaps(gaps: readonly GapChange[]): void {
    this.#announce([], gaps)
  }

  #announce(entries: readonly CommittedEntry[], gaps: readonly GapChange[]): void {
    if (entries.length === 0 && gaps.length === 0) return
    const commit = { term: this.#term, entries, gaps }
    for (const listener of this.#listeners) {
      try {
        listener(commit)
      } catch (error) {
        this.#logger.error('a listener to commits threw', { error: String(error) })
      }
    }
  }
}
