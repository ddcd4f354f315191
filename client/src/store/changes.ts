import type { ArchiveId, ErrorCode, TermId } from '@holdfast/peer/protocol'
import type { SqlValue, Statement } from './driver.js'
import type { AnswerRow, CursorRow, DocumentRow, LogPlace, OpRow } from './kept-rows.js'

/** One thing that a transaction does. What belongs together goes into one transaction. */
export type StoreChange =
  | { readonly kind: 'document'; readonly document: DocumentRow }
  | {
      readonly kind: 'update'
      readonly key: number
      readonly document: number
      readonly bytes: Uint8Array
      readonly place: LogPlace | undefined
    }
  /** Takes the place of the snapshot and of all updates up to this key. */
  | {
      readonly kind: 'snapshot'
      readonly document: number
      readonly bytes: Uint8Array
      readonly throughKey: number
    }
  /** Its content goes; the document stays listed. */
  | { readonly kind: 'clear'; readonly document: number }
  | { readonly kind: 'op'; readonly op: OpRow; readonly bytes: Uint8Array }
  | { readonly kind: 'answer'; readonly answer: AnswerRow }
  /** It is owed to this archive again. */
  | { readonly kind: 'unanswer'; readonly op: number; readonly archive: ArchiveId }
  /** It is owed to nobody any more. */
  | { readonly kind: 'settle'; readonly op: number }
  /** The bytes of an op that is owed, among those that were refused. */
  | {
      readonly kind: 'keep-op'
      readonly key: number
      readonly op: number
      readonly code: ErrorCode
      readonly atMs: number
    }
  | {
      readonly kind: 'keep'
      readonly key: number
      readonly document: number
      readonly generation: number
      readonly code: ErrorCode
      readonly atMs: number
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'discard'; readonly kept: number }
  | {
      readonly kind: 'quarantine'
      readonly key: number
      readonly document: number
      readonly place: LogPlace | undefined
      readonly reason: string
      readonly bytes: Uint8Array
    }
  | { readonly kind: 'remove-update'; readonly update: number }
  | { readonly kind: 'remove-snapshot'; readonly document: number }
  | {
      readonly kind: 'opening'
      readonly key: number
      readonly archive: ArchiveId
      readonly term: TermId
    }
  | { readonly kind: 'cursor'; readonly cursor: CursorRow }
  /** This archive is met no more: nothing is owed to it. */
  | { readonly kind: 'forget-archive'; readonly archive: ArchiveId }
  | {
      readonly kind: 'place'
      readonly document: number
      readonly archive: ArchiveId
      readonly seq: number
    }

