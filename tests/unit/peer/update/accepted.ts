import { readUpdate, type Coverage, type Parsed } from '@holdfast/peer/protocol'
import { item, rawUpdate, type Content, type Struct } from './raw.js'

/** What was read, where a refusal would be a failure of the test. */
export function accepted<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(`refused: ${parsed.refusal.code}: ${parsed.refusal.detail}`)
  return parsed.value
}

export function read(bytes: Uint8Array): Coverage {
  return accepted(readUpdate(bytes))
}

/** The code of a refusal; undefined for what was accepted. */
export function codeOf(parsed: Parsed<unknown>): string | undefined {
  return parsed.ok ? undefined : parsed.refusal.code
}

/** An update of one client. */
export function at(structs: readonly Struct[], client = 5, clock = 0): Uint8Array {
  return rawUpdate([[client, clock, structs]])
}

/** An update of one item in a root type. */
export function one(content: Content): Uint8Array {
  return at([item({}, content)])
}
