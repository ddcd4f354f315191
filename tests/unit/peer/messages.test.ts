import * as fc from 'fast-check'
import * as lib0 from 'lib0/encoding'
import { describe, expect, test } from 'vitest'
import {
  copyOf,
  encodeMessage,
  explainMessage,
  laneOf,
  messageBounds,
  messageKinds,
  messageTypeOf,
  oldestVersion,
  parseDocumentId,
  parseMessage,
  protocolVersion,
  Splitter,
  versionOfLink,
  type ArchiveId,
  type DocumentRef,
  type Entry,
  type InstanceId,
  type Message,
  type MessageOf,
  type OpHash,
  type TermId,
} from '@holdfast/peer/protocol'
import { environment, numericSeed, toHex } from './hostile-runs.js'
import { arbitraryMessage } from './messages-arbitrary.js'
import { bytes, exampleMessages, examples } from './protocol-examples.js'

const note: DocumentRef = { id: 'note-1' as never, generation: 0 }
const instance = 'b1'.repeat(16) as InstanceId
const term = 'd1'.repeat(16) as TermId
const archive = 'c1'.repeat(16) as ArchiveId

/** The message that these bytes are; fails if they are none. */
function parsed(message: Uint8Array): Message {
  const result = parseMessage(message)
  if (!result.ok) throw new Error(`${result.refusal.detail}: ${toHex(message)}`)
  return result.value
}

function refusalOf(message: Uint8Array): string {
  const result = parseMessage(message)
  return result.ok ? 'accepted' : `${result.refusal.code} ${result.refusal.detail}`
}

describe('one form in bytes', () => {
  test('[PROTO-3] any message is read back equal, within the size of its kind', () => {
    const { seed, runs } = environment({ seed: 'messages', runs: 1_000 })
    fc.assert(
      fc.property(arbitraryMessage(), (message) => {
        const written = encodeMessage(message)
        expect(parsed(written)).toStrictEqual(message)
        expect(written.length).toBeLessThanOrEqual(messageKinds[message.type].maxBytes)
      }),
      { seed: numericSeed(seed), numRuns: runs },
    )
  })

  test('[PROTO-2] the fields of a message together are its bytes, its number first', () => {
    for (const message of exampleMessages) {
      const parts = explainMessage(message)
      expect(toHex(Buffer.concat(parts.map((part) => part.bytes)))).toBe(
        toHex(encodeMessage(message)),
      )
      expect(parts[0]?.field).toBe(message.type)
      expect(messageTypeOf(parts[0]?.bytes[0] ?? 0)).toBe(message.type)
    }
  })

  test('[PROTO-15] numbers, text and bytes stand as lib0 writes them', () => {
    const numbers = [0, 127, 128, 300, 16_384, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]
    for (const nonce of numbers) {
      const written = lib0.encode((encoder) => {
        lib0.writeUint8(encoder, 0x06)
        lib0.writeVarUint(encoder, nonce)
      })
      expect(toHex(encodeMessage({ type: 'pong', nonce }))).toBe(toHex(written))
    }
    for (const id of ['a', 'é', '\u{1f433} whale', '\ufeffbom', 'x'.repeat(256)]) {
      const written = lib0.encode((encoder) => {
        lib0.writeUint8(encoder, 0x13)
        lib0.writeUint8(encoder, 0)
        lib0.writeVarString(encoder, id)
        for (const zero of [0, 1, 0]) lib0.writeUint8(encoder, zero)
        lib0.writeVarUint8Array(encoder, new Uint8Array(200).fill(7))
      })
      const message: Message = {
        type: 'update',
        document: { id: id as never, generation: 0 },
        cause: { kind: 'state', request: 0 },
        bytes: new Uint8Array(200).fill(7),
      }
      expect(toHex(encodeMessage(message))).toBe(toHex(written))
      expect(parsed(written)).toStrictEqual(message)
    }
  })

  test('[PROTO-5] numbers that are too large or needlessly long are refused', () => {
    expect(parsed(bytes('06 ffffffffffffff0f'))).toStrictEqual({
      type: 'pong',
      nonce: Number.MAX_SAFE_INTEGER,
    })
    expect(refusalOf(bytes('06 8080808080808010'))).toMatch(
      /^malformed pong\.nonce: a number above/,
    )
    expect(refusalOf(bytes('26 808080808080808001 00'))).toBe(
      'malformed ack.subscription: a number of 2^53 or more',
    )
    expect(refusalOf(bytes('06 8000'))).toBe(
      'malformed pong.nonce: a number in a needlessly long form',
    )
    expect(refusalOf(bytes('06 808000'))).toMatch(/needlessly long form$/)
  })

  test('[PROTO-2] a choice, a flag or a code that this version does not know is refused', () => {
    expect(refusalOf(bytes('16 02'))).toBe('malformed spread.how: an unknown choice')
    expect(refusalOf(bytes('04 02'))).toBe('malformed bye.code: neither 00 nor 01')
    expect(refusalOf(bytes('04 01 ff 00'))).toBe('malformed bye.code: an unknown code')
    expect(refusalOf(bytes('02 03'))).toBe('malformed renew.credential.kind: unknown')
    expect(refusalOf(bytes('7f'))).toBe('unexpected-message a message of unknown type')
    expect(refusalOf(new Uint8Array(0))).toBe('malformed : ends too early')
  })
})

