import { ClientError } from '../errors.js'
import type { SqlRow, SqlValue } from './driver.js'

/**
 * Reads the columns of one row in order. A value of a type that the column cannot have is an error:
 * read as nothing, it would look as if data had never been there.
 */
export class RowReader {
  readonly #row: SqlRow
  #at = 0

  constructor(row: SqlRow) {
    this.#row = row
  }

  text(): string {
    const value = this.#next()
    return typeof value === 'string' ? value : this.#unexpected('text', value)
  }

  integer(): number {
    const value = this.#next()
    return Number.isSafeInteger(value) ? (value as number) : this.#unexpected('a number', value)
  }

  blob(): Uint8Array {
    const value = this.#next()
    return value instanceof Uint8Array ? value : this.#unexpected('bytes', value)
  }

  boolean(): boolean {
    const value = this.#next()
    return value === 0 || value === 1 ? value === 1 : this.#unexpected('0 or 1', value)
  }

  /** One of a few words. */
  word<Word extends string>(words: readonly Word[]): Word {
    const value = this.#next()
    const word = words.find((known) => known === value)
    return word ?? this.#unexpected(words.join(' or '), value)
  }

  optional<T>(read: (reader: this) => T): T | undefined {
    if (this.#row[this.#at] !== null) return read(this)
    this.#at++
    return undefined
  }

  #next(): SqlValue | undefined {
    return this.#row[this.#at++]
  }

  #unexpected(what: string, value: unknown): never {
    const got = value === undefined ? 'no column' : value === null ? 'NULL' : typeof value
    throw new ClientError(
      'store-damaged',
      `column ${this.#at} of a row of ${this.#row.length}: ${what} was expected, and there is ${got}`,
    )
  }
}
