import type { CollectionName, DocumentRef } from '@holdfast/peer/protocol'
import type { AppendDecision, DeleteDecision } from '../append/index.js'
import type { AppendOp } from '../port.js'
import { checksumOf } from './checksum.js'
import { keepAside } from './quarantine.js'
import {
  emptyCollection,
  emptyDocument,
  findDocument,
  opKey,
  type CollectionTable,
  type DocumentTable,
  type Tables,
} from './tables.js'

/** Which opening writes, and when. */
export interface WriteContext {
  readonly tables: Tables
  /** This opening's place among the terms. */
  readonly termOrdinal: number
  readonly nowMs: number
  readonly maxQuarantineBytes: number
}

/** What has to change on the disk for an op that was decided upon. */
export function appendChanges(
  { collection, document, kind, id, bytes }: AppendOp,
  { row, remember, authored = [], setAside }: AppendDecision,
  context: WriteContext,
): readonly (() => void)[] {
  const changes: (() => void)[] = []
  const own = bytes.slice()
  const liveId = kind === 'live' ? id : undefined
  const { tables, nowMs: atMs, maxQuarantineBytes } = context
  if (row !== undefined) {
    changes.push(() => {
      const { table, entries } = enter(collection, document, row.seq, context)
      const record = {
        kind: 'row' as const,
        seq: row.seq,
        table,
        bytes: own,
        checksum: checksumOf(own),
        atMs,
        ...(liveId && { id: { instance: liveId.instance, n: liveId.n } }),
      }
      table.rows.push(record)
      entries.push(record)
    })
  }
  if (remember !== undefined && liveId !== undefined) {
    changes.push(() => {
      const { ops } = tables.collections.get(collection) ?? emptyCollection(collection)
      const { seq, hash } = remember
      ops.set(opKey(liveId), { seq, hash, document })
      const table = findDocument(tables, collection, document)
      for (const client of authored) table?.instanceByClient.set(client, liveId.instance)
    })
  }
  if (setAside !== undefined) {
    const { reason, hash } = setAside
    const record = { collection, document, reason, hash, atMs, bytes: own }
    changes.push(() => {
      keepAside(tables, { ...record, ...(liveId && { id: liveId }) }, maxQuarantineBytes)
    })
  }
  return changes
}

/** What has to change on the disk for a deletion that was decided upon. */
export function deleteChanges(
  collection: CollectionName,
  document: DocumentRef,
  { tombstone, superseded }: DeleteDecision,
  context: WriteContext,
): readonly (() => void)[] {
  if (tombstone === undefined) return []
  const { seq } = tombstone
  return [
    () => {
      const { table, entries } = enter(collection, document, seq, context)
      entries.push({ kind: 'tombstone', seq, table })
      end(table, seq)
      if (superseded === undefined) return
      const earlier = findDocument(context.tables, collection, superseded)
      if (earlier !== undefined) end(earlier, seq)
    },
  ]
}

/** The place for the next entry of a document, made if it is the first. */
function enter(
  name: CollectionName,
  document: DocumentRef,
  seq: number,
  { tables, termOrdinal }: WriteContext,
): Pick<CollectionTable, 'entries'> & { readonly table: DocumentTable } {
  const collection = tables.collections.get(name) ?? emptyCollection(name)
  tables.collections.set(name, collection)
  if (collection.termStarts.at(-1)?.ordinal !== termOrdinal) {
    collection.termStarts.push({ ordinal: termOrdinal, seq: collection.head })
  }
  collection.head = seq
  const generations = collection.generationsById.get(document.id) ?? []
  collection.generationsById.set(document.id, generations)
  let table = generations.find(({ ref }) => ref.generation === document.generation)
  if (table === undefined) {
    table = emptyDocument(document)
    generations.push(table)
    collection.documents++
  }
  table.lastSeq = seq
  return { table, entries: collection.entries }
}

function end(table: DocumentTable, seq: number): void {
  table.deletedSeq = seq
  table.gappedSinceMs = undefined
}