describe('text', () => {
  test('[PROTO-6] text that is not strict UTF-8 is refused', () => {
    const wrong = ['ff', 'c0 80', 'e2 82', 'ed a0 80', 'f4 90 80 80', 'c3 28']
    for (const utf8 of wrong) {
      const id = bytes(utf8)
      const message = Uint8Array.of(0x17, 0, ...new Uint8Array(16), 1, 0, id.length, ...id, 0)
      expect(refusalOf(message)).toBe('malformed tombstone.document.id: not UTF-8')
    }
  })

  test('[PROTO-6] what is no document id elsewhere is none in a message', () => {
    for (const id of ['', 'a\nb', '\u007f', 'a\u0085', 'x'.repeat(257), '\u{1f433}'.repeat(65)]) {
      expect(parseDocumentId(id).ok).toBe(false)
      const utf8 = Buffer.from(id)
      const length = lib0.encode((encoder) => lib0.writeVarUint(encoder, utf8.length))
      const message = Uint8Array.of(0x17, 0, ...new Uint8Array(16), 1, 0, ...length, ...utf8, 0)
      expect(refusalOf(message)).toMatch(/^(malformed|too-large) tombstone\.document\.id: /)
    }
  })
})

/** A token of so many letters, its length of two bytes before it. */
function token(length: number): readonly number[] {
  return [(length % 128) | 128, length >> 7, ...new Uint8Array(length).fill(0x61)]
}

describe('counts and lengths', () => {
  test('[K17] [PROTO-4] more items than bytes that follow are refused by their count', () => {
    expect(refusalOf(bytes('14 09 00'))).toBe(
      'malformed announce.ops: more items than bytes that follow',
    )
    expect(refusalOf(bytes('25 01 00 81 20 00'))).toMatch(
      /^too-large changes\.page: more than 4096/,
    )
  })

  test('[PROTO-4] more items than the protocol allows are refused, though they are there', () => {
    const ops = [0, ...new Uint8Array(16), 1, ...Array.from({ length: 1_024 }, () => [1, 1]).flat()]
    expect(refusalOf(Uint8Array.from([0x14, 0x81, 0x08, ...ops]))).toBe(
      'too-large announce.ops: more than 1024 items',
    )
    const oneLess = Uint8Array.from([0x14, 0x80, 0x08, ...ops.slice(0, -2)])
    expect(refusalOf(oneLess)).toBe('accepted')
  })

  test('[PROTO-4] bytes and text longer than the protocol allows are refused, though they are there', () => {
    expect(refusalOf(Uint8Array.from([0x02, 1, ...token(8_192)]))).toBe('accepted')
    const { message } = examples.hello[0]
    const start = encodeMessage({ ...message, credential: { kind: 'none' }, cursors: [] })
    const upToToken = start.subarray(0, start.length - 3 - 4 - 1 - 1)
    expect(refusalOf(Uint8Array.from([...upToToken, 1, ...token(8_193)]))).toBe(
      'too-large hello.credential.token: longer than 8192 bytes',
    )
    const name = [0x81, 0x02, ...new Uint8Array(257).fill(0x61)]
    expect(refusalOf(Uint8Array.from([0x12, 0, 0, ...name, 0, 0, 0, 0]))).toBe(
      'too-large state.document.id: longer than 256 bytes',
    )
  })
})

