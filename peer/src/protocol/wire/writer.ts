import { encodeUtf8 } from 'lib0/string'

/**
 * Writes messages, one after the other: `start`, what it is made of, `finish`. Numbers, text and bytes
 * stand as lib0 writes them. (Its encoder is not used because it allocates four times for a message
 * of 100 bytes, which made encoding three times as slow; here it is once, for the result.)
 *
 * A value that no reader would take is the caller's mistake: a RangeError at once, so that what is
 * written can always be read.
 */
export class Writer {
  #bytes = new Uint8Array(keptBytes)
  #at = 0
  /** Numbers of what this message has written out once, by kind and key (see `named`). */
  #named: Map<string, number>[] = []

  get length(): number {
    return this.#at
  }

  /** Forgets what was written before: it was finished, or its writing ended in a RangeError. */
  start(): void {
    this.#at = 0
    if (this.#named.length > 0) this.#named = []
    if (this.#bytes.length > keptBytes) this.#bytes = new Uint8Array(keptBytes)
  }

  /** What was written since `start`, in memory of its own. */
  finish(): Uint8Array {
    const bytes = this.#bytes
    if (bytes.length <= keptBytes) return bytes.slice(0, this.#at)
    this.#bytes = new Uint8Array(keptBytes)
    // A large message that ends with its payload, or soon after, is not copied to save so little.
    return bytes.length - this.#at <= bytes.length / 16
      ? bytes.subarray(0, this.#at)
      : bytes.slice(0, this.#at)
  }

  /** The same as it lies here, until the next `start`: for who looks at it once. */
  view(): Uint8Array {
    // What a long one took is not kept for that.
    return this.#bytes.length > keptBytes ? this.finish() : this.#bytes.subarray(0, this.#at)
  }

  byte(byte: number): void {
    this.#makeRoom(1)
    this.#bytes[this.#at++] = byte
  }

  uint(value: number, max: number = Number.MAX_SAFE_INTEGER): void {
    if (!Number.isSafeInteger(value) || value < 0 || value > max) {
      throw new RangeError(`not a whole number from 0 to ${max}: ${value}`)
    }
    this.#makeRoom(8)
    this.#at = putUint(this.#bytes, this.#at, value)
  }

  count(count: number, maxCount: number): void {
    if (count > maxCount) throw new RangeError(`more than ${maxCount} items: ${count}`)
    this.uint(count)
  }

  bytes(bytes: Uint8Array, maxBytes: number): void {
    if (bytes.length > maxBytes) {
      throw new RangeError(`longer than ${maxBytes} bytes: ${bytes.length}`)
    }
    this.uint(bytes.length)
    this.#makeRoom(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  hex(hex: string, length: number): void {
    if (hex.length !== length * 2) throw new RangeError(`not ${length * 2} hex digits: ${hex}`)
    this.#makeRoom(length)
    for (let at = 0; at < hex.length; at += 2) {
      this.#bytes[this.#at++] = (hexDigit(hex, at) << 4) | hexDigit(hex, at + 1)
    }
  }

  text(text: string): void {
    if (!isAscii(text)) {
      const utf8 = encodeUtf8(text)
      return this.bytes(utf8, utf8.length)
    }
    this.uint(text.length)
    this.#makeRoom(text.length)
    for (let at = 0; at < text.length; at++) this.#bytes[this.#at++] = text.charCodeAt(at)
  }

  /** The numbers given so far to values of one kind. */
  named(kind: number): Map<string, number> {
    return (this.#named[kind] ??= new Map())
  }

  #makeRoom(length: number): void {
    const needed = this.#at + length
    if (needed <= this.#bytes.length) return
    // By half at least, so that many small additions cost no more than their sum.
    const grown = new Uint8Array(
      Math.max(needed + afterPayloadBytes, Math.ceil(this.#bytes.length * 1.5)),
    )
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
  }
}

/** Bytes that a `uint` takes. */
export function uintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++
  return length
}

/** Writes a `uint` at `at`, and gives the place after it. */
export function putUint(target: Uint8Array, at: number, value: number): number {
  let rest = value
  while (rest >= 128) {
    // A remainder, not a mask: numbers here go beyond 32 bits.
    target[at++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  target[at] = rest
  return at + 1
}

/** Kept from one message to the next; what a longer one took is given back. */
const keptBytes = 16_384
/** Numbers that follow a payload need no memory of their own. */
const afterPayloadBytes = 64

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false
  return true
}

function hexDigit(hex: string, at: number): number {
  const unit = hex.charCodeAt(at)
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30
  if (unit >= 0x61 && unit <= 0x66) return unit - 0x61 + 10
  throw new RangeError(`not lower-case hex digits: ${hex}`)
}
