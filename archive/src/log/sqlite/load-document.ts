import { readUpdate } from '@holdfast/peer/protocol'
import type { Checkpoint } from '../append/checkpoint.js'
import { DocumentState } from '../append/document-state.js'
import type { Authors } from './authors.js'
import type { Checkpoints } from './checkpoints.js'
import { refOf, type DocumentRow } from './document-row.js'
import { entryKind, isWhole, type DocumentEntries, type StoredEntry } from './entries.js'
import { ownBytes } from './own-bytes.js'
import type { QuarantineReader } from './quarantine.js'
import { coverageOf, type SnapshotReader } from './snapshots.js'

export interface LoaderParts {
  readonly entries: DocumentEntries
  readonly checkpoints: Checkpoints
  readonly snapshots: SnapshotReader
  readonly authors: Authors
  readonly quarantine: QuarantineReader
}

export interface Loaded {
  readonly state: DocumentState
  /** Rows that had to be read one by one. */
  readonly rowsRead: number
  /** Something was not as it had been written. It counts as gone: the state is what the rest is. */
  readonly isDamaged: boolean
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

  /** With `through`, only what the rows up to there add up to. */
  load(row: DocumentRow, through = Infinity): Loaded {
    const { entries, snapshots, authors, quarantine } = this.#parts
    let isDamaged = false
    const snapshot = snapshots.newestWhole(row.id, () => {
      isDamaged = true
    })
    const usable = snapshot !== undefined && snapshot.seq <= through ? snapshot : undefined
    // A checkpoint counts what it was made of, and cannot know that some of it is gone since.
    const checkpoint = isDamaged ? undefined : this.#checkpointAfter(row, usable?.seq ?? 0, through)
    const base = checkpoint?.integrated ?? (usable && coverageOf(usable))
    const state = new DocumentState(
      refOf(row),
      base,
      authors.of(row.id),
      quarantine.hashesOf(row.id),
    )
    const take = (seq: number, bytes: Uint8Array): void => {
      const read = readUpdate(bytes, ownBytes)
      if (read.ok) state.integrate({ seq, size: bytes.length, coverage: read.value })
      else isDamaged = true
    }
    const takeEntry = (entry: StoredEntry | undefined): void => {
      if (entry === undefined || entry.kind !== entryKind.row) return
      if (isWhole(entry)) take(entry.seq, entry.bytes)
      else isDamaged = true
    }

    const beside = new Map(usable?.parked.map(({ seq, bytes }) => [seq, bytes]))
    for (const seq of checkpoint?.parkedSeqs ?? beside.keys()) {
      const bytes = beside.get(seq)
      if (bytes === undefined) takeEntry(entries.bySeq(row.collection, seq))
      else take(seq, bytes)
    }
    let rowsRead = 0
    for (const entry of entries.after(row.id, checkpoint?.seq ?? usable?.seq ?? 0)) {
      if (entry.seq > through) break
      rowsRead++
      takeEntry(entry)
    }
    state.lastSeq = row.lastSeq
    state.deletedSeq = row.deletedSeq === 0 ? undefined : row.deletedSeq
    let besideBytes = 0
    for (const bytes of beside.values()) besideBytes += bytes.length
    const freshBytes = row.tailBytes - row.coveredBytes
    state.bytes = row.snapshotBytes + besideBytes + freshBytes
    return { state, rowsRead, isDamaged }
  }

  #checkpointAfter(row: DocumentRow, seq: number, through: number): Checkpoint | undefined {
    const found = this.#parts.checkpoints.find(row.id)
    return found !== undefined && found.seq >= seq && found.seq <= through ? found : undefined
  }
}
