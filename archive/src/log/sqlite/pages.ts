import type { DocumentId, DocumentRef, InstanceId, TermId } from '@holdfast/peer/protocol'
import { LogError } from '../errors.js'
import type { Entry, Page, ReadRequest, RowEntry, SnapshotEntry, TombstoneEntry } from '../port.js'
import { Damaged } from './damaged.js'
import { entryChecksum } from './checksum.adapter.js'
import { entryColumns, entryKind, type EntryTuple } from './entries.js'
import type { SnapshotReader } from './snapshots.js'
import type { Sql, Statement } from './sql.adapter.js'

/**
 * Reads pages of a collection's stream. Rows are the stream; where a document's rows have gone, its
 * snapshot stands at its pruned-through:
 *
 *     entries     3   5 6   8 9   11        by (collection, seq)
 *     places        4     7                 documents by (collection, pruned_through)
 *     page        3 4 5 6 7 8 9 …           one read transaction
 */
export class Pages {
  readonly #sql: Sql
  readonly #term: TermId
  readonly #snapshots: SnapshotReader
  readonly #collection: Statement<readonly [id: number, head: number]>
  readonly #rows: Statement<EntryTuple>
  readonly #places: Statement<PlaceTuple>
  readonly #document: Statement<readonly [name: DocumentId, generation: number, deletedSeq: number]>
  readonly #instance: Statement<readonly [InstanceId]>
  /** A producer's name never changes. */
  readonly #instances = new Map<number, InstanceId>()

