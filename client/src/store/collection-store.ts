import type {
  ArchiveId,
  Digest,
  DocumentId,
  ErrorCode,
  InstanceId,
  OpHash,
  TermId,
} from '@holdfast/peer/protocol'
import { statementsOf, type StoreChange } from './changes.js'
import type { Driver, Durability, SqlValue } from './driver.js'
import {
  answerOutcomes,
  opKinds,
  type CollectionIndex,
  type KeptRow,
  type QuarantinedRow,
  type StoredDocument,
  type UpdateRow,
} from './kept-rows.js'
import type { KeyedTable, Keys } from './keys.js'
import type { Openings } from './openings.js'
import { RowReader } from './rows.js'

/**
 * What is kept of one collection. Reading gives what the last transaction has left; writing is
 * `commit`, and nothing else: all of its changes are there when it resolves, none when it rejects.
 */
export class CollectionStore {
  readonly key: number
  readonly #driver: Driver
  readonly #keys: Keys
  readonly #openings: Openings

  constructor(driver: Driver, keys: Keys, openings: Openings, key: number) {
    this.#driver = driver
    this.#keys = keys
    this.#openings = openings
    this.key = key
  }

  get isDurable(): boolean {
    return this.#driver.isDurable
  }

  /** A key for a new row. Keys ascend over the life of the store. */
  nextKey(table: KeyedTable): number {
    return this.#keys.next(table)
  }

  lastKey(table: KeyedTable): number {
    return this.#keys.last(table)
  }

  async commit(changes: readonly StoreChange[], durability: Durability): Promise<void> {
    if (changes.length === 0) return
    const statements = changes.flatMap((change) => statementsOf(change, this.key))
    await this.#driver.transact(statements, durability)
    for (const change of changes) if (change.kind === 'opening') this.#openings.stored(change.key)
  }

  /** The key of one opening of an archive's log, and the change that stores it, where it is new. */
  opening(
    archive: ArchiveId,
    term: TermId,
  ): { readonly key: number; readonly change?: StoreChange } {
    return this.#openings.of(archive, term)
  }

