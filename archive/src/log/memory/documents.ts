import {
  clientsOf,
  readStateVector,
  readUpdate,
  type CollectionName,
  type DocumentId,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import { inForm, mergeUpdates } from '../append/index.js'
import type {
  CollectionsPage,
  CollectionsRequest,
  DocumentState,
  DocumentsPage,
  DocumentsRequest,
  DocumentSummary,
  GapChange,
  StateForm,
} from '../port.js'
import { newestIntact, rebuild } from './rebuild.js'
import {
  allDocuments,
  bytesOfRows,
  rowsAfter,
  type CollectionTable,
  type DocumentTable,
  type Tables,
} from './tables.js'

export function summaryOf(table: DocumentTable): DocumentSummary {
  return {
    document: table.ref,
    deleted: table.deletedSeq !== undefined,
    lastSeq: table.lastSeq,
    prunedThrough: table.prunedThrough,
    tailRows: table.rows.length,
    tailBytes: bytesOfRows(table.rows),
    snapshotBytes: table.snapshots[0]?.bytes.length ?? 0,
    gapped: table.gappedSinceMs !== undefined,
  }
}

export function listDocuments(
  collection: CollectionTable | undefined,
  { after, limit }: DocumentsRequest,
): DocumentsPage {
  const tables = collection === undefined ? [] : [...allDocuments(collection)]
  const following = tables
    .filter(({ ref }) => after === undefined || compare(ref, after) > 0)
    .toSorted((a, b) => compare(a.ref, b.ref))
  return {
    documents: following.slice(0, limit).map(summaryOf),
    more: following.length > limit,
  }
}

/** All that is stored of a document, in one update, or what a reader with this vector lacks. */
export function documentState(
  table: DocumentTable,
  stateVector?: Uint8Array,
  form?: StateForm,
): DocumentState {
  const snapshot = newestIntact(table)
  const rows = [...(snapshot?.parked ?? []), ...rowsAfter(table, snapshot?.seq ?? 0)]
  const { parked } = rebuild(table)
  const integrated = rows.filter(({ seq }) => !parked.has(seq)).map(({ bytes }) => bytes)
  const whole = mergeUpdates(snapshot === undefined ? integrated : [snapshot.bytes, ...integrated])
  const isVector = stateVector !== undefined && readStateVector(stateVector).ok
  const bytes = isVector ? Y.diffUpdate(whole, stateVector) : whole
  const beside = rows.filter(({ seq }) => parked.has(seq)).map((one) => one.bytes.slice())
  return { ...inForm(bytes, beside, form), through: table.lastSeq }
}

export function listCollections(
  tables: Tables,
  { after, limit }: CollectionsRequest,
): CollectionsPage {
  const names = [...tables.collections.keys()]
    .filter((name) => after === undefined || compareCodePoints(name, after) > 0)
    .toSorted(compareCodePoints)
  return { collections: names.slice(0, limit), more: names.length > limit }
}

export function touchesDeleted(
  tables: Tables,
  collection: CollectionName,
  id: DocumentId,
  update: Uint8Array,
): boolean {
  const read = readUpdate(update)
  if (!read.ok) return false
  const generations = tables.collections.get(collection)?.generationsById.get(id) ?? []
  const touched = clientsOf(read.value)
  return generations
    .filter((table) => table.deletedSeq !== undefined)
    .some((table) => [...rebuild(table).clients].some((client) => touched.has(client)))
}

export function gapsOf(collection: CollectionTable | undefined, limit: number): GapChange[] {
  if (collection === undefined) return []
  const gapped = [...allDocuments(collection)].filter((table) => table.gappedSinceMs !== undefined)
  return gapped.slice(0, limit).map((table) => ({
    collection: collection.name,
    document: table.ref,
    missing: rebuild(table).missing,
  }))
}

interface Ref {
  readonly id: DocumentId
  readonly generation: number
}

function compare(a: Ref, b: Ref): number {
  return a.id === b.id ? a.generation - b.generation : compareCodePoints(a.id, b.id)
}

/** As UTF-8 sorts. Halves of surrogate pairs, which name what lies beyond, come after all others. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1
  }
  return a.length - b.length
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xe000
}
