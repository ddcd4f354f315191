/** The values that messages are made of, from the vocabulary of the design, as they stand on the wire. */
import type { Access } from '../access.js'
import { errorCodeOf, errorCodes, type ErrorCode } from '../codes.js'
import {
  digestBytes,
  idBytes,
  maxCollectionNameBytes,
  maxDocumentIdBytes,
  opHashBytes,
  parseCollectionName,
  parseDocumentId,
  type ArchiveId,
  type CollectionName,
  type Cursor,
  type Digest,
  type DocumentId,
  type DocumentRef,
  type InstanceId,
  type OpHash,
  type OpId,
  type ReplicaId,
  type TermId,
} from '../ids.js'
import { messageBounds as bounds } from '../limits.js'
import { accept, refuse, type Parsed } from '../parsed.js'
import {
  bytesUpTo,
  called,
  hexOfBytes,
  oneOf,
  uint,
  uintUpTo,
  type Codec,
  type ValueOf,
} from '../wire/codec.js'
import { listOf, named, optional, struct, tagged } from '../wire/compose.js'

// Ids and names ----------------------------------------------------------------------------------

export const replica = called('replica', hexOfBytes<ReplicaId>(idBytes))
export const archive = called('archive', hexOfBytes<ArchiveId>(idBytes))
export const term = called('term', hexOfBytes<TermId>(idBytes))
export const digest = called('digest', hexOfBytes<Digest>(digestBytes))
export const opHash = called('hash', hexOfBytes<OpHash>(opHashBytes))

export const collection = called(
  'collection',
  textUpTo<CollectionName>(maxCollectionNameBytes, parseCollectionName),
)

/** The bytes of a document and an instance stand once in a message, however often it names them. */
const documents = 0
const instances = 1

/** Id and generation. */
export const document: Codec<DocumentRef> = called(
  'document',
  named(
    documents,
    struct({ id: textUpTo<DocumentId>(maxDocumentIdBytes, parseDocumentId), generation: uint }),
    ({ id, generation }) => `${generation} ${id}`,
  ),
)

export const instance: Codec<InstanceId> = called(
  'instance',
  named(instances, hexOfBytes<InstanceId>(idBytes), (id) => id),
)

export const op: Codec<OpId> = called('op', struct({ instance, n: uint }))

export const cursor: Codec<Cursor> = called('cursor', struct({ archive, term, seq: uint }))

// Small things -----------------------------------------------------------------------------------

export const delayMs = called('ms', uintUpTo(bounds.maxDelayMs))

export const access = called('access', oneOf<Access>({ read: 0, write: 1, admin: 2 }))

/** The number of a code. One that this version does not know is refused. */
export const code: Codec<ErrorCode> = {
  notation: 'code',
  definition: 'byte, a number of the table of codes',
  minBytes: 1,
  maxBytes: 1,
  write: (writer, value) => writer.byte(errorCodes[value].number),
  read(reader) {
    const value = errorCodeOf(reader.byte())
    if (value === undefined) reader.refuse('malformed', ': an unknown code')
    return value ?? 'malformed'
  },
}

const token = textUpTo<string>(bounds.maxTokenBytes, (input) =>
  /^[\x21-\x7e]+$/.test(input)
    ? accept(input)
    : refuse('malformed', 'token: not visible characters of ASCII'),
)

/** What shows that a participant may be here. */
export const credential = called(
  'credential',
  tagged('kind', {
    none: [0, {}],
    /** A JWT. */
    token: [1, { token }],
    /** The secret that the signaller gave to both ends of this link, and to nobody else. */
    voucher: [2, { voucher: hexOfBytes<string>(idBytes) }],
  }),
)
export type Credential = ValueOf<typeof credential>

/** What the hearer may do with the one who says it, and for how long; absent: as long as it likes. */
export const grant = called('grant', struct({ access, validForMs: optional(delayMs) }))
export type Grant = ValueOf<typeof grant>

// Contents ---------------------------------------------------------------------------------------

/** A Yjs update, V1. */
export const update = called('update', bytesUpTo(bounds.maxUpdateBytes))
export const stateVector = called('stateVector', bytesUpTo(bounds.maxStateVectorBytes))
/** A Yjs snapshot: state vector and delete set. */
export const snapshot = called('snapshot', bytesUpTo(bounds.maxSnapshotBytes))
/** Updates that do not integrate yet, kept verbatim beside a state. */
export const parked = called('parked', listOf(update, bounds.maxParked))

/** A document and what its holder's content digests to; no digest: nothing of it is held. */
export const held = called('held', struct({ document, digest: optional(digest) }))
export type Held = ValueOf<typeof held>

/**
 * A node of the digest tree: the documents whose SHA-256 of the id starts with these hex digits. The
 * empty prefix is the whole collection.
 */
export const prefix = called(
  'prefix',
  textUpTo<string>(bounds.maxPrefixDigits, (input) =>
    /^[0-9a-f]*$/.test(input) ? accept(input) : refuse('malformed', 'prefix: not hex digits'),
  ),
)

/**
 * Positions in a list, from 0, ascending: bit n of a number stands for position n. Used for the
 * neighbours that an op has reached, so one or two bytes in nearly every push.
 */
export const positions: Codec<readonly number[]> = {
  notation: 'positions',
  definition: `uint below 2^${bounds.maxNeighbours}, bit n for position n`,
  minBytes: 1,
  maxBytes: 5,
  write(writer, value) {
    let bits = 0
    let next = 0
    for (const position of value) {
      if (!Number.isInteger(position) || position < next || position >= bounds.maxNeighbours) {
        throw new RangeError(
          `positions: not ascending below ${bounds.maxNeighbours}: ${value.join(' ')}`,
        )
      }
      bits += 2 ** position
      next = position + 1
    }
    writer.uint(bits)
  },
  read(reader) {
    const bits = reader.uint(2 ** bounds.maxNeighbours - 1)
    const value: number[] = []
    for (let position = 0; position < bounds.maxNeighbours; position++) {
      if ((bits >>> position) & 1) value.push(position)
    }
    return value
  },
}

/** A length in bytes, then UTF-8 that `parse` accepts. */
function textUpTo<Text extends string>(
  maxBytes: number,
  parse: (input: string) => Parsed<Text>,
): Codec<Text> {
  return {
    notation: `text ≤ ${maxBytes}`,
    minBytes: 1,
    maxBytes: 2 + maxBytes,
    write(writer, text) {
      const parsed = parse(text)
      if (!parsed.ok) throw new RangeError(parsed.refusal.detail)
      writer.text(text)
    },
    read(reader) {
      const text = reader.text(maxBytes)
      if (reader.refusal !== undefined) return text as Text
      const parsed = parse(text)
      if (parsed.ok) return parsed.value
      reader.refuse(parsed.refusal.code, `: ${parsed.refusal.detail}`)
      return text as Text
    },
  }
}
