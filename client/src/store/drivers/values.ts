import { ClientError } from '../../errors.js'
import type { SqlRow, SqlValue } from '../driver.js'

/*
 * The border of every driver: what goes in is what all of SQLite's bindings take in the same way, and
 * what comes out is what was put in. Numbers stay below 2^53; text has neither NUL, at which some
 * bindings cut it off, nor halves of surrogate pairs, which UTF-8 cannot say.
 */

/** Values to be bound, blobs copied: the caller may go on with its bytes. Throws `internal`. */
export function checkedValues(values: readonly SqlValue[]): SqlValue[] {
  return values.map((value: unknown, at) => {
    if (value === null) return value
    if (typeof value === 'string' && !unfitText.test(value)) return value
    if (typeof value === 'number' && isFit(value)) return value
    // Not `slice`, which Node's Buffer overrides with one that shares its bytes.
    if (value instanceof Uint8Array) return new Uint8Array(value)
    throw new ClientError('internal', `value ${at + 1} cannot be stored: ${told(value)}`)
  })
}

/**
 * A row as it came from a binding, blobs copied out of whatever they are a view of. Throws
 * `storage-failed` for a shape that nobody expected: read as nothing, it would look like data loss.
 */
export function checkedRow(row: unknown): SqlRow {
  if (!Array.isArray(row)) throw unexpected('a row', row)
  return row.map((value: unknown) => {
    if (value === null) return value
    if (typeof value === 'string') return value
    if (typeof value === 'number' && isFit(value)) return value
    if (value instanceof Uint8Array) return new Uint8Array(value)
    if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0))
    throw unexpected('a value', value)
  })
}

/** A number of changed rows, as it came from a binding. */
export function checkedCount(count: unknown): number {
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0) {
    throw unexpected('a number of rows', count)
  }
  return count
}

export function unexpected(what: string, got: unknown): ClientError {
  return new ClientError('storage-failed', `the database gave ${told(got)} as ${what}`)
}

// Without property escapes and lookbehind, which not every engine of phones has.
const unfitText = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?:[^\ud800-\udbff]|^)[\udc00-\udfff]/

function isFit(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
}

function told(value: unknown): string {
  if (typeof value === 'object' && value !== null) return `an object (${value.constructor?.name})`
  if (typeof value === 'string') return `text with NUL or half a surrogate pair`
  return `${typeof value} ${String(value)}`
}
