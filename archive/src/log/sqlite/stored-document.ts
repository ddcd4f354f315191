import { Damaged } from './damaged.js'
import type { DocumentRow } from './document-row.js'
import { entryKind, isWhole, type DocumentEntries, type StoredEntry } from './entries.js'
import type { ParkedRow, SnapshotHead, SnapshotReader } from './snapshots.js'

interface StoredRow {
  readonly seq: number
  readonly bytes: Uint8Array
}

/** All that a document is made of: its newest snapshot, what lies beside it, and the rows after. */
export interface StoredDocument {
  readonly snapshot?: { readonly head: SnapshotHead; readonly bytes: Uint8Array }
  /** Oldest first. */
  readonly rows: readonly StoredRow[]
}

/** Reads a whole document, up to a seq; throws `Damaged`. Call it in one read transaction. */
export function readWhole(
  row: DocumentRow,
  snapshots: SnapshotReader,
  entries: DocumentEntries,
  through = Infinity,
): StoredDocument {
  const head = snapshots.newest(row.id)
  const rows: StoredRow[] = head === undefined ? [] : besideOf(head, through)
  for (const entry of entries.after(row.id, head?.seq ?? 0)) {
    if (entry.seq > through) break
    if (!isWhole(entry)) throw new Damaged(row.id, `row ${entry.seq} has changed`)
    if (entry.kind === entryKind.row) rows.push(rowOf(entry))
  }
  return { ...(head && { snapshot: { head, bytes: snapshots.bytesOf(head) } }), rows }
}

function besideOf({ parked }: SnapshotHead, through: number): ParkedRow[] {
  return parked.filter(({ seq }) => seq <= through)
}

function rowOf({ seq, bytes }: StoredEntry): StoredRow {
  return { seq, bytes }
}
