import type { ByteReader } from './bytes.js'
import { wrong } from './wrong.js'

/**
 * Skips one value in lib0's "any" encoding: a byte that says which of twelve kinds, then its
 * content. Nothing is built. `levels` is how many arrays and objects may open, one inside the other.
 */
export function skipAny(reader: ByteReader, levels: number): void {
  const kind = reader.byte()
  switch (kind) {
    case anyUndefined:
    case anyNull:
    case anyFalse:
    case anyTrue:
      return
    case anyInteger:
      return skipInteger(reader)
    case anyFloat32:
      return reader.skip(4)
    case anyFloat64:
    case anyBigint:
      return reader.skip(8)
    case anyText:
      reader.text()
      return
    case anyBytes:
      return reader.skip(reader.uint())
    case anyObject:
      return skipObject(reader, levels)
    case anyArray:
      return skipArray(reader, levels)
    default:
      throw wrong.unknownValue
  }
}

/**
 * Skips a subdocument's options, an object that Yjs spreads into the options of `new Y.Doc`. It
 * writes three (`gc`, `autoLoad`, `meta`), other implementations a few more, which Yjs ignores. Two
 * would do harm there: a `guid` that is no text makes every later encoding throw, and a `gcFilter`
 * that is no function every garbage collection.
 */
export function skipSubdocumentOptions(reader: ByteReader, levels: number): void {
  if (reader.byte() !== anyObject) throw wrong.optionsNoObject
  const size = reader.count(2)
  for (let i = 0; i < size; i++) {
    const length = reader.uint()
    const from = reader.position
    reader.skip(length)
    const key = String.fromCharCode(...reader.bytes.subarray(from, from + Math.min(length, 16)))
    if (key === 'guid' || key === 'gcFilter') throw wrong.optionsHarmful
    reader.position = from
    reader.utf8(from + length)
    skipAny(reader, levels - 1)
  }
}

function skipArray(reader: ByteReader, levels: number): void {
  if (levels <= 0) throw wrong.nestedTooDeeply
  const length = reader.count(1)
  for (let i = 0; i < length; i++) skipAny(reader, levels - 1)
}

function skipObject(reader: ByteReader, levels: number): void {
  if (levels <= 0) throw wrong.nestedTooDeeply
  // A key takes its length, a value its kind.
  const size = reader.count(2)
  for (let i = 0; i < size; i++) {
    reader.text()
    skipAny(reader, levels - 1)
  }
}

/** Six bits, a sign, and seven bits in each further byte: at most 2^53 - 1 either way. */
function skipInteger(reader: ByteReader): void {
  let byte = reader.byte()
  let value = byte & 0x3f
  for (let unit = 0x40; byte >= 0x80; unit *= 0x80) {
    byte = reader.byte()
    value += (byte & 0x7f) * unit
    if (value > Number.MAX_SAFE_INTEGER || unit > maxIntegerUnit) {
      throw wrong.numberTooLarge
    }
  }
}

/** The unit of the last group of bits that a number below 2^53 can have. */
const maxIntegerUnit = 2 ** 48

const anyUndefined = 127
const anyNull = 126
const anyInteger = 125
const anyFloat32 = 124
const anyFloat64 = 123
const anyBigint = 122
const anyFalse = 121
const anyTrue = 120
const anyText = 119
const anyObject = 118
const anyArray = 117
const anyBytes = 116
