import {
  readSnapshot,
  readStateVector,
  readUpdate,
  unwrittenDeletes,
  updateLimits,
  type UpdateLimits,
} from '@holdfast/peer/protocol'
import * as encoding from 'lib0/encoding'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { accepted, at, codeOf, one, read } from './update/accepted.js'
import { plain, plainRanges } from './update/oracle.js'
import * as raw from './update/raw.js'

const { any, bytesOf, deleted, embed, format, gc, item, rawUpdate, skip, text } = raw

describe('limits', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])
  const inSubdocument = one(raw.subdocument('g', { meta: nested(3) }))

  test.each<readonly [string, Uint8Array, Partial<UpdateLimits>, Partial<UpdateLimits>]>([
    ['bytes', one(text('hello')), { maxBytes: 18 }, { maxBytes: 17 }],
    [
      'clients with structs',
      rawUpdate([
        [9, 0, [gc(1)]],
        [5, 0, [gc(1)]],
      ]),
      { maxClients: 2 },
      { maxClients: 1 },
    ],
    [
      'clients with deletions',
      rawUpdate(
        [],
        [
          [9, [[0, 1]]],
          [5, [[0, 1]]],
        ],
      ),
      { maxClients: 2 },
      { maxClients: 1 },
    ],
    [
      'waiting clients',
      rawUpdate([
        [9, 1, [gc(1)]],
        [5, 1, [gc(1)]],
      ]),
      { maxWaitingClients: 2 },
      { maxWaitingClients: 1 },
    ],
    ['nested values', one(any(nested(3))), { maxNesting: 3 }, { maxNesting: 2 }],
    ['nested objects', one(any({ a: { b: {} } })), { maxNesting: 3 }, { maxNesting: 2 }],
    ['nested JSON', one(embed(JSON.stringify(nested(3)))), { maxNesting: 3 }, { maxNesting: 2 }],
    [
      'nested JSON objects',
      one(format('a', '{"a":{"b":{}}}')),
      { maxNesting: 3 },
      { maxNesting: 2 },
    ],
    ['nested options', inSubdocument, { maxNesting: 4 }, { maxNesting: 3 }],
    [
      'subdocuments',
      at([item({}, raw.subdocument('a', {})), item({}, raw.subdocument('a', {}))]),
      { maxSubdocuments: 2 },
      { maxSubdocuments: 1 },
    ],
    [
      'root types',
      at(['a', 'b', 'a', 'b', 'c'].map((parent) => item({ parent }, text('x')))),
      { maxRootTypes: 3 },
      { maxRootTypes: 2 },
    ],
  ])(
    '[UPDATE-15] as many %s as the limit are taken, one more is too large',
    (_, bytes, enough, tooFew) => {
      expect(codeOf(readUpdate(bytes, small(enough)))).toBeUndefined()
      expect(codeOf(readUpdate(bytes, small(tooFew)))).toBe('op-too-large')
    },
  )

  test.each<readonly [string, Uint8Array]>([
    ['structs', at([gc(3)])],
    ['holes', at([gc(1), skip(2)])],
    ['references', at([item({ origin: [9, 2] }, text('a'))])],
    ['deletions', rawUpdate([], [[5, [[2, 1]]]])],
  ])('[UPDATE-15] no clock of %s reaches beyond the limit', (_, bytes) => {
    expect(codeOf(readUpdate(bytes, small({ maxClock: 3 })))).toBeUndefined()
    expect(codeOf(readUpdate(bytes, small({ maxClock: 2 })))).toBe('malformed-update')
  })

  test('[UPDATE-15] a complete update may have more clients than can wait', () => {
    const complete = rawUpdate([
      [9, 0, [gc(1)]],
      [5, 0, [item({ origin: [9, 0] }, text('a'))]],
    ])
    expect(codeOf(readUpdate(complete, small({ maxWaitingClients: 1 })))).toBeUndefined()
  })

  test('[UPDATE-15] limits are no smaller than what Yjs writes for people', () => {
    const doc = new Y.Doc()
    doc.getMap('map').set('deep', nested(updateLimits.maxNesting))
    expect(codeOf(readUpdate(Y.encodeStateAsUpdate(doc)))).toBeUndefined()
    doc.getMap('map').set('deep', nested(updateLimits.maxNesting + 1))
    expect(codeOf(readUpdate(Y.encodeStateAsUpdate(doc)))).toBe('op-too-large')
  })
})

/** A count of 2^53 - 1: what the format can say at most. */
const most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]