describe('names that are written out once', () => {
  const ops = [1, 2, 3].map((n) => ({ instance, n }))

  test('[PROTO-13] a document and an instance stand once in a message, and are one value again', () => {
    const push: Message = {
      type: 'push',
      ops: ops.map((op) => ({ kind: 'upload', op, document: note, bytes: bytes('00 00') })),
    }
    const written = Buffer.from(encodeMessage(push))
    expect(written.toString('latin1').split('note-1')).toHaveLength(2)
    expect(written.length).toBe(48)
    const read = parsed(written) as MessageOf<'push'>
    expect(read).toStrictEqual(push)
    expect(read.ops[2]?.document).toBe(read.ops[0]?.document)
  })

  test('[PROTO-13] generations of a document are documents of their own', () => {
    const next = { ...note, generation: 1 }
    const message: Message = { type: 'viewing', opened: [next, note], closed: [next] }
    expect(parsed(encodeMessage(message))).toStrictEqual(message)
  })

  test('[PROTO-13] a number that names nothing is refused', () => {
    const written = encodeMessage({ type: 'announce', ops })
    // The last op: instance 1, n 3.
    const wrong = written.slice()
    wrong[wrong.length - 2] = 2
    expect(refusalOf(wrong)).toBe('malformed announce.ops.2.instance: a number that names nothing')
  })

  test('[PROTO-13] writing the same instance out a second time is refused', () => {
    const twice = Uint8Array.of(0x14, 2, ...[1, 2].flatMap((n) => [0, ...new Uint8Array(16), n]))
    expect(refusalOf(twice)).toBe('malformed announce.ops.1.instance: written out twice')
  })
})

describe('bytes', () => {
  const keystroke = bytes('01 01 07 00 04 01 04 62 6f 64 79 01 68 00')
  const update: Message = {
    type: 'update',
    document: note,
    cause: { kind: 'op', op: { instance, n: 12 } },
    bytes: keystroke,
  }

  test('[L23] [PROTO-9] a view of a larger buffer is written as what it shows, no more', () => {
    const pool = new Uint8Array(64).fill(0xee)
    pool.set(keystroke, 20)
    const view = pool.subarray(20, 20 + keystroke.length)
    expect(toHex(encodeMessage({ ...update, bytes: view }))).toBe(toHex(encodeMessage(update)))
  })

  test('[L23] [PROTO-9] what is read from the middle of a Buffer is a plain view, and copyOf copies', () => {
    const written = encodeMessage(update)
    const pool = Buffer.alloc(200, 0xee)
    pool.set(written, 30)
    const read = parsed(pool.subarray(30, 30 + written.length)) as MessageOf<'update'>
    expect(read).toStrictEqual(update)
    expect(read.bytes.constructor).toBe(Uint8Array)

    const kept = copyOf(read.bytes)
    expect(kept.buffer.byteLength).toBe(keystroke.length)
    expect(copyOf(Buffer.from(keystroke)).buffer.byteLength).toBe(keystroke.length)
    pool.fill(0)
    expect(kept).toStrictEqual(keystroke)
    expect(read.bytes).not.toStrictEqual(keystroke)
  })

  test('[PROTO-9] messages written one after the other share no memory', () => {
    const payloads = [10, 60_000, 10, 20_000, 16_384 - 20, 100].map((length, index) =>
      new Uint8Array(length).fill(index + 1),
    )
    const written = payloads.map((payload) => encodeMessage({ ...update, bytes: payload }))
    expect(new Set(written.map(({ buffer }) => buffer)).size).toBe(written.length)
    expect(written.every(isTight)).toBe(true)
    expect(written.map((one) => (parsed(one) as MessageOf<'update'>).bytes)).toStrictEqual(payloads)
  })

  test('[PROTO-3] an update of the largest size goes through, one byte more is refused', () => {
    const largest = new Uint8Array(messageBounds.maxUpdateBytes)
    largest[largest.length - 1] = 9
    const written = encodeMessage({ ...update, bytes: largest })
    expect((parsed(written) as MessageOf<'update'>).bytes.at(-1)).toBe(9)
    expect(() =>
      encodeMessage({ ...update, bytes: new Uint8Array(messageBounds.maxUpdateBytes + 1) }),
    ).toThrow(RangeError)
    expect(refusalOf(new Uint8Array(messageBounds.maxBytes + 1).fill(0x13))).toMatch(/^too-large/)
  })
})

/** An entry whose op the mesh has delivered already. */
function place(seq: number): Entry {
  return { kind: 'place', seq, hash: 'f1'.repeat(8) as OpHash }
}

function changes(after: number, seqs: number[], through: number, head: number): Message {
  return {
    type: 'changes',
    subscription: 1,
    page: { after, entries: seqs.map(place), through, head },
  }
}

