import { skipAny, skipSubdocumentOptions } from './any.js'
import type { ByteReader } from './bytes.js'
import { skipJson } from './json.js'
import { wrong } from './wrong.js'

/** Skips an item's content of this kind, checking all of it. Gives its length in clocks. */
export function skipContent(reader: ByteReader, kind: number, maxNesting: number): number {
  switch (kind) {
    case deletedKind:
      return reader.uint()
    case jsonKind: {
      const length = reader.count(1)
      for (let i = 0; i < length; i++) skipJsonOrUndefined(reader, maxNesting)
      return length
    }
    case binaryKind:
      reader.skip(reader.uint())
      return 1
    case stringKind:
      return reader.text()
    case embedKind:
      skipJsonText(reader, maxNesting)
      return 1
    case formatKind:
      reader.text()
      skipJsonText(reader, maxNesting)
      return 1
    case typeKind:
      skipType(reader)
      return 1
    case anyKind: {
      const length = reader.count(1)
      for (let i = 0; i < length; i++) skipAny(reader, maxNesting)
      return length
    }
    case subdocumentKind:
      reader.text()
      skipSubdocumentOptions(reader, maxNesting)
      return 1
    default:
      throw wrong.unknownStruct
  }
}

/** A nested type: its number, and a name for the two that have one. */
function skipType(reader: ByteReader): void {
  const type = reader.uint()
  if (type > lastType) throw wrong.unknownType
  if (type === xmlElementType || type === xmlHookType) reader.text()
}

/** The old content of arrays and maps. The one word that is not JSON stands for itself. */
function skipJsonOrUndefined(reader: ByteReader, maxNesting: number): void {
  const { from, to } = textBounds(reader)
  if (to - from === undefinedWord.length && isUndefinedWord(reader.bytes, from)) {
    reader.position = to
  } else {
    skipJson(reader, to, maxNesting)
  }
}

function skipJsonText(reader: ByteReader, maxNesting: number): void {
  const { to } = textBounds(reader)
  skipJson(reader, to, maxNesting)
}

/** Where the next text lies, checked to be UTF-8. Reading goes on at its start. */
function textBounds(reader: ByteReader): { readonly from: number; readonly to: number } {
  const length = reader.uint()
  const from = reader.position
  reader.skip(length)
  const to = reader.position
  reader.position = from
  reader.utf8(to)
  reader.position = from
  return { from, to }
}

function isUndefinedWord(bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < undefinedWord.length; i++) {
    if (bytes[from + i] !== undefinedWord.charCodeAt(i)) return false
  }
  return true
}

const undefinedWord = 'undefined'

// The kinds of content, as Yjs numbers them.
const deletedKind = 1
const jsonKind = 2
const binaryKind = 3
const stringKind = 4
const embedKind = 5
const formatKind = 6
const typeKind = 7
const anyKind = 8
const subdocumentKind = 9

// The kinds of nested types: array, map, text, element, fragment, hook, XML text.
const xmlElementType = 3
const xmlHookType = 5
const lastType = 6
