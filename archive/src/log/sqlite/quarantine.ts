import type {
  CollectionName,
  DocumentId,
  DocumentRef,
  InstanceId,
  OpId,
} from '@holdfast/peer/protocol'
import { fromHexString, toHexString } from 'lib0/buffer'
import type { Quarantined } from '../port.js'
import type { Sql, Statement } from './sql.adapter.js'
import type { Totals } from './totals.js'

export interface SetAside {
  readonly collection: number
  readonly document: DocumentRef
  /** The row that it was: of `documents.id`, at its seq. */
  readonly row?: { readonly document: number; readonly seq: number }
  readonly id?: OpId
  readonly reason: string
  /** Empty where the bytes may not be what came: what is sent again is not to be known by them. */
  readonly hash: string
  readonly bytes: Uint8Array
}

/** Keeps what could not be, or not stay, an entry. The writer's side. */
export class Quarantine {
  readonly #totals: Totals
  readonly #maxBytes: number
  readonly #insert: Statement
  readonly #keepOut: Statement
  readonly #oldestRefused: Statement<{ readonly id: number; readonly kept: number }>
  readonly #remove: Statement
  /** An id before which nothing refused is left: rows that are there need not be passed again. */
  #noneBefore = 0

  constructor(sql: Sql, totals: Totals, maxBytes: number) {
    this.#totals = totals
    this.#maxBytes = maxBytes
    this.#insert = sql.prepare(
      'insert quarantined',
      `INSERT INTO quarantine
         (collection, name, generation, seq, instance, n, reason, at_ms, size, hash, bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#keepOut = sql.prepare(
      'keep out what was taken out',
      'INSERT OR REPLACE INTO ops (producer, n, document, seq, hash) VALUES (?, ?, ?, ?, ?)',
    )
    this.#oldestRefused = sql.read(
      `SELECT id, coalesce(length(bytes), 0) AS kept FROM quarantine
       WHERE id >= ? AND seq IS NULL ORDER BY id LIMIT 1`,
    )
    this.#remove = sql.prepare('remove quarantined', 'DELETE FROM quarantine WHERE id = ?')
  }

  /** In a write transaction, whose totals the caller saves. */
  add({ collection, document, row: was, id, reason, hash, bytes }: SetAside, nowMs: number): void {
    const { row } = this.#totals
    if (row.quarantined >= maxQuarantined) this.#dropOldestRefused()
    const isKept = row.quarantinedBytes + bytes.length <= this.#maxBytes
    this.#insert.run(
      collection,
      document.id,
      document.generation,
      was?.seq ?? null,
      id?.instance ?? null,
      id?.n ?? null,
      reason,
      nowMs,
      bytes.length,
      hash,
      isKept ? bytes : null,
    )
    row.quarantined++
    if (isKept) row.quarantinedBytes += bytes.length
    if (was !== undefined && hash !== '') {
      this.#keepOut.run(-was.document, was.seq, was.document, was.seq, fromHexString(hash))
    }
  }

  /** Rows that were taken out of the log stay noted for ever, so that they stay out. */
  #dropOldestRefused(): void {
    const oldest = this.#oldestRefused.get(this.#noneBefore)
    if (oldest === undefined) return
    this.#noneBefore = oldest.id
    this.#remove.run(oldest.id)
    this.#totals.row.quarantined--
    this.#totals.row.quarantinedBytes -= oldest.kept
  }
}

/** What was refused is news, and bounded: whoever floods it with refusals loses the oldest. */
const maxQuarantined = 100_000

/** Looks into the quarantine, for whoever reads. */
export class QuarantineReader {
  readonly #newest: Statement<QuarantinedRow>
  readonly #hashes: Statement<readonly [Uint8Array]>

  constructor(sql: Sql) {
    this.#newest = sql.read(
      `SELECT c.name AS collection, q.name AS name, generation, seq, instance, n, reason,
         at_ms AS atMs, size, bytes
       FROM quarantine q CROSS JOIN collections c ON c.id = q.collection ORDER BY q.id DESC LIMIT ?`,
    )
    this.#hashes = sql.readTuples('SELECT hash FROM ops WHERE producer = ?')
  }

  newest(limit: number): readonly Quarantined[] {
    return this.#newest.all(limit).map(quarantinedOf)
  }

  /** Of the rows that were taken out of this document (`documents.id`). */
  hashesOf(document: number): ReadonlySet<string> {
    return new Set(this.#hashes.all(-document).map(([hash]) => toHexString(hash)))
  }
}

interface QuarantinedRow {
  readonly collection: CollectionName
  readonly name: DocumentId
  readonly generation: number
  readonly seq: number | null
  readonly instance: InstanceId | null
  readonly n: number | null
  readonly reason: string
  readonly atMs: number
  readonly size: number
  readonly bytes: Uint8Array | null
}

function quarantinedOf(row: QuarantinedRow): Quarantined {
  const { collection, name, generation, seq, instance, n, reason, atMs, size, bytes } = row
  return {
    collection,
    document: { id: name, generation },
    ...(seq !== null && { seq }),
    ...(instance !== null && n !== null && { id: { instance, n } }),
    reason,
    atMs,
    size,
    ...(bytes !== null && { bytes }),
  }
}