/** The statements of a change, in order. */
export function statementsOf(change: StoreChange, collection: number): readonly Statement[] {
  switch (change.kind) {
    case 'document': {
      const { document } = change
      return [
        sql(
          `INSERT INTO documents (key, collection, id, generation, has_content, digest, is_damaged,
             row_count, row_bytes, snapshot_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (key) DO UPDATE SET generation = excluded.generation,
             has_content = excluded.has_content, digest = excluded.digest,
             is_damaged = excluded.is_damaged, row_count = excluded.row_count,
             row_bytes = excluded.row_bytes, snapshot_bytes = excluded.snapshot_bytes`,
          document.key,
          collection,
          document.id,
          document.generation,
          flag(document.hasContent),
          document.digest ?? null,
          flag(document.isDamaged),
          document.rowCount,
          document.rowBytes,
          document.snapshotBytes,
        ),
      ]
    }
    case 'update':
      return [
        sql(
          'INSERT INTO updates (key, document, bytes, opening, seq) VALUES (?, ?, ?, ?, ?)',
          change.key,
          change.document,
          change.bytes,
          ...placeOf(change.place),
        ),
      ]
    case 'snapshot':
      return [
        sql(
          'REPLACE INTO snapshots (document, bytes) VALUES (?, ?)',
          change.document,
          change.bytes,
        ),
        sql(
          'DELETE FROM updates WHERE document = ? AND key <= ?',
          change.document,
          change.throughKey,
        ),
      ]
    case 'clear':
      return [
        sql('DELETE FROM snapshots WHERE document = ?', change.document),
        sql('DELETE FROM updates WHERE document = ?', change.document),
      ]
    case 'op': {
      const { op, bytes } = change
      return [
        sql(
          `INSERT INTO ops (key, document, generation, kind, instance, n, is_own, hash, bytes)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          op.key,
          op.documentKey,
          op.document.generation,
          op.kind,
          op.op.instance,
          op.op.n,
          flag(op.isOwn),
          op.hash ?? null,
          bytes,
        ),
      ]
    }
    case 'answer': {
      const { op, archive, outcome, term, seq } = change.answer
      return [
        sql(
          'REPLACE INTO answers (op, archive, outcome, term, seq) VALUES (?, ?, ?, ?, ?)',
          op,
          archive,
          outcome,
          term,
          seq ?? null,
        ),
      ]
    }
    case 'unanswer':
      return [sql('DELETE FROM answers WHERE op = ? AND archive = ?', change.op, change.archive)]
    case 'settle':
      return [
        sql('DELETE FROM answers WHERE op = ?', change.op),
        sql('DELETE FROM ops WHERE key = ?', change.op),
      ]
    case 'keep-op':
      return [
        sql(
          `INSERT INTO kept (key, document, generation, is_own, code, at_ms, bytes)
           SELECT ?, document, generation, is_own, ?, ?, bytes FROM ops WHERE key = ? ORDER BY key`,
          change.key,
          change.code,
          change.atMs,
          change.op,
        ),
      ]
    case 'keep':
      return [
        sql(
          `INSERT INTO kept (key, document, generation, is_own, code, at_ms, bytes)
           VALUES (?, ?, ?, 1, ?, ?, ?)`,
          change.key,
          change.document,
          change.generation,
          change.code,
          change.atMs,
          change.bytes,
        ),
      ]
    case 'discard':
      return [sql('DELETE FROM kept WHERE key = ?', change.kept)]
    case 'quarantine':
      return [
        sql(
          `INSERT INTO quarantined (key, document, opening, seq, reason, bytes)
           VALUES (?, ?, ?, ?, ?, ?)`,
          change.key,
          change.document,
          ...placeOf(change.place),
          change.reason,
          change.bytes,
        ),
      ]
    case 'remove-update':
      return [sql('DELETE FROM updates WHERE key = ?', change.update)]
    case 'remove-snapshot':
      return [sql('DELETE FROM snapshots WHERE document = ?', change.document)]
    case 'opening':
      return [
        sql(
          'INSERT OR IGNORE INTO openings (key, archive, term) VALUES (?, ?, ?)',
          change.key,
          change.archive,
          change.term,
        ),
      ]
    case 'cursor': {
      const { archive, term, seq, isWhole, isCompared } = change.cursor
      return [
        sql(
          `REPLACE INTO cursors (collection, archive, term, seq, is_whole, is_compared)
           VALUES (?, ?, ?, ?, ?, ?)`,
          collection,
          archive,
          term,
          seq,
          flag(isWhole),
          flag(isCompared),
        ),
      ]
    }
    case 'forget-archive':
      return [
        sql('DELETE FROM cursors WHERE collection = ? AND archive = ?', collection, change.archive),
        sql(
          `DELETE FROM places WHERE archive = ?
             AND document IN (SELECT key FROM documents WHERE collection = ?)`,
          change.archive,
          collection,
        ),
      ]
    case 'place':
      return [
        sql(
          'REPLACE INTO places (document, archive, seq) VALUES (?, ?, ?)',
          change.document,
          change.archive,
          change.seq,
        ),
      ]
    default:
      return unknown(change)
  }
}

function unknown(change: never): never {
  throw new TypeError(`a change of an unknown kind: ${JSON.stringify(change)}`)
}

function sql(text: string, ...parameters: readonly SqlValue[]): Statement {
  return { sql: text, parameters }
}

function flag(is: boolean): number {
  return is ? 1 : 0
}

function placeOf(place: LogPlace | undefined): readonly [SqlValue, SqlValue] {
  return place === undefined ? [null, null] : [place.opening, place.seq]
}
