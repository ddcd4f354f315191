import * as fc from 'fast-check'
import type { Arbitrary } from 'fast-check'
import {
  errorCodes,
  frameBounds,
  messageBounds as bounds,
  type ErrorCode,
  type Message,
  type MessageOf,
  type MessageType,
} from '@holdfast/peer/protocol'

/**
 * Every message that the protocol has room for, written a second time by hand: the types check that
 * this knows the same fields as the table, the properties that both mean the same.
 */
export function arbitraryMessage(): Arbitrary<Message> {
  // fast-check makes objects without a prototype too, which no parser does.
  return fc
    .oneof(...Object.values<Arbitrary<Message>>(arbitraries))
    .map((message) => structuredClone(message))
}

// Few different ones, so that messages name the same document and instance again and again.
const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((id) => Buffer.from(id).toString('hex'))
const idOf = <Id extends string>(bytes = 16): Arbitrary<Id> =>
  fc.oneof(
    fc.constantFrom('00', 'a1', 'ff').map((byte) => byte.repeat(bytes)),
    hex(bytes),
  ) as Arbitrary<Id>
const nameOf = <Name extends string>(maxBytes: number): Arbitrary<Name> =>
  fc
    .oneof(
      fc.constantFrom('a', 'note-1', 'é', '\u{1f433}', 'x'.repeat(maxBytes)),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: maxBytes }),
    )
    .filter(
      (name) =>
        // oxlint-disable-next-line no-control-regex
        Buffer.byteLength(name) <= maxBytes && !/[\u0000-\u001f\u007f-\u009f]/.test(name),
    ) as Arbitrary<Name>

const uint = fc.oneof(
  fc.nat(300),
  fc.constantFrom(127, 128, 16_383, 16_384, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
)
const seq = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat().map((n) => Math.floor(n / 2)),
)
const byte = fc.nat(255)
const delayMs = fc.nat(bounds.maxDelayMs)
const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const update = bytes(200)
const stateVector = bytes(60)

const document = fc.record({ id: nameOf<never>(256), generation: uint })
const instance = idOf<never>()
const op = fc.record({ instance, n: uint })
const cursor = fc.record({ archive: idOf<never>(), term: idOf<never>(), seq: uint })
const digest = idOf<never>(32)
const access = fc.constantFrom('read', 'write', 'admin')
const code = fc.constantFrom(...(Object.keys(errorCodes) as ErrorCode[]))
const grant = withOptional({ access }, { validForMs: delayMs })
const credential = fc.oneof(
  fc.record({ kind: just('none') }),
  fc.record({ kind: just('token'), token: fc.stringMatching(/^[\x21-\x7e]{1,200}$/) }),
  fc.record({ kind: just('voucher'), voucher: idOf<string>() }),
)
const held = withOptional({ document }, { digest })
const prefix = fc.stringMatching(/^[0-9a-f]{0,16}$/)
const parked = fc.array(update, { maxLength: 3 })
const fewOps = fc.array(op, { maxLength: 5 })

const entry = fc.oneof(
  withOptional({ kind: just('row'), document, bytes: update }, { op }),
  fc.record({ kind: just('snapshot'), document, bytes: update, parked }),
  fc.record({ kind: just('large-snapshot'), document, sizeBytes: uint, stateVector }),
  fc.record({ kind: just('place'), hash: idOf<never>(8) }),
  fc.record({ kind: just('tombstone'), document }),
)

const page = fc
  .record({
    after: seq,
    gaps: fc.array(fc.tuple(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 300 })), entry), {
      maxLength: 6,
    }),
    rest: fc.nat(300),
    ahead: fc.nat(300),
  })
  .map(({ after, gaps, rest, ahead }) => {
    let last = after
    const entries = gaps.map(([gap, one]) => ({ ...one, seq: (last += gap) }))
    return { after, entries, through: last + rest, head: last + rest + ahead }
  })