  /** Everything but bytes. */
  async readIndex(): Promise<CollectionIndex> {
    const mine = `document IN (SELECT key FROM documents WHERE collection = ?)`
    const documents = await this.#read(
      `SELECT key, id, generation, has_content, digest, is_damaged, row_count, row_bytes,
         snapshot_bytes FROM documents WHERE collection = ? ORDER BY key`,
      (row) => ({
        key: row.integer(),
        id: row.text() as DocumentId,
        generation: row.integer(),
        hasContent: row.boolean(),
        digest: row.optional((column) => column.text() as Digest),
        isDamaged: row.boolean(),
        rowCount: row.integer(),
        rowBytes: row.integer(),
        snapshotBytes: row.integer(),
      }),
    )
    const ops = await this.#read(
      `SELECT ops.key, ops.document, documents.id, ops.generation, ops.kind, ops.instance, ops.n,
         ops.is_own, ops.hash, length(ops.bytes)
       FROM ops JOIN documents ON documents.key = ops.document
       WHERE documents.collection = ? ORDER BY ops.key`,
      (row) => ({
        key: row.integer(),
        documentKey: row.integer(),
        document: { id: row.text() as DocumentId, generation: row.integer() },
        kind: row.word(opKinds),
        op: { instance: row.text() as InstanceId, n: row.integer() },
        isOwn: row.boolean(),
        hash: row.optional((column) => column.text() as OpHash),
        byteLength: row.integer(),
      }),
    )
    const answers = await this.#read(
      `SELECT op, archive, outcome, term, seq FROM answers
       WHERE op IN (SELECT key FROM ops WHERE ${mine}) ORDER BY op, archive`,
      (row) => ({
        op: row.integer(),
        archive: row.text() as ArchiveId,
        outcome: row.word(answerOutcomes),
        term: row.text() as TermId,
        seq: row.optional((column) => column.integer()),
      }),
    )
    const cursors = await this.#read(
      `SELECT archive, term, seq, is_whole, is_compared FROM cursors
       WHERE collection = ? ORDER BY archive`,
      (row) => ({
        archive: row.text() as ArchiveId,
        term: row.text() as TermId,
        seq: row.integer(),
        isWhole: row.boolean(),
        isCompared: row.boolean(),
      }),
    )
    const places = await this.#read(
      `SELECT document, archive, seq FROM places WHERE ${mine} ORDER BY document, archive`,
      (row) => ({
        documentKey: row.integer(),
        archive: row.text() as ArchiveId,
        seq: row.integer(),
      }),
    )
    const kept = await this.#read(
      `SELECT document, count(*) FROM kept WHERE is_own = 1 AND ${mine}
       GROUP BY document ORDER BY document`,
      (row) => [row.integer(), row.integer()] as const,
    )
    return { documents, ops, answers, cursors, places, keptByDocument: new Map(kept) }
  }

  /** In one read, so that it is one state of the document. */
  async readDocument(key: number): Promise<StoredDocument> {
    const rows = await this.#driver.query(
      `SELECT 0, bytes, NULL, NULL FROM snapshots WHERE document = ?
       UNION ALL
       SELECT key, bytes, opening, seq FROM updates WHERE document = ? ORDER BY 1`,
      [key, key],
    )
    let snapshot: Uint8Array | undefined
    const updates: UpdateRow[] = []
    for (const row of rows) {
      const reader = new RowReader(row)
      const update = reader.integer()
      const bytes = reader.blob()
      const opening = reader.optional((column) => column.integer())
      const seq = reader.optional((column) => column.integer())
      if (update === 0) snapshot = bytes
      else {
        const place = opening === undefined || seq === undefined ? undefined : { opening, seq }
        updates.push({ key: update, bytes, place })
      }
    }
    return { snapshot, updates }
  }

  /** The bytes of ops, by key. */
  async readOps(keys: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const bytes = new Map<number, Uint8Array>()
    for (let at = 0; at < keys.length; at += maxParameters) {
      const some = keys.slice(at, at + maxParameters)
      const rows = await this.#driver.query(
        `SELECT key, bytes FROM ops WHERE key IN (${some.map(() => '?').join(', ')}) ORDER BY key`,
        some,
      )
      for (const row of rows) {
        const reader = new RowReader(row)
        bytes.set(reader.integer(), reader.blob())
      }
    }
    return bytes
  }

  /** What was refused, oldest first. */
  readKept(): Promise<readonly KeptRow[]> {
    return this.#read(
      `SELECT kept.key, documents.id, kept.generation, kept.is_own, kept.code, kept.at_ms, kept.bytes
       FROM kept JOIN documents ON documents.key = kept.document
       WHERE documents.collection = ? ORDER BY kept.key`,
      (row) => ({
        key: row.integer(),
        document: { id: row.text() as DocumentId, generation: row.integer() },
        isOwn: row.boolean(),
        code: row.text() as ErrorCode,
        atMs: row.integer(),
        bytes: row.blob(),
      }),
    )
  }

  /** What could not be applied, oldest first. */
  readQuarantined(): Promise<readonly QuarantinedRow[]> {
    return this.#read(
      `SELECT documents.id, openings.archive, openings.term, quarantined.seq, quarantined.reason,
         quarantined.bytes
       FROM quarantined JOIN documents ON documents.key = quarantined.document
         LEFT JOIN openings ON openings.key = quarantined.opening
       WHERE documents.collection = ? ORDER BY quarantined.key`,
      (row) => ({
        document: row.text() as DocumentId,
        archive: row.optional((column) => column.text() as ArchiveId),
        term: row.optional((column) => column.text() as TermId),
        seq: row.optional((column) => column.integer()),
        reason: row.text(),
        bytes: row.blob(),
      }),
    )
  }

  /** Forgets the collection, contents and cursors together: it is as if it had never been here. */
  async forget(): Promise<void> {
    const mine = `(SELECT key FROM documents WHERE collection = ?)`
    const ofDocuments = ['snapshots', 'updates', 'kept', 'quarantined', 'places'].map(
      (table) => `DELETE FROM ${table} WHERE document IN ${mine}`,
    )
    await this.#driver.transact(
      [
        `DELETE FROM answers WHERE op IN (SELECT key FROM ops WHERE document IN ${mine})`,
        `DELETE FROM ops WHERE document IN ${mine}`,
        ...ofDocuments,
        'DELETE FROM cursors WHERE collection = ?',
        'DELETE FROM documents WHERE collection = ?',
      ].map((sql) => ({ sql, parameters: [this.key] })),
      'strict',
    )
  }

  async #read<T>(sql: string, parse: (row: RowReader) => T): Promise<readonly T[]> {
    const parameters: readonly SqlValue[] = [this.key]
    const rows = await this.#driver.query(sql, parameters)
    return rows.map((row) => parse(new RowReader(row)))
  }
}

/** Question marks in one statement: every build of SQLite takes so many. */
const maxParameters = 500
