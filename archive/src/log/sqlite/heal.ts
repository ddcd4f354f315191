import { readUpdate } from '@holdfast/peer/protocol'
import { refOf, type DocumentRow } from './document-row.js'
import { entryKind, isWhole, sizeOfEntry, type EntrySize, type StoredEntry } from './entries.js'
import { ownBytes } from './own-bytes.js'
import type { SetAside } from './quarantine.js'
import type { Removal } from './removal.js'
import { SnapshotDamaged, type SnapshotHead } from './snapshots.js'
import type { Store } from './store.js'

/**
 * Takes out what is damaged of a document, so that the rest goes on. A row that a good snapshot
 * stands for goes together with all rows before it: its place in the stream is the snapshot's from
 * then on. What nothing stands for is a gap from then on: whoever holds it is asked for it.
 *
 * In a write transaction, after everything has been filed. Gives how much was found.
 */
export function takeDamageOut(
  store: Store,
  removal: Removal,
  document: DocumentRow,
  nowMs: number,
): number {
  const { entries, entryWriter, quarantine, checkpoints } = store
  const { good, taken } = takeSnapshotsOut(store, document, nowMs)
  document.snapshotSeq = good?.seq ?? 0
  document.snapshotBytes = good?.size ?? 0
  removal.recountCovered(document)

  const found = [...unreadable(entries.after(document.id, 0))]
  const damaged = found.filter(({ seq }) => seq !== document.deletedSeq)
  for (const { entry: id, seq } of found) {
    const entry = entries.byId(id)
    if (entry === undefined) continue
    if (seq === document.deletedSeq) {
      entryWriter.restoreTombstone(id, seq, document.id)
      continue
    }
    const reason = isWhole(entry) ? 'the row does not read' : 'the row has changed on the disk'
    // No hash: the bytes that are sent again may be the same, if it was only their seq that changed.
    quarantine.add(
      { ...placeOf(store, document, entry), reason, hash: '', bytes: entry.bytes },
      nowMs,
    )
  }
  const through = damaged.findLast(({ seq }) => seq <= document.snapshotSeq)?.seq ?? 0
  const all = through === 0 ? [] : [...entries.sizes(document.id)]
  const before = all.filter(({ seq }) => seq <= through)
  removal.remove(document, [...before, ...damaged.filter(({ seq }) => seq > through)])
  document.prunedThrough = Math.max(document.prunedThrough, through)
  checkpoints.remove(document.id)
  return taken + found.length
}

/** What the quarantine says of a row of this document. */
export function placeOf(
  { producers }: Store,
  document: DocumentRow,
  { seq, producer, n }: Pick<StoredEntry, 'seq' | 'producer' | 'n'>,
): Omit<SetAside, 'reason' | 'hash' | 'bytes'> {
  const instance = producer === 0 ? undefined : producers.nameOf(producer)
  const row = { document: document.id, seq }
  const place = { collection: document.collection, document: refOf(document), row }
  return instance === undefined ? place : { ...place, id: { instance, n } }
}

/** A document's rows need not fit into memory: where the bad ones are, without their bytes. */
function* unreadable(entries: Iterable<StoredEntry>): Generator<EntrySize> {
  for (const entry of entries) {
    if (!isReadable(entry)) yield sizeOfEntry(entry)
  }
}

function isReadable(entry: StoredEntry): boolean {
  if (!isWhole(entry)) return false
  return entry.kind === entryKind.tombstone || readUpdate(entry.bytes, ownBytes).ok
}

/** The newest snapshot that is whole stays, and those before it. */
function takeSnapshotsOut(
  { snapshots, snapshotWriter, quarantine, totals }: Store,
  document: DocumentRow,
  nowMs: number,
): { readonly good: SnapshotHead | undefined; readonly taken: number } {
  const takeOut = ({ id, seq, message }: SnapshotDamaged): void => {
    const bytes = snapshotWriter.rawBytes(id)
    const row = { document: document.id, seq }
    const place = { collection: document.collection, document: refOf(document), row, hash: '' }
    quarantine.add({ ...place, reason: message, bytes }, nowMs)
    totals.row.snapshots--
    totals.row.snapshotBytes -= snapshotWriter.sizeOf(id)
    snapshotWriter.remove(id)
  }
  for (let taken = 0; ; taken++) {
    try {
      const good = snapshots.newest(document.id)
      if (good !== undefined) snapshots.bytesOf(good)
      return { good, taken }
    } catch (error) {
      if (!(error instanceof SnapshotDamaged)) throw error
      takeOut(error)
    }
  }
}
