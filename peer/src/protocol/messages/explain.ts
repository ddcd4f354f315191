/** The table, told to people: what docs/PROTOCOL.md and tools print. Nothing else needs it. */
import type { Codec } from '../wire/codec.js'
import { Writer } from '../wire/writer.js'
import {
  access,
  archive,
  code,
  collection,
  credential,
  cursor,
  delayMs,
  digest,
  document,
  grant,
  held,
  instance,
  op,
  opHash,
  parked,
  positions,
  prefix,
  replica,
  snapshot,
  stateVector,
  term,
  update,
} from './fields.js'
import { messageKinds, type Message, type MessageType } from './message.js'
import { entry, page } from './page.js'
import { messageTable } from './table.js'

/** Some bytes of a message, and the field that they are; the first one is the message's number. */
export interface Explained {
  readonly field: string
  readonly bytes: Uint8Array
}

/** The bytes of a message, field by field. Together they are what `encodeMessage` gives. */
export function explainMessage(message: Message): readonly Explained[] {
  const writer = new Writer()
  writer.byte(messageKinds[message.type].number)
  const parts = [{ field: message.type as string, end: writer.length }]
  for (const [field, codec] of Object.entries<Codec<unknown>>(messageTable[message.type].fields)) {
    codec.write(writer, (message as unknown as Record<string, unknown>)[field])
    parts.push({ field, end: writer.length })
  }
  const bytes = writer.finish()
  return parts.map(({ field, end }, index) => ({
    field,
    bytes: bytes.subarray(parts[index - 1]?.end ?? 0, end),
  }))
}

/** The fields of a message, in the order of the wire. */
export function fieldsOf(
  type: MessageType,
): readonly { readonly name: string; readonly notation: string }[] {
  return Object.entries<Codec<unknown>>(messageTable[type].fields).map(([name, { notation }]) => ({
    name,
    notation,
  }))
}

/** What the names in notations stand for. */
export const vocabulary: readonly { readonly name: string; readonly definition: string }[] = [
  replica,
  archive,
  term,
  digest,
  opHash,
  collection,
  document,
  instance,
  op,
  cursor,
  delayMs,
  access,
  code,
  credential,
  grant,
  update,
  stateVector,
  snapshot,
  parked,
  held,
  prefix,
  positions,
  entry,
  page,
].map(({ notation, definition }: Codec<unknown>) => ({
  name: notation,
  definition: definition ?? '',
}))
