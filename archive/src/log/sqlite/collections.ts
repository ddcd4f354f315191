import type { CollectionName } from '@holdfast/peer/protocol'
import type { Sql, Statement } from './sql.adapter.js'

export interface CollectionRecord {
  readonly id: number
  readonly name: CollectionName
  /** Seq of its last entry. */
  head: number
  /** Generations of documents, deleted ones included. */
  documents: number
  /** Whether this opening's term has its start here written down. */
  hasTerm: boolean
  /** By the transaction that is being written. */
  isChanged: boolean
}

/**
 * Collections as the writer sees them. Records are changed in memory by the group that is being
 * written, and saved with it; a group that failed has them forgotten.
 */
export class Collections {
  readonly #term: number
  readonly #countAll: Statement<{ readonly count: number }>
  readonly #find: Statement<readonly [number, number, number, number | null]>
  readonly #insert: Statement
  readonly #save: Statement
  readonly #startTerm: Statement
  readonly #byName = new Map<CollectionName, CollectionRecord>()
  #changed: CollectionRecord[] = []
  #stored: number
  #started = 0

  constructor(sql: Sql, termOrdinal: number) {
    this.#term = termOrdinal
    // Ids are given out one by one, and collections are never deleted.
    this.#countAll = sql.read('SELECT coalesce(max(id), 0) AS count FROM collections')
    this.#find = sql.readTuples(
      `SELECT id, head, documents,
         (SELECT start_seq FROM terms WHERE collection = collections.id AND ordinal = ?)
       FROM collections WHERE name = ?`,
    )
    this.#insert = sql.prepare(
      'insert collection',
      'INSERT INTO collections (id, name, head, documents) VALUES (?, ?, 0, 0)',
    )
    this.#save = sql.prepare(
      'save collection',
      'UPDATE collections SET head = ?, documents = ? WHERE id = ?',
    )
    this.#startTerm = sql.prepare(
      'start term in collection',
      'INSERT INTO terms (collection, ordinal, start_seq) VALUES (?, ?, ?)',
    )
    this.#stored = this.#countAll.get()?.count ?? 0
  }

  /** How many there are on disk. They are never deleted, so this is the highest id, too. */
  get stored(): number {
    return this.#stored
  }

  byName(name: CollectionName): CollectionRecord | undefined {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const found = this.#find.get(this.#term, name)
    if (found === undefined) return undefined
    const [id, head, documents, startSeq] = found
    const record = { id, name, head, documents, hasTerm: startSeq !== null, isChanged: false }
    this.#byName.set(name, record)
    return record
  }

  /** The record to change for an entry that is about to be written; made if it is the first. */
  forEntry(name: CollectionName): CollectionRecord {
    let record = this.byName(name)
    if (record === undefined) {
      const id = this.#stored + ++this.#started
      record = { id, name, head: 0, documents: 0, hasTerm: false, isChanged: false }
      this.#insert.run(id, name)
      this.#byName.set(name, record)
    }
    if (!record.hasTerm) {
      this.#startTerm.run(record.id, this.#term, record.head)
      record.hasTerm = true
    }
    if (!record.isChanged) {
      record.isChanged = true
      this.#changed.push(record)
    }
    return record
  }

  /** Before the group's commit. */
  save(): void {
    for (const { head, documents, id } of this.#changed) this.#save.run(head, documents, id)
  }

  /** After the group's commit. */
  committed(): void {
    this.#stored += this.#started
    this.#started = 0
    for (const record of this.#changed) record.isChanged = false
    this.#changed = []
    if (this.#byName.size > maxCached) this.#byName.clear()
  }

  /** After the group has failed. */
  forget(): void {
    this.#started = 0
    this.#changed = []
    this.#byName.clear()
  }

  /** After that, once the disk can be read. */
  reload(): void {
    this.#stored = this.#countAll.get()?.count ?? 0
  }
}

/** Reading one again costs microseconds: this only has to hold what is in use at a time. */
const maxCached = 10_000
