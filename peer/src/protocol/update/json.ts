import type { ByteReader } from './bytes.js'
import { wrong } from './wrong.js'

/**
 * Skips the JSON that fills `reader` up to `to`, accepting exactly what `JSON.parse` accepts, up to
 * a depth: `levels` is how many arrays and objects may open, one inside the other. Nothing is built.
 * That the bytes are UTF-8 has been checked before.
 */
export function skipJson(reader: ByteReader, to: number, levels: number): void {
  skipSpace(reader, to)
  value(reader, to, levels)
  skipSpace(reader, to)
  if (reader.position !== to) throw wrong.notJson
}

function value(reader: ByteReader, to: number, levels: number): void {
  switch (peek(reader, to)) {
    case quote:
      return text(reader, to)
    case openBrace:
      return object(reader, to, levels - 1)
    case openBracket:
      return array(reader, to, levels - 1)
    case letterT:
      return word(reader, to, 'true')
    case letterF:
      return word(reader, to, 'false')
    case letterN:
      return word(reader, to, 'null')
    default:
      return number(reader, to)
  }
}

function object(reader: ByteReader, to: number, levels: number): void {
  if (isEmptyContainer(reader, to, levels, closeBrace)) return
  do {
    skipSpace(reader, to)
    if (peek(reader, to) !== quote) throw wrong.notJson
    text(reader, to)
    skipSpace(reader, to)
    if (take(reader, to) !== colon) throw wrong.notJson
    skipSpace(reader, to)
    value(reader, to, levels)
  } while (hasMore(reader, to, closeBrace))
}

function array(reader: ByteReader, to: number, levels: number): void {
  if (isEmptyContainer(reader, to, levels, closeBracket)) return
  do {
    skipSpace(reader, to)
    value(reader, to, levels)
  } while (hasMore(reader, to, closeBracket))
}

/** Steps over the opening bracket, and over the closing one if it follows. */
function isEmptyContainer(reader: ByteReader, to: number, levels: number, close: number): boolean {
  if (levels < 0) throw wrong.nestedTooDeeply
  reader.position++
  skipSpace(reader, to)
  if (peek(reader, to) !== close) return false
  reader.position++
  return true
}

/** After an entry: steps over the comma (true) or over the closing bracket (false). */
function hasMore(reader: ByteReader, to: number, close: number): boolean {
  skipSpace(reader, to)
  const next = take(reader, to)
  if (next !== comma && next !== close) throw wrong.notJson
  return next === comma
}

function text(reader: ByteReader, to: number): void {
  reader.position++
  for (;;) {
    const byte = take(reader, to)
    if (byte === quote) return
    if (byte < 0x20) throw wrong.notJson
    if (byte === backslash) escape(reader, to)
  }
}

function escape(reader: ByteReader, to: number): void {
  const kind = take(reader, to)
  if (kind === letterU) {
    for (let i = 0; i < 4; i++) {
      if (!isHexDigit(take(reader, to))) throw wrong.notJson
    }
  } else if (!simpleEscapes.includes(kind)) {
    throw wrong.notJson
  }
}

function number(reader: ByteReader, to: number): void {
  if (peek(reader, to) === minus) reader.position++
  if (peek(reader, to) === digit0) reader.position++
  else digits(reader, to)
  if (peek(reader, to) === point) {
    reader.position++
    digits(reader, to)
  }
  const exponent = peek(reader, to)
  if (exponent === letterE || exponent === capitalE) {
    reader.position++
    const sign = peek(reader, to)
    if (sign === plus || sign === minus) reader.position++
    digits(reader, to)
  }
}

function digits(reader: ByteReader, to: number): void {
  if (!isDigit(peek(reader, to))) throw wrong.notJson
  while (isDigit(peek(reader, to))) reader.position++
}

function word(reader: ByteReader, to: number, letters: string): void {
  for (let i = 0; i < letters.length; i++) {
    if (take(reader, to) !== letters.charCodeAt(i)) throw wrong.notJson
  }
}

function skipSpace(reader: ByteReader, to: number): void {
  while (isSpace(peek(reader, to))) reader.position++
}

function take(reader: ByteReader, to: number): number {
  const byte = peek(reader, to)
  reader.position++
  return byte
}

/** The next byte, or `ended`, which is no byte that JSON has a use for. */
function peek(reader: ByteReader, to: number): number {
  return reader.position < to ? (reader.bytes[reader.position] as number) : ended
}

function isDigit(byte: number): boolean {
  return byte >= digit0 && byte <= 0x39
}

function isHexDigit(byte: number): boolean {
  const letter = byte | 0x20
  return isDigit(byte) || (letter >= 0x61 && letter <= 0x66)
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** Below every byte, so that the text of a string cannot run past the end either. */
const ended = -1

const quote = 0x22
const plus = 0x2b
const comma = 0x2c
const minus = 0x2d
const point = 0x2e
const digit0 = 0x30
const colon = 0x3a
const capitalE = 0x45
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const letterE = 0x65
const letterF = 0x66
const letterN = 0x6e
const letterT = 0x74
const letterU = 0x75
const openBrace = 0x7b
const closeBrace = 0x7d

/** What may follow a backslash, besides `u`: `"` `\` `/` `b` `f` `n` `r` `t`. */
const simpleEscapes = [quote, backslash, 0x2f, 0x62, letterF, letterN, 0x72, letterT]