const arbitraries: { readonly [Type in MessageType]: Arbitrary<MessageOf<Type>> } = {
  hello: fc.record({
    type: just('hello'),
    version: fc.constant(1),
    sender: fc.oneof(
      fc.record({ role: just('peer'), replica: idOf<never>() }),
      fc.record({ role: just('archive'), archive: idOf<never>(), term: idOf<never>(), grant }),
    ),
    instance,
    collection: nameOf<never>(128),
    credential,
    maxFrameBytes: fc.integer({ min: frameBounds.defaultMaxBytes, max: frameBounds.maxBytes }),
    maxMessageBytes: fc.integer({ min: bounds.maxLiveBytes, max: bounds.maxBytes }),
    cursors: fc.array(cursor, { maxLength: 4 }),
  }),
  renew: fc.record({ type: just('renew'), credential }),
  granted: fc.record({ type: just('granted'), grant }),
  bye: withOptional({ type: just('bye') }, { code, retryAfterMs: delayMs }),
  ping: fc.record({ type: just('ping'), nonce: uint, nextWithinMs: delayMs }),
  pong: fc.record({ type: just('pong'), nonce: uint }),
  error: withOptional(
    { type: just('error'), code },
    { message: byte, request: uint, document, retryAfterMs: delayMs },
  ),
  summary: fc.record({
    type: just('summary'),
    request: uint,
    by: fc.oneof(
      fc.record({
        kind: just('cursor'),
        cursor,
        dirty: fc.array(held, { maxLength: 5 }),
        more: fc.boolean(),
      }),
      fc.record({
        kind: just('page'),
        under: prefix,
        documents: fc.array(held, { maxLength: 5 }),
      }),
      fc.record({
        kind: just('tree'),
        nodes: fc.array(fc.record({ under: prefix, digest }), { maxLength: 5 }),
      }),
    ),
  }),
  compared: fc.record({ type: just('compared'), request: uint, differing: uint }),
  state: withOptional(
    { type: just('state'), request: uint, document, stateVector, inReturn: fc.boolean() },
    { digest },
  ),
  update: fc.record({
    type: just('update'),
    document,
    cause: fc.oneof(
      fc.record({ kind: just('op'), op }),
      fc.record({ kind: just('state'), request: uint }),
    ),
    bytes: update,
  }),
  announce: fc.record({ type: just('announce'), ops: fewOps }),
  want: fc.record({ type: just('want'), ops: fewOps }),
  spread: fc.record({ type: just('spread'), how: fc.constantFrom('whole', 'announced') }),
  tombstone: fc.record({ type: just('tombstone'), op, document }),
  presence: withOptional({ type: just('presence'), bytes: update }, { document, from: instance }),
  viewing: fc.record({
    type: just('viewing'),
    opened: fc.array(document, { maxLength: 4 }),
    closed: fc.array(document, { maxLength: 4 }),
  }),
  neighbours: fc.record({
    type: just('neighbours'),
    list: uint,
    instances: fc.array(instance, { maxLength: bounds.maxNeighbours }),
  }),
  saved: fc.record({ type: just('saved'), ops: fewOps }),
  push: withOptional(
    {
      type: just('push'),
      ops: fc.array(
        fc.oneof(
          fc.record({ kind: just('live'), op, document, bytes: update }),
          fc.record({ kind: just('upload'), op, document, bytes: update }),
          fc.record({ kind: just('tombstone'), op, document }),
        ),
        { maxLength: 5 },
      ),
    },
    {
      reached: fc.record({
        list: uint,
        neighbours: fc
          .uniqueArray(fc.nat(bounds.maxNeighbours - 1))
          .map((positions) => positions.toSorted((a, b) => a - b)),
      }),
    },
  ),
  committed: fc.record({
    type: just('committed'),
    term: idOf<never>(),
    results: fc.array(
      fc.oneof(
        fc.record({ outcome: just('stored'), op, seq: uint, gapped: fc.boolean() }),
        fc.record({ outcome: just('contained'), op, gapped: fc.boolean() }),
      ),
      { maxLength: 5 },
    ),
  }),
  refused: withOptional(
    {
      type: just('refused'),
      results: fc.array(fc.record({ op, code }), { maxLength: 5 }),
    },
    { retryAfterMs: delayMs },
  ),
  subscribe: withOptional({ type: just('subscribe'), subscription: uint }, { cursor }),
  subscribed: fc.record({
    type: just('subscribed'),
    subscription: uint,
    outcome: fc.constantFrom('behind', 'head', 'ahead', 'unknown-term'),
    archive: idOf<never>(),
    term: idOf<never>(),
    head: uint,
    aboutBytes: uint,
  }),
  changes: withOptional({ type: just('changes'), subscription: uint, page }, { compact: document }),
  ack: fc.record({ type: just('ack'), subscription: uint, seq: uint }),
  hint: fc.record({ type: just('hint'), document, seq: uint, snapshot: stateVector }),
  compacted: fc.record({
    type: just('compacted'),
    document,
    through: uint,
    removed: uint,
    retained: uint,
  }),
  fetch: fc.record({
    type: just('fetch'),
    request: uint,
    what: fc.oneof(
      fc.record({ by: just('seq'), seq: uint }),
      fc.record({ by: just('difference'), document, stateVector }),
    ),
  }),
  fetched: fc.record({
    type: just('fetched'),
    request: uint,
    seq: uint,
    content: fc.oneof(
      withOptional({ kind: just('row'), document, bytes: update }, { op }),
      fc.record({ kind: just('snapshot'), document, bytes: update, parked }),
      fc.record({ kind: just('difference'), document, bytes: update, parked }),
      fc.record({ kind: just('tombstone'), document }),
    ),
  }),
  missing: fc.record({
    type: just('missing'),
    document,
    ranges: fc.array(fc.record({ client: uint, clock: uint, length: uint }), { maxLength: 5 }),
  }),
  resynced: fc.record({ type: just('resynced'), subscription: uint, seq: uint }),
  offer: fc.record({
    type: just('offer'),
    documents: fc.array(fc.record({ document, bytes: uint }), { maxLength: 5 }),
  }),
}

function just<const T extends string>(value: T): Arbitrary<T> {
  return fc.constant(value)
}

/** Fields of which each of the second kind may be absent. */
function withOptional<R extends object, O extends object>(
  required: { [K in keyof R]: Arbitrary<R[K]> },
  maybe: { [K in keyof O]: Arbitrary<O[K]> },
): Arbitrary<R & Partial<O>> {
  return fc.record(
    { ...required, ...maybe },
    { requiredKeys: Object.keys(required) as never },
  ) as unknown as Arbitrary<R & Partial<O>>
}
