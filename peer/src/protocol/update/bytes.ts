import { accept, refuse, type Parsed } from '../parsed.js'
import { refusalOf, wrong } from './wrong.js'

/**
 * A place in some bytes, moved on by reading. Every read is checked against the end, and throws one
 * of `wrong` when it does not fit, which `parsing` below turns into a refusal: what lies between can
 * be written as if all bytes were good, and pays nothing for it. (The wire's own reader keeps its
 * refusal instead; it reads a few fields, this one walks hundreds of thousands of structs.)
 */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly end: number
  position = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.end = bytes.length
  }

  get remaining(): number {
    return this.end - this.position
  }

  byte(): number {
    if (this.position >= this.end) throw wrong.endsTooEarly
    return this.bytes[this.position++] as number
  }

  /**
   * A whole number of lib0's variable length, at most 2^53 - 1, in its shortest form. (lib0 reads
   * longer forms too, without end; it never writes them.)
   */
  uint(): number {
    const { bytes, end } = this
    let position = this.position
    if (position >= end) throw wrong.endsTooEarly
    let byte = bytes[position++] as number
    if (byte < 0x80) {
      this.position = position
      return byte
    }
    let value = byte & 0x7f
    let unit = 0x80
    do {
      if (position >= end) throw wrong.endsTooEarly
      byte = bytes[position++] as number
      value += (byte & 0x7f) * unit
      unit *= 0x80
    } while (byte >= 0x80 && unit <= maxUnit)
    if (byte >= 0x80 || value > Number.MAX_SAFE_INTEGER) throw wrong.numberTooLarge
    if (byte === 0) throw wrong.numberTooLong
    this.position = position
    return value
  }

  /** How many things follow, each of which takes at least `bytesEach`: so many must be left. */
  count(bytesEach: number): number {
    const count = this.uint()
    if (count * bytesEach > this.remaining) throw wrong.countTooLarge
    return count
  }

  skip(length: number): void {
    if (length > this.remaining) throw wrong.endsTooEarly
    this.position += length
  }

  /** Skips a text with its length in front. Gives its length as JavaScript counts: UTF-16 units. */
  text(): number {
    const length = this.uint()
    if (length > this.remaining) throw wrong.endsTooEarly
    return this.utf8(this.position + length)
  }

  /** Skips UTF-8 up to `to`, as strictly as a fatal TextDecoder. Gives its length in UTF-16 units. */
  utf8(to: number): number {
    const { bytes } = this
    let position = this.position
    let units = 0
    let leapAt = position
    while (position < to) {
      if (position >= leapAt && to - position >= leapBytes) {
        const after = afterAscii(bytes, position, to)
        units += after - position
        position = after
        leapAt = after + leapBytes
        continue
      }
      const lead = bytes[position++] as number
      units++
      if (lead < 0x80) continue
      if (lead < 0xc2 || lead > 0xf4) throw wrong.notUtf8
      const following = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3
      if (position + following > to) throw wrong.notUtf8
      const second = bytes[position] as number
      if (second < lowestSecond(lead) || second > highestSecond(lead)) {
        throw wrong.notUtf8
      }
      for (let i = 1; i < following; i++) {
        if (((bytes[position + i] as number) & 0xc0) !== 0x80) {
          throw wrong.notUtf8
        }
      }
      position += following
      // Beyond U+FFFF JavaScript counts two.
      if (following === 3) units++
    }
    this.position = to
    return units
  }

  /** Everything has been read. What follows the end would be lost by whoever writes it again. */
  finish(): void {
    if (this.position !== this.end) throw wrong.bytesFollow
  }
}

/** Runs a reader over bytes: its value, or the refusal that it threw. */
export function parsing<T>(
  bytes: Uint8Array,
  maxBytes: number,
  read: (from: ByteReader) => T,
): Parsed<T> {
  if (bytes.length > maxBytes) return refuse('op-too-large', 'too many bytes')
  try {
    return accept(read(new ByteReader(bytes)))
  } catch (error) {
    return refusalOf(error)
  }
}

/** The unit of the eighth group of seven bits: the last that a number below 2^53 can have. */
const maxUnit = 2 ** 49

/** From so many bytes on text is tried four bytes at a time: pasted files, not keystrokes. */
const leapBytes = 256

/** The end of what is plain ASCII, or up to three bytes before it: four are looked at together. */
function afterAscii(bytes: Uint8Array, from: number, to: number): number {
  const aligned = from + ((4 - ((bytes.byteOffset + from) & 3)) & 3)
  for (let at = from; at < aligned; at++) if ((bytes[at] as number) >= 0x80) return at
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + aligned, (to - aligned) >> 2)
  const { length } = words
  let word = 0
  while (word < length && ((words[word] as number) & 0x80808080) === 0) word++
  return aligned + word * 4
}

/** What may follow a lead byte: no over-long forms (E0, F0) and nothing that is half a surrogate pair. */
function lowestSecond(lead: number): number {
  return lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
}

/** No surrogates (ED) and nothing beyond U+10FFFF (F4). */
function highestSecond(lead: number): number {
  return lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
}
