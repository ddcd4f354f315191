import { contains, emptyCoverage, isEmpty, missing, readUpdate } from '@holdfast/peer/protocol'
import * as encoding from 'lib0/encoding'
import { describe, expect, test } from 'vitest'
import * as Y from 'yjs'
import { randomHistory } from './update/history.js'
import { at, codeOf, one, read } from './update/accepted.js'
import { campaign } from './update/campaign.js'
import { docOf, plain, plainRanges } from './update/oracle.js'
import * as raw from './update/raw.js'

const { any, deleted, embed, format, gc, item, json, rawUpdate, skip, text, type } = raw

describe('what coverage tells that vectors and lengths do not', () => {
  test('[L17] a deletion changes no state vector, and is not contained until it is held', () => {
    const doc = new Y.Doc()
    doc.getText('text').insert(0, 'hello')
    const before = Y.encodeStateAsUpdate(doc)
    const vector = Y.encodeStateVector(doc)
    doc.getText('text').delete(1, 2)
    expect(Y.encodeStateVector(doc)).toEqual(vector)

    const difference = Y.encodeStateAsUpdate(doc, vector)
    expect(contains(read(before), read(difference))).toBe(false)
    expect(isEmpty(read(difference))).toBe(false)
    const whole = read(Y.encodeStateAsUpdate(doc))
    expect(contains(whole, read(difference))).toBe(true)
    expect(contains(whole, read(before))).toBe(true)
  })

  test('[L18] a short difference may still say something, an empty one says nothing', () => {
    const doc = new Y.Doc()
    doc.clientID = 1
    doc.getText('text').insert(0, 'hello')
    const held = read(Y.encodeStateAsUpdate(doc))
    doc.getText('text').delete(0, 1)
    // Seven bytes, shorter than the thirteen of an empty difference in the second format.
    const short = Y.encodeStateAsUpdate(doc, Y.encodeStateVector(doc))
    expect(short.length).toBeLessThan(13)
    expect(contains(held, read(short))).toBe(false)

    const empty = Y.encodeStateAsUpdate(new Y.Doc())
    expect(isEmpty(read(empty))).toBe(true)
    expect(contains(emptyCoverage, read(empty))).toBe(true)
  })

  test('[L19] what an item refers to is missing, also where no clock is left out', () => {
    const [first, second] = [new Y.Doc(), new Y.Doc()]
    first.clientID = 1
    second.clientID = 2
    first.getText('text').insert(0, 'hello')
    Y.applyUpdate(second, Y.encodeStateAsUpdate(first))
    second.getText('text').insert(5, ' world')
    // The second's clocks begin at 0 and have no hole. Their origin is the first's.
    const update = Y.encodeStateAsUpdate(second, Y.encodeStateVector(first))
    expect(plain(read(update)).structs).toEqual([[2, [0, 6]]])
    expect(plainRanges(missing(emptyCoverage, read(update)))).toEqual([[1, [0, 5]]])
    expect(missing(read(Y.encodeStateAsUpdate(first)), read(update)).size).toBe(0)
  })

  test.each([
    ['origin', { origin: [9, 4] }],
    ['right origin', { right: [9, 4] }],
    ['parent', { parent: [9, 4] }],
  ] as const)('[UPDATE-7] the %s of another client counts as needed', (_, place) => {
    const update = rawUpdate([[5, 0, [item(place, text('a'))]]])
    expect(plain(read(update)).refs).toEqual([[9, [4, 5]]])
    expect(plainRanges(missing(emptyCoverage, read(update)))).toEqual([[9, [0, 5]]])
  })

  test('[UPDATE-12] garbage is a struct; it deletes only what it names', () => {
    const garbage = rawUpdate(
      [[5, 0, [gc(3), item({}, deleted(2)), skip(4), gc(1)]]],
      [[5, [[1, 1]]]],
    )
    expect(plain(read(garbage))).toEqual({
      structs: [[5, [0, 5, 9, 10]]],
      deletes: [[5, [1, 2]]],
      refs: [],
    })
    // A document that has the ids with their content keeps it, and says that nothing has changed.
    const live = rawUpdate([[5, 0, [item({}, text('abc'))]]])
    const doc = docOf([live])
    Y.applyUpdate(doc, rawUpdate([[5, 0, [gc(3)]]]))
    expect(doc.getText('text').toJSON()).toBe('abc')
    expect(contains(read(live), read(rawUpdate([[5, 0, [gc(3)]]])))).toBe(true)
  })
})

