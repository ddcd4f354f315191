import { malformed, tooLarge, type ByteReader } from './bytes.js'

/**
 * Skips one value in lib0's "any" encoding: a byte that says which of twelve kinds, then its
 * content. Nothing is built.
 */
export function skipAny(reader: ByteReader, maxNesting: number, depth = 0): void {
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
      return skipObject(reader, maxNesting, depth + 1)
    case anyArray: {
      checkDepth(maxNesting, depth + 1)
      const length = reader.count(1)
      for (let i = 0; i < length; i++) skipAny(reader, maxNesting, depth + 1)
      return
    }
    default:
      throw malformed('an unknown kind of value')
  }
}

/**
 * Skips a subdocument's options, an object that Yjs spreads into the options of `new Y.Doc`. It
 * writes three (`gc`, `autoLoad`, `meta`), other implementations a few more, which Yjs ignores. Two
 * would do harm there: a `guid` that is no text makes every later encoding throw, and a `gcFilter`
 * that is no function every garbage collection.
 */
export function skipSubdocumentOptions(reader: ByteReader, maxNesting: number): void {
  if (reader.byte() !== anyObject) throw malformed("a subdocument's options are not an object")
  const size = reader.count(2)
  for (let i = 0; i < size; i++) {
    const length = reader.uint()
    const from = reader.position
    reader.skip(length)
    const key = String.fromCharCode(...reader.bytes.subarray(from, from + Math.min(length, 16)))
    if (key === 'guid' || key === 'gcFilter')
      throw malformed('a subdocument sets what Yjs relies on')
    reader.position = from
    reader.utf8(from + length)
    skipAny(reader, maxNesting, 1)
  }
}

/** Skips an object's entries, after its kind. */
function skipObject(reader: ByteReader, maxNesting: number, depth: number): void {
  checkDepth(maxNesting, depth)
  // A key takes its length, a value its kind.
  const size = reader.count(2)
  for (let i = 0; i < size; i++) {
    reader.text()
    skipAny(reader, maxNesting, depth)
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
      throw malformed('a number is above 2^53')
    }
  }
}

function checkDepth(maxNesting: number, depth: number): void {
  if (depth > maxNesting) throw tooLarge(`values nested deeper than ${maxNesting}`)
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
