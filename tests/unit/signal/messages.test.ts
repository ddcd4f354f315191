import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  encodeRelayFrame,
  encodeSignalling,
  parseFromSignaller,
  parseRelayFrame,
  parseToSignaller,
  relayCost,
  signallingBounds,
  withRelayChannel,
  type FromSignaller,
  type ToSignaller,
} from '@holdfast/peer/protocol'

const id = fc.stringMatching(/^[0-9a-f]{32}$/)
const access = fc.constantFrom('read', 'write', 'admin')
const role = fc.constantFrom('peer', 'archive')
const collection = fc.stringMatching(/^[a-zåß中😀/._ -]{1,30}$/u)
const count = fc.maxSafeNat()
const text = fc.string({ unit: 'binary', maxLength: 200 })
const code = fc.constantFrom('malformed', 'token-expired', 'too-many', 'unknown-recipient')
const capabilities = fc.array(fc.stringMatching(/^[a-z0-9-]{1,32}$/), { maxLength: 16 })

const toSignaller = fc.oneof(
  fc.record({
    type: fc.constant('join'),
    version: count,
    collection,
    replica: id,
    instance: id,
    role,
    token: text,
    capabilities,
    standing: fc.array(id, { maxLength: 64 }),
    resume: id,
  }),
  fc.record({ type: fc.constantFrom('leave', 'renew'), collection }),
  fc.record({ type: fc.constant('renew'), collection, token: text }),
  fc.record({ type: fc.constant('signal'), collection, to: id, data: text }),
  fc.record({ type: fc.constantFrom('relay-open', 'relay-close'), collection, to: id }),
  fc.record({ type: fc.constant('watch'), version: count, token: text }),
  fc.record({ type: fc.constantFrom('ping', 'pong') }),
)

const limits = fc.record({
  maxMessageBytes: count,
  maxSignalUnits: count,
  messagesPerSecond: count,
  messageBurst: count,
  maxRooms: count,
  idleMs: count,
  relay: fc.record({ maxFrameBytes: count, windowBytes: count }),
})

const neighbour = fc.record({
  id,
  replica: id,
  role,
  access,
  call: fc.boolean(),
  voucher: id,
  capabilities,
})
const iceServers = fc.array(
  fc.record(
    { urls: fc.array(text, { maxLength: 8 }), username: text, credential: text },
    { requiredKeys: ['urls'] },
  ),
  { maxLength: 8 },
)

const fromSignaller = fc.oneof(
  fc.record({
    type: fc.constant('joined'),
    version: count,
    collection,
    id,
    access,
    expiresInMs: count,
    neighbours: fc.array(neighbour, { maxLength: 8 }),
    iceServers,
    limits,
    resume: id,
  }),
  fc.record({ type: fc.constant('left'), collection, code }),
  fc.record({
    type: fc.constant('neighbours'),
    collection,
    add: fc.array(neighbour, { maxLength: 8 }),
    remove: fc.array(fc.record({ id, why: fc.constantFrom('left', 'lost', 'moved') })),
  }),
  fc.record({ type: fc.constant('signal'), collection, from: id, access, data: text }),
  fc.record({ type: fc.constant('renewed'), collection, access, iceServers }),
  fc.record({ type: fc.constant('expiring'), collection, expiresInMs: count }),
  fc.record({ type: fc.constant('relay-wanted'), collection, from: id }),
  fc.record({
    type: fc.constant('relay-opened'),
    collection,
    with: id,
    channel: count,
    maxFrameBytes: count,
    windowBytes: count,
  }),
  fc.record({ type: fc.constant('relay-credit'), channel: count, bytes: count }),
  fc.record(
    { type: fc.constant('relay-closed'), collection, with: id, code },
    { requiredKeys: ['type', 'collection', 'with'] },
  ),
  fc.record(
    { type: fc.constant('error'), code, collection, to: id, retryAfterMs: count },
    { requiredKeys: ['type', 'code'] },
  ),
  fc.record({ type: fc.constant('watching'), version: count, expiresInMs: count, limits }),
  fc.record({
    type: fc.constant('rooms'),
    add: fc.array(collection, { maxLength: 128 }),
    remove: fc.array(collection, { maxLength: 128 }),
    more: fc.boolean(),
  }),
  fc.record({ type: fc.constant('unwatched'), code }),
  fc.record({ type: fc.constant('drain'), retryAfterMs: count }),
)