describe('pages of the stream', () => {
  test('[L49] [PROTO-11] a page whose seqs do not ascend, or do not fit its bounds, is not written', () => {
    const wrong = [
      changes(10, [10], 11, 11), // not after `after`
      changes(10, [12, 12], 12, 12), // two entries, one seq
      changes(10, [12, 11], 12, 12), // descending
      changes(10, [12], 11, 12), // ends before its last entry
      changes(10, [12], 12, 11), // the log ends before the page does
      changes(10, [], 9, 9),
      changes(0, [], 2 ** 53, 2 ** 53),
      changes(0, [], Number.MAX_SAFE_INTEGER, 2 ** 53 + 2),
    ]
    for (const message of wrong) expect(() => encodeMessage(message)).toThrow(RangeError)
  })

  test('[L49] [PROTO-11] whatever stands for the distances, a page that is read ascends', () => {
    const { seed, runs } = environment({ seed: 'pages', runs: 300 })
    const distance = fc.oneof(fc.nat(3), fc.nat(127))
    fc.assert(
      fc.property(distance, fc.array(distance, { maxLength: 20 }), distance, (after, gaps, end) => {
        const entries = gaps.flatMap((gap) => [gap, 3, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0])
        const message = parsed(
          Uint8Array.from([0x25, 1, after, gaps.length, ...entries, end, end, 0]),
        )
        const { page } = message as MessageOf<'changes'>
        const seqs = [page.after, ...page.entries.map(({ seq }) => seq)]
        expect(seqs).toStrictEqual([...new Set(seqs)].toSorted((one, two) => one - two))
        expect(page.through).toBeGreaterThanOrEqual(seqs.at(-1) ?? 0)
        expect(page.head).toBeGreaterThanOrEqual(page.through)
      }),
      { seed: numericSeed(seed), numRuns: runs },
    )
  })

  test('[PROTO-11] seqs beyond 2^53 are refused', () => {
    const last = Number.MAX_SAFE_INTEGER
    const written = encodeMessage(changes(last - 1, [last], last, last))
    expect(parsed(written)).toStrictEqual(changes(last - 1, [last], last, last))
    for (const distance of [11, written.length - 3, written.length - 2]) {
      const wrong = written.slice()
      wrong[distance] = 1
      expect(refusalOf(wrong)).toMatch(/a number above/)
    }
  })

  test('[PROTO-16] a place costs a subscriber at most 32 bytes, far into the log and the link', () => {
    const message = encodeMessage(changes(2_000_000, [2_000_001], 2_000_001, 2_000_001))
    const splitter = new Splitter({
      maxFrameBytes: 16_384,
      maxQueuedBytes: { live: 1_000, bulk: 0 },
    })
    let frame: Uint8Array | undefined
    for (let count = 0; count < 20_000; count++) {
      splitter.enqueue(message, 'live')
      frame = splitter.next()
    }
    expect(frame?.length).toBeLessThanOrEqual(32)
  })
})

describe('cursors', () => {
  test('[L27] a cursor has no form without the archive and the term whose numbering it is of', () => {
    const cursor = { archive, term, seq: 1_041 }
    const carriers: readonly Message[] = [
      examples.hello[0].message,
      { type: 'subscribe', subscription: 1, cursor },
      { type: 'summary', request: 1, by: { kind: 'cursor', cursor, dirty: [], more: false } },
    ]
    for (const message of carriers) {
      const written = Buffer.from(encodeMessage(message))
      const at = written.indexOf(Buffer.from(`${archive}${term}`, 'hex'))
      expect(at).toBeGreaterThan(0)
      expect(parsed(written)).toStrictEqual(message)
      for (const cut of [at, at + 16]) {
        const without = Buffer.concat([written.subarray(0, cut), written.subarray(cut + 16)])
        expect(parseMessage(without).ok).toBe(false)
      }
    }
    const { archive: _, ...rest } = cursor
    const wrong = { type: 'subscribe', subscription: 1, cursor: rest } as unknown as Message
    expect(() => encodeMessage(wrong)).toThrow(TypeError)
  })

  test('[L51] every page says of which subscription it is, and that one has one term', () => {
    const subscribed = parsed(encodeMessage(examples.subscribed[0].message))
    const pages = examples.changes.map(({ message }) => parsed(encodeMessage(message)))
    for (const page of [subscribed, ...pages]) expect(page).toHaveProperty('subscription', 1)
    expect(subscribed).toHaveProperty('term', term)
  })
})

