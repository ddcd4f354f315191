import type { CollectionName, OpId } from '@holdfast/peer/protocol'
import { fromHexString, toHexString } from 'lib0/buffer'
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
  readonly #find: Statement<readonly [document: number, seq: number, hash: Uint8Array]>
  readonly #documentById: Statement<DocumentRow>
  readonly #remember: Statement
  readonly #setHash: Statement
  readonly #forget: Statement
  readonly #forgetOldest: Statement
  readonly #forgetOld: Statement
  readonly #highestN: Statement<readonly [number]>
  /** By producer: ops up to this n are remembered only as long as their row is there. */
  readonly #forgottenThrough = new Map<number, number>()

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
      "DELETE FROM ops WHERE producer = ? AND n = ? AND seq = ? AND hash = x''",
    )
    this.#forgetOldest = sql.prepare(
      'forget oldest ops',
      `DELETE FROM ops WHERE hash = x'' AND (producer, n, seq) IN (
         SELECT e.producer, e.n, e.seq FROM tails t CROSS JOIN entries e ON e.id = t.entry
         WHERE t.document = ? AND t.seq <= ? AND e.producer > 0)`,
    )
    this.#forgetOld = sql.prepare(
      'forget old ops',
      "DELETE FROM ops WHERE producer = ? AND n > ? AND n <= ? AND hash <> x''",
    )
    this.#highestN = sql.readTuples('SELECT highest_n FROM producers WHERE id = ?')
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
    if (hash.length === 0) return this.#fromRow(collection.id, document, seq)
    return this.#remembered(document, seq, toHexString(hash))
  }

  /** An op that made no row, if it is recent; in a write transaction. */
  remember(producer: number, n: number, document: number, seq: number, hash: string): void {
    if (!this.isRecent(producer, n)) return
    this.#remember.run(producer, n, document, seq, fromHexString(hash))
    this.forgetOld(producer)
  }

  /** Whether an op is remembered without its row. */
  isRecent(producer: number, n: number): boolean {
    return n > this.#recentAfter(producer)
  }

  /** Before a row of a live op is deleted; it has been filed. */
  keepHash(producer: number, n: number, seq: number, bytes: Uint8Array): void {
    this.#setHash.run(fromHexString(opHash(bytes)), producer, n, seq)
  }

  /** With its row, unless its hash was kept. */
  forget(producer: number, n: number, seq: number): void {
    this.#forget.run(producer, n, seq)
  }

  /** The same for all rows of a document up to a seq, while they are there. */
  forgetOldest(document: number, seq: number): void {
    this.#forgetOldest.run(document, seq)
  }

  /** Of those whose rows are gone, or never were: what is recent no more. */
  forgetOld(producer: number): void {
    const through = this.#recentAfter(producer)
    const before = this.#forgottenThrough.get(producer) ?? 0
    if (through <= before) return
    this.#forgetOld.run(producer, before, through)
    if (this.#forgottenThrough.size >= maxCounted) this.#forgottenThrough.clear()
    this.#forgottenThrough.set(producer, through)
  }

  /** What was counted in a transaction that failed. A count that is too low costs time. */
  recount(): void {
    this.#forgottenThrough.clear()
  }

  #recentAfter(producer: number): number {
    return (this.#highestN.get(producer)?.[0] ?? 0) - maxRowlessOps
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
 * Ops of a producer that are remembered without their row, by their n: twice what it may have under
 * way. A typist makes a hundred thousand in a day, each load of a page is a producer of its own, and
 * an op takes 25 bytes; what is older is judged by what it contains, as if it came for the first time.
 */
const maxRowlessOps = 128

const maxCounted = 10_000
