import type { SeededRandom } from '@holdfast/peer/testing'
import {
  any,
  binary,
  deleted,
  embed,
  format,
  gc,
  item,
  json,
  rawUpdate,
  skip,
  subdocument,
  text,
  type,
  type Block,
  type Content,
  type Deletes,
  type Id,
  type Place,
  type Struct,
} from './raw.js'

/** Damages bytes in one to four places: bits, bytes, cuts, insertions, copies, another one's tail. */
export function damaged(
  random: SeededRandom,
  update: Uint8Array,
  others: readonly Uint8Array[],
): Uint8Array {
  const bytes = [...update]
  const times = random.chance(0.7) ? 1 : 1 + random.below(4)
  for (let i = 0; i < times; i++) damageOnce(random, bytes, others)
  return Uint8Array.from(bytes)
}

function damageOnce(random: SeededRandom, bytes: number[], others: readonly Uint8Array[]): void {
  const at = random.below(Math.max(1, bytes.length))
  const byte = bytes[at] ?? 0
  switch (random.below(8)) {
    case 0:
      bytes[at] = byte ^ (1 << random.below(8))
      return
    case 1:
      bytes[at] = random.pick(bytesThatMean)
      return
    case 2:
      bytes.splice(at, 1 + random.below(3))
      return
    case 3:
      bytes.splice(at, 0, ...random.bytes(1 + random.below(3)))
      return
    case 4:
      bytes.length = at
      return
    case 5: {
      const other = random.pick(others)
      bytes.splice(at, bytes.length, ...other.subarray(random.below(other.length + 1)))
      return
    }
    case 6:
      bytes.splice(random.below(bytes.length + 1), 0, ...bytes.slice(at, at + random.below(12)))
      return
    default:
      bytes[at] = (byte + random.pick([1, 255, 2, 128])) & 0xff
  }
}

/** Kinds of structs, of values, flags, and ends of numbers. */
const bytesThatMean = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x20, 0x40, 0x44, 0x7f, 0x80, 0x81, 0x84, 0xc4, 0xff, 116,
  117, 118, 119, 120, 122, 123, 124, 125, 126, 127,
]

/**
 * An update that keeps to the format and to nothing else: it refers to what does not exist, into the
 * middle of structs, to parents that are no types and neighbours of other types; every kind of
 * content in every place.
 */
export function crafted(random: SeededRandom): Uint8Array {
  const all = random.pick([[5], [9, 5], [300, 9, 5], [4, 3, 2, 1]])
  const blocks = subset(random, all).map((client): Block => {
    const start = random.chance(0.6) ? 0 : random.below(highestClock)
    const structs: Struct[] = []
    let clock = start
    for (let count = 1 + random.below(8); count > 0; count--) {
      const [struct, length] = craftedStruct(random, all, [client, clock])
      structs.push(struct)
      clock += length
    }
    return [client, start, structs]
  })
  const deletes = random.chance(0.5)
    ? []
    : subset(random, all).map((one) => craftedDeletes(random, one))
  return rawUpdate(blocks, deletes)
}

/** Some of the clients, at least one, in the order given: descending. */
function subset(random: SeededRandom, clients: readonly number[]): readonly number[] {
  const some = clients.filter(() => random.chance(0.7))
  return some.length > 0 ? some : clients
}

function craftedStruct(
  random: SeededRandom,
  clients: readonly number[],
  own: Id,
): readonly [Struct, length: number] {
  const length = 1 + random.below(5)
  if (random.chance(0.06)) return [gc(length), length]
  if (random.chance(0.06)) return [skip(length), length]
  const [content, contentLength] = craftedContent(random)
  return [item(craftedPlace(random, clients, own), content), contentLength]
}

function craftedPlace(random: SeededRandom, clients: readonly number[], own: Id): Place {
  const id = (): Id => craftedId(random, clients, own)
  return {
    ...(random.chance(0.5) && { origin: id() }),
    ...(random.chance(0.4) && { right: id() }),
    parent: random.chance(0.5) ? id() : random.pick(['text', 'map', 'array', 'xml']),
    ...(random.chance(0.3) && { key: random.pick(['a', 'b', '']) }),
  }
}

/** Any id but one that the own client has yet to write. */
function craftedId(random: SeededRandom, clients: readonly number[], [own, clock]: Id): Id {
  const client = random.chance(0.5) ? own : random.pick(clients)
  if (client !== own) return [client, random.below(highestClock)]
  return clock > 0 ? [own, random.below(clock)] : [nobody, 0]
}

function craftedContent(random: SeededRandom): readonly [Content, length: number] {
  const count = 1 + random.below(4)
  const times = <T>(choices: readonly T[]): T[] =>
    Array.from({ length: count }, () => random.pick(choices))
  switch (random.below(12)) {
    case 0:
      return [deleted(count), count]
    case 1:
      return [json(...times(['undefined', '1', '{"a":[]}', '"x"'])), count]
    case 2:
      return [binary(random.bytes(random.below(4))), 1]
    case 3:
      return [embed(random.pick(['{"i":1}', 'null', '1'])), 1]
    case 4:
      return [format(random.pick(['bold', 'i', '']), random.pick(['true', 'null', '{"a":1}'])), 1]
    case 5:
    case 6:
    case 7:
      return [type(random.below(7)), 1]
    case 8:
      return [any(...times(valuesOfEveryKind)), count]
    case 9:
      return [subdocument(random.pick(['g', '']), random.pick(options)), 1]
    default: {
      const content = random.pick(['a', 'hello', '😀', 'x😀y', 'é', '\u0000'])
      return [text(content), content.length]
    }
  }
}

function craftedDeletes(random: SeededRandom, client: number): Deletes {
  let clock = 0
  const ranges = Array.from({ length: 1 + random.below(4) }, (): Id => {
    const from = clock + random.below(6)
    const length = 1 + random.below(6)
    clock = from + length
    return [from, length]
  })
  return [client, ranges]
}

const valuesOfEveryKind: readonly unknown[] = [
  1,
  null,
  undefined,
  's',
  { a: 1 },
  JSON.parse('{"__proto__":{"x":1}}'),
  [[]],
  new Uint8Array(2),
  1n,
  0.1,
  true,
]

const options = [
  {},
  { gc: false },
  { autoLoad: true, meta: { a: 1 } },
  { meta: undefined },
  { shouldLoad: 5, collectionid: {} },
]

/** Clocks referred to and deleted lie below: often there, often not. */
const highestClock = 20
/** A client that never writes. */
const nobody = 777
