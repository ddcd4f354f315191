import {
  contains,
  emptyCoverage,
  encodeCoverage,
  encodeStateVector,
  missing,
  readUpdate,
  stateVectorOf,
  type Coverage,
} from '@holdfast/peer/protocol'
import type { DocumentRow } from '../../log/sqlite/document-row.js'
import { ownBytes } from '../../log/sqlite/own-bytes.js'
import {
  coverageOf,
  SnapshotDamaged,
  type SnapshotHead,
  type SnapshotPlace,
  type SnapshotReader,
} from '../../log/sqlite/snapshots.js'
import { isEqual } from './equal.js'
import type { Fault } from './report.js'

/** The newest snapshot that is whole, as far as rows are held against it. */
export interface SnapshotFindings {
  readonly count: number
  /** 0 without one. */
  readonly seq: number
  readonly coverage?: Coverage
  readonly parked: readonly ParkedFinding[]
}

interface ParkedFinding {
  readonly seq: number
  readonly bytes: Uint8Array
  readonly coverage: Coverage
}

/** Reads back each snapshot of a document, newest first. */
export function checkSnapshots(
  row: DocumentRow,
  reader: SnapshotReader,
  add: (fault: Fault) => void,
): SnapshotFindings {
  let newest: Whole | undefined
  let settledSeq = 0
  let count = 0
  let settled = 0
  let before: SnapshotPlace | undefined
  for (;;) {
    const found = wholeOrDamaged(reader, row.id, before)
    if (found === undefined) break
    count++
    if (placeOf(found).settled) settled++
    if (found instanceof SnapshotDamaged) {
      add({ kind: 'snapshot', seq: found.seq, what: found.message })
      before = found
      continue
    }
    before = found.head
    checkOne(found, row, add)
    if (found.head.settled) settledSeq = Math.max(settledSeq, found.head.seq)
    if (newest === undefined) {
      newest = found
      checkRow(found.head, row, add)
    } else if (!contains(newest.coverage, found.coverage)) {
      const what = `the newer one, ${newest.head.seq}, lacks something of it`
      add({ kind: 'snapshot', seq: found.head.seq, what })
    }
  }
  if (count - settled > 1 || settled > 1) {
    add({ kind: 'snapshot', what: `${count} generations of it, ${settled} settled` })
  }
  if (newest === undefined && row.snapshotSeq > 0) {
    add({ kind: 'snapshot', seq: row.snapshotSeq, what: 'it is not there' })
  }
  if (row.prunedThrough > settledSeq) {
    const what = `pruned through ${row.prunedThrough}, and read back through ${settledSeq}`
    add({ kind: 'snapshot', what })
  }
  if (newest === undefined) return { count, seq: 0, parked: [] }
  return {
    count,
    seq: newest.head.seq,
    coverage: newest.coverage,
    parked: parkedOf(newest.head, add),
  }
}

function placeOf(found: Whole | SnapshotDamaged): SnapshotPlace {
  return found instanceof SnapshotDamaged ? found : found.head
}

interface Whole {
  readonly head: SnapshotHead
  readonly bytes: Uint8Array
  readonly coverage: Coverage
}

function wholeOrDamaged(
  reader: SnapshotReader,
  document: number,
  before: SnapshotPlace | undefined,
): Whole | SnapshotDamaged | undefined {
  try {
    const head = reader.newest(document, before)
    return head && { head, bytes: reader.bytesOf(head), coverage: coverageOf(head) }
  } catch (error) {
    if (error instanceof SnapshotDamaged) return error
    throw error
  }
}

function checkOne(
  { head, bytes, coverage }: Whole,
  { lastSeq }: DocumentRow,
  add: (fault: Fault) => void,
): void {
  const { seq, size, stateVector, coverageBytes } = head
  const fault = (what: string): void => add({ kind: 'snapshot', seq, what })
  if (seq > lastSeq) fault(`it is beyond the document's last entry, ${lastSeq}`)
  if (size !== bytes.length) fault(`it has ${bytes.length} bytes instead of ${size}`)
  const read = readUpdate(bytes, ownBytes)
  if (!read.ok) {
    fault(`it does not read: ${read.refusal.detail}`)
    return
  }
  if (!isEqual(encodeCoverage(read.value), coverageBytes)) fault('its coverage is another')
  if (missing(emptyCoverage, coverage).size > 0) fault('it does not integrate by itself')
  if (!isEqual(encodeStateVector(stateVectorOf(read.value)), stateVector)) {
    fault('its state vector is another')
  }
}

function checkRow(head: SnapshotHead, row: DocumentRow, add: (fault: Fault) => void): void {
  const { seq, size } = head
  if (seq === row.snapshotSeq && size === row.snapshotBytes) return
  const what = `snapshot ${row.snapshotSeq} of ${row.snapshotBytes} bytes is written down, ${seq} of ${size} is there`
  add({ kind: 'counter', seq, what })
}

function parkedOf(head: SnapshotHead, add: (fault: Fault) => void): readonly ParkedFinding[] {
  const parked: ParkedFinding[] = []
  let before = 0
  for (const { seq, bytes } of head.parked) {
    if (seq <= before || seq > head.seq) {
      add({ kind: 'snapshot', seq, what: `parked after ${before} beside the snapshot ${head.seq}` })
    }
    before = seq
    const read = readUpdate(bytes, ownBytes)
    if (read.ok) parked.push({ seq, bytes, coverage: read.value })
    else add({ kind: 'snapshot', seq, what: `a row beside it: ${read.refusal.detail}` })
  }
  return parked
}
