import type { CollectionName, DocumentId } from '@holdfast/peer/protocol'
import type { DocumentState } from '../append/index.js'
import type { LogPolicy } from '../options.js'
import { Authors } from './authors.js'
import { Checkpoints } from './checkpoints.js'
import { Collections } from './collections.js'
import type { DocumentRow } from './document-row.js'
import { Documents } from './documents.js'
import { DocumentEntries, EntryWriter } from './entries.js'
import { Filing } from './filing.js'
import { DocumentLoader } from './load-document.js'
import { OpMemory } from './op-memory.js'
import { Producers } from './producers.js'
import { Quarantine, QuarantineReader } from './quarantine.js'
import { SnapshotReader, SnapshotWriter } from './snapshots.js'
import type { Sql, Statement } from './sql.adapter.js'
import { Totals } from './totals.js'

/**
 * The writer's view of the tables: what it changes in memory and what is on disk move together.
 *
 *     begin ─► changes to the parts ─► commit      all of it durable
 *                                   └► abort       none of it; memory is read anew
 *
 * One write transaction at a time, never across a return to the caller of the engine.
 */
export class Store {
  readonly sql: Sql
  readonly totals: Totals
  readonly collections: Collections
  readonly documents: Documents
  readonly entries: DocumentEntries
  readonly entryWriter: EntryWriter
  readonly filing: Filing
  readonly producers: Producers
  readonly ops: OpMemory
  readonly authors: Authors
  readonly checkpoints: Checkpoints
  readonly snapshots: SnapshotReader
  readonly snapshotWriter: SnapshotWriter
  readonly quarantine: Quarantine
  /** Documents in which damage was found, to be healed once no transaction is open. */
  readonly damaged = new Set<number>()
  readonly #loader: DocumentLoader
  readonly #locate: Statement<Located>
  #isWriting = false
  /** Memory may not be what the disk says: the last attempt to read it anew has failed. */
  #isStale = false

  constructor(sql: Sql, termOrdinal: number, policy: LogPolicy) {
    this.sql = sql
    this.totals = new Totals(sql)
    this.collections = new Collections(sql, termOrdinal)
    this.documents = new Documents(sql, policy)
    this.entries = new DocumentEntries(sql)
    this.entryWriter = new EntryWriter(sql)
    this.filing = new Filing(sql, this.totals)
    this.producers = new Producers(sql, this.filing)
    this.ops = new OpMemory(sql, this.collections, this.producers, this.filing, this.entries)
    this.authors = new Authors(sql)
    this.checkpoints = new Checkpoints(sql)
    this.snapshots = new SnapshotReader(sql)
    this.snapshotWriter = new SnapshotWriter(sql)
    this.quarantine = new Quarantine(sql, this.totals, policy.maxQuarantineBytes)
    this.#locate = sql.read(
      `SELECT c.name AS collection, d.name AS name, d.generation AS generation
       FROM documents d JOIN collections c ON c.id = d.collection WHERE d.id = ?`,
    )
    this.#loader = new DocumentLoader({
      entries: this.entries,
      checkpoints: this.checkpoints,
      snapshots: this.snapshots,
      authors: this.authors,
      quarantine: new QuarantineReader(sql),
    })
  }

  get isWriting(): boolean {
    return this.#isWriting
  }

  /** To be called first by whatever uses the store: throws while the disk cannot be read. */
  refresh(): void {
    if (!this.#isStale) return
    this.totals.reload()
    this.collections.reload()
    this.filing.reload()
    this.#isStale = false
  }

  /** Starts the write transaction, if it has not been started. */
  begin(): void {
    if (this.#isWriting) return
    this.sql.begin()
    this.#isWriting = true
    if (this.filing.isDue) this.filing.file()
  }

  /** Returns once everything is on disk. */
  commit(): void {
    this.entryWriter.flush()
    this.collections.save()
    this.documents.save()
    this.totals.save()
    this.sql.commit()
    this.#isWriting = false
    this.collections.committed()
    this.documents.committed()
  }

  /** Undoes the write transaction and forgets whatever it had changed in memory. */
  abort(): void {
    this.#isWriting = false
    this.#isStale = true
    this.entryWriter.forget()
    this.collections.forget()
    this.documents.forget()
    this.producers.forget()
    this.ops.recount()
    this.checkpoints.forget()
    this.sql.rollback()
  }

  /** Runs `work` in a write transaction of its own: all of it, or, when it throws, nothing. */
  write<Result>(work: () => Result): Result {
    this.refresh()
    try {
      this.begin()
      const result = work()
      this.commit()
      return result
    } catch (error) {
      this.abort()
      throw error
    }
  }

  /** A document by its number, whatever generation it is. */
  locate(id: number): LocatedDocument | undefined {
    const found = this.#locate.get(id)
    const collection = found && this.collections.byName(found.collection)
    const { name, generation } = found ?? {}
    if (collection === undefined || name === undefined || generation === undefined) return undefined
    const document = this.documents.find(collection.id, { id: name, generation })
    return document && { collection: collection.name, document }
  }

  /** The latest generation of a document, as its durable rows say. */
  load(row: DocumentRow): DocumentState {
    const { state, rowsRead, isDamaged } = this.#loader.load(row)
    this.checkpoints.loaded(row.id, rowsRead)
    if (isDamaged) this.damaged.add(row.id)
    return state
  }
}

export interface LocatedDocument {
  readonly collection: CollectionName
  readonly document: DocumentRow
}

interface Located {
  readonly collection: CollectionName
  readonly name: DocumentId
  readonly generation: number
}
