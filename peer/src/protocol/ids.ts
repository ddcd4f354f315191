import { accept, refuse, type Parsed } from './parsed.js'

declare const brand: unique symbol
type Branded<T, Name extends string> = T & { readonly [brand]: Name }

/** One durable store: 128 random bits, as 32 lower-case hex digits. Made once and kept in it. */
export type ReplicaId = Branded<string, 'ReplicaId'>
/** One run of a replica: 128 fresh random bits, as 32 lower-case hex digits. */
export type InstanceId = Branded<string, 'InstanceId'>
/** One archive, whatever file or machine it lives on: 128 random bits in hex. */
export type ArchiveId = Branded<string, 'ArchiveId'>
/** One opening of an archive's log: 128 fresh random bits in hex. */
export type TermId = Branded<string, 'TermId'>
/**
 * SHA-256 of an integrated document's encoded Yjs snapshot (or of such digests, in a tree): 64
 * lower-case hex digits. Equal means equal, with the exceptions that docs/PROTOCOL.md names.
 */
export type Digest = Branded<string, 'Digest'>
/** The first 64 bits of SHA-256 over an op's id, document and bytes: 16 lower-case hex digits. */
export type OpHash = Branded<string, 'OpHash'>
/** The name of a collection: 1 to 128 bytes of UTF-8, without control characters. */
export type CollectionName = Branded<string, 'CollectionName'>
/** The name of a document inside its collection: 1 to 256 bytes of UTF-8, without control characters. */
export type DocumentId = Branded<string, 'DocumentId'>

/** Names end up in keys, paths, logs and metrics: short enough for all of them. */
export const maxCollectionNameBytes = 128
export const maxDocumentIdBytes = 256
export const idBytes = 16
export const digestBytes = 32
export const opHashBytes = 8

/** No number comes after it, so it cannot be ended. */
export const lastGeneration = Number.MAX_SAFE_INTEGER

/** A document as every message, row and summary names it. Deleting ends a generation. */
export interface DocumentRef {
  readonly id: DocumentId
  /** 0 for the first life of the document, one more after each deletion. */
  readonly generation: number
}

/** The id of one local change. It is bound to its bytes for ever. */
export interface OpId {
  readonly instance: InstanceId
  /** Ascending in one instance, from 1. Gaps are normal. */
  readonly n: number
}

/** "Everything up to seq is durably applied here", in the numbering of one archive. */
export interface Cursor {
  readonly archive: ArchiveId
  readonly term: TermId
  readonly seq: number
}

export const parseReplicaId = parserOfHex<ReplicaId>('replica id', idBytes)
export const parseInstanceId = parserOfHex<InstanceId>('instance id', idBytes)
export const parseArchiveId = parserOfHex<ArchiveId>('archive id', idBytes)
export const parseTermId = parserOfHex<TermId>('term id', idBytes)
export const parseDigest = parserOfHex<Digest>('digest', digestBytes)
export const parseOpHash = parserOfHex<OpHash>('op hash', opHashBytes)
export const parseCollectionName = parserOfName<CollectionName>(
  'collection name',
  maxCollectionNameBytes,
)
export const parseDocumentId = parserOfName<DocumentId>('document id', maxDocumentIdBytes)

function parserOfHex<Id extends string>(
  what: string,
  bytes: number,
): (input: unknown) => Parsed<Id> {
  const digits = new RegExp(`^[0-9a-f]{${bytes * 2}}$`)
  return (input) =>
    typeof input === 'string' && digits.test(input)
      ? accept(input as Id)
      : refuse('malformed', `${what}: not ${bytes * 2} lower-case hex digits`)
}

function parserOfName<Name extends string>(
  what: string,
  maxBytes: number,
): (input: unknown) => Parsed<Name> {
  return (input) => {
    if (typeof input !== 'string') return refuse('malformed', `${what}: not a string`)
    const fault = faultInName(input, maxBytes)
    return fault === undefined ? accept(input as Name) : refuse('malformed', `${what}: ${fault}`)
  }
}

/** In one pass, because every message names a document. */
function faultInName(name: string, maxBytes: number): string | undefined {
  if (name === '') return 'empty'
  // No UTF-16 unit takes less than a byte of UTF-8: this bounds the work.
  if (name.length > maxBytes) return `longer than ${maxBytes} bytes`
  let bytes = 0
  for (let at = 0; at < name.length; at++) {
    const unit = name.charCodeAt(at)
    // Control characters break logs and terminals.
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) return 'control character'
    if (unit < 0xd800 || unit >= 0xe000) {
      bytes += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3
    } else {
      // Half of a pair alone has no form of its own in UTF-8.
      const next = name.charCodeAt(++at)
      if (unit >= 0xdc00 || !(next >= 0xdc00 && next < 0xe000)) return 'lone surrogate'
      bytes += 4
    }
  }
  return bytes > maxBytes ? `longer than ${maxBytes} bytes` : undefined
}

/** Bytes as lower-case hex digits, two for each. */
export function hexOf(bytes: Uint8Array): string {
  // An id that was put together piece by piece would be kept as its pieces, at five times the memory.
  if (bytes.length <= maxIdBytes) return String.fromCharCode(...hexDigits(bytes))
  let hex = ''
  for (const byte of bytes) hex += hexByte[byte] as string
  return hex
}

function hexDigits(bytes: Uint8Array): readonly number[] {
  // Of its length from the start: growing takes twice as long as all the rest.
  const digits = Array<number>(2 * bytes.length)
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    digits[2 * at] = hexDigitCode(byte >> 4)
    digits[2 * at + 1] = hexDigitCode(byte & 15)
  }
  return digits
}

/** `0` to `9`, `a` to `f`. */
function hexDigitCode(digit: number): number {
  return digit < 10 ? 48 + digit : 87 + digit
}

/** A SHA-256; more is nobody's name. */
const maxIdBytes = 32

/** The bytes of an id made by one of the parsers above (an even number of hex digits). */
export function bytesOfHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1)
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16)
  }
  return bytes
}

const hexByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
