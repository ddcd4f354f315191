import {
  contains,
  parseDocumentId,
  readUpdate,
  type Coverage,
  type InstanceId,
} from '@holdfast/peer/protocol'
import { DocumentState } from '../../log/append/index.js'
import { Authors } from '../../log/sqlite/authors.js'
import { Checkpoints } from '../../log/sqlite/checkpoints.js'
import { documentColumns, refOf, type DocumentRow } from '../../log/sqlite/document-row.js'
import { DocumentEntries, entryKind, isWhole, type StoredEntry } from '../../log/sqlite/entries.js'
import { ownBytes } from '../../log/sqlite/own-bytes.js'
import { SnapshotReader } from '../../log/sqlite/snapshots.js'
import type { Sql } from '../../log/sqlite/sql.adapter.js'
import type { Fault } from './report.js'
import { checkCheckpoint } from './checkpoint.js'
import { checkEnd, checkGenerations } from './ending.js'
import { isEqual } from './equal.js'
import { checkSnapshots, type SnapshotFindings } from './snapshots.js'
import { collectionsOf, numberFrom, type CollectionSubject, type Subject } from './subject.js'

const step = 'checking documents'

/**
 * Reads every byte of every document: entries and snapshots are as they were written, each row is in
 * the snapshot that stands for it, and what is written down of a document is what its rows add up to.
 */
export async function checkDocuments(subject: Subject): Promise<void> {
  const { sql, findings, pace } = subject
  const collections = new Map(collectionsOf(sql).map((collection) => [collection.id, collection]))
  const total = numberFrom(sql, 'SELECT count(*) FROM documents')
  const page = sql.read<DocumentRow>(
    `SELECT ${documentColumns} FROM documents WHERE id > ? ORDER BY id LIMIT ${pageRows}`,
  )
  const readers: Readers = {
    entries: new DocumentEntries(sql),
    snapshots: new SnapshotReader(sql),
    checkpoints: new Checkpoints(sql),
    authors: new Authors(sql),
    instances: instancesOf(sql),
  }
  let done = 0
  for (let rows = page.all(0); rows.length > 0; rows = page.all(rows[rows.length - 1]?.id ?? 0)) {
    for (const row of rows) {
      findings.checked.documents++
      const collection = collections.get(row.collection)
      if (collection === undefined) {
        findings.add({ kind: 'reference', document: refOf(row), what: 'it is in no collection' })
      } else {
        const check = new DocumentCheck(subject, readers, collection, row)
        for (const entry of readers.entries.after(row.id, 0)) {
          check.entry(entry)
          await pace.turn(step, done, total)
        }
        check.finish()
      }
      await pace.turn(step, ++done, total)
    }
  }
  checkGenerations(subject)
  await pace.end(step, done)
}

const pageRows = 500

interface Readers {
  readonly entries: DocumentEntries
  readonly snapshots: SnapshotReader
  readonly checkpoints: Checkpoints
  readonly authors: Authors
  readonly instances: ReadonlyMap<number, string>
}

/** One document, its entries handed in oldest first. */
class DocumentCheck {
  readonly #subject: Subject
  readonly #readers: Readers
  readonly #collection: CollectionSubject
  readonly #row: DocumentRow
  readonly #snapshots: SnapshotFindings
  readonly #authors: ReadonlyMap<number, InstanceId>
  /** What snapshot and rows add up to, read from the first to the last. */
  readonly #state: DocumentState
  #lastSeq = 0
  #tailRows = 0
  #tailBytes = 0
  #coveredRows = 0
  #coveredBytes = 0
  #hasTombstone = false

  constructor(subject: Subject, readers: Readers, collection: CollectionSubject, row: DocumentRow) {
    this.#subject = subject
    this.#readers = readers
    this.#collection = collection
    this.#row = row
    this.#snapshots = checkSnapshots(row, readers.snapshots, (fault) => this.#add(fault))
    subject.findings.checked.snapshots += this.#snapshots.count
    this.#authors = readers.authors.of(row.id)
    const { coverage, parked } = this.#snapshots
    this.#state = new DocumentState(refOf(row), coverage)
    for (const { seq, bytes, coverage } of parked) {
      this.#state.integrate({ seq, size: bytes.length, coverage })
    }
    const name = parseDocumentId(row.name)
    if (!name.ok) this.#add({ kind: 'sequence', what: name.refusal.detail })
  }

  entry(entry: StoredEntry): void {
    this.#subject.findings.checked.entries++
    const { seq, kind } = entry
    const { lastSeq, prunedThrough } = this.#row
    if (seq <= this.#lastSeq || seq > lastSeq) {
      this.#add({ kind: 'sequence', seq, what: `after ${this.#lastSeq}, last ${lastSeq}` })
    }
    if (seq <= prunedThrough && kind === entryKind.row) {
      this.#add({ kind: 'sequence', seq, what: `it is pruned through ${prunedThrough}` })
    }
    this.#lastSeq = Math.max(this.#lastSeq, seq)
    if (!isWhole(entry)) {
      this.#add({ kind: 'entry', seq, what: 'the checksum does not match' })
    }
    if (kind === entryKind.tombstone) this.#tombstone(seq)
    else this.#rowEntry(entry)
  }

