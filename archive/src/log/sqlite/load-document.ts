import { readUpdate } from '@holdfast/peer/protocol'
import { DocumentState } from '../append/index.js'
import type { Authors } from './authors.js'
import type { Checkpoints } from './checkpoints.js'
import { refOf, type DocumentRow } from './documents.js'
import { entryKind, isWhole, type DocumentEntries, type StoredEntry } from './entries.js'
import { ownBytes } from './own-bytes.js'
import type { QuarantineReader } from './quarantine.js'
import { SnapshotDamaged, type SnapshotHead, type SnapshotReader } from './snapshots.js'

export interface LoaderParts {
  readonly entries: DocumentEntries
  readonly checkpoints: Checkpoints
  readonly snapshots: SnapshotReader
  readonly authors: Authors
  readonly quarantine: QuarantineReader
}

/** What was found not to be as it was written, while a document was being read. */
export interface Damage {
  readonly row: DocumentRow
  /** Of the entry; or the snapshot's. */
  readonly seq: number
  readonly what: 'entry' | 'snapshot'
  readonly reason: string
}

export interface Loaded {
  readonly state: DocumentState
  /** Rows that had to be read one by one. */
  readonly rowsRead: number
  /** Counts as gone: the state is what the rest adds up to. */
  readonly damage: readonly Damage[]
}

/**
 * Rebuilds what judging has to know of a document from what is stored of it: the newest of its
 * checkpoint and its snapshot, and the rows after that.
 */
export class DocumentLoader {
  readonly #parts: LoaderParts

  constructor(parts: LoaderParts) {
    this.#parts = parts
  }

  load(row: DocumentRow): Loaded {
    const damage: Damage[] = []
    const snapshot = this.#newestWhole(row, damage)
    // A checkpoint counts what it was made of, and cannot know that some of it is gone since.
    const checkpoint = damage.length === 0 ? this.#parts.checkpoints.find(row.id) : undefined
    const isNewer = checkpoint !== undefined && checkpoint.seq >= (snapshot?.seq ?? 0)

    const state = new DocumentState(
      refOf(row),
      isNewer ? checkpoint.integrated : snapshot?.coverage(),
      this.#parts.authors.of(row.id),
      this.#parts.quarantine.hashesOf(row.collection, refOf(row)),
    )
    const parkedBySeq = new Map(snapshot?.parked.map(({ seq, bytes }) => [seq, bytes]))
    for (const seq of isNewer ? checkpoint.parkedSeqs : parkedBySeq.keys()) {
      const bytes = parkedBySeq.get(seq)
      if (bytes !== undefined) take(state, row, seq, bytes, damage)
      else this.#takeEntry(state, row, this.#parts.entries.bySeq(row.collection, seq), damage)
    }
    let rowsRead = 0
    const from = isNewer ? checkpoint.seq : (snapshot?.seq ?? 0)
    for (const entry of this.#parts.entries.after(row.id, from)) {
      rowsRead++
      this.#takeEntry(state, row, entry, damage)
    }
    state.lastSeq = row.lastSeq
    state.deletedSeq = row.deletedSeq === 0 ? undefined : row.deletedSeq
    state.bytes = row.snapshotBytes + row.freshBytes
    return { state, rowsRead, damage }
  }

  #newestWhole(row: DocumentRow, damage: Damage[]): SnapshotHead | undefined {
    let below = Infinity
    for (;;) {
      try {
        return this.#parts.snapshots.newest(row.id, below)
      } catch (error) {
        if (!(error instanceof SnapshotDamaged)) throw error
        damage.push({ row, seq: error.seq, what: 'snapshot', reason: error.message })
        below = error.seq
      }
    }
  }

  #takeEntry(
    state: DocumentState,
    row: DocumentRow,
    entry: StoredEntry | undefined,
    damage: Damage[],
  ): void {
    if (entry === undefined || entry.kind !== entryKind.row) return
    if (isWhole(entry)) take(state, row, entry.seq, entry.bytes, damage)
    else damage.push({ row, seq: entry.seq, what: 'entry', reason: 'checksum does not match' })
  }
}

function take(
  state: DocumentState,
  row: DocumentRow,
  seq: number,
  bytes: Uint8Array,
  damage: Damage[],
): void {
  const read = readUpdate(bytes, ownBytes)
  if (read.ok) state.integrate({ seq, size: bytes.length, coverage: read.value })
  else damage.push({ row, seq, what: 'entry', reason: read.refusal.detail })
}