describe('lanes and sizes', () => {
  test('[PROTO-10] what is always live fits the live lane at its largest', () => {
    for (const { lane, maxBytes } of Object.values(messageKinds)) {
      expect(maxBytes).toBeLessThanOrEqual(
        lane === 'live' ? messageBounds.maxLiveBytes : messageBounds.maxBytes,
      )
    }
  })

  test('[PROTO-10] ops go live while they are small, states never', () => {
    const [op, state] = examples.update.map(({ message }) => message as Message)
    const [live, upload] = examples.push.map(({ message }) => message as Message)
    const lanes = [op, live, state, upload].map((message) => message && laneOf(message, 60))
    expect(lanes).toStrictEqual(['live', 'live', 'bulk', 'bulk'])
    expect(op && laneOf(op, messageBounds.maxLiveBytes)).toBe('live')
    expect(op && laneOf(op, messageBounds.maxLiveBytes + 1)).toBe('bulk')
    expect(laneOf({ type: 'pong', nonce: 1 }, 2)).toBe('live')
    expect(laneOf({ type: 'compared', request: 1, differing: 0 }, 3)).toBe('bulk')
  })

  test('[PROTO-10] a message longer than its kind may be is refused before it is read', () => {
    for (const { number, maxBytes, type } of Object.values(messageKinds)) {
      if (maxBytes > messageBounds.maxLiveBytes) continue
      expect(refusalOf(new Uint8Array(maxBytes + 1).fill(number))).toBe(
        `too-large ${type}: longer than ${maxBytes} bytes`,
      )
    }
  })
})

describe('versions', () => {
  const hello = examples.hello[0].message

  test('[PROTO-8] a hello of a later version is read as far as this version knows it', () => {
    const later = Uint8Array.of(...encodeMessage(hello), 1, 2, 3)
    later[1] = protocolVersion + 1
    expect(parsed(later)).toStrictEqual({ ...hello, version: protocolVersion + 1 })
    later[1] = protocolVersion
    expect(refusalOf(later)).toBe('malformed hello: bytes after the end')
  })

  test('[PROTO-8] a link speaks the lower of two versions, or none', () => {
    expect(versionOfLink(protocolVersion)).toStrictEqual({ ok: true, value: protocolVersion })
    expect(versionOfLink(protocolVersion + 5)).toStrictEqual({ ok: true, value: protocolVersion })
    expect(versionOfLink(oldestVersion - 1)).toMatchObject({
      ok: false,
      refusal: { code: 'unsupported-version' },
    })
  })

  test('[PROTO-8] the start of hello is the same in all versions: its number, then the version', () => {
    expect([...encodeMessage(hello).subarray(0, 2)]).toStrictEqual([0x01, protocolVersion])
  })
})

describe("the caller's mistakes", () => {
  const op = { instance, n: 1 }
  const mistakes: Record<string, unknown> = {
    'a fraction': { type: 'pong', nonce: 1.5 },
    'a number below zero': { type: 'pong', nonce: -1 },
    'not a number': { type: 'pong', nonce: Number.NaN },
    'a number of 2^53': { type: 'pong', nonce: 2 ** 53 },
    'a delay no timer takes': { type: 'ping', nonce: 1, nextWithinMs: 2 ** 31 },
    'an id that is too short': { type: 'want', ops: [{ instance: 'b1b1', n: 1 }] },
    'an id in capitals': { type: 'want', ops: [{ instance: 'B1'.repeat(16), n: 1 }] },
    'an empty document id': { type: 'tombstone', op, document: { id: '', generation: 0 } },
    'a lone surrogate': { type: 'tombstone', op, document: { id: '\ud800', generation: 0 } },
    'too many ops': { type: 'want', ops: Array.from({ length: 1_025 }, () => op) },
    'positions out of order': {
      type: 'push',
      reached: { list: 1, neighbours: [2, 1] },
      ops: [],
    },
    'a position beyond the list': {
      type: 'push',
      reached: { list: 1, neighbours: [32] },
      ops: [],
    },
    'too long a presence': { type: 'presence', bytes: new Uint8Array(32_769) },
    'an unknown kind': { type: 'renew', credential: { kind: 'password' } },
    'a token with a space': { type: 'renew', credential: { kind: 'token', token: 'a b' } },
    'a byte of 256': { type: 'error', code: 'internal', message: 256 },
    'a frame limit below what all take': { ...examples.hello[0].message, maxFrameBytes: 16_383 },
  }

  test.for(Object.entries(mistakes))('[PROTO-14] %s throws when it is written', ([, message]) => {
    expect(() => encodeMessage(message as Message)).toThrow(RangeError)
  })

  test('[PROTO-14] a message that failed leaves nothing behind in the next one', () => {
    const good: Message = { type: 'announce', ops: [op] }
    const before = toHex(encodeMessage(good))
    expect(() => encodeMessage({ type: 'announce', ops: [op, { ...op, n: -1 }] })).toThrow(
      RangeError,
    )
    expect(toHex(encodeMessage(good))).toBe(before)
  })
})

/** What a large one has behind its end is less than copying it is worth. */
function isTight({ buffer, length }: Uint8Array): boolean {
  return buffer.byteLength - length <= length / 15
}
