/**
 * JSON text from strangers, read without harm: length and nesting are bounded before anything is
 * built, and fields are looked up as own properties only, so that neither `__proto__` in the text
 * nor a polluted prototype is ever taken for something that was said.
 */
import { hasProperty } from 'lib0/object'
import { accept, refuse, type Parsed } from '../parsed.js'

/** An object that was read from JSON. Look into it with `ownField` alone. */
export type Fields = Readonly<Record<string, unknown>>

export function parseBoundedJson(
  text: string,
  maxBytes: number,
  maxDepth: number,
): Parsed<unknown> {
  // A UTF-16 unit is one to three bytes of UTF-8: most texts need not be measured exactly.
  if (text.length > maxBytes) return refuse('too-large', `message: longer than ${maxBytes} bytes`)
  if (text.length * 3 > maxBytes && utf8Bytes(text) > maxBytes) {
    return refuse('too-large', `message: longer than ${maxBytes} bytes`)
  }
  if (isDeeper(text, maxDepth)) {
    return refuse('malformed', `message: nested deeper than ${maxDepth}`)
  }
  try {
    return accept(JSON.parse(text) as unknown)
  } catch {
    // The engine's message quotes the text, so it is not passed on.
    return refuse('malformed', 'message: not JSON')
  }
}

/** The value of a field that the object itself has; undefined for one that it lacks. */
export function ownField(fields: Fields, name: string): unknown {
  return hasProperty(fields, name) ? fields[name] : undefined
}

export function isFields(input: unknown): input is Fields {
  return typeof input === 'object' && input !== null && !Array.isArray(input)
}

function isDeeper(text: string, maxDepth: number): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (inString) {
      if (unit === backslash) at++
      else if (unit === quote) inString = false
    } else if (unit === quote) {
      inString = true
    } else if (unit === openBrace || unit === openBracket) {
      if (++depth > maxDepth) return true
    } else if (unit === closeBrace || unit === closeBracket) {
      depth--
    }
  }
  return false
}

function utf8Bytes(text: string): number {
  let bytes = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    // Each half of a surrogate pair counts two of the pair's four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3
  }
  return bytes
}

const quote = 0x22
const backslash = 0x5c
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d