describe('bombs', () => {
  test.each<readonly [string, Uint8Array]>([
    ['seven bytes that make Yjs allocate 240 MB', Uint8Array.of(1, 0x80, 0x80, 0x80, 0x0e, 0, 0)],
    ['as many clients as can be said', Uint8Array.of(...most, 0)],
    ['as many structs', Uint8Array.of(1, ...most, 0, 0)],
    ['as many deletions', Uint8Array.of(0, 1, 5, ...most)],
    ['as many clients with deletions', Uint8Array.of(0, ...most)],
    ['as many values', one([8, (e) => encoding.writeUint8Array(e, Uint8Array.from(most))])],
    ['as many old values', one([2, (e) => encoding.writeUint8Array(e, Uint8Array.from(most))])],
    [
      'as many elements',
      one([8, (e) => encoding.writeUint8Array(e, Uint8Array.of(1, 117, ...most))]),
    ],
    ['as many keys', one([8, (e) => encoding.writeUint8Array(e, Uint8Array.of(1, 118, ...most))])],
    [
      'a text as long as can be said',
      one([4, (e) => encoding.writeUint8Array(e, Uint8Array.from(most))]),
    ],
    [
      'bytes as long as can be said',
      one([3, (e) => encoding.writeUint8Array(e, Uint8Array.from(most))]),
    ],
    ['a clock of 2^52', at([gc(1)], 5, 2 ** 52)],
    ['garbage up to 2^53', at([gc(2 ** 53 - 1)])],
    ['deleted content up to 2^53', one(deleted(2 ** 53 - 1))],
    ['garbage that adds up beyond 2^53', at([gc(2 ** 39), gc(2 ** 39), gc(1)])],
    [
      'thirteen bytes that delete all a client will ever write',
      rawUpdate([], [[2 ** 31, [[0, 2 ** 32 * 512]]]]),
    ],
    ['an origin at 2^52', at([item({ origin: [9, 2 ** 52] }, text('a'))])],
  ])('[K17] refused before anything is allocated: %s', (_, bytes) => {
    expect(codeOf(readUpdate(bytes))).toBe('malformed-update')
  })

  test('[K17] subdocuments, root types and nesting by the ten thousand are too large', () => {
    const nest = 'x'.repeat(10_001).replaceAll('x', '[')
    for (const bytes of [
      many(10_001, () => item({ origin: [9, 0] }, raw.subdocument('g', {}))),
      many(10_001, (i) => item({ parent: `root ${i}` }, text('a'))),
      one(embed(nest + nest.replaceAll('[', ']'))),
      one([
        8,
        (e) =>
          encoding.writeUint8Array(
            e,
            new Uint8Array(20_001)
              .fill(117)
              .fill(1, 0, 1)
              .map((byte, i) => (i > 0 && i % 2 === 0 ? 1 : byte)),
          ),
      ]),
      rawUpdate(Array.from({ length: 10_001 }, (_, i) => [20_000 - i, 1, [gc(1)]] as const)),
    ]) {
      expect(codeOf(readUpdate(bytes))).toBe('op-too-large')
    }
  })

  test('[K17] a deletion within the limits that reaches into the future is told as such', () => {
    const doc = new Y.Doc()
    doc.clientID = 5
    doc.getText('text').insert(0, 'mine')
    const weapon = rawUpdate([], [[5, [[4, 2 ** 39]]]])
    const held = read(Y.encodeStateAsUpdate(doc))
    expect(plainRanges(unwrittenDeletes(held, read(weapon)))).toEqual([[5, [4, 4 + 2 ** 39]]])
  })

  test('[UPDATE-16] snapshots and state vectors are bounded by the same rules', () => {
    expect(
      plain(
        accepted(
          readSnapshot(
            snapshot(
              [[5, [[1, 2]]]],
              [
                [5, 3],
                [9, 0],
              ],
            ),
          ),
        ),
      ),
    ).toEqual({
      structs: [[5, [0, 3]]],
      deletes: [[5, [1, 3]]],
      refs: [],
    })
    for (const bytes of [
      new Uint8Array(),
      Uint8Array.of(0),
      Uint8Array.of(0, ...most),
      Uint8Array.of(...most),
      Uint8Array.of(0, 0, 0),
      snapshot([[5, [[1, 0]]]], []),
      snapshot(
        [],
        [
          [5, 1],
          [5, 2],
        ],
      ),
      snapshot([], [[5, 2 ** 41]]),
    ]) {
      expect(codeOf(readSnapshot(bytes))).toBe('malformed-update')
    }
    for (const bytes of [
      new Uint8Array(),
      Uint8Array.of(...most),
      Uint8Array.of(0, 0),
      vector([
        [5, 1],
        [5, 2],
      ]),
      vector([[5, 2 ** 41]]),
    ]) {
      expect(codeOf(readStateVector(bytes))).toBe('malformed-update')
    }
    expect(
      codeOf(
        readStateVector(
          vector([
            [5, 1],
            [9, 2],
          ]),
          small({ maxClients: 1 }),
        ),
      ),
    ).toBe('op-too-large')
    expect(codeOf(readSnapshot(snapshot([], [[5, 1]]), small({ maxBytes: 3 })))).toBe(
      'op-too-large',
    )
  })
})

function small(limits: Partial<UpdateLimits>): UpdateLimits {
  return { ...updateLimits, ...limits }
}

function vector(entries: readonly raw.Id[]): Uint8Array {
  return bytesOf((encoder) => writeVector(encoder, entries))
}

function writeVector(encoder: encoding.Encoder, entries: readonly raw.Id[]): void {
  encoding.writeVarUint(encoder, entries.length)
  for (const [client, clock] of entries) {
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, clock)
  }
}

function snapshot(deletes: readonly raw.Deletes[], entries: readonly raw.Id[]): Uint8Array {
  return bytesOf((encoder) => {
    raw.writeDeletes(encoder, deletes)
    writeVector(encoder, entries)
  })
}

function many(count: number, make: (i: number) => raw.Struct): Uint8Array {
  return at(Array.from({ length: count }, (_, i) => make(i)))
}