  /** To be called after the last entry. */
  finish(): void {
    const row = this.#row
    this.#count('tail rows', row.tailRows, this.#tailRows)
    this.#count('tail bytes', row.tailBytes, this.#tailBytes)
    this.#count('rows that the snapshot covers', row.coveredRows, this.#coveredRows)
    this.#count('bytes that the snapshot covers', row.coveredBytes, this.#coveredBytes)
    this.#checkLast()
    this.#checkGap()
    checkCheckpoint(this.#state, row, this.#snapshots, this.#readers, (fault) => this.#add(fault))
    if (row.deletedSeq > 0) {
      const { sql } = this.#subject
      checkEnd(sql, row, this.#state, this.#hasTombstone, (fault) => this.#add(fault))
    }
  }

  #rowEntry({ seq, bytes, producer }: StoredEntry): void {
    this.#tailRows++
    this.#tailBytes += bytes.length
    const isFresh = seq > this.#row.snapshotSeq
    if (!isFresh) {
      this.#coveredRows++
      this.#coveredBytes += bytes.length
    }
    const read = readUpdate(bytes, ownBytes)
    if (!read.ok) {
      this.#add({ kind: 'entry', seq, what: `it does not read: ${read.refusal.detail}` })
      return
    }
    if (producer > 0) this.#checkAuthors(seq, read.value, producer)
    if (isFresh) this.#state.integrate({ seq, size: bytes.length, coverage: read.value })
    else this.#checkStoodFor(seq, bytes, read.value)
  }

  #checkStoodFor(seq: number, bytes: Uint8Array, coverage: Coverage): void {
    const { coverage: inSnapshot, parked } = this.#snapshots
    if (inSnapshot === undefined) return
    const beside = parked.find((row) => row.seq === seq)
    if (beside !== undefined && isEqual(beside.bytes, bytes)) return
    if (contains(inSnapshot, coverage)) return
    this.#add({ kind: 'snapshot', seq, what: 'the snapshot that stands for this row lacks it' })
  }

  #checkAuthors(seq: number, { structs }: Coverage, producer: number): void {
    const instance = this.#readers.instances.get(producer)
    for (const client of structs.keys()) {
      const author = this.#authors.get(client)
      if (author === undefined || author !== instance) {
        const what = `clientID ${client} is written by ${instance}, and belongs to ${author ?? 'nobody'}`
        this.#add({ kind: 'reference', seq, what })
      }
    }
  }

  #tombstone(seq: number): void {
    this.#hasTombstone = true
    if (seq !== this.#row.deletedSeq) {
      const what = `the tombstone of a generation that ended at ${this.#row.deletedSeq}`
      this.#add({ kind: 'sequence', seq, what })
    }
  }

  /** The last entry may have gone: then something says so. */
  #checkLast(): void {
    const { lastSeq, prunedThrough, deletedSeq, snapshotSeq } = this.#row
    if (prunedThrough > lastSeq || snapshotSeq > lastSeq || deletedSeq > lastSeq) {
      const what = `last ${lastSeq}, snapshot ${snapshotSeq}, pruned ${prunedThrough}, deleted ${deletedSeq}`
      this.#add({ kind: 'sequence', what })
    }
    if (Math.max(this.#lastSeq, prunedThrough, deletedSeq) === lastSeq) return
    const { sql } = this.#subject
    const { id, generation } = refOf(this.#row)
    const isSetAside = sql
      .readTuples<readonly [number]>(
        `SELECT 1 FROM quarantine
         WHERE collection = ? AND name = ? AND generation = ? AND seq = ?`,
      )
      .get(this.#collection.id, id, generation, lastSeq)
    if (isSetAside === undefined) {
      this.#add({ kind: 'sequence', seq: lastSeq, what: 'its last entry is gone' })
    }
  }

  #checkGap(): void {
    const { parkedRows, parkedBytes, gappedSinceMs, deletedSeq } = this.#row
    const isGapped = deletedSeq === 0 && this.#state.parked.count > 0
    const { parked } = this.#state
    this.#count('parked rows', parkedRows, isGapped ? parked.count : 0)
    this.#count('parked bytes', parkedBytes, isGapped ? parked.bytes : 0)
    if (gappedSinceMs > 0 === isGapped) return
    const what = isGapped ? 'it has a gap and is not marked' : 'it is marked and has no gap'
    this.#add({ kind: 'coverage', what })
  }

  #count(what: string, kept: number, counted: number): void {
    if (kept !== counted) {
      this.#add({ kind: 'counter', what: `${what}: ${kept} written down, ${counted} there` })
    }
  }

  #add(fault: Fault): void {
    const { name } = this.#collection
    this.#subject.findings.add({ ...fault, collection: name, document: refOf(this.#row) })
  }
}

function instancesOf(sql: Sql): ReadonlyMap<number, string> {
  return new Map(
    sql.readTuples<readonly [number, string]>('SELECT id, instance FROM producers').all(),
  )
}