describe('the other format', () => {
  test('[L21] the first format’s reader finds an empty document in the second; here it is refused by name', () => {
    let seen = 0
    campaign(60, (random) => {
      const { edits, docs } = randomHistory(random, { writers: 2, steps: 12 })
      for (const update of [...edits, ...docs.map((doc) => Y.encodeStateAsUpdate(doc))]) {
        expect(codeOf(readUpdate(Y.convertUpdateFormatV1ToV2(update)))).toBe('unsupported-encoding')
        seen++
      }
    })
    expect(seen).toBeGreaterThan(100)

    const doc = new Y.Doc()
    doc.getText('text').insert(0, 'hello')
    const second = Y.encodeStateAsUpdateV2(doc)
    const fooled = new Y.Doc()
    Y.applyUpdate(fooled, second)
    expect(fooled.store.clients.size).toBe(0)
    expect(codeOf(readUpdate(second))).toBe('unsupported-encoding')
    expect(codeOf(readUpdate(Y.encodeStateAsUpdateV2(new Y.Doc())))).toBe('unsupported-encoding')
  })
})

describe('what Yjs would read and never writes', () => {
  test.each<readonly [string, Uint8Array]>([
    ['nothing at all', new Uint8Array()],
    ['structs without a delete set', Uint8Array.of(0)],
    ['bytes that follow', Uint8Array.of(0, 0, 0)],
    ['a client without structs', at([])],
    [
      'a client twice',
      rawUpdate([
        [5, 0, [gc(1)]],
        [5, 1, [gc(1)]],
      ]),
    ],
    [
      'clients that ascend',
      rawUpdate([
        [5, 0, [gc(1)]],
        [9, 0, [gc(1)]],
      ]),
    ],
    ['garbage without length', at([gc(0)])],
    ['a hole without length', at([gc(1), skip(0), gc(1)])],
    ['a text without length', one(text(''))],
    ['values without length', one(any())],
    ['JSON without length', one(json())],
    ['deleted content without length', one(deleted(0))],
    ['garbage with flags', at([(e) => encoding.writeUint8(e, 0x80), gc(1)])],
    ['an unknown struct', one([11, () => undefined])],
    ['an unknown struct with flags', one([31, () => undefined])],
    [
      'an item that is a hole',
      at([item({ origin: [9, 0] }, [10, (e) => encoding.writeVarUint(e, 1)])]),
    ],
    ['an unknown type', one(type(7))],
    ['an unknown value', one([8, (e) => encoding.writeUint8Array(e, Uint8Array.of(1, 115))])],
    [
      'a parent that is neither',
      at([(e) => encoding.writeUint8Array(e, Uint8Array.of(4, 2, 1, 97, 1, 97))]),
    ],
    ['a struct that is its own origin', at([item({ origin: [5, 0] }, text('a'))])],
    ['a right origin to come', at([item({ right: [5, 7] }, text('a'))], 5, 3)],
    ['a type that is its own parent', at([item({ parent: [5, 0] }, type(1))])],
    ['a number in a longer form', Uint8Array.of(0, 0x80, 0)],
    ['a number above 2^53', Uint8Array.of(0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    ['a number without end', Uint8Array.of(0, ...Array.from({ length: 200 }, () => 0x80))],
    [
      'an integer value without end',
      one([
        8,
        (e) =>
          encoding.writeUint8Array(
            e,
            Uint8Array.of(1, 125, ...Array.from({ length: 30 }, () => 0xff), 1),
          ),
      ]),
    ],
    ['a client whose deletions are none', rawUpdate([], [[5, []]])],
    ['a deletion without length', rawUpdate([], [[5, [[0, 0]]]])],
    [
      'deletions that overlap',
      rawUpdate(
        [],
        [
          [
            5,
            [
              [0, 3],
              [2, 3],
            ],
          ],
        ],
      ),
    ],
    [
      'deletions that descend',
      rawUpdate(
        [],
        [
          [
            5,
            [
              [9, 1],
              [2, 3],
            ],
          ],
        ],
      ),
    ],
    [
      'deletions of a client in two places',
      rawUpdate(
        [],
        [
          [5, [[0, 1]]],
          [5, [[4, 1]]],
        ],
      ),
    ],
    ['subdocument options that are no object', one(raw.subdocument('g', null))],
    ['a subdocument whose id is no text', one(raw.subdocument('g', { guid: 5 }))],
    ['a subdocument whose filter is no function', one(raw.subdocument('g', { gcFilter: 5 }))],
    ['an embed that is no JSON', one(embed('{"a":'))],
    ['an embed of undefined', one(embed('undefined'))],
    ['a format that is no JSON', one(format('bold', 'yes'))],
    ['old content that is no JSON', one(json('1', 'undefine'))],
    ['an empty JSON', one(embed(''))],
  ])('[UPDATE-13] %s is refused', (_, bytes) => {
    expect(codeOf(readUpdate(bytes))).toBe('malformed-update')
  })

  test('[UPDATE-13] what looks odd and is written by Yjs is taken', () => {
    for (const bytes of [
      Uint8Array.of(0, 0),
      at([gc(1), skip(2), skip(1), gc(1)]),
      at([skip(2), gc(1)]),
      one(json('undefined', 'null', '{"a":[1,"\\ud83d"]}')),
      one(any(JSON.parse('{"__proto__":{"a":1}}'), undefined, -0, 2n ** 63n - 1n)),
      one(raw.subdocument('', { gc: false, autoLoad: true, meta: { deep: [1] } })),
      one(raw.textBytes(new TextEncoder().encode('\ufeff\u0000😀'))),
      rawUpdate(
        [],
        [
          [
            3,
            [
              [0, 1],
              [1, 1],
            ],
          ],
          [9, [[4, 2]]],
        ],
      ),
    ]) {
      const doc = new Y.Doc()
      expect(() => Y.applyUpdate(doc, bytes)).not.toThrow()
      expect(codeOf(readUpdate(bytes))).toBeUndefined()
    }
    expect('a' in {}).toBe(false)
  })

  test('[UPDATE-14] text is taken exactly where a strict decoder takes it, and counts as JavaScript counts', () => {
    let taken = 0
    campaign(2000, (random) => {
      // Long plain stretches are read in another way.
      const plainText = (): string => (random.chance(0.5) ? 'x'.repeat(random.below(700)) : '')
      const rest = random.pick(['aé漢😀', '\uffff', 'z', '퟿\ue000', '\u{10ffff}'])
      const bytes = new TextEncoder().encode(plainText() + rest + plainText())
      if (random.chance(0.7)) bytes[random.below(bytes.length)] = random.below(256)
      const decoded = strictlyDecoded(bytes)
      const parsed = readUpdate(one(raw.textBytes(bytes)))
      const expected = decoded === undefined ? 'malformed-update' : [[5, [0, decoded.length]]]
      expect(parsed.ok ? plain(parsed.value).structs : codeOf(parsed)).toEqual(expected)
      if (parsed.ok) taken++
    })
    expect(taken).toBeGreaterThan(200)
  })

  test('[UPDATE-14] JSON is taken exactly where JSON.parse takes it', () => {
    const valid = [
      '{"a":[1,-0.5e+10,true,false,null],"b\\u00e9\\n":{}}',
      ' [ [ ] , { } , "\\"\\\\\\/\\b\\f\\n\\r\\t" ] ',
      '-0',
      '1E5',
      '"é\u007f"',
      '{"a":1,"a":2}',
    ]
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      'u00',
      '0',
      '1',
      '-',
      '.',
      'e',
      'E',
      '+',
      ' ',
      '\t',
      '\n',
      '\u00a0',
      'true',
      'nul',
      '\u0001',
    ]
    let taken = 0
    campaign(4000, (random) => {
      const characters = Array.from(random.pick(valid))
      for (let i = random.below(3); i > 0; i--) {
        const place = random.below(characters.length + 1)
        characters.splice(
          place,
          random.below(3),
          ...(random.chance(0.6) ? [random.pick(pieces)] : []),
        )
      }
      const value = characters.join('')
      const parsed = readUpdate(one(embed(value)))
      expect([value, parsed.ok]).toEqual([value, isJson(value)])
      if (parsed.ok) taken++
    })
    expect(taken).toBeGreaterThan(500)
  })
})

function strictlyDecoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function isJson(value: string): boolean {
  try {
    JSON.parse(value)
    return true
  } catch {
    return false
  }
}
