import { decodeUtf8 } from 'lib0/string'
import type { ErrorCode } from '../codes.js'
import { hexOf } from '../ids.js'
import { refuse, type Refused } from '../parsed.js'

/**
 * Reads remote bytes from front to back, and cannot be made to throw, to run on, or to allocate what
 * the bytes do not justify.
 *
 * The first thing that is wrong is kept as the refusal; from then on every read gives an empty value
 * at once, and `bytesLeft` is 0, so that the readers above need no checks between their fields. Whoever
 * reads a whole message asks for `refusal` before believing any of it.
 */
export class Reader {
  readonly #bytes: Uint8Array
  #at = 0
  #end: number
  #refusal: Refused | undefined
  /** What this message has written out once, by kind (see `named`). */
  readonly #named: Named[] = []

  constructor(bytes: Uint8Array) {
    // A Buffer of Node has a `slice` that does not copy: views that are handed out are plain.
    this.#bytes =
      bytes.constructor === Uint8Array
        ? bytes
        : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#end = bytes.length
  }

  get bytesLeft(): number {
    return this.#end - this.#at
  }

  get refusal(): Refused | undefined {
    return this.#refusal
  }

  /** Ends the reading. Of several refusals the first one counts. The detail starts with `: `. */
  refuse(code: ErrorCode, detail: string): void {
    this.#refusal ??= refuse(code, detail)
    this.#at = this.#end
  }

  /** Says where the reading ended, from the inside out: `.page`, `.entries`, `.3`. */
  refusedIn(part: string): void {
    if (this.#refusal === undefined) return
    const { code, detail } = this.#refusal.refusal
    this.#refusal = refuse(code, part + detail)
  }

  byte(): number {
    const byte = this.#at < this.#end ? this.#bytes[this.#at++] : undefined
    if (byte === undefined) this.refuse('malformed', ': ends too early')
    return byte ?? 0
  }

  /** A whole number below 2^53, in its shortest form. */
  uint(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (byte === 0 && scale > 1)
          this.refuse('malformed', ': a number in a needlessly long form')
        else if (value > max) this.refuse('malformed', `: a number above ${max}`)
        return this.#refusal === undefined ? value : 0
      }
      scale *= 128
      // Eight bytes hold 56 bits.
      if (scale >= 2 ** 56) this.refuse('malformed', ': a number of 2^53 or more')
    }
  }

  /** A number of items of which each takes `minBytesEach` at least: never more than can follow. */
  count(maxCount: number, minBytesEach: number): number {
    const count = this.uint()
    if (count > maxCount) this.refuse('too-large', `: more than ${maxCount} items`)
    else if (count * minBytesEach > this.bytesLeft) {
      this.refuse('malformed', ': more items than bytes that follow')
    }
    return this.#refusal === undefined ? count : 0
  }

  /** A view of the next `length` bytes. */
  view(length: number): Uint8Array {
    if (length > this.bytesLeft) {
      this.refuse('malformed', ': ends too early')
      return this.#bytes.subarray(0, 0)
    }
    const from = this.#at
    this.#at += length
    return this.#bytes.subarray(from, this.#at)
  }

  /** A length, then a view of so many bytes. */
  bytes(maxBytes: number): Uint8Array {
    const length = this.uint()
    if (length > maxBytes) this.refuse('too-large', `: longer than ${maxBytes} bytes`)
    return this.view(this.#refusal === undefined ? length : 0)
  }

  /** The next `length` bytes as hex digits. */
  hex(length: number): string {
    return hexOf(this.view(length))
  }

  /** A length in bytes, then strict UTF-8. */
  text(maxBytes: number): string {
    const bytes = this.bytes(maxBytes)
    const ascii = asciiOf(bytes)
    if (ascii !== undefined) return ascii
    try {
      return decodeUtf8(bytes)
    } catch {
      this.refuse('malformed', ': not UTF-8')
      return ''
    }
  }

  /** The values of one kind that this message has written out so far. */
  named(kind: number): Named {
    return (this.#named[kind] ??= { values: [], keys: undefined })
  }
}

/** Values of one kind, in the order in which a message wrote them out. */
export interface Named {
  readonly values: unknown[]
  /** Their keys, once there are two of them. */
  keys: Set<string> | undefined
}

/** Names are short and nearly always ASCII, for which the platform's decoder is slow to start. */
function asciiOf(bytes: Uint8Array): string | undefined {
  // They become arguments, of which engines allow some ten thousand.
  if (bytes.length > 8_192) return undefined
  // A list of its length from the start: a typed array as arguments takes three times as long.
  const units = Array<number>(bytes.length)
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte > 0x7f) return undefined
    units[at] = byte
  }
  return String.fromCharCode(...units)
}