describe('messages', () => {
  test('[SIG-2] are read as they were written, in both directions', () => {
    fc.assert(
      fc.property(toSignaller, (message) => {
        const read = parseToSignaller(encodeSignalling(message as unknown as ToSignaller))
        expect(read).toEqual({ ok: true, value: message })
      }),
    )
    fc.assert(
      fc.property(fromSignaller, (message) => {
        const read = parseFromSignaller(encodeSignalling(message as unknown as FromSignaller))
        expect(read).toEqual({ ok: true, value: message })
      }),
    )
  })

  test('[SIG-1] from anybody give a message or a refusal, never an error', () => {
    for (const parse of [parseToSignaller, parseFromSignaller]) {
      fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => isParsed(parse(text))))
      fc.assert(fc.property(fc.json(), (text) => isParsed(parse(text))))
      fc.assert(
        fc.property(
          fc.oneof(toSignaller, fromSignaller),
          fc.nat(),
          fc.string(),
          (message, at, other) => {
            const text = JSON.stringify(message)
            const cut = at % (text.length + 1)
            return isParsed(parse(text.slice(0, cut) + other + text.slice(cut)))
          },
        ),
      )
    }
  })

  test('[SIG-1] with one field of another type are refused', () => {
    fc.assert(
      fc.property(
        toSignaller.filter((message) => Object.keys(message).length > 1),
        fc.constantFrom(null, 1.5, -1, {}, true, [[]], [{}]),
        fc.nat(),
        (message, wrong, at) => {
          const names = Object.keys(message).filter((name) => name !== 'type')
          const name = names[at % names.length] ?? ''
          const read = parseToSignaller(JSON.stringify({ ...message, [name]: wrong }))
          expect(read.ok).toBe(false)
        },
      ),
    )
  })

  test('[SIG-1] may say more than this version knows', () => {
    expect(parseToSignaller('{"type":"ping","since":[1,{"a":2}]}')).toEqual({
      ok: true,
      value: { type: 'ping' },
    })
    expect(
      parseFromSignaller('{"type":"left","collection":"a","code":"code-of-tomorrow"}'),
    ).toEqual({
      ok: true,
      value: { type: 'left', collection: 'a', code: 'internal' },
    })
    expect(parseToSignaller('{"type":"tomorrow"}')).toMatchObject({
      refusal: { code: 'unexpected-message' },
    })
  })

  test('[SIG-1] are refused for their size and nesting before anything is built', () => {
    const { maxDepth, maxMessageBytes } = signallingBounds
    const large = `{"type":"ping","x":"${'ä'.repeat(maxMessageBytes / 2)}"}`
    expect(large.length).toBeLessThan(maxMessageBytes)
    expect(parseToSignaller(large)).toMatchObject({ refusal: { code: 'too-large' } })
    expect(parseToSignaller('{"type":"ping"}', 14)).toMatchObject({
      refusal: { code: 'too-large' },
    })

    expect(parseToSignaller(nested(maxDepth - 1))).toMatchObject({ ok: true })
    expect(parseToSignaller(nested(maxDepth))).toMatchObject({ refusal: { code: 'malformed' } })
    const quoted = `{"type":"ping","x":"${'['.repeat(100)}\\"${'{'.repeat(100)}"}`
    expect(parseToSignaller(quoted)).toMatchObject({ ok: true })
  })

  test('[SIG-1] cannot say anything by way of the prototype', () => {
    const read = parseToSignaller(
      '{"type":"renew","collection":"a","__proto__":{"token":"forged"},"constructor":1}',
    )
    expect(read).toEqual({ ok: true, value: { type: 'renew', collection: 'a' } })
    expect(parseToSignaller('{"__proto__":{"type":"ping"}}')).toMatchObject({ ok: false })
    expect(({} as { token?: string }).token).toBeUndefined()
    const prototype = Object.prototype as { token?: string }
    prototype.token = 'of a library that went wrong'
    try {
      const plain = parseToSignaller('{"type":"renew","collection":"a"}')
      expect(plain).toMatchObject({ ok: true })
      expect(Object.keys(plain.ok ? plain.value : {})).toEqual(['collection', 'type'])
    } finally {
      delete prototype.token
    }
  })

  test('[SIG-1] name no more of anything than the bounds allow', () => {
    const { maxCapabilities, maxNeighbours, maxSignalUnits, maxTokenUnits } = signallingBounds
    const ids = { replica: '0'.repeat(32), instance: '1'.repeat(32) }
    const join = { type: 'join', version: 1, collection: 'a', role: 'peer', ...ids }
    const signal = { type: 'signal', collection: 'a', to: '1'.repeat(32) }
    expect([
      codeOf({ ...join, standing: list(maxNeighbours, '2'.repeat(32)) }),
      codeOf({ ...join, standing: list(maxNeighbours + 1, '2'.repeat(32)) }),
      codeOf({ ...join, capabilities: list(maxCapabilities, 'a') }),
      codeOf({ ...join, capabilities: list(maxCapabilities + 1, 'a') }),
      codeOf({ ...join, token: 'x'.repeat(maxTokenUnits) }),
      codeOf({ ...join, token: 'x'.repeat(maxTokenUnits + 1) }),
      codeOf({ ...signal, data: 'x'.repeat(maxSignalUnits) }),
      codeOf({ ...signal, data: 'x'.repeat(maxSignalUnits + 1) }),
    ]).toEqual(['ok', 'too-many', 'ok', 'too-many', 'ok', 'too-large', 'ok', 'too-large'])
  })

  test('[SIG-1] quote nothing of what came in when they are refused', () => {
    const secret = 'eyJhbGciOiJIUzI1NiJ9'
    for (const text of [secret, `{"type":"${secret}"}`, `{"type":"join","token":["${secret}"]}`]) {
      expect(JSON.stringify(parseToSignaller(text))).not.toContain(secret)
    }
  })
})

