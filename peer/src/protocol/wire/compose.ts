/** Codecs made of codecs: fields, choices, lists, what may be absent, what is written out once. */
import type { Codec, ValueOf } from './codec.js'
import type { Reader } from './reader.js'
import { uintLength, type Writer } from './writer.js'

/** Marks a field that may be absent; in memory it then is absent, not undefined. */
export interface OptionalCodec<T> extends Codec<T | undefined> {
  readonly optional: true
}

export type Fields = Readonly<Record<string, Codec<unknown>>>

/** The object that has these fields. */
export type ValuesOf<F> = Flat<
  {
    readonly [K in keyof F as F[K] extends OptionalCodec<unknown> ? never : K]: ValueOf<F[K]>
  } & {
    readonly [K in keyof F as F[K] extends OptionalCodec<unknown> ? K : never]?: Exclude<
      ValueOf<F[K]>,
      undefined
    >
  }
>

/** The same type, written as one object. */
export type Flat<T> = { [K in keyof T]: T[K] }

/** `00`, or `01` and the value. */
export function optional<T>(codec: Codec<T>): OptionalCodec<T> {
  return {
    optional: true,
    notation: `${codec.notation}?`,
    minBytes: 1,
    maxBytes: 1 + codec.maxBytes,
    write(writer, value) {
      writer.byte(value === undefined ? 0 : 1)
      if (value !== undefined) codec.write(writer, value)
    },
    read(reader) {
      const present = reader.byte()
      if (present > 1) reader.refuse('malformed', ': neither 00 nor 01')
      return present === 1 ? codec.read(reader) : undefined
    },
  }
}

/** The fields, one after the other, in the order in which they are given here. */
export function struct<F extends Fields>(fields: F): Codec<ValuesOf<F>> {
  const inOrder = fieldByField<ValuesOf<F>>(fields)
  return {
    notation: braced(fields),
    ...lengthsOf(fields),
    write: (writer, value) => inOrder.write(writer, value),
    read: (reader) => {
      const value = {} as ValuesOf<F>
      inOrder.read(reader, value)
      return value
    },
  }
}

/** The fields of each word, and the byte that stands for it. */
export type Variants = Readonly<Record<string, readonly [byte: number, fields: Fields]>>

/** One of several structs: the byte of its word, then its fields. In memory `tag` says which. */
export type TaggedValue<Tag extends string, V extends Variants> = {
  [Word in keyof V & string]: Flat<{ readonly [T in Tag]: Word } & ValuesOf<V[Word][1]>>
}[keyof V & string]

export function tagged<Tag extends string, const V extends Variants>(
  tag: Tag,
  variants: V,
): Codec<TaggedValue<Tag, V>> {
  type Value = TaggedValue<Tag, V>
  const kinds = Object.entries(variants).map(([word, [byte, fields]]) => ({
    word,
    byte,
    ...fieldByField<Value>(fields),
    ...lengthsOf(fields),
  }))
  const byWord = new Map<string, (typeof kinds)[number]>(kinds.map((kind) => [kind.word, kind]))
  const byByte = new Map<number, (typeof kinds)[number]>(kinds.map((kind) => [kind.byte, kind]))
  return {
    notation: Object.entries(variants)
      .map(([word, [, fields]]) => `${word} ${braced(fields)}`.trim())
      .join(' | '),
    minBytes: 1 + Math.min(...kinds.map(({ minBytes }) => minBytes)),
    maxBytes: 1 + Math.max(...kinds.map(({ maxBytes }) => maxBytes)),
    write(writer, value) {
      const kind = byWord.get(value[tag])
      if (kind === undefined) throw new RangeError(`${tag}: unknown: ${value[tag]}`)
      writer.byte(kind.byte)
      kind.write(writer, value)
    },
    read(reader) {
      const kind = byByte.get(reader.byte())
      const value = { [tag]: kind?.word } as Value
      if (kind === undefined) reader.refuse('malformed', `.${tag}: unknown`)
      else kind.read(reader, value)
      return value
    },
  }
}

/** A count, then so many items. `item` must take a byte at least. */
export function listOf<T>(item: Codec<T>, maxCount: number): Codec<readonly T[]> {
  return {
    notation: `[${item.notation}] ≤ ${maxCount}`,
    minBytes: 1,
    maxBytes: uintLength(maxCount) + maxCount * item.maxBytes,
    write(writer, items) {
      writer.count(items.length, maxCount)
      for (const one of items) item.write(writer, one)
    },
    read(reader) {
      const count = reader.count(maxCount, item.minBytes)
      const items: T[] = []
      for (let at = 0; at < count && reader.refusal === undefined; at++) {
        items.push(item.read(reader))
        reader.refusedIn(`.${at}`)
      }
      return items
    },
  }
}

/**
 * A value that a message writes out where it first names it, after `00`; from then on it is a number,
 * 1 for the first one that the message wrote out, and in memory the very same value again. `kind`
 * keeps the numbering of documents apart from that of instances.
 */
export function named<T>(kind: number, codec: Codec<T>, keyOf: (value: T) => string): Codec<T> {
  return {
    notation: `once ${codec.notation}`,
    minBytes: 1,
    maxBytes: 1 + codec.maxBytes,
    write(writer, value) {
      const numbers = writer.named(kind)
      const key = keyOf(value)
      const number = numbers.get(key)
      writer.uint(number ?? 0)
      if (number !== undefined) return
      numbers.set(key, numbers.size + 1)
      codec.write(writer, value)
    },
    read(reader) {
      const number = reader.uint()
      const named = reader.named(kind)
      const values = named.values as T[]
      if (number > 0) {
        if (number > values.length) reader.refuse('malformed', ': a number that names nothing')
        return values[number - 1] as T
      }
      const value = codec.read(reader)
      if (reader.refusal !== undefined) return value
      if (values.length > 0) {
        named.keys ??= new Set(values.map(keyOf))
        const key = keyOf(value)
        if (named.keys.has(key)) reader.refuse('malformed', ': written out twice')
        named.keys.add(key)
      }
      values.push(value)
      return value
    },
  }
}

/** `{ a: uint, b: bytes? }`; a field whose type has its name stands alone. */
function braced(fields: Fields): string {
  const named = Object.entries(fields).map(([name, { notation }]) =>
    notation === name ? name : `${name}: ${notation}`,
  )
  return named.length === 0 ? '' : `{ ${named.join(', ')} }`
}

/** What these fields take together, at least and at most. */
export function lengthsOf(fields: Fields): { minBytes: number; maxBytes: number } {
  const codecs = Object.values(fields)
  return {
    minBytes: codecs.reduce((sum, { minBytes }) => sum + minBytes, 0),
    maxBytes: codecs.reduce((sum, { maxBytes }) => sum + maxBytes, 0),
  }
}

/** Writes and reads the fields of an object that may have more to it, such as its tag. */
export function fieldByField<Value>(fields: Fields): {
  write(writer: Writer, value: Value): void
  read(reader: Reader, into: Value): void
} {
  const names = Object.keys(fields)
  const codecs = Object.values(fields)
  return {
    write(writer, value) {
      for (let at = 0; at < names.length; at++) {
        const field = (value as Record<string, unknown>)[names[at] as string]
        ;(codecs[at] as Codec<unknown>).write(writer, field)
      }
    },
    read(reader, into) {
      for (let at = 0; at < names.length; at++) {
        const value = (codecs[at] as Codec<unknown>).read(reader)
        if (reader.refusal !== undefined) return reader.refusedIn(`.${names[at]}`)
        if (value !== undefined) (into as Record<string, unknown>)[names[at] as string] = value
      }
    },
  }
}