  constructor(sql: Sql, term: TermId, snapshots: SnapshotReader) {
    this.#sql = sql
    this.#term = term
    this.#snapshots = snapshots
    this.#collection = sql.readTuples('SELECT id, head FROM collections WHERE name = ?')
    this.#rows = sql.readTuples(
      `SELECT ${entryColumns} FROM entries WHERE collection = ? AND seq > ? ORDER BY seq`,
    )
    this.#places = sql.readTuples(
      `SELECT id, name, generation, pruned_through FROM documents
       WHERE collection = ? AND pruned_through > ? AND deleted_seq = 0 ORDER BY pruned_through`,
    )
    this.#document = sql.readTuples(
      'SELECT name, generation, deleted_seq FROM documents WHERE id = ?',
    )
    this.#instance = sql.readTuples('SELECT instance FROM producers WHERE id = ?')
  }

  /**
   * Throws `Damaged` when it meets what is not as it was written; with `skipDamaged` it leaves that
   * out, for when it cannot be healed.
   */
  read(request: ReadRequest, skipDamaged = false): Page {
    return this.#sql.snapshot(() => {
      const [collection, head] = this.#collection.get(request.collection) ?? [0, 0]
      const { after } = request
      if (after > head) {
        throw new LogError('invalid-argument', `after ${after} is beyond the head, ${head}`)
      }
      return this.#fill(request, collection, head, skipDamaged)
    })
  }

  #fill(
    { after, maxBytes, maxEntries, maxSnapshotBytes = Infinity }: ReadRequest,
    collection: number,
    head: number,
    skipDamaged: boolean,
  ): Page {
    const term = this.#term
    const entries: Entry[] = []
    let bytes = 0
    const documents = new Map<number, PageDocument>()
    const rows = this.#rows.iterate(collection, after)
    const places = this.#places.iterate(collection, after)
    try {
      let row = nextOf(rows)
      let place = nextOf(places)
      while (row !== undefined || place !== undefined) {
        if (entries.length >= maxEntries || (entries.length > 0 && bytes >= maxBytes)) {
          const through = (entries[entries.length - 1] as Entry).seq
          return { term, entries, through, head }
        }
        if (row !== undefined && (place === undefined || row[rowSeq] < place[placeSeq])) {
          const entry = this.#rowEntry(row, documents, skipDamaged)
          row = nextOf(rows)
          if (entry === undefined) continue
          bytes += entry.kind === 'row' ? entry.bytes.length : 0
          entries.push(entry)
        } else {
          const entry = this.#snapshotEntry(place as PlaceTuple, maxSnapshotBytes, skipDamaged)
          place = nextOf(places)
          if (entry === undefined) continue
          bytes += sizeOf(entry)
          entries.push(entry)
        }
      }
      return { term, entries, through: head, head }
    } finally {
      rows.return?.()
      places.return?.()
    }
  }

  /** Undefined for rows of a generation that has ended: its tombstone stands for them. */
  #rowEntry(
    tuple: EntryTuple,
    documents: Map<number, PageDocument>,
    skipDamaged: boolean,
  ): RowEntry | TombstoneEntry | undefined {
    const [, , seq, documentId, kind, , producer, n, checksum, bytes] = tuple
    if (entryChecksum(bytes, seq, documentId, kind, producer, n) !== checksum) {
      if (skipDamaged) return undefined
      throw new Damaged(documentId, `row ${seq} has changed`)
    }
    let document = documents.get(documentId)
    if (document === undefined) {
      document = this.#pageDocument(documentId)
      documents.set(documentId, document)
    }
    const { ref } = document
    if (kind === entryKind.tombstone) return { kind: 'tombstone', seq, document: ref }
    if (document.isDeleted) return undefined
    if (producer === 0) return { kind: 'row', seq, document: ref, bytes }
    return { kind: 'row', seq, document: ref, bytes, id: { instance: this.#nameOf(producer), n } }
  }

  #snapshotEntry(
    [document, id, generation, seq]: PlaceTuple,
    maxBytes: number,
    skipDamaged: boolean,
  ): SnapshotEntry | undefined {
    try {
      return this.#wholeSnapshotEntry(document, { id, generation }, seq, maxBytes)
    } catch (error) {
      if (skipDamaged && error instanceof Damaged) return undefined
      throw error
    }
  }

  #wholeSnapshotEntry(
    document: number,
    ref: DocumentRef,
    seq: number,
    maxBytes: number,
  ): SnapshotEntry | undefined {
    const head = this.#snapshots.newest(document)
    // Lost with the snapshot: whoever holds it is asked for it, and it comes as new rows.
    if (head === undefined) return undefined
    const { size, stateVector, parked } = head
    return {
      kind: 'snapshot',
      seq,
      document: ref,
      size,
      stateVector,
      ...(size <= maxBytes && { bytes: this.#snapshots.bytesOf(head) }),
      parked: parked.map((row) => row.bytes),
    }
  }

  #pageDocument(id: number): PageDocument {
    const [name, generation, deletedSeq] = this.#document.get(id) ?? missing('document', id)
    return { ref: { id: name, generation }, isDeleted: deletedSeq > 0 }
  }

  #nameOf(producer: number): InstanceId {
    const known = this.#instances.get(producer)
    if (known !== undefined) return known
    const [instance] = this.#instance.get(producer) ?? missing('producer', producer)
    if (this.#instances.size >= maxCachedNames) this.#instances.clear()
    this.#instances.set(producer, instance)
    return instance
  }
}

interface PageDocument {
  readonly ref: DocumentRef
  readonly isDeleted: boolean
}

type PlaceTuple = readonly [document: number, name: DocumentId, generation: number, seq: number]

/** Where the tuples have their seq. */
const rowSeq = 2
const placeSeq = 3

const maxCachedNames = 10_000

function nextOf<Tuple>(iterator: IterableIterator<Tuple>): Tuple | undefined {
  const next = iterator.next()
  return next.done === true ? undefined : next.value
}

function sizeOf({ bytes, parked }: SnapshotEntry): number {
  return parked.reduce((sum, { length }) => sum + length, bytes?.length ?? 0)
}

function missing(what: string, id: number): never {
  throw new LogError('damaged', `an entry names ${what} ${id}, which is not there`)
}
