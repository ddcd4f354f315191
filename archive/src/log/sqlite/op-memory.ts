import type { CollectionName, OpId } from '@holdfast/peer/protocol'
import type { RememberedOp } from '../append/ledger-source.js'
import { opHash } from '../append/op-hash.js'
import type { Collections } from './collections.js'
import { refOf, type DocumentRow } from './document-row.js'
import { isWhole, type DocumentEntries } from './entries.js'
import type { Filing } from './filing.js'
import type { Producers } from './producers.js'
import type { Sql, Statement } from './sql.adapter.js'

/**
 * What is remembered under the id of a live op: where it went, and the hash of its bytes. As long as
 * its row is there the row itself says so; the hash is written down only when the row goes, or if
 * there never was one.
 */
export class OpMemory {
  readonly #collections: Collections
  readonly #producers: Producers
  readonly #filing: Filing
  readonly #entries: DocumentEntries
  readonly #find: Statement<readonly [document: number, seq: number, hash: string]>
  readonly #documentById: Statement<DocumentRow>
  readonly #remember: Statement
  readonly #setHash: Statement
  readonly #forget: Statement
  readonly #forgetOld: Statement

  constructor(
    sql: Sql,
    collections: Collections,
    producers: Producers,
    filing: Filing,
    entries: DocumentEntries,
  ) {
    this.#collections = collections
    this.#producers = producers
    this.#filing = filing
    this.#entries = entries
    this.#find = sql.readTuples('SELECT document, seq, hash FROM ops WHERE producer = ? AND n = ?')
    this.#documentById = sql.read('SELECT name, generation FROM documents WHERE id = ?')
    this.#remember = sql.prepare(
      'remember op',
      'INSERT OR IGNORE INTO ops (producer, n, document, seq, hash) VALUES (?, ?, ?, ?, ?)',
    )
    this.#setHash = sql.prepare(
      'keep the hash of an op',
      'UPDATE ops SET hash = ? WHERE producer = ? AND n = ? AND seq = ?',
    )
    this.#forget = sql.prepare(
      'forget op',
      'DELETE FROM ops WHERE producer = ? AND n = ? AND seq = ?',
    )
    this.#forgetOld = sql.prepare(
      'forget old ops',
      `DELETE FROM ops WHERE producer = ? AND hash <> '' AND n <= coalesce(
         (SELECT n FROM ops WHERE producer = ? AND n <= ? AND hash <> ''
          ORDER BY n DESC LIMIT 1 OFFSET ?), 0)`,
    )
  }

  find(collectionName: CollectionName, { instance, n }: OpId): RememberedOp | undefined {
    const collection = this.#collections.byName(collectionName)
    if (collection === undefined) return undefined
    const producer = this.#producers.find(collection.id, instance)
    // Mostly the next n of its instance: nothing has to be looked for then.
    if (producer === undefined || n > producer.highestN) return undefined
    const unfiled = this.#filing.findOp(producer.id, n)
    if (unfiled !== undefined) {
      return this.#fromRow(collection.id, unfiled.document, unfiled.seq)
    }
    const found = this.#find.get(producer.id, n)
    if (found === undefined) return undefined
    const [document, seq, hash] = found
    if (hash === '') return this.#fromRow(collection.id, document, seq)
    return this.#remembered(document, seq, hash)
  }

  /** An op that made no row; in a write transaction. */
  remember(producer: number, n: number, document: number, seq: number, hash: string): void {
    this.#remember.run(producer, n, document, seq, hash)
    // Not each time: it looks at all of those that stay.
    if (n % 64 === 0) this.forgetOld(producer, n)
  }

  /** Before a row of a live op is deleted; it has been filed. */
  keepHash(producer: number, n: number, seq: number, bytes: Uint8Array): void {
    this.#setHash.run(opHash(bytes), producer, n, seq)
  }

  /** Instead, where the row's bytes are damaged: the op may come again, as if for the first time. */
  forget(producer: number, n: number, seq: number): void {
    this.#forget.run(producer, n, seq)
  }

  /** Keeps the last of those whose rows are gone, or never were. */
  forgetOld(producer: number, highestN: number): void {
    this.#forgetOld.run(producer, producer, highestN, maxRowlessOps)
  }

  #fromRow(collection: number, document: number, seq: number): RememberedOp | undefined {
    const entry = this.#entries.bySeq(collection, seq)
    if (entry === undefined || !isWhole(entry)) return undefined
    return this.#remembered(document, seq, opHash(entry.bytes))
  }

  #remembered(document: number, seq: number, hash: string): RememberedOp | undefined {
    const row = this.#documentById.get(document)
    return row && { document: refOf(row), seq, hash }
  }
}

/**
 * Ops of a producer that are remembered without their row: several times what is ever under way. A
 * typist makes a hundred thousand in a day, and each takes 35 bytes; what is older is judged by what
 * it contains, as if it came for the first time.
 */
const maxRowlessOps = 256
