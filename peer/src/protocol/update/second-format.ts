import { parsing, type ByteReader } from './bytes.js'

/**
 * True for bytes that are laid out as an update in Yjs' second format: a zero (no features), then
 * nine columns, each with its length in front, then the rest. Asked only about bytes that are no
 * update of the first format: a reader of that format finds an empty update in most of them, and
 * something left over.
 */
export function looksLikeSecondFormat(bytes: Uint8Array): boolean {
  const parsed = parsing(bytes, bytes.length, hasColumns)
  return parsed.ok && parsed.value
}

function hasColumns(reader: ByteReader): boolean {
  if (reader.byte() !== 0) return false
  for (let i = 0; i < columns; i++) reader.skip(reader.uint())
  // The rest counts at least its clients and its deletions.
  return reader.remaining >= 2
}

/** keys, clients, left clocks, right clocks, infos, texts, parent infos, type refs, lengths. */
const columns = 9
