/*
 * Builds a document's new snapshot from the archive's own bytes, and proves that it is complete.
 *
 *   previous + rows ── scratch Y.Doc, gc ── nothing pending ── encode ── read back ── proven
 *                │                      │                                  │
 *                │ a row throws         │ some rows do not integrate       │ anything differs
 *                ▼                      ▼                                  ▼
 *             bad-row                 parked beside, built again       unproven
 *
 * Pure: the same source gives the same result. It may take long and much memory, so a worker runs it.
 */
import { createHash } from 'node:crypto'
import {
  contains,
  readUpdate,
  updateLimits,
  type Coverage,
  type DocumentId,
  type DocumentRef,
} from '@holdfast/peer/protocol'
import * as Y from 'yjs'
import { DocumentState } from '../log/append/index.js'
import { packRows, unpackRows, type PackedRow, type PackedRows } from '../log/packed-rows.js'
import type { CompactionSource } from '../log/port.js'

export type BuildSource = Omit<CompactionSource, 'through'>

export type BuildResult = BuiltSnapshot | BadRow | Unproven

/** Proven: it has nothing pending, and contains every row that is not in `parked`. */
export interface BuiltSnapshot {
  readonly status: 'built'
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Read from `bytes`. */
  readonly coverage: Coverage
  readonly stateVector: Uint8Array<ArrayBuffer>
  readonly parked: PackedRows
}

/** This row makes Yjs throw, or does not read at all; the rest has to be built without it. */
interface BadRow {
  readonly status: 'bad-row'
  /** The row's seq; that of the previous snapshot is 0. */
  readonly seq: number
  readonly reason: string
}

/** A fault of ours, of Yjs, or of the memory: nothing may be published. */
interface Unproven {
  readonly status: 'unproven'
  readonly reason: string
}

/** Seq under which the previous snapshot is reported, being no row. */
export const previousSnapshotSeq = 0

/** What the log holds was judged on its way in, and a whole document may be larger than one op. */
const ownBytes = { ...updateLimits, maxBytes: Number.MAX_SAFE_INTEGER }

/** What `onRow` throws to end a build; anything else that is thrown is the row's fault. */
export class BuildInterrupted extends Error {}

/**
 * `onRow` hears each row's seq before the row is applied: if the thread hangs, that is the one. It
 * may throw `BuildInterrupted`, and the build does, too.
 */
export function buildSnapshot(source: BuildSource, onRow?: (seq: number) => void): BuildResult {
  const rows: PackedRow[] = [...unpackRows(source.rows)]
  if (source.previous !== undefined) {
    rows.unshift({ seq: previousSnapshotSeq, bytes: source.previous.bytes })
  }
  const read = readCoverages(rows, onRow)
  if ('status' in read) return read

  const first = integrate(rows, onRow)
  if (!(first instanceof Y.Doc)) return first
  if (isWhole(first)) return prove(first, read, source.parked)

  const stranded = strandedOf(read)
  if (stranded.has(previousSnapshotSeq)) {
    return { status: 'unproven', reason: 'the previous snapshot does not integrate' }
  }
  const integrated = read.filter(({ row }) => !stranded.has(row.seq))
  const second = integrate(
    integrated.map(({ row }) => row),
    onRow,
  )
  if (!(second instanceof Y.Doc)) return second
  if (!isWhole(second)) return { status: 'unproven', reason: 'integrated rows leave a gap' }
  const parked = [
    ...unpackRows(source.parked),
    ...rows.filter((row) => stranded.has(row.seq)),
  ].toSorted((a, b) => a.seq - b.seq)
  return prove(second, integrated, packRows(parked))
}

interface ReadRow {
  readonly row: PackedRow
  readonly coverage: Coverage
}

function readCoverages(
  rows: readonly PackedRow[],
  onRow?: (seq: number) => void,
): readonly ReadRow[] | BadRow {
  const read: ReadRow[] = []
  for (const row of rows) {
    onRow?.(row.seq)
    const parsed = readUpdate(row.bytes, ownBytes)
    if (!parsed.ok) return { status: 'bad-row', seq: row.seq, reason: parsed.refusal.detail }
    read.push({ row, coverage: parsed.value })
  }
  return read
}

/** One transaction around all: garbage is collected once, and a keystroke costs a keystroke. */
function integrate(rows: readonly PackedRow[], onRow?: (seq: number) => void): Y.Doc | BadRow {
  const doc = new Y.Doc({ gc: true })
  let seq = previousSnapshotSeq
  try {
    doc.transact(() => {
      for (const row of rows) {
        seq = row.seq
        onRow?.(seq)
        Y.applyUpdate(doc, row.bytes)
      }
    })
  } catch (error) {
    if (error instanceof BuildInterrupted) throw error
    return { status: 'bad-row', seq, reason: String(error) }
  }
  if (isWhole(doc)) return doc
  // Rows that came before what they need can stay pending although nothing is missing: once more.
  const again = new Y.Doc({ gc: true })
  Y.applyUpdate(again, Y.encodeStateAsUpdate(doc))
  return again
}

function isWhole(doc: Y.Doc): boolean {
  return doc.store.pendingStructs === null && doc.store.pendingDs === null
}

/**
 * Rows that refer to something that no row holds, and rows that refer to those. Judged as the log
 * judges: a row is integrated whole or not at all, although Yjs would take a part of it.
 */
function strandedOf(read: readonly ReadRow[]): ReadonlySet<number> {
  const state = new DocumentState(nameless)
  for (const { row, coverage } of read) {
    state.integrate({ seq: row.seq, size: row.bytes.length, coverage })
  }
  return new Set(Array.from(state.parked.rows, (row) => row.seq))
}

/** Which document it is makes no difference here. */
const nameless: DocumentRef = { id: '' as DocumentId, generation: 0 }

function prove(doc: Y.Doc, rows: readonly ReadRow[], parked: PackedRows): BuildResult {
  const bytes = own(Y.encodeStateAsUpdate(doc))
  const parsed = readUpdate(bytes, ownBytes)
  if (!parsed.ok) {
    return { status: 'unproven', reason: `the encoded state is refused: ${parsed.refusal.detail}` }
  }
  const coverage = parsed.value
  for (const { row, coverage: needed } of rows) {
    if (!contains(coverage, needed)) {
      return { status: 'unproven', reason: `row ${row.seq} is not contained in the snapshot` }
    }
  }
  const readBack = new Y.Doc({ gc: true })
  Y.applyUpdate(readBack, bytes)
  if (!isWhole(readBack)) return { status: 'unproven', reason: 'the snapshot has a gap' }
  if (!digestOf(readBack).equals(digestOf(doc))) {
    return { status: 'unproven', reason: 'the snapshot reads back with another digest' }
  }
  return { status: 'built', bytes, coverage, stateVector: own(Y.encodeStateVector(doc)), parked }
}

/** SHA-256 over state vector and delete set: equal means equal, given that nothing is pending. */
function digestOf(doc: Y.Doc): Buffer {
  return createHash('sha256')
    .update(Y.encodeSnapshot(Y.snapshot(doc)))
    .digest()
}

/** An array that owns its buffer whole, so that it can be handed to another thread. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes)
}
