import type { Reader } from './reader.js'
import { uintLength, type Writer } from './writer.js'

/**
 * How one kind of value stands on the wire: from one definition come what writes it, what reads it,
 * its TypeScript type, its bounds and its line in docs/PROTOCOL.md.
 *
 * Guarantees of every codec here:
 * - `write` throws a RangeError for a value that `read` would not take (the caller's mistake), and
 *   `read` gives back an equal value for every other;
 * - `read` never throws. On bytes that it does not take it refuses through the reader, and what it
 *   returns then means nothing;
 * - a value has one form in bytes: no two byte strings read as the same value.
 */
export interface Codec<T> {
  /** As docs/PROTOCOL.md writes it: a name, or what it is made of. */
  readonly notation: string
  /** What it is made of, where the notation is a name. */
  readonly definition?: string
  /** What a value takes at least. A list multiplies it to see whether its items can be there. */
  readonly minBytes: number
  /** What a value takes at most. */
  readonly maxBytes: number
  write(writer: Writer, value: T): void
  read(reader: Reader): T
}

/** The type of the values of a codec. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never

/** A number in 7 bits a byte, low bits first, a set top bit for "goes on": 1 to 8 bytes. */
export const uint: Codec<number> = uintUpTo(Number.MAX_SAFE_INTEGER, 'uint')

/** A `uint` that is at most `max`. */
export function uintUpTo(max: number, notation = `uint ≤ ${withSpaces(max)}`): Codec<number> {
  return {
    notation,
    minBytes: 1,
    maxBytes: uintLength(max),
    write: (writer, value) => writer.uint(value, max),
    read: (reader) => reader.uint(max),
  }
}

/** A `uint` from `min` to `max`. */
export function uintBetween(min: number, max: number): Codec<number> {
  return {
    notation: `uint from ${withSpaces(min)} to ${withSpaces(max)}`,
    minBytes: uintLength(min),
    maxBytes: uintLength(max),
    write(writer, value) {
      if (value < min) throw new RangeError(`not a whole number from ${min} to ${max}: ${value}`)
      writer.uint(value, max)
    },
    read(reader) {
      const value = reader.uint(max)
      if (value < min) reader.refuse('malformed', `: a number below ${min}`)
      return value
    },
  }
}

/** The same codec under a name, which docs/PROTOCOL.md explains once. */
export function called<C extends Codec<unknown>>(name: string, codec: C): C {
  return { ...codec, notation: name, definition: codec.notation }
}

/** A number from 0 to 255. */
export const byte: Codec<number> = {
  notation: 'byte',
  minBytes: 1,
  maxBytes: 1,
  write(writer, value) {
    if (!Number.isInteger(value) || value < 0 || value > 255) {
      throw new RangeError(`not a byte: ${value}`)
    }
    writer.byte(value)
  },
  read: (reader) => reader.byte(),
}

/** One byte, `00` or `01`. */
export const boolean: Codec<boolean> = {
  notation: 'boolean',
  minBytes: 1,
  maxBytes: 1,
  write: (writer, value) => writer.byte(value ? 1 : 0),
  read(reader) {
    const value = reader.byte()
    if (value > 1) reader.refuse('malformed', ': neither 00 nor 01')
    return value === 1
  },
}

/** One of the given words, as the byte that stands beside it. */
export function oneOf<Word extends string>(bytes: Readonly<Record<Word, number>>): Codec<Word> {
  const words = new Map(Object.entries<number>(bytes).map(([word, byte]) => [byte, word as Word]))
  const first = Object.keys(bytes)[0] as Word
  return {
    notation: Object.keys(bytes).join(' | '),
    minBytes: 1,
    maxBytes: 1,
    write: (writer, word) => writer.byte(bytes[word]),
    read(reader) {
      const word = words.get(reader.byte())
      if (word === undefined) reader.refuse('malformed', ': an unknown choice')
      return word ?? first
    },
  }
}

/**
 * A length, then so many bytes. What is read is a view of the message: whoever keeps it copies it
 * first (`copyOf`).
 */
export function bytesUpTo(maxBytes: number): Codec<Uint8Array> {
  return {
    notation: `bytes ≤ ${inUnits(maxBytes)}`,
    minBytes: 1,
    maxBytes: uintLength(maxBytes) + maxBytes,
    write: (writer, bytes) => writer.bytes(bytes, maxBytes),
    read: (reader) => reader.bytes(maxBytes),
  }
}

/** Exactly `length` bytes, as lower-case hex digits in memory. */
export function hexOfBytes<Id extends string>(length: number): Codec<Id> {
  return {
    notation: `${length} bytes`,
    minBytes: length,
    maxBytes: length,
    write: (writer, id) => writer.hex(id, length),
    read: (reader) => reader.hex(length) as Id,
  }
}

/** `72 MiB`, `32 KiB`, `100 bytes`. */
function inUnits(bytes: number): string {
  if (bytes % 1_048_576 === 0) return `${bytes / 1_048_576} MiB`
  if (bytes % 1_024 === 0) return `${bytes / 1_024} KiB`
  return `${withSpaces(bytes)} bytes`
}

function withSpaces(number: number): string {
  return String(number).replace(/(?<=\d)(?=(\d{3})+$)/g, ',')
}
