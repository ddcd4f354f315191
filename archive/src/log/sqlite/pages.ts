import type { DocumentId, DocumentRef, InstanceId, TermId } from '@holdfast/peer/protocol'
import { LogError } from '../errors.js'
import type { Page, ReadRequest, SnapshotEntry, TombstoneEntry } from '../port.js'
import { Damaged } from './damaged.js'
import { entryChecksum } from './checksum.adapter.js'
import { entryKind } from './entries.js'
import { PagePacker, type PackedPage } from './page-pack.js'
import type { SnapshotReader } from './snapshots.js'
import type { Sql, Statement } from './sql.adapter.js'
import { StreamRows, type StreamRow } from './stream-rows.js'

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
  readonly #rows: StreamRows
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
    this.#rows = new StreamRows(sql)
    // `+?`: a bare one is compared with the partial index's condition, and planned again each time.
    // That condition stands here too, or the index is not used; behind, or the search begins with it.
    this.#places = sql.readTuples(
      `SELECT id, name, generation, pruned_through FROM documents
       WHERE collection = ? AND pruned_through > +? AND pruned_through > 0 AND deleted_seq = 0
       ORDER BY pruned_through`,
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
  read(request: ReadRequest, skipDamaged = false): PackedPage {
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
  ): PackedPage {
    const page = new PageUnderWay(skipDamaged)
    const rows = this.#rows.after(collection, after)
    const places = this.#places.iterate(collection, after)
    try {
      let place = nextOf(places)
      for (;;) {
        const isRow = rows.seq < (place?.[placeSeq] ?? Infinity)
        if (!isRow && place === undefined) break
        if (page.entries >= maxEntries || (page.entries > 0 && page.bytes >= maxBytes)) {
          return page.finish({ term: this.#term, through: page.lastSeq, head })
        }
        if (isRow) {
          this.#addRow(rows.take(), page)
        } else {
          this.#addSnapshot(place as PlaceTuple, maxSnapshotBytes, page)
          place = nextOf(places)
        }
      }
      return page.finish({ term: this.#term, through: head, head })
    } finally {
      places.return?.()
    }
  }

  /** Rows of a generation that has ended are left out: its tombstone stands for them. */
  #addRow(
    [, seq, document, kind, producer, n, checksum, bytes]: StreamRow,
    page: PageUnderWay,
  ): void {
    if (entryChecksum(bytes, seq, document, kind, producer, n) !== checksum) {
      if (page.skipDamaged) return
      throw new Damaged(document, `row ${seq} has changed`)
    }
    const known = page.documents.get(document) ?? this.#addDocument(document, page)
    if (kind === entryKind.tombstone) {
      page.addOther({ kind: 'tombstone', seq, document: known.ref }, 0)
    } else if (!known.isDeleted) {
      page.addRow(seq, known.index, this.#indexOf(producer, page), n, bytes)
    }
  }

  #addSnapshot(
    [document, id, generation, seq]: PlaceTuple,
    maxBytes: number,
    page: PageUnderWay,
  ): void {
    try {
      const entry = this.#snapshotEntry(document, { id, generation }, seq, maxBytes)
      if (entry !== undefined) page.addOther(entry, sizeOf(entry))
    } catch (error) {
      if (!page.skipDamaged || !(error instanceof Damaged)) throw error
    }
  }

  #snapshotEntry(
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

  #addDocument(id: number, page: PageUnderWay): PageDocument {
    const [name, generation, deletedSeq] = this.#document.get(id) ?? missing('document', id)
    return page.addDocument(id, { id: name, generation }, deletedSeq > 0)
  }

  /** −1 for rows that came without an op id. */
  #indexOf(producer: number, page: PageUnderWay): number {
    if (producer === 0) return -1
    return page.instances.get(producer) ?? page.addInstance(producer, this.#nameOf(producer))
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
  readonly index: number
  readonly ref: DocumentRef
  readonly isDeleted: boolean
}

/** A page that is being filled. */
class PageUnderWay {
  readonly skipDamaged: boolean
  /** By `documents.id`. */
  readonly documents = new Map<number, PageDocument>()
  /** By `producers.id`: the number that it has in this page. */
  readonly instances = new Map<number, number>()
  bytes = 0
  lastSeq = 0
  readonly #packer = new PagePacker()

  constructor(skipDamaged: boolean) {
    this.skipDamaged = skipDamaged
  }

  get entries(): number {
    return this.#packer.entries
  }

  addDocument(id: number, ref: DocumentRef, isDeleted: boolean): PageDocument {
    const document = { index: this.#packer.addDocument(ref), ref, isDeleted }
    this.documents.set(id, document)
    return document
  }

  addInstance(producer: number, name: InstanceId): number {
    const index = this.#packer.addInstance(name)
    this.instances.set(producer, index)
    return index
  }

  addRow(seq: number, document: number, instance: number, n: number, bytes: Uint8Array): void {
    this.#packer.addRow(seq, document, instance, n, bytes)
    this.bytes += bytes.length
    this.lastSeq = seq
  }

  addOther(entry: SnapshotEntry | TombstoneEntry, size: number): void {
    this.#packer.addOther(entry)
    this.bytes += size
    this.lastSeq = entry.seq
  }

  finish(page: Omit<Page, 'entries'>): PackedPage {
    return this.#packer.finish(page)
  }
}

type PlaceTuple = readonly [document: number, name: DocumentId, generation: number, seq: number]

/** Where the tuples have their seq. */
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
