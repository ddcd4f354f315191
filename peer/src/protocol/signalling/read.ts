/**
 * Text in, message out; the same rule at both ends. Total: whatever the text is, the answer is a
 * message whose every part is of the declared type and within `signallingBounds`, or a refusal.
 *
 * A type that this version does not know is `unexpected-message`, not `malformed`: it may come from
 * a newer speaker, and costs it no more than that message.
 */
import { refuse, type Parsed } from '../parsed.js'
import {
  access,
  boolean,
  code,
  collection,
  count,
  instance,
  listOf,
  literal,
  objectOf,
  oneOf,
  optional,
  replica,
  secret,
  text,
  word,
  type Reader,
  type Readers,
} from './fields.js'
import { isFields, ownField, parseBoundedJson } from './json.js'
import {
  signallingBounds,
  type FromSignaller,
  type IceServer,
  type Neighbour,
  type PeerRole,
  type Ping,
  type Pong,
  type RelayLimits,
  type RemovalReason,
  type RemovedNeighbour,
  type SignallingLimits,
  type ToSignaller,
} from './messages.js'

export function parseToSignaller(
  message: string,
  maxBytes: number = signallingBounds.maxMessageBytes,
): Parsed<ToSignaller> {
  return parseMessage(message, maxBytes, toSignaller)
}

export function parseFromSignaller(message: string): Parsed<FromSignaller> {
  return parseMessage(message, signallingBounds.maxServerMessageBytes, fromSignaller)
}

/** The text of a message. What `parse…` gives for it equals the message. */
export function encodeSignalling(message: ToSignaller | FromSignaller): string {
  return JSON.stringify(message)
}

function parseMessage<T>(
  message: string,
  maxBytes: number,
  readers: ReadonlyMap<string, Reader<T>>,
): Parsed<T> {
  const json = parseBoundedJson(message, maxBytes, signallingBounds.maxDepth)
  if (!json.ok) return json
  if (!isFields(json.value)) return refuse('malformed', 'message: not an object')
  const type = ownField(json.value, 'type')
  if (typeof type !== 'string') return refuse('malformed', 'type: not a string')
  const reader = readers.get(type)
  if (reader === undefined) return refuse('unexpected-message', 'type: unknown')
  return reader(json.value, 'message')
}

function byType<Message extends { readonly type: string }>(readers: {
  readonly [T in Message['type']]: Reader<Extract<Message, { readonly type: T }>>
}): ReadonlyMap<string, Reader<Message>> {
  return new Map<string, Reader<Message>>(Object.entries<Reader<Message>>(readers))
}

function messageOf<Message extends { readonly type: string }>(
  type: Message['type'],
  fields: Omit<Readers<Message>, 'type'>,
): Reader<Message> {
  return objectOf<Message>({ ...fields, type: literal(type) } as Readers<Message>)
}

const bounds = signallingBounds
const role = oneOf<PeerRole>(['peer', 'archive'])
const token = text(bounds.maxTokenUnits)
const data = text(bounds.maxSignalUnits)
const iceField = text(bounds.maxIceFieldUnits)
const capabilities = listOf(word(bounds.maxCapabilityUnits), bounds.maxCapabilities)

const neighbour = objectOf<Neighbour>({
  id: instance,
  replica,
  role,
  access,
  call: boolean,
  voucher: secret,
  capabilities,
})

const removed = objectOf<RemovedNeighbour>({
  id: instance,
  why: oneOf<RemovalReason>(['left', 'lost', 'moved']),
})

const iceServers = listOf(
  objectOf<IceServer>({
    urls: listOf(iceField, bounds.maxIceUrls),
    username: optional(iceField),
    credential: optional(iceField),
  }),
  bounds.maxIceServers,
)

const limits = objectOf<SignallingLimits>({
  maxMessageBytes: count,
  maxSignalUnits: count,
  messagesPerSecond: count,
  messageBurst: count,
  maxRooms: count,
  idleMs: count,
  relay: optional(objectOf<RelayLimits>({ maxFrameBytes: count, windowBytes: count })),
})

const ping = messageOf<Ping>('ping', {})
const pong = messageOf<Pong>('pong', {})

const toSignaller = byType<ToSignaller>({
  join: messageOf('join', {
    version: count,
    collection,
    replica,
    instance,
    role,
    token: optional(token),
    capabilities,
    standing: listOf(instance, bounds.maxNeighbours),
    resume: optional(secret),
  }),
  leave: messageOf('leave', { collection }),
  signal: messageOf('signal', { collection, to: instance, data }),
  renew: messageOf('renew', { collection, token: optional(token) }),
  'relay-open': messageOf('relay-open', { collection, to: instance }),
  'relay-close': messageOf('relay-close', { collection, to: instance }),
  watch: messageOf('watch', { version: count, token: optional(token) }),
  ping,
  pong,
})

const fromSignaller = byType<FromSignaller>({
  joined: messageOf('joined', {
    version: count,
    collection,
    id: instance,
    access,
    expiresInMs: optional(count),
    neighbours: listOf(neighbour, bounds.maxNeighbours),
    iceServers,
    iceExpiresInMs: optional(count),
    limits,
    resume: secret,
  }),
  left: messageOf('left', { collection, code }),
  neighbours: messageOf('neighbours', {
    collection,
    add: listOf(neighbour, bounds.maxNeighbours),
    remove: listOf(removed, bounds.maxNeighbours),
  }),
  signal: messageOf('signal', { collection, from: instance, access, data }),
  renewed: messageOf('renewed', {
    collection,
    access,
    expiresInMs: optional(count),
    iceServers,
    iceExpiresInMs: optional(count),
  }),
  expiring: messageOf('expiring', { collection, expiresInMs: count }),
  'relay-wanted': messageOf('relay-wanted', { collection, from: instance }),
  'relay-opened': messageOf('relay-opened', {
    collection,
    with: instance,
    channel: count,
    maxFrameBytes: count,
    windowBytes: count,
  }),
  'relay-credit': messageOf('relay-credit', { channel: count, bytes: count }),
  'relay-closed': messageOf('relay-closed', { collection, with: instance, code: optional(code) }),
  watching: messageOf('watching', { version: count, expiresInMs: optional(count), limits }),
  rooms: messageOf('rooms', {
    add: listOf(collection, bounds.maxRoomsNamed),
    remove: listOf(collection, bounds.maxRoomsNamed),
    more: boolean,
  }),
  unwatched: messageOf('unwatched', { code }),
  error: messageOf('error', {
    code,
    collection: optional(collection),
    to: optional(instance),
    retryAfterMs: optional(count),
  }),
  drain: messageOf('drain', { retryAfterMs: count }),
  ping,
  pong,
})