describe('relayed frames', () => {
  test('[SIG-2] are read as they were written, and renamed in place', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 32 - 1),
        fc.nat(2 ** 32 - 1),
        fc.uint8Array(),
        (channel, other, frame) => {
          const message = encodeRelayFrame(channel, frame)
          expect(parseRelayFrame(message)).toEqual({ ok: true, value: { channel, frame } })
          expect(parseRelayFrame(withRelayChannel(message, other))).toEqual({
            ok: true,
            value: { channel: other, frame },
          })
        },
      ),
    )
  })

  test('[SIG-1] of any bytes give a frame or a refusal', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => isParsed(parseRelayFrame(bytes))))
    expect(parseRelayFrame(Uint8Array.of(1, 0, 0, 0))).toMatchObject({
      refusal: { code: 'malformed' },
    })
    expect(parseRelayFrame(Uint8Array.of(2, 0, 0, 0, 1))).toMatchObject({
      refusal: { code: 'unexpected-message' },
    })
    expect(parseRelayFrame(new Uint8Array(65_542).fill(1))).toMatchObject({
      refusal: { code: 'too-large' },
    })
  })

  test('[SIG-22] cost at least 256 bytes of the window', () => {
    expect([0, 1, 256, 257, 65_536].map(relayCost)).toEqual([256, 256, 256, 257, 65_536])
  })
})

function isParsed(parsed: { readonly ok: boolean }): boolean {
  return parsed.ok || 'refusal' in parsed
}

/** A ping with lists inside each other. */
function nested(depth: number): string {
  return `{"type":"ping","x":${'['.repeat(depth)}${']'.repeat(depth)}}`
}

function codeOf(message: object): string {
  const read = parseToSignaller(JSON.stringify(message))
  return read.ok ? 'ok' : read.refusal.code
}

function list(count: number, item: string): string[] {
  return Array.from({ length: count }, () => item)
}
