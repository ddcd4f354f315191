import {
  createEncoder,
  length,
  toUint8Array,
  write,
  writeUint8Array,
  writeVarString,
  writeVarUint,
} from 'lib0/encoding'

/**
 * Writes one message. A value that no reader would take is the caller's mistake: a RangeError at
 * once, so that what is written can always be read.
 */
export class Writer {
  readonly #encoder = createEncoder()
  /** Numbers of what this message has written out once, by kind and key (see `named`). */
  readonly #named: Map<string, number>[] = []

  get length(): number {
    return length(this.#encoder)
  }

  byte(byte: number): void {
    write(this.#encoder, byte)
  }

  uint(value: number, max: number = Number.MAX_SAFE_INTEGER): void {
    if (!Number.isSafeInteger(value) || value < 0 || value > max) {
      throw new RangeError(`not a whole number from 0 to ${max}: ${value}`)
    }
    writeVarUint(this.#encoder, value)
  }

  count(count: number, maxCount: number): void {
    if (count > maxCount) throw new RangeError(`more than ${maxCount} items: ${count}`)
    writeVarUint(this.#encoder, count)
  }

  bytes(bytes: Uint8Array, maxBytes: number): void {
    if (bytes.length > maxBytes) {
      throw new RangeError(`longer than ${maxBytes} bytes: ${bytes.length}`)
    }
    writeVarUint(this.#encoder, bytes.length)
    writeUint8Array(this.#encoder, bytes)
  }

  hex(hex: string, length: number): void {
    if (hex.length !== length * 2) throw new RangeError(`not ${length * 2} hex digits: ${hex}`)
    for (let at = 0; at < hex.length; at += 2) {
      write(this.#encoder, (hexDigit(hex, at) << 4) | hexDigit(hex, at + 1))
    }
  }

  text(text: string): void {
    writeVarString(this.#encoder, text)
  }

  /** The numbers given so far to values of one kind. */
  named(kind: number): Map<string, number> {
    return (this.#named[kind] ??= new Map())
  }

  finish(): Uint8Array {
    return toUint8Array(this.#encoder)
  }
}

function hexDigit(hex: string, at: number): number {
  const unit = hex.charCodeAt(at)
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30
  if (unit >= 0x61 && unit <= 0x66) return unit - 0x61 + 10
  throw new RangeError(`not lower-case hex digits: ${hex}`)
}
