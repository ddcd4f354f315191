import * as encoding from 'lib0/encoding'

/*
 * Updates written by hand, byte for byte as the format has them, also such as no Yjs would write.
 */

export type Id = readonly [client: number, clock: number]
export type Content = readonly [kind: number, write: (encoder: encoding.Encoder) => void]
export type Struct = (encoder: encoding.Encoder) => void
export type Block = readonly [client: number, clock: number, structs: readonly Struct[]]
export type Deletes = readonly [client: number, ranges: readonly Id[]]

/** `deletes` has (clock, length) pairs by client. */
export function rawUpdate(blocks: readonly Block[], deletes: readonly Deletes[] = []): Uint8Array {
  return bytesOf((encoder) => {
    encoding.writeVarUint(encoder, blocks.length)
    for (const [client, clock, structs] of blocks) {
      encoding.writeVarUint(encoder, structs.length)
      encoding.writeVarUint(encoder, client)
      encoding.writeVarUint(encoder, clock)
      for (const struct of structs) struct(encoder)
    }
    writeDeletes(encoder, deletes)
  })
}

export function writeDeletes(encoder: encoding.Encoder, deletes: readonly Deletes[]): void {
  encoding.writeVarUint(encoder, deletes.length)
  for (const [client, ranges] of deletes) {
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, ranges.length)
    for (const [clock, length] of ranges) {
      encoding.writeVarUint(encoder, clock)
      encoding.writeVarUint(encoder, length)
    }
  }
}

export function bytesOf(write: (encoder: encoding.Encoder) => void): Uint8Array {
  const encoder = encoding.createEncoder()
  write(encoder)
  return encoding.toUint8Array(encoder)
}

export function gc(length: number): Struct {
  return (encoder) => {
    encoding.writeUint8(encoder, 0)
    encoding.writeVarUint(encoder, length)
  }
}

export function skip(length: number): Struct {
  return (encoder) => {
    encoding.writeUint8(encoder, 10)
    encoding.writeVarUint(encoder, length)
  }
}

export interface Place {
  readonly origin?: Id
  readonly right?: Id
  /** A root type's name, or a nested type's item. Written only without `origin` and `right`. */
  readonly parent?: string | Id
  readonly key?: string
}

export function item(place: Place, [kind, writeContent]: Content): Struct {
  const { origin, right, parent = 'text', key } = place
  return (encoder) => {
    const bits = (origin ? 0x80 : 0) | (right ? 0x40 : 0) | (key === undefined ? 0 : 0x20)
    encoding.writeUint8(encoder, kind | bits)
    if (origin) writeId(encoder, origin)
    if (right) writeId(encoder, right)
    if (!origin && !right) {
      encoding.writeVarUint(encoder, typeof parent === 'string' ? 1 : 0)
      if (typeof parent === 'string') encoding.writeVarString(encoder, parent)
      else writeId(encoder, parent)
      if (key !== undefined) encoding.writeVarString(encoder, key)
    }
    writeContent(encoder)
  }
}

export function text(content: string): Content {
  return [4, (encoder) => encoding.writeVarString(encoder, content)]
}

/** Text whose bytes need not be UTF-8. */
export function textBytes(content: Uint8Array): Content {
  return [4, (encoder) => encoding.writeVarUint8Array(encoder, content)]
}

export function deleted(length: number): Content {
  return [1, (encoder) => encoding.writeVarUint(encoder, length)]
}

export function json(...values: readonly string[]): Content {
  return [2, (encoder) => writeAll(encoder, values, encoding.writeVarString)]
}

export function binary(content: Uint8Array): Content {
  return [3, (encoder) => encoding.writeVarUint8Array(encoder, content)]
}

export function embed(value: string): Content {
  return [5, (encoder) => encoding.writeVarString(encoder, value)]
}

export function format(key: string, value: string): Content {
  return [
    6,
    (encoder) => {
      encoding.writeVarString(encoder, key)
      encoding.writeVarString(encoder, value)
    },
  ]
}

/** 0 array, 1 map, 2 text, 3 element, 4 fragment, 5 hook, 6 XML text; 3 and 5 with a name. */
export function type(number: number, name = 'p'): Content {
  return [
    7,
    (encoder) => {
      encoding.writeVarUint(encoder, number)
      if (number === 3 || number === 5) encoding.writeVarString(encoder, name)
    },
  ]
}

export function any(...values: readonly unknown[]): Content {
  return [8, (encoder) => writeAll(encoder, values as encoding.AnyEncodable[], encoding.writeAny)]
}

export function subdocument(guid: string, options: unknown): Content {
  return [
    9,
    (encoder) => {
      encoding.writeVarString(encoder, guid)
      encoding.writeAny(encoder, options as encoding.AnyEncodable)
    },
  ]
}

function writeAll<T>(
  encoder: encoding.Encoder,
  values: readonly T[],
  write: (encoder: encoding.Encoder, value: T) => void,
): void {
  encoding.writeVarUint(encoder, values.length)
  for (const value of values) write(encoder, value)
}

function writeId(encoder: encoding.Encoder, [client, clock]: Id): void {
  encoding.writeVarUint(encoder, client)
  encoding.writeVarUint(encoder, clock)
}
