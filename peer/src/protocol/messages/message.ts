import { messageBounds } from '../limits.js'
import { accept, refuse, type Parsed } from '../parsed.js'
import { fieldByField, lengthsOf, type Flat, type ValuesOf } from '../wire/compose.js'
import { protocolVersion } from '../version.js'
import { Reader } from '../wire/reader.js'
import { Writer } from '../wire/writer.js'
import { messageTable, type LaneRule, type Speaker } from './table.js'

type Table = typeof messageTable

export type MessageType = keyof Table

export type MessageOf<Type extends MessageType> = Flat<
  { readonly type: Type } & ValuesOf<Table[Type]['fields']>
>

/** One message of the protocol, told apart by `type`. */
export type Message = { [Type in MessageType]: MessageOf<Type> }[MessageType]

/** Live messages overtake bulk ones, also between two chunks of one. Each lane keeps its order. */
export type Lane = 'live' | 'bulk'

export interface MessageKind {
  readonly type: MessageType
  readonly number: number
  readonly speaker: Speaker
  readonly lane: LaneRule
  /** A longer one is refused before it is read. */
  readonly maxBytes: number
}

/** What the table says about each message, by type. */
export const messageKinds: Readonly<Record<MessageType, MessageKind>> = eachMessage(
  (type, { number, speaker, lane, fields }) => ({
    type,
    number,
    speaker,
    lane,
    maxBytes: Math.min(1 + lengthsOf(fields).maxBytes, messageBounds.maxBytes),
  }),
)

/** The type of the message with this number, or undefined for one that this version does not know. */
export function messageTypeOf(number: number): MessageType | undefined {
  return typeByNumber.get(number)
}

/**
 * The bytes of a message: its number, then its fields. A value that the protocol has no room for is
 * the caller's mistake and throws a RangeError; everything else `parseMessage` gives back equal.
 */
export function encodeMessage(message: Message): Uint8Array {
  const { number, maxBytes } = messageKinds[message.type]
  writer.start()
  writer.byte(number)
  codecs[message.type].write(writer, message)
  if (writer.length > maxBytes) {
    throw new RangeError(`${message.type}: ${writer.length} bytes, above ${maxBytes}`)
  }
  return writer.finish()
}

/**
 * The message that the bytes are, or why they are none. Never throws; takes time and memory in
 * proportion to the bytes, whatever they claim.
 *
 * Byte fields of the message are views of `bytes`, so that nothing is copied on the way through. The
 * bytes must not change afterwards, and who keeps a field beyond the current turn (stores, queues or
 * transfers it) keeps a copy: `copyOf(field)`.
 */
export function parseMessage(bytes: Uint8Array): Parsed<Message> {
  const reader = new Reader(bytes)
  const type = messageTypeOf(reader.byte())
  if (type === undefined) {
    return reader.refusal ?? refuse('unexpected-message', 'a message of unknown type')
  }
  if (bytes.length > messageKinds[type].maxBytes) {
    return refuse('too-large', `${type}: longer than ${messageKinds[type].maxBytes} bytes`)
  }
  const message = { type } as Message
  codecs[type].read(reader, message)
  if (reader.refusal === undefined && reader.bytesLeft > 0 && !isFromLaterVersion(message)) {
    reader.refuse('malformed', ': bytes after the end')
  }
  reader.refusedIn(type)
  return reader.refusal ?? accept(message)
}

/** The lane in which a message of so many bytes goes. */
export function laneOf(message: Message, byteLength: number): Lane {
  const { lane } = messageKinds[message.type]
  if (lane !== 'size') return lane
  return byteLength > messageBounds.maxLiveBytes || carriesState(message) ? 'bulk' : 'live'
}

/**
 * Bytes of their own, equal to a view. (`slice` will not do: on a Buffer of Node it is another view,
 * and with a view's `.buffer` goes everything else that lies in it.)
 */
export function copyOf(view: Uint8Array): Uint8Array {
  return new Uint8Array(view)
}

/** A `hello` may go on after what this version knows of it, and only that. */
function isFromLaterVersion(message: Message): boolean {
  return message.type === 'hello' && message.version > protocolVersion
}

/** Whole states may be many and large: they never stand in the way of a keystroke. */
function carriesState(message: Message): boolean {
  if (message.type === 'update') return message.cause.kind === 'state'
  if (message.type === 'push') return message.ops.some(({ kind }) => kind === 'upload')
  return false
}

/** Holds nothing between two messages but the memory that they are put together in. */
const writer = new Writer()

const codecs = eachMessage((_, { fields }) => fieldByField<Message>(fields))

const typeByNumber = new Map<number, MessageType>(
  Object.values(messageKinds).map(({ number, type }) => [number, type]),
)

function eachMessage<T>(
  make: (type: MessageType, definition: Table[MessageType]) => T,
): Record<MessageType, T> {
  const types = Object.keys(messageTable) as MessageType[]
  return Object.fromEntries(types.map((type) => [type, make(type, messageTable[type])])) as Record<
    MessageType,
    T
  >
}
