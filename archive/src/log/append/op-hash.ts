import { hash } from 'node:crypto'

/** The first 64 bits of SHA-256, as 16 hex digits: binds an op id to its bytes. */
export function opHash(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex').slice(0, 16)
}

/**
 * The hash of bytes that are at hand, taken when somebody asks: it costs more than judging the bytes,
 * and most ops are never compared with anything. The bytes must not change until then.
 */
export class HashOnDemand {
  readonly #bytes: Uint8Array
  #hash: string | undefined

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get hash(): string {
    this.#hash ??= opHash(this.#bytes)
    return this.#hash
  }
}
